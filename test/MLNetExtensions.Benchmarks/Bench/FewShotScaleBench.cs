using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>Clustering of one large problem: the neighbour graph, the iterations and the memory.</summary>
internal static class FewShotScaleBench
{
    private const int Dimension = 64;
    private const int Clusters = 10;
    private const int Chunk = 10_000;
    private const int Steps = 20;
    private const int WarmUps = 4;
    private const double Megabyte = 1 << 20;

    private static readonly int[] s_sizes = [10_000, 100_000, 1_000_000];

    public static Command Command()
    {
        var threads = new Option<int>("--threads") { Description = "The number of threads.", DefaultValueFactory = _ => 1 };
        var rows = new Option<int>("--rows") { Description = "The largest number of points.", DefaultValueFactory = _ => s_sizes[^1] };
        var spread = new Option<int>("--spread") { Description = "The number of directions in which a component of the mixture spreads; 64: in all.", DefaultValueFactory = _ => 8 };
        var command = new Command("fewshot-scale", "Few-shot clustering: one problem of many points, clustered without labels.") { threads, rows, spread };
        command.SetAction(arguments => Run(arguments.GetValue(threads), arguments.GetValue(rows), arguments.GetValue(spread)));
        return command;
    }

    private static void Run(int threads, int largest, int spread)
    {
        TorchRuntime.Require();
        using var number = TorchThreads.Use(threads);
        Console.WriteLine($"mixtures of {Clusters} components of {Dimension} dimensions, {spread} of them within a component; means, otherwise the defaults of clustering, one start; {threads} thread(s)");
        // So that what is measured is compiled.
        for (var i = 0; i < WarmUps; i++)
        {
            Solve(s_sizes[0], spread, threads, Console.Error);
        }
        List<string> results = [];
        foreach (var rows in s_sizes.Where(size => size <= largest))
        {
            results.Add(FormattableString.Invariant($"s_{(rows < 1_000_000 ? $"{rows / 1000}k" : "1m")}={Solve(rows, spread, threads, Console.Out):F2}"));
        }
        Console.WriteLine($"fewshot-scale {string.Join(' ', results)} rss_mb_1m={Process.GetCurrentProcess().PeakWorkingSet64 / Megabyte:F0} threads={threads} clock={(threads == 1 ? "cpu" : "wall")}");
    }

    /// <summary>The seconds of a solution with all that belongs to it.</summary>
    private static double Solve(int count, int spread, int threads, TextWriter report)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (features, truth) = Mixture(count, spread);
        var rows = new FewShotRows
        {
            Features = features,
            Dimension = Dimension,
            Starts = [0, count],
            Labels = [.. Enumerable.Repeat(-1, count)],
            Classes = [Clusters],
            Clusters = Clusters,
        };
        var settings = FewShotSettings.Clustering() with { Prototype = FewShotPrototype.Mean, Restarts = 1 };
        var clock = new Clock();
        using var batch = new ProblemBatch(rows, [0], settings, null, ScalarType.Float32, CPU);
        var transform = clock.Lap();
        var graph = AffinityGraph.Build(batch, settings, 1, Check, out var recall);
        var search = clock.Lap();
        var (prototypes, _, _) = batch.Start(settings, null, 1);
        var seeding = clock.Lap();
        var results = Iterate(settings);
        var iterations = clock.Lap();
        // The same with a fixed number of steps, twice: the difference is that of the steps alone.
        var fixedSteps = settings with { MaxOuter = 1, InnerTolerance = 0, MaxInner = Steps };
        Iterate(fixedSteps);
        var few = clock.Lap();
        Iterate(fixedSteps with { MaxInner = 2 * Steps });
        var step = (Seconds(clock.Lap()) - Seconds(few)) / Steps;

        var solved = results[0];
        var logs = new float[solved.LogAssignments.Length];
        batch.Restore(solved.LogAssignments, logs);
        report.WriteLine(FormattableString.Invariant(
            $"{count,9:N0} points: transform {Seconds(transform):F2} s, graph {Seconds(search):F2} s (recall {recall ?? 1:P2}{(recall is null ? ", all pairs" : "")}), seeds {Seconds(seeding):F2} s, {solved.Iterations} rounds {Seconds(iterations):F2} s; a step {1000 * step:F2} ms, {1e9 * step / count:F1} ns a point; {Purity(logs, truth):P1} with the majority of their component; at most {Process.GetCurrentProcess().PeakWorkingSet64 / Megabyte:F0} MB"));
        return Seconds(transform) + Seconds(search) + Seconds(seeding) + Seconds(iterations);

        ProgramResults Iterate(FewShotSettings how)
        {
            using var part = NewDisposeScope();
            var found = new ProgramResults(batch, null);
            new GeneralProgram(batch, graph, how, null, Check).Run(prototypes, null, found);
            return found;
        }

        double Seconds(Timing time) => time.Seconds(threads);
    }

    private static void Check()
    {
    }

    /// <summary>The share of points whose cluster is that of most points of their component.</summary>
    private static double Purity(float[] logs, int[] truth)
    {
        var table = new int[Clusters, Clusters];
        for (var row = 0; row < truth.Length; row++)
        {
            var own = logs.AsSpan(row * Clusters, Clusters);
            var best = 0;
            for (var k = 1; k < Clusters; k++)
            {
                best = own[k] > own[best] ? k : best;
            }
            table[truth[row], best]++;
        }
        return Enumerable.Range(0, Clusters).Sum(component => Enumerable.Range(0, Clusters).Max(k => table[component, k])) / (double)truth.Length;
    }

    private static (float[] Features, int[] Components) Mixture(int count, int spread)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var centers = randn([Clusters, 1, Dimension], generator: generator);
        var directions = randn([Clusters, spread, Dimension], generator: generator).mul_(TensorOps.Constant(0.7 / Math.Sqrt(spread)));
        var features = new float[count * Dimension];
        var components = new int[count];
        for (var start = 0; start < count; start += Chunk)
        {
            using var step = NewDisposeScope();
            var each = Math.Min(Chunk, count - start) / Clusters;
            var points = bmm(randn([Clusters, each, spread], generator: generator), directions).add_(centers, TensorOps.One);
            points.add_(randn(points.shape, generator: generator), TensorOps.Constant(0.05));
            var mixed = points.transpose(0, 1).contiguous();
            MemoryMarshal.Cast<byte, float>(mixed.bytes).CopyTo(features.AsSpan(start * Dimension));
            GC.KeepAlive(mixed);
            for (var row = start; row < start + each * Clusters; row++)
            {
                components[row] = row % Clusters;
            }
        }
        return (features, components);
    }

    /// <summary>Laps of time on both clocks.</summary>
    private sealed class Clock
    {
        private readonly Stopwatch _wall = Stopwatch.StartNew();
        private TimeSpan _cpu = Environment.CpuUsage.TotalTime;

        internal Timing Lap()
        {
            var cpu = Environment.CpuUsage.TotalTime;
            var lap = new Timing(_wall.Elapsed.TotalSeconds, (cpu - _cpu).TotalSeconds);
            _cpu = cpu;
            _wall.Restart();
            return lap;
        }
    }
}
