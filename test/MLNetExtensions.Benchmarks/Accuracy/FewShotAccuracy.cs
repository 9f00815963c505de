using System.CommandLine;
using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using MLNetExtensions.Benchmarks.Bench;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>The few-shot clusterer on episodes of drawn characters and of digits, beside other methods on the same episodes; and the clustering of digits without labels.</summary>
internal static class FewShotAccuracy
{
    private const string Default = "default";
    private const int Repeats = 3;
    private const int Clusters = 10;

    private static readonly int[] s_shots = [1, 5];

    // The weights of neighbours with one and with five labelled rows of each class, which do best on other alphabets.
    private static readonly (string Name, double[] Lambda, TransductiveFewShotTrainer.Options Options)[] s_methods =
    [
        (Default, [0.5, 0.5], new()),
        ("modes", [0.5, 0.5], new() { Prototype = FewShotPrototype.Mode }),
        ("soft means", [1, 1], new() { Membership = FewShotMembership.Soft }),
        ("default, no shift", [0.5, 0.5], new() { ShiftQueries = false }),
        ("default, no neighbours", [0, 0], new()),
        ("LaplacianShot", [0.5, 0.3], new() { Preset = FewShotPreset.LaplacianShot }),
        ("LaplacianShot, normalised", [0.5, 0.3], new() { Preset = FewShotPreset.LaplacianShot, Rectify = FewShotRectification.Normalized }),
        ("SLK-Means", [0.3, 0.1], new() { Preset = FewShotPreset.SlkPublished }),
        ("SLK-MS", [0.5, 0.3], new() { Preset = FewShotPreset.SlkPublished, Prototype = FewShotPrototype.Mode }),
    ];

    private sealed record Result(double Accuracy, double Interval, double Milliseconds);

    public static Command Command()
    {
        var episodes = new Option<int>("--episodes") { Description = "The number of episodes.", DefaultValueFactory = _ => 600 };
        var seed = new Option<int>("--seed") { Description = "The seed that episodes are drawn with.", DefaultValueFactory = _ => 1 };
        var seeds = new Option<int>("--clusterings") { Description = "The number of clusterings of the digits, with the seeds from 1 on.", DefaultValueFactory = _ => 10 };
        var threads = new Option<int>("--threads") { Description = "The number of threads.", DefaultValueFactory = _ => 1 };
        var command = new Command("fewshot", "The transductive few-shot clusterer: accuracy of five-way episodes in percent, beside other methods on the same episodes, and the clustering of digits without labels.") { episodes, seed, seeds, threads };
        command.SetAction(arguments => Run(arguments.GetValue(episodes), arguments.GetValue(seed), Math.Max(1, arguments.GetValue(seeds)), arguments.GetValue(threads)));
        return command;
    }

    private static void Run(int episodes, int seed, int clusterings, int threads)
    {
        var omniglot = Episodes(FewShotSet.Omniglot(), episodes, seed, threads);
        Episodes(FewShotSet.Digits(), episodes, seed, threads);
        var information = Cluster(clusterings, threads);
        Console.WriteLine($"fewshot omniglot_1shot={omniglot[0].Accuracy:F2} omniglot_5shot={omniglot[1].Accuracy:F2} digits_nmi={information:F3} ms_per_episode={omniglot.Average(result => result.Milliseconds):F3}");
    }

    /// <summary>Measures all methods and returns what the default does.</summary>
    private static Result[] Episodes(FewShotSet set, int episodes, int seed, int threads)
    {
        Console.WriteLine($"{set.Name}: {episodes} episodes of five classes, 15 rows of each to tell; accuracy in percent and milliseconds per episode, with 1 and with 5 labelled rows of each class");
        var ml = new MLContext(seed);
        var views = s_shots.Select(shots => set.Draw(ml, shots, episodes, seed)).ToArray();
        // So that what is measured is compiled.
        _ = Measure(ml, views[0], Model(ml, set, new(), FewShotSettings.DefaultLambda, threads).Transform, episodes, threads);
        Result[] ofDefault = [];
        foreach (var (name, lambda, options) in s_methods)
        {
            var results = Row(name, place => Model(ml, set, options, lambda[place], threads).Transform);
            ofDefault = name == Default ? results : ofDefault;
        }
        foreach (var (name, method) in Rivals(set))
        {
            Row(name, place => view => FewShotRivals.Score(ml, view, problem => method(problem, s_shots[place])));
        }
        return ofDefault;

        Result[] Row(string name, Func<int, Func<IDataView, IDataView>> score)
        {
            Console.Error.WriteLine($"{set.Name}: {name}");
            Result[] results = [.. views.Select((view, place) => Measure(ml, view, score(place), episodes, threads))];
            Console.WriteLine($"  {name,-32}{string.Concat(results.Select(result => $"{result.Accuracy,8:F2} +- {result.Interval,4:F2} {result.Milliseconds,7:F3} ms"))}");
            foreach (var (shots, result) in s_shots.Zip(results))
            {
                Finding.Add($"{set.Name}, episodes of five classes, {shots} labelled of each", name, "accuracy, %", result.Accuracy, result.Milliseconds / 1000);
            }
            return results;
        }
    }

    private static ITransformer Model(MLContext ml, FewShotSet set, TransductiveFewShotTrainer.Options options, double lambda, int threads)
    {
        options.Lambda = lambda;
        options.LabelColumnName = null;
        options.EpisodeColumnName = "Episode";
        options.SupportLabelColumnName = "SupportLabel";
        options.Transform = set.BaseMean is null ? FewShotTransform.L2 : FewShotTransform.CenteredL2;
        options.BaseMean = set.BaseMean;
        options.NumberOfThreads = threads;
        return ml.Clustering.Trainers.TransductiveFewShot(options).Fit(set.Rows.View(ml));
    }

    private static Result Measure(MLContext ml, IDataView view, Func<IDataView, IDataView> score, int episodes, int threads)
    {
        using var number = Torch.TorchThreads.Use(threads);
        var metrics = ml.Clustering.EvaluateFewShot(score(view), episodeColumnName: "Episode", supportLabelColumnName: "SupportLabel");
        var time = Timing.Medians(Repeats, 1, () => score(view).GetColumn<uint>("PredictedLabel").Count())[0];
        return new(100 * metrics.Accuracy, 100 * metrics.AccuracyInterval, 1000 * time.Seconds(threads) / episodes);
    }

    private static IEnumerable<(string Name, Func<FewShotProblem, int, int[]> Method)> Rivals(FewShotSet set)
    {
        double[]? mean = set.BaseMean is null ? null : [.. set.BaseMean.Select(value => (double)value)];
        yield return ("nearest prototype, as it is", (problem, _) => FewShotRivals.NearestPrototype(problem));
        if (mean is not null)
        {
            yield return ("nearest prototype, L2", (problem, _) => FewShotRivals.NearestPrototype(FewShotRivals.Normalize(problem)));
        }
        yield return ("nearest prototype", (problem, _) => FewShotRivals.NearestPrototype(Transform(problem)));
        yield return ("nearest prototype, shifted", (problem, _) => FewShotRivals.NearestPrototype(FewShotRivals.Shift(Transform(problem))));
        yield return ("K-means, shifted", (problem, _) => FewShotRivals.KMeans(FewShotRivals.Shift(Transform(problem))));
        yield return ("label spreading, shifted", (problem, shots) => FewShotRivals.LabelSpreading(FewShotRivals.Shift(Transform(problem)), shots == 1 ? 0.8 : 0.5));

        FewShotProblem Transform(FewShotProblem problem) => FewShotRivals.Normalize(mean is null ? problem : FewShotRivals.Centre(problem, mean));
    }

    /// <summary>Clusters all digits without a label; returns the mean normalised mutual information of the defaults.</summary>
    private static double Cluster(int clusterings, int threads)
    {
        Console.WriteLine($"digits without labels: means over {clusterings} seeds of normalised mutual information and matched accuracy (lowest), seconds");
        var ofDefault = Measure(Default, new() { NumberOfClusters = Clusters });
        Measure("means, lambda 1.2", new() { NumberOfClusters = Clusters, Prototype = FewShotPrototype.Mean, Lambda = 1.2 });
        Measure("default, one start", new() { NumberOfClusters = Clusters, NumberOfRestarts = 1 });
        KMeans();
        return ofDefault;

        double Measure(string name, TransductiveFewShotTrainer.Options options) => Row(name, (ml, seed) =>
        {
            (options.LabelColumnName, options.Seed, options.NumberOfThreads) = (null, seed, threads);
            return ml.Clustering.Trainers.TransductiveFewShot(options);
        });

        void KMeans() => Row("KMeans of ML.NET, L2", (ml, seed) => ml.Transforms.NormalizeLpNorm("Features")
            .Append(ml.Clustering.Trainers.KMeans(new KMeansTrainer.Options { NumberOfClusters = Clusters, NumberOfThreads = threads })));

        double Row(string name, Func<MLContext, int, IEstimator<ITransformer>> estimator)
        {
            var clock = Stopwatch.StartNew();
            FewShotMetrics[] metrics = [.. Enumerable.Range(1, clusterings).Select(seed =>
            {
                Console.Error.WriteLine($"digits without labels: {name}, seed {seed}");
                var ml = new MLContext(seed);
                var data = FewShotSet.Digits().Rows.View(ml);
                return ml.Clustering.EvaluateFewShot(estimator(ml, seed).Fit(data).Transform(data));
            })];
            var (information, matched) = (metrics.Select(one => one.NormalizedMutualInformation).ToArray(), metrics.Select(one => one.MatchedAccuracy).ToArray());
            Console.WriteLine($"  {name,-32}{information.Average(),8:F3} ({information.Min():F3}) {matched.Average(),8:F3} ({matched.Min():F3}) {clock.Elapsed.TotalSeconds / clusterings,7:F2} s");
            Finding.Add("digits without labels", name, "NMI", information.Average(), clock.Elapsed.TotalSeconds / clusterings);
            return information.Average();
        }
    }
}
