using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>The vectors of the classes: the smooth maximum against the published hinge generator, and Gold sequences for very many classes.</summary>
internal static class EquiangularBasisBench
{
    private const int Count = 1000;
    private const int Dimension = 100;
    private const double SmoothGoal = 0.136;
    private const double HingeGoal = 0.312;
    private const double HingeThreshold = 0.135;
    private const int ManyCount = 100_000;
    private const int ManyDimension = 512;
    private const double Megabyte = 1 << 20;

    public static Command Command()
    {
        var threads = new Option<int>("--threads") { Description = "The number of threads of all contenders.", DefaultValueFactory = _ => 1 };
        var seed = new Option<int>("--seed") { Description = "The seed of the random starts.", DefaultValueFactory = _ => 1 };
        var limit = new Option<double>("--hinge-limit") { Description = "The seconds after which the hinge generator is cut off.", DefaultValueFactory = _ => 240 };
        var command = new Command("ebv-basis", "Equiangular basis vectors: time and quality of the generators, against the published one and against the least time that their products need.") { threads, seed, limit };
        command.SetAction(arguments => Run(arguments.GetValue(threads), arguments.GetValue(seed), arguments.GetValue(limit)));
        return command;
    }

    private static void Run(int threads, int seed, double limit)
    {
        TorchRuntime.Require();
        using var number = TorchThreads.Use(threads);
        using var scope = NewDisposeScope();
        Console.WriteLine($"{threads} thread(s), seed {seed}, seconds {(threads == 1 ? "of the processor" : "on the clock")}");
        // First, so that the highest memory of the process is that of this set.
        var memory = Many(threads, seed);
        Floor(threads, seed);
        var (maximum, seconds) = Smooth(threads, seed);
        var hinge = Hinge(threads, seed, limit);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ebv-basis maxcos_100_1000={maximum:F4} seconds={seconds:F2} hinge_seconds={hinge:F2} rss_mb_100k={memory:F0}"));
    }

    private static double Many(int threads, int seed)
    {
        var settings = new EquiangularBasisSettings { Count = ManyCount, Dimension = ManyDimension, Seed = seed, NumberOfThreads = threads };
        var time = Time(threads, () =>
        {
            using var basis = EquiangularBasis.Create(settings);
            Console.Write($"({ManyDimension}, {ManyCount:N0}), {basis.Generator}: largest |cos| {basis.MaxAbsCosine:F4}, bound {basis.LowerBound:F4}");
        });
        using var process = Process.GetCurrentProcess();
        var peak = process.PeakWorkingSet64 / Megabyte;
        var growth = PeakMemory.Of(() => EquiangularBasis.Create(settings).Dispose());
        Console.WriteLine($"; {time:F2} s, highest memory {peak:F0} MiB of the process, {growth} of the set, whose numbers take {4L * ManyCount * ManyDimension / Megabyte:F1} MiB");
        return peak;
    }

    /// <summary>
    /// A step of either generator consists of the cosines and of two products with the weights: N² d / 2 and N² d multiply-adds by symmetry, at the speed of a
    /// plain product of the same numbers.
    /// </summary>
    private static void Floor(int threads, int seed)
    {
        using var scope = NewDisposeScope();
        var vectors = UnitRows.Random(Count, Dimension, seed, 0, ScalarType.Float32, CPU);
        var weights = rand(Count, Count);
        var gradient = zeros_like(vectors);
        using var pass = new PairPass(vectors, threads);
        var times = Timing.Medians(5, 20, MatrixProduct.InScope(() => mm(vectors, vectors.t())), MatrixProduct.InScope(() => mm(weights, vectors)),
            () => pass.Run(vectors, new ExponentialWeight(50, 0.4), gradient, default), () => pass.Run(vectors, new HingeWeight(HingeThreshold), gradient, default));
        var floor = times[0].Seconds(threads) / 2 + times[1].Seconds(threads);
        Console.WriteLine($"({Dimension}, {Count:N0}), a step: floor of its products {1000 * floor:F2} ms, smooth maximum {1000 * times[2].Seconds(threads):F2} ms, hinge {1000 * times[3].Seconds(threads):F2} ms");
    }

    private static (double Maximum, double Seconds) Smooth(int threads, int seed)
    {
        var defaults = new EquiangularBasisSettings { Count = Count, Dimension = Dimension, Seed = seed, NumberOfThreads = threads };
        (double, double) result = default;
        foreach (var steps in (int?[])[100, null, 500, 2000])
        {
            var settings = defaults with { Steps = steps };
            // The same run once more as a whole, with the vectors brought into their final form.
            using var smooth = new SmoothMaximum(UnitRows.Random(Count, Dimension, seed, 0, ScalarType.Float32, CPU), settings.Schedule, threads);
            var reached = double.NaN;
            var clock = new Clock(threads);
            smooth.Run(settings.LowerBound, default, (_, maximum) => reached = double.IsNaN(reached) && maximum <= SmoothGoal ? clock.Seconds : reached);
            var maximum = 0.0;
            var time = Time(threads, () =>
            {
                using var basis = EquiangularBasis.Create(settings);
                maximum = basis.MaxAbsCosine;
            });
            Console.WriteLine($"({Dimension}, {Count:N0}), smooth maximum, {settings.Schedule.Steps,5:N0} steps{(steps is null ? " (default)" : "")}: largest |cos| {maximum:F4} in {time:F2} s, {SmoothGoal} {(double.IsNaN(reached) ? "not met" : $"met after {reached:F2} s")}");
            if (steps is null)
            {
                result = (maximum, time);
            }
        }
        return result;
    }

    private static double Hinge(int threads, int seed, double limit)
    {
        var settings = new EquiangularBasisSettings { Count = Count, Dimension = Dimension, Seed = seed, Generator = EquiangularBasisGenerator.Hinge, HingeThreshold = HingeThreshold };
        using var hinge = new HingeGenerator(UnitRows.Random(Count, Dimension, seed, 0, ScalarType.Float32, CPU), settings.Threshold, settings.HingeLearningRate, threads);
        var clock = new Clock(threads);
        for (var step = 0; ; step++)
        {
            var maximum = hinge.Evaluate().Maximum;
            var seconds = clock.Seconds;
            if (maximum <= HingeGoal || seconds > limit)
            {
                Console.WriteLine($"({Dimension}, {Count:N0}), hinge, threshold {HingeThreshold}, rate {settings.HingeLearningRate}: largest |cos| {maximum:F4} after {step:N0} steps, {seconds:F2} s{(maximum > HingeGoal ? ", cut off" : "")}");
                return seconds;
            }
            if (step is 100 or 300 or 1000 or 2000 || step % 5000 == 0)
            {
                Console.Error.WriteLine($"hinge, step {step}: {maximum:F4}, {seconds:F1} s");
            }
            hinge.Move();
        }
    }

    private static double Time(int threads, Action action)
    {
        var clock = new Clock(threads);
        action();
        return clock.Seconds;
    }
}
