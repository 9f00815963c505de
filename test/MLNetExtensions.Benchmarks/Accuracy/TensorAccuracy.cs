using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Neural tensor completion on parking places and on the demonstration tensor of DAIN, with and without augmentation, beside entity effects and ML.NET's trees.</summary>
internal static class TensorAccuracy
{
    private const string Cp = "CP", Mlp = "MLP";

    private static readonly (string Name, string File, string Split)[] s_tensors =
    [
        ("rm60", TensorFile.Parking, "rm60"),
        ("rm40", TensorFile.Parking, "rm40"),
        ("sparse10", TensorFile.Parking, "sparse10"),
        ("synthetic", TensorFile.Synthetic, "split"),
    ];

    private static readonly (string Name, TensorSampling Sampling)[] s_samplings = [("none", TensorSampling.None), ("DAIN", TensorSampling.Influence), ("frequency", TensorSampling.Frequency), ("uniform", TensorSampling.Uniform)];

    private static readonly (string Name, Action<NeuralTensorCompletionTrainer.Options> Set)[] s_bases =
    [
        (Cp, options => options.BaseModel = TensorCompletionModel.Cp),
        (Mlp, options => { }),
        ("Tucker", options => (options.BaseModel, options.LearningRate) = (TensorCompletionModel.Tucker, 3e-3)),
        ("CoSTCo", options => options.BaseModel = TensorCompletionModel.CoSTCo),
    ];

    // What the last line names.
    private static readonly (string Key, string Tensor, string? Row)[] s_last = [("rm60_cp", "rm60", $"{Cp}, DAIN"), ("rm60_mlp", "rm60", $"{Mlp}, DAIN"), ("rm40_best", "rm40", null), ("sparse10", "sparse10", $"{Mlp}, DAIN"), ("synthetic", "synthetic", $"{Mlp}, DAIN")];

    public static Command Command()
    {
        var seeds = new Option<int>("--seeds") { Description = "The number of seeds, from 1 on.", DefaultValueFactory = _ => 3 };
        var tensors = new Option<string>("--tensors") { Description = "The tensors, by name: a,b.", DefaultValueFactory = _ => string.Join(',', s_tensors.Select(tensor => tensor.Name)) };
        var bases = new Option<string>("--bases") { Description = "The base models whose names begin so: a,b.", DefaultValueFactory = _ => $"{Cp},{Mlp}" };
        var samplings = new Option<string>("--samplings") { Description = "The samplings, by name: a,b.", DefaultValueFactory = _ => string.Join(',', s_samplings.Select(sampling => sampling.Name)) };
        var threads = new Option<int>("--threads") { Description = "The number of threads.", DefaultValueFactory = _ => 1 };
        var epochs = new Option<int>("--epochs") { Description = "The most epochs of a training; 0 = as the trainer has it.", DefaultValueFactory = _ => 0 };
        var batch = new Option<int>("--batch") { Description = "The cells of a step; 0 = as the trainer has it.", DefaultValueFactory = _ => 0 };
        var rivals = new Option<bool>("--rivals") { Description = "Whether to measure the mean, entity effects and ML.NET's trees too.", DefaultValueFactory = _ => true };
        var command = new Command("dain", "Neural tensor completion: root mean squared error on three splits of parking places and on a synthetic tensor, with and without augmentation, beside entity effects and ML.NET's trees.") { seeds, tensors, bases, samplings, epochs, batch, threads, rivals };
        command.SetAction(arguments => Run([.. Enumerable.Range(1, Math.Max(1, arguments.GetValue(seeds)))], arguments.GetValue(tensors)!.Split(','), arguments.GetValue(bases)!.Split(','), arguments.GetValue(samplings)!.Split(','), options => (options.MaximumNumberOfEpochs, options.BatchSize) = (arguments.GetValue(epochs), arguments.GetValue(batch)), arguments.GetValue(threads), arguments.GetValue(rivals)));
        return command;
    }

    private static void Run(int[] seeds, string[] names, string[] bases, string[] samplings, Action<NeuralTensorCompletionTrainer.Options> asked, int threads, bool withRivals)
    {
        var errors = new Dictionary<string, Dictionary<string, double>>();
        foreach (var (name, file, split) in s_tensors.Where(tensor => names.Contains(tensor.Name)))
        {
            var tensor = TensorFile.Read(file, split);
            Console.WriteLine($"{name}: {string.Join(" x ", tensor.Entities)}, {tensor.Training.Length} training, {tensor.Validation.Length} validation and {tensor.Test.Length} test cells");
            var rows = errors[name] = [];
            if (withRivals)
            {
                foreach (var (rival, predict) in TensorRivals.All(tensor, seeds[0], threads))
                {
                    var clock = Stopwatch.StartNew();
                    Row(name, rival, [Error(tensor, predict())], clock.Elapsed.TotalSeconds, "");
                }
            }
            foreach (var (@base, set) in s_bases.Where(one => bases.Any(name => one.Name.StartsWith(name, StringComparison.OrdinalIgnoreCase))))
            {
                foreach (var (samplingName, sampling) in s_samplings.Where(one => samplings.Contains(one.Name)))
                {
                    var clock = Stopwatch.StartNew();
                    var runs = seeds.Select(seed => Train(tensor, asked + set, sampling, seed, threads)).ToArray();
                    rows[$"{@base}, {samplingName}"] = Row(name, $"{@base}, {samplingName}", [.. runs.Select(run => run.Error)], clock.Elapsed.TotalSeconds / seeds.Length, sampling == TensorSampling.None ? "" : $"; second model kept in {runs.Count(run => run.IsAugmented)} of {runs.Length}");
                }
            }
        }
        Console.WriteLine(string.Join(' ', s_last
            .Select(one => (one.Key, Error: !errors.TryGetValue(one.Tensor, out var rows) || rows.Count == 0 ? double.NaN : one.Row is null ? rows.Values.Min() : rows.GetValueOrDefault(one.Row, double.NaN)))
            .Where(one => !double.IsNaN(one.Error))
            .Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Key}={one.Error:G4}")).Prepend("dain")));
    }

    private static double Row(string tensor, string name, double[] errors, double seconds, string note)
    {
        Console.WriteLine($"  {name,-36} {errors.Average(),9:F3} {seconds,7:F1} s  {string.Join(" ", errors.Select(error => $"{error:F3}"))}{note}");
        Finding.Add($"{tensor}, cells not seen", name, "RMSE", errors.Average(), seconds);
        return errors.Average();
    }

    private static (double Error, bool IsAugmented) Train(TensorFile file, Action<NeuralTensorCompletionTrainer.Options> set, TensorSampling sampling, int seed, int threads)
    {
        var ml = new MLContext(seed);
        var options = new NeuralTensorCompletionTrainer.Options { ModeColumnNames = TensorRow.Modes, Sampling = sampling, Seed = seed, NumberOfThreads = threads, Progress = new ForecastRun.LastElapsed() };
        set(options);
        using var model = ml.Regression.Trainers.NeuralTensorCompletion(options).Fit(TensorRow.View(ml, file, file.Training), TensorRow.View(ml, file, file.Validation));
        return (Error(file, [.. model.Transform(TensorRow.View(ml, file, file.Test)).GetColumn<float>("Score").Select(score => (double)score)]), model.IsAugmented);
    }

    private static double Error(TensorFile file, double[] scores) => Math.Sqrt(file.Test.Zip(scores, (row, score) => (score - file.Values[row]) * (score - file.Values[row])).Average());
}
