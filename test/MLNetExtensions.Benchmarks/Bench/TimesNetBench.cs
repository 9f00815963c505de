using System.CommandLine;
using System.Globalization;
using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>TimesNet on ETTh1 at the published sizes: against the plain formulation, and against the least time that its convolutions need.</summary>
internal static class TimesNetBench
{
    private const int Batch = 32;
    private const int Window = 96;
    private const int Horizon = 96;
    private const int TrainingRows = 8640;
    private const double LearningRate = 1e-4;
    private const int Seed = 2021;

    private static readonly TimesNetShape s_shape = new() { Channels = 7, WindowSize = Window, Horizon = Horizon, Width = 16, HiddenWidth = 32, Dropout = 0.1 };
    private static readonly TimesNetOptions s_options = new(s_shape.TopPeriods, s_shape.Width, s_shape.Width);

    public static Command Command()
    {
        var threads = new Option<int>("--threads") { Description = "The number of threads of both sides.", DefaultValueFactory = _ => 1 };
        var repeats = new Option<int>("--repeats") { Description = "The number of blocks whose median counts.", DefaultValueFactory = _ => 5 };
        var steps = new Option<int>("--steps") { Description = "The training steps after which the weights count as trained; an epoch has 265.", DefaultValueFactory = _ => 530 };
        var command = new Command("timesnet", "TimesNet, training and scoring: the product against the plain formulation with TorchSharp's Adam, and against the floor of its convolutions.") { threads, repeats, steps };
        command.SetAction(arguments => Run(arguments.GetValue(threads), arguments.GetValue(repeats), arguments.GetValue(steps)));
        return command;
    }

    private static void Run(int threads, int repeats, int steps)
    {
        TorchRuntime.Require();
        using var number = TorchThreads.Use(threads);
        using var scope = NewDisposeScope();
        Console.WriteLine($"ETTh1 {Window} -> {Horizon}: C = {s_shape.Channels}, D = {s_shape.Width}, F = {s_shape.HiddenWidth}, N = {s_shape.Layers}, k = {s_shape.TopPeriods}, K = {s_shape.Kernels}, dropout {s_shape.Dropout}, "
            + $"{s_shape.ParameterCount:N0} parameters, batch {Batch}, {threads} thread(s), medians of {repeats} blocks");
        var windows = Windows();
        using var module = TimesNetModule.Create(s_shape, Seed, CPU);
        Train(module, windows, 0, repeats, threads, "fresh weights");
        TrainOn(module, windows, steps, threads);
        var (plain, product) = Train(module, windows, steps, repeats, threads, $"weights after {steps} steps");
        var (plainScore, score) = Score(module, windows, repeats, threads);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"timesnet train_ratio={plain / product:F2} score_ratio={plainScore / score:F2}"));
    }

    /// <summary>The training windows, standardised, as a view [windows, C, T] of the series.</summary>
    private static Tensor Windows()
    {
        var values = CsvSeries.Load(new MLContext(), Repository.DataFile("ETTh1.csv")).GetColumn<float[]>(CsvSeries.ColumnName).Take(TrainingRows).SelectMany(row => row).Select(value => (double)value).ToArray();
        var scaled = new double[values.Length];
        ColumnScaler.Fit(values, s_shape.Channels).Standardize(values, scaled);
        return ConstantTensor.Create(scaled, [TrainingRows, s_shape.Channels], ScalarType.Float32, CPU).unfold(0, Window + Horizon, 1);
    }

    private static (Tensor X, Tensor Y) Take(Tensor windows, int step)
    {
        var count = (int)windows.size(0);
        var order = StepRandom.Permutation(count, Seed, 1 + step * Batch / count);
        var rows = Enumerable.Range(0, Batch).Select(i => (long)order[(step * Batch + i) % count]).ToArray();
        var batch = windows.index_select(0, tensor(rows)).transpose(1, 2);
        return (batch.narrow(1, 0, Window), batch.narrow(1, Window, Horizon));
    }

    private static void TrainOn(TimesNetModule module, Tensor windows, int steps, int threads)
    {
        using var optimizer = new Optimizer([.. module.Parameters.Items.Select(item => item.Value)], OptimizerKind.Adam, numberOfThreads: threads);
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            using var random = new StepRandom(Seed, 1, step);
            var (x, y) = Take(windows, step);
            optimizer.ClearGradients();
            nn.functional.mse_loss(module.Forward(x, null, null, s_options.Training, random), y).backward();
            optimizer.Step(LearningRate);
        }
        optimizer.ClearGradients();
    }

    private static (double Plain, double Product) Train(TimesNetModule trained, Tensor windows, int step, int repeats, int threads, string weights)
    {
        using var scope = NewDisposeScope();
        using var plainModule = Copy(trained);
        using var module = Copy(trained);
        var (x, y) = Take(windows, step);
        using var plain = new PlainStep(plainModule.Parameters, random => nn.functional.mse_loss(plainModule.ForwardPlain(x, null, null, s_options.Training, random), y), LearningRate);
        using var product = new ProductStep(module.Parameters, random => nn.functional.mse_loss(module.Forward(x, null, null, s_options.Training, random), y), LearningRate, threads);
        var groups = Groups(trained, x, s_options.Training);
        Console.WriteLine($"training step, {weights}; periods of the batch: {Describe(groups)}");
        var memory = (Product: PeakMemory.Of(product.Run), Plain: PeakMemory.Of(plain.Run));
        var times = Timing.Medians(repeats, 1, plain.Run, product.Run);
        Console.WriteLine($"  plain   {times[0]}   {plain.Split()}, memory {memory.Plain}");
        Console.WriteLine($"  product {times[1]}   {product.Split()}, memory {memory.Product}");
        Console.WriteLine($"  ratio {times[0].Wall / times[1].Wall:F2} wall, {times[0].Cpu / times[1].Cpu:F2} CPU");
        Floor(groups, training: true, times[1].Seconds(threads), repeats, threads);
        return (times[0].Seconds(threads), times[1].Seconds(threads));
    }

    private static (double Plain, double Product) Score(TimesNetModule trained, Tensor windows, int repeats, int threads)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        using var network = new TimesNetNetwork(Copy(trained), s_options.Inference);
        var x = Take(windows, 0).X.contiguous();
        var exact = trained.ForwardPlain(x, null, null, new(PeriodSelection.PerRow));
        var difference = exact.Minus(network.Score(x)).abs().max().item<float>();
        Console.WriteLine($"scores: largest difference from the plain form, each window by itself: {difference:E2}");
        if (!(difference <= 1e-5))
        {
            throw new InvalidOperationException("The scores differ by more than 1e-5.");
        }
        void Plain()
        {
            using var step = NewDisposeScope();
            trained.ForwardPlain(x, null, null, new(PeriodSelection.Batch));
        }

        void Product()
        {
            using var step = NewDisposeScope();
            network.Score(x);
        }
        var times = Timing.Medians(repeats, 1, Plain, Product);
        var groups = Groups(trained, x, s_options.Inference);
        Console.WriteLine($"scoring, each window by its own periods: {Describe(groups)}");
        Console.WriteLine($"  plain, periods of the batch {times[0]}   {1000 * times[0].Seconds(threads) / Batch:F3} ms per window, memory {PeakMemory.Of(Plain)}");
        Console.WriteLine($"  product                     {times[1]}   {1000 * times[1].Seconds(threads) / Batch:F3} ms per window, memory {PeakMemory.Of(Product)}");
        Console.WriteLine($"  ratio {times[0].Wall / times[1].Wall:F2} wall, {times[0].Cpu / times[1].Cpu:F2} CPU");
        Floor(groups, training: false, times[1].Seconds(threads), repeats, threads);
        return (times[0].Seconds(threads), times[1].Seconds(threads));
    }

    /// <summary>The groups of windows of each layer, as the network folds them.</summary>
    private static IReadOnlyList<IReadOnlyList<PeriodGroup>> Groups(TimesNetModule module, Tensor x, TimesNetPeriods periods)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var result = new List<IReadOnlyList<PeriodGroup>>();
        var kernels = module.Fuse();
        var z = module.Extend(module.Embed(TimesNetModule.NormalizeWindow(x, null).Z, null, null));
        for (var layer = 0; layer < module.Shape.Layers; layer++)
        {
            var amplitudes = TimesNetModule.ToHost(TimesNetModule.Amplitudes(z));
            result.Add(PeriodFinder.Group(module.Frequencies(layer, amplitudes, Batch, periods), amplitudes, Batch, module.Shape.Steps, periods.SkipWeightBelow));
            z = nn.functional.layer_norm(module.Block(layer, z, kernels, periods), [module.Shape.Width], module.Parameters["layer_norm.weight"], module.Parameters["layer_norm.bias"]);
        }
        return result;
    }

    private static string Describe(IReadOnlyList<IReadOnlyList<PeriodGroup>> layers)
        => string.Join("; ", layers.Select(groups => string.Join(", ", groups.Select(group => group.Rows.Length == Batch ? $"{group.Period}" : $"{group.Period} ({group.Rows.Length})"))));

    private static void Floor(IReadOnlyList<IReadOnlyList<PeriodGroup>> layers, bool training, double seconds, int repeats, int threads)
    {
        double flops = 0, floor = 0;
        foreach (var same in layers.SelectMany(groups => Convolution.Of(s_shape, groups)).GroupBy(convolution => convolution))
        {
            var (forward, both) = same.Key.Measure(repeats, threads);
            flops += same.Count() * (same.Key.ForwardFlops + (training ? same.Key.BackwardFlops : 0));
            floor += same.Count() * (training ? both : forward);
        }
        Console.WriteLine($"  floor: {flops / 1e9:F2} GFLOP of convolution, {1000 * floor:F2} ms by themselves ({flops / floor / 1e9:F0} GFLOP/s): {floor / seconds:P0} of the rate of the convolutions reached");
    }

    private static TimesNetModule Copy(TimesNetModule module)
    {
        var copy = new TimesNetModule(module.Shape, null, ScalarType.Float32, CPU);
        copy.Parameters.CopyFrom(module.Parameters.Items.ToDictionary(item => item.Key, item => item.Value));
        return copy;
    }
}
