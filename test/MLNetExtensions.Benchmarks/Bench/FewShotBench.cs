using System.CommandLine;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>The solver of few-shot problems: 600 episodes in one call against the same episodes one by one, graph and transform included.</summary>
internal static class FewShotBench
{
    private const int Ways = 5;
    private const int Queries = 15;
    private const int Seed = 1;
    private const int TestSplit = 1;

    public static Command Command()
    {
        var threads = new Option<int>("--threads") { Description = "The number of threads.", DefaultValueFactory = _ => 1 };
        var repeats = new Option<int>("--repeats") { Description = "The number of calls whose median counts.", DefaultValueFactory = _ => 5 };
        var episodes = new Option<int>("--episodes") { Description = "The number of episodes.", DefaultValueFactory = _ => 600 };
        var command = new Command("fewshot", "Few-shot: the time of an episode of Omniglot features, solved in a batch and one by one.") { threads, repeats, episodes };
        command.SetAction(arguments => Run(arguments.GetValue(threads), arguments.GetValue(repeats), arguments.GetValue(episodes)));
        return command;
    }

    private static void Run(int threads, int repeats, int episodes)
    {
        TorchRuntime.Require();
        using var number = TorchThreads.Use(threads);
        var published = FewShotSettings.FewShot(FewShotPreset.SlkPublished);
        (string Name, FewShotSettings Settings)[] programs =
        [
            ("default", FewShotSettings.FewShot()),
            ("modes", FewShotSettings.FewShot() with { Prototype = FewShotPrototype.Mode }),
            ("LaplacianShot", FewShotSettings.FewShot(FewShotPreset.LaplacianShot)),
            ("K-means", published with { UseGraph = false }),
            ("SLK-Means", published),
            ("SLK-MS", published with { Prototype = FewShotPrototype.Mode }),
        ];
        Console.WriteLine($"{episodes} episodes, {Ways} ways, {Queries} queries of each class, {threads} thread(s), medians of {repeats} calls; ms per episode");
        var times = new Dictionary<(string, int), (double Batch, double Ratio)>();
        foreach (var shots in new[] { 1, 5 })
        {
            var (rows, truth, baseMean) = Draw(shots, episodes);
            FewShotRows[] singles = [.. Enumerable.Range(0, episodes).Select(b => Single(rows, b))];
            foreach (var (name, settings) in programs)
            {
                var solution = Solve(rows);
                var measured = Timing.Medians(repeats, 1, () => Solve(rows), () => Array.ForEach(singles, single => Solve(single)));
                double batch = 1000 * measured[0].Seconds(threads) / episodes, single = 1000 * measured[1].Seconds(threads) / episodes;
                times[(name, shots)] = (batch, single / batch);
                Console.WriteLine(
                    $"{name,-14} {shots}-shot  {batch,7:F3} in a batch  {single,7:F3} one by one  {single / batch,6:F1} times as fast  {100 * Accuracy(solution, rows, truth):F2} % right  {solution.Iterations.Average():F1} rounds");

                FewShotSolution Solve(FewShotRows problems) => FewShotSolver.Solve(problems, settings, baseMean, null, CPU, 0, () => { }, null);
            }
        }
        var (plain, slk) = (times[("default", 1)], times[("SLK-MS", 1)]);
        Console.WriteLine($"fewshot ms_per_episode={plain.Batch:F3} slk_ms_per_episode={slk.Batch:F3} ratio_to_unbatched={plain.Ratio:F1} threads={threads} clock={(threads == 1 ? "cpu" : "wall")}");
    }

    private static (FewShotRows Rows, int[] Truth, float[] BaseMean) Draw(int shots, int episodes)
    {
        var file = SafetensorsReader.Parse(File.ReadAllBytes(Repository.DataFile(Path.Combine("omniglot-eval", "omniglot-eval.safetensors"))));
        var (features, split, classIds) = (file.ToArray<float>("features"), file.ToDoubles("split"), file.ToDoubles("class_id"));
        var dimension = (int)file.Shape("features")[1];
        int[][] classes = [.. Enumerable.Range(0, split.Length).Where(row => split[row] == TestSplit).GroupBy(row => classIds[row]).OrderBy(group => group.Key).Select(group => group.ToArray())];
        var starts = new List<int> { 0 };
        var (taken, labels, truth) = (new List<int>(), new List<int>(), new List<int>());
        for (var number = 0; number < episodes; number++)
        {
            var episode = FewShotSampler.Draw(classes, Ways, shots, Queries, Seed, number);
            foreach (var (rows, isSupport) in new[] { (episode.Support, true), (episode.Queries, false) })
            {
                for (var k = 0; k < Ways; k++)
                {
                    taken.AddRange(rows[k]);
                    labels.AddRange(Enumerable.Repeat(isSupport ? k : -1, rows[k].Length));
                    truth.AddRange(Enumerable.Repeat(k, rows[k].Length));
                }
            }
            starts.Add(taken.Count);
        }
        var values = new float[taken.Count * dimension];
        for (var row = 0; row < taken.Count; row++)
        {
            features.AsSpan(taken[row] * dimension, dimension).CopyTo(values.AsSpan(row * dimension));
        }
        var problems = new FewShotRows { Features = values, Dimension = dimension, Starts = [.. starts], Labels = [.. labels], Classes = [.. Enumerable.Repeat(Ways, episodes)] };
        return (problems, [.. truth], file.ToArray<float>("base_mean"));
    }

    private static FewShotRows Single(FewShotRows rows, int b)
    {
        var (start, end) = (rows.Starts[b], rows.Starts[b + 1]);
        return new()
        {
            Features = rows.Features[(start * rows.Dimension)..(end * rows.Dimension)],
            Dimension = rows.Dimension,
            Starts = [0, end - start],
            Labels = rows.Labels[start..end],
            Classes = [rows.Classes[b]],
        };
    }

    private static double Accuracy(FewShotSolution solution, FewShotRows rows, int[] truth)
    {
        var (right, asked) = (0, 0);
        for (var row = 0; row < truth.Length; row++)
        {
            if (rows.Labels[row] < 0)
            {
                var logs = solution.LogAssignments.AsSpan(row * Ways, Ways).ToArray();
                asked++;
                right += Array.IndexOf(logs, logs.Max()) == truth[row] ? 1 : 0;
            }
        }
        return (double)right / asked;
    }
}
