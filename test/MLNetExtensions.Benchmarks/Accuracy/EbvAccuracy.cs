using System.CommandLine;
using System.Diagnostics;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Equiangular basis vectors on four sets, beside a softmax layer on the same trunk and ML.NET's own classifiers.</summary>
internal static class EbvAccuracy
{
    private const string Ebv = "ebv";
    private const string Softmax = "softmax";
    private const string NoSet = "none";
    private const string Tables = "tables";
    private const string AllSets = "all";

    private static readonly Dictionary<string, Func<ClassificationSet>> s_sets = new()
    {
        ["digits"] = ClassificationSet.Digits,
        ["fashion"] = ClassificationSet.Fashion,
        ["letters"] = ClassificationSet.Letters,
        ["omniglot"] = ClassificationSet.Omniglot,
    };

    // Whose softmax accuracy the last line names.
    private static readonly string[] s_compared = ["letters", "omniglot"];

    private static readonly (string Name, string Confidence, Classifier Run)[] s_heads =
    [
        (Ebv, "largest cosine", ClassifierRun.Ebv),
        (Softmax, "largest probability", ClassifierRun.Softmax),
    ];

    public static Command Command()
    {
        var seeds = new Option<int>("--seeds") { Description = "The number of seeds, from 1 on.", DefaultValueFactory = _ => 3 };
        var sets = new Option<string>("--sets") { Description = "The sets, by name: a,b.", DefaultValueFactory = _ => string.Join(',', s_sets.Keys) };
        var threads = new Option<int>("--threads") { Description = "The number of threads.", DefaultValueFactory = _ => 1 };
        var rivals = new Option<string>("--rivals") { Description = $"On which sets to train ML.NET's own classifiers too: {NoSet}, {Tables} or {AllSets}, images included, which takes hours.", DefaultValueFactory = _ => Tables };
        rivals.AcceptOnlyFromAmong(NoSet, Tables, AllSets);
        var smoothing = new Option<double>("--image-smoothing") { Description = "The label smoothing of images, for both heads.", DefaultValueFactory = _ => 0 };
        var command = new Command("ebv", "Equiangular basis vectors: accuracy in percent on digits, Fashion-MNIST, letters and Omniglot, beside a softmax layer on the same trunk and ML.NET's own classifiers.") { seeds, sets, threads, rivals, smoothing };
        command.SetAction(arguments => Run([.. Enumerable.Range(1, Math.Max(1, arguments.GetValue(seeds)))], arguments.GetValue(sets)!.Split(','), arguments.GetValue(threads), arguments.GetValue(rivals)!, arguments.GetValue(smoothing)));
        return command;
    }

    private static void Run(int[] seeds, string[] names, int threads, string rivals, double imageSmoothing)
    {
        var results = names.ToDictionary(name => name, name => s_sets.TryGetValue(name, out var read) ? Measure(read(), seeds, threads, rivals, imageSmoothing)
            : throw new ArgumentException($"There is no set '{name}'; there are {string.Join(", ", s_sets.Keys)}."));
        var last = new List<string> { Ebv };
        last.AddRange(s_sets.Keys.Where(results.ContainsKey).Select(name => $"{name}={results[name].Accuracy[Ebv]:F2}"));
        last.AddRange(s_compared.Where(results.ContainsKey).Select(name => $"{Softmax}_{name}={results[name].Accuracy[Softmax]:F2}"));
        foreach (var (name, (_, auroc)) in results.Where(result => result.Value.Auroc.Count > 0))
        {
            last.AddRange($"{name}_auroc={auroc[Ebv]:F3}", $"{Softmax}_auroc={auroc[Softmax]:F3}");
        }
        Console.WriteLine(string.Join(' ', last));
    }

    private static (Dictionary<string, double> Accuracy, Dictionary<string, double> Auroc) Measure(ClassificationSet set, int[] seeds, int threads, string rivals, double imageSmoothing)
    {
        Console.WriteLine($"{set.Name}: {set.Classes} classes, {set.Training.Count} training rows, {set.Test.Count} test rows{(set.Novel is { } novel ? $", {novel.Count} of other classes" : "")}; {ClassifierRun.Recipe(set)}");
        var (accuracies, aurocs) = (new Dictionary<string, double>(), new Dictionary<string, double>());
        foreach (var (name, confidence, run) in s_heads)
        {
            var settings = Choose(set, [.. ClassifierRun.Candidates(set, imageSmoothing)], name, run, seeds, threads);
            var accuracy = new List<double>();
            var auroc = new List<double>();
            var clock = Stopwatch.StartNew();
            foreach (var seed in seeds)
            {
                Console.Error.WriteLine($"{set.Name}: {name}, seed {seed}");
                var predictions = run(set, set.Training, settings, seed, threads, set.Novel is null ? [set.Test] : [set.Test, set.Novel]);
                accuracy.Add(predictions[0].Accuracy(set.Test));
                if (set.Novel is not null)
                {
                    auroc.Add(predictions[0].Auroc(predictions[1]));
                }
            }
            accuracies[name] = accuracy.Average();
            Row(name, accuracies[name], clock.Elapsed.TotalSeconds / seeds.Length, $"{string.Join(" ", accuracy.Select(value => $"{value:F2}"))}; {settings}");
            if (auroc.Count > 0)
            {
                aurocs[name] = auroc.Average();
                Finding.Add($"{set.Name}, rows of other classes told apart", name, "AUROC", aurocs[name]);
                Console.WriteLine($"  {name}: known against other classes by the {confidence}: AUROC {aurocs[name]:F3} ({string.Join(" ", auroc.Select(value => $"{value:F3}"))})");
            }
        }
        foreach (var (name, accuracy, seconds) in rivals == AllSets || (rivals == Tables && set.Side is null) ? EbvRivals.Run(set, seeds[0], threads) : [])
        {
            Row(name, accuracy, seconds, "");
        }
        return (accuracies, aurocs);

        void Row(string name, double accuracy, double seconds, string note)
        {
            Console.WriteLine($"  {name,-24} {accuracy,6:F2} {seconds,7:F1} s  {note}");
            Finding.Add($"{set.Name}, {set.Classes} classes", name, "accuracy, %", accuracy, seconds);
        }
    }

    /// <summary>The settings that are best on held-out training rows after a training on the others; of equal ones the first.</summary>
    private static ClassifierSettings Choose(ClassificationSet set, ClassifierSettings[] candidates, string name, Classifier run, int[] seeds, int threads)
    {
        if (candidates is [var only])
        {
            return only;
        }
        var (training, heldOut) = set.Split();
        (ClassifierSettings Settings, double Accuracy)[] tried = [.. candidates.Select(settings => (settings, seeds.Average(seed =>
        {
            Console.Error.WriteLine($"{set.Name}: {name}, {settings}, seed {seed}");
            return run(set, training, settings, seed, threads, heldOut)[0].Accuracy(heldOut);
        })))];
        Console.WriteLine($"  {name}: chosen by the accuracy on a fifth of the training rows ({heldOut.Count}), {seeds.Length} seed(s): {string.Join("; ", tried.Select(one => $"{one.Settings} {one.Accuracy:F2}"))}");
        return tried.MaxBy(one => one.Accuracy).Settings;
    }
}
