using System.CommandLine;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>OLinear at the sizes of ETTh1: against the plain formulation, and against the least time that its matrix products need.</summary>
internal static class OLinearBench
{
    private const int TrainingBatch = 32;
    private const int ScoringBatch = 256;
    private const int StepsPerBlock = 3;
    private const double LearningRate = 5e-4;

    private static readonly OLinearShape s_shape = new() { Channels = 7, WindowSize = 96, Horizon = 96, Dropout = 0.2 };

    public static Command Command()
    {
        var threads = new Option<int>("--threads") { Description = "The number of threads of both sides.", DefaultValueFactory = _ => 1 };
        var repeats = new Option<int>("--repeats") { Description = "The number of blocks whose median counts.", DefaultValueFactory = _ => 9 };
        var command = new Command("olinear", "OLinear, training and scoring: the product against the plain formulation with TorchSharp's Adam, and against the floor of its matrix products.") { threads, repeats };
        command.SetAction(arguments => Run(arguments.GetValue(threads), arguments.GetValue(repeats)));
        return command;
    }

    private static void Run(int threads, int repeats)
    {
        TorchRuntime.Require();
        using var number = TorchThreads.Use(threads);
        using var scope = NewDisposeScope();
        Console.WriteLine($"ETTh1 96 -> 96: N = {s_shape.Channels}, d = {s_shape.EmbeddingSize}, D = F = {s_shape.Width}, L = {s_shape.Layers}, dropout {s_shape.Dropout}, {s_shape.ParameterCount:N0} parameters, {threads} thread(s), medians of {repeats} blocks");

        CompareGradients(ScalarType.Float64, tolerance: 1e-11);
        CompareGradients(ScalarType.Float32, tolerance: 1e-4);
        var (plainTraining, training) = MeasureTraining(threads, repeats);
        var (plainScoring, scoring) = MeasureScoring(repeats);

        var peak = Peak(repeats, threads);
        Floor($"training step, batch {TrainingBatch}", MatrixProduct.Training(s_shape, TrainingBatch), backward: true, training.Seconds(threads), peak, repeats, threads);
        Floor($"scoring, batch {ScoringBatch}", MatrixProduct.Scoring(s_shape, ScoringBatch), backward: false, scoring.Seconds(threads), peak, repeats, threads);
        Console.WriteLine($"olinear train_ratio={plainTraining.Seconds(threads) / training.Seconds(threads):F2} score_ratio={plainScoring.Seconds(threads) / scoring.Seconds(threads):F2} "
            + $"train_ms={1000 * training.Seconds(threads):F2} score_ms={1000 * scoring.Seconds(threads):F2} threads={threads} clock={(threads == 1 ? "cpu" : "wall")}");
    }

    private static OLinearModule CreateModule(ScalarType type)
    {
        // Any orthogonal matrices do: their values cost the same time.
        using var generator = new Generator(1);
        using var scope = NewDisposeScope();
        var (qIn, _) = linalg.qr(Draw(type, generator, s_shape.WindowSize, s_shape.WindowSize));
        var (qOut, _) = linalg.qr(Draw(type, generator, s_shape.Horizon, s_shape.Horizon));
        return new OLinearModule(s_shape, qIn, qOut, channelWeights: null, generator, type, CPU);
    }

    private static (Tensor X, Tensor Y) Windows(ScalarType type, int batch)
    {
        using var generator = new Generator(2);
        return (Draw(type, generator, batch, s_shape.WindowSize, s_shape.Channels), Draw(type, generator, batch, s_shape.Horizon, s_shape.Channels));
    }

    private static Tensor Draw(ScalarType type, Generator generator, params long[] size) => empty(size, dtype: type).normal_(0, 1, generator);

    private static StepWeightedLoss CreateLoss(ScalarType type) => new(s_shape.Horizon, 0.5, ForecastLoss.AbsoluteError, type, CPU);

    private static void CompareGradients(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var plain = CreateModule(type);
        using var product = CreateModule(type);
        using var loss = CreateLoss(type);
        var (x, y) = Windows(type, TrainingBatch);
        // Without dropout, whose masks lie differently in memory.
        loss.Compute(plain.ForwardPlain(x), y).backward();
        loss.Compute(product.Forward(x), y).backward();
        double difference = 0, largest = 0;
        foreach (var (expected, actual) in plain.Parameters.Items.Zip(product.Parameters.Items))
        {
            largest = Math.Max(largest, expected.Value.grad!.abs().max().to(ScalarType.Float64).item<double>());
            difference = Math.Max(difference, expected.Value.grad!.Minus(actual.Value.grad!).abs().max().to(ScalarType.Float64).item<double>());
        }
        Console.WriteLine($"gradients, {type}: largest {largest:E2}, largest difference {difference:E2}");
        Require(difference <= tolerance * largest, "The gradients differ by more than rounding.");
    }

    private static (Timing Plain, Timing Product) MeasureTraining(int threads, int repeats)
    {
        using var plainModule = CreateModule(ScalarType.Float32);
        using var module = CreateModule(ScalarType.Float32);
        using var loss = CreateLoss(ScalarType.Float32);
        var (x, y) = Windows(ScalarType.Float32, TrainingBatch);
        using var plain = new PlainStep(plainModule.Parameters, random => loss.Compute(plainModule.ForwardPlain(x, random), y), LearningRate);
        using var product = new ProductStep(module.Parameters, random => loss.Compute(module.Forward(x, random), y), LearningRate, threads);
        var times = Timing.Medians(repeats, StepsPerBlock, plain.Run, product.Run);
        Report($"training step, batch {TrainingBatch}", times);
        Console.WriteLine($"  plain:   {plain.Split()}");
        Console.WriteLine($"  product: {product.Split()}");
        return (times[0], times[1]);
    }

    private static (Timing Plain, Timing Product) MeasureScoring(int repeats)
    {
        using var module = CreateModule(ScalarType.Float32);
        using var folded = new FoldedOLinear(module);
        var (x, _) = Windows(ScalarType.Float32, ScoringBatch);
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var difference = module.ForwardPlain(x).Minus(folded.Score(x)).abs().max().item<float>();
        Console.WriteLine($"scores: largest difference {difference:E2}");
        Require(difference <= 1e-5, "The folded scores differ by more than 1e-5.");
        var times = Timing.Medians(repeats, 1, () => Plain(), () => Product());
        Report($"scoring, batch {ScoringBatch}", times);
        return (times[0], times[1]);

        void Plain()
        {
            using var step = NewDisposeScope();
            module.ForwardPlain(x);
        }

        void Product()
        {
            using var step = NewDisposeScope();
            folded.Score(x);
        }
    }

    private static void Report(string what, Timing[] times)
    {
        Console.WriteLine($"{what}:");
        Console.WriteLine($"  plain   {times[0]}");
        Console.WriteLine($"  product {times[1]}   ratio {times[0].Wall / times[1].Wall:F2} wall, {times[0].Cpu / times[1].Cpu:F2} CPU");
    }

    private static double Peak(int repeats, int threads)
    {
        var large = new MatrixProduct("large", 1024, 1024, 1024);
        var rate = large.ForwardFlops / large.Measure(repeats, threads).Forward;
        Console.WriteLine($"matrix product 1024 x 1024 x 1024: {rate / 1e9:F1} GFLOP/s");
        return rate;
    }

    private static void Floor(string what, IReadOnlyList<MatrixProduct> products, bool backward, double seconds, double peak, int repeats, int threads)
    {
        Console.WriteLine($"floor of the {what}:");
        double flops = 0, floor = 0;
        foreach (var same in products.GroupBy(product => product))
        {
            var product = same.Key;
            var (forwardTime, backwardTime) = product.Measure(repeats, threads);
            var (itsFlops, itsTime) = backward ? (product.ForwardFlops + product.BackwardFlops, forwardTime + backwardTime) : (product.ForwardFlops, forwardTime);
            flops += same.Count() * itsFlops;
            floor += same.Count() * itsTime;
            Console.WriteLine($"  {same.Count()} x {product.Name,-22} {product.Rows,5} x {product.Inner,5} x {product.Columns,6} {itsFlops / 1e6,9:F1} MFLOP {itsFlops / itsTime / 1e9,7:F1} GFLOP/s");
        }
        Console.WriteLine($"  {flops / 1e9:F3} GFLOP: {1000 * flops / peak:F2} ms at the rate of the large product ({flops / peak / seconds:P0} reached), {1000 * floor:F2} ms at the rates of these sizes ({floor / seconds:P0} reached)");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new InvalidOperationException(message);
        }
    }
}
