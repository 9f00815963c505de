using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using MLNetExtensions.Tensors;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>Neural tensor completion with augmentation: time and memory by the number of cells.</summary>
internal static class TensorCompletionScaleBench
{
    private const int Entities = 1000;
    private const int Order = 3;
    private const int Epochs = 2;
    private const int Batch = 1024;
    private const int Smallest = 10_000;
    private const double Megabyte = 1 << 20;

    public static Command Command()
    {
        var threads = new Option<int>("--threads") { Description = "The number of threads.", DefaultValueFactory = _ => 1 };
        var seed = new Option<int>("--seed") { Description = "The seed.", DefaultValueFactory = _ => 1 };
        var command = new Command("dain-scale", $"Neural tensor completion: both trainings of {Epochs} epochs, influence and new cells, for 10,000, 100,000 and 1,000,000 cells.") { threads, seed };
        command.SetAction(arguments => Run(arguments.GetValue(threads), arguments.GetValue(seed)));
        return command;
    }

    private static void Run(int threads, int seed)
    {
        TorchRuntime.Require();
        Console.WriteLine($"{Entities} entities in each of {Order} modes, the default network, batches of {Batch}, {threads} thread(s), seconds {(threads == 1 ? "of the processor" : "on the clock")}");
        // Whatever is compiled and loaded only once.
        Train(Smallest / 10, threads, seed);
        double[] seconds = [.. new[] { Smallest, 10 * Smallest, 100 * Smallest }.Select(cells => Train(cells, threads, seed))];
        using var process = Process.GetCurrentProcess();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"dain-scale s_10k={seconds[0]:F2} s_100k={seconds[1]:F2} s_1m={seconds[2]:F2} rss_mb_1m={process.PeakWorkingSet64 / Megabyte:F0} influence_bytes_per_cell={InfluenceBytes():F1}"));
    }

    private static double Train(int count, int threads, int seed)
    {
        var random = new Random(seed);
        var cells = new TensorCells(Order, [.. Enumerable.Range(0, count * Order).Select(_ => random.Next(Entities))], [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextDouble() - 1)]);
        var shape = new TensorCompletionShape { Model = TensorCompletionModel.Mlp, Entities = [.. Enumerable.Repeat(Entities, Order)] };
        var training = new TrainingSettings { MaximumNumberOfEpochs = Epochs, BatchSize = Batch, LearningRate = 1e-3, NumberOfThreads = threads, Seed = seed };
        int[] rows = [.. Enumerable.Range(0, count)];
        var validation = count / 5;
        var clock = new Clock(threads);
        using var result = TensorCompletionTraining.Run(cells, rows[validation..], rows[..validation], shape, new(), training, CPU);
        var seconds = clock.Seconds;
        using var process = Process.GetCurrentProcess();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count,9:N0} cells, {result.AugmentedValues.Length:N0} new ones: {seconds:F2} s, {1e6 * seconds / count:F1} µs for each, highest memory {process.PeakWorkingSet64 / Megabyte:F0} MiB of the process"));
        return seconds;
    }

    /// <summary>What one more cell adds to a record of influences.</summary>
    private static double InfluenceBytes()
    {
        using var scope = NewDisposeScope();
        using var model = new TensorCompletionShape { Model = TensorCompletionModel.Mlp, Entities = [2, 2] }.Create(null, ScalarType.Float32, CPU);
        return (Bytes(2 * Smallest) - Bytes(Smallest)) / Smallest;

        double Bytes(int cells)
        {
            using var recorder = new InfluenceRecorder(model, cells, InfluenceLayers.Output);
            return recorder.Records.Sum(record => record.Value.NumberOfElements * record.Value.ElementSize);
        }
    }
}
