using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using MLNetExtensions.Tensors;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>Whether a sweep costs as much as there are entries and coordinates.</summary>
internal static class FunctionalTuckerScaleBench
{
    private const int Rank = 2;
    private const int Places = 500;
    private const int EntriesPerTime = 10;
    private const double Megabyte = 1 << 20;

    public static Command Command()
    {
        var threads = new Option<int>("--threads") { Description = "The number of threads.", DefaultValueFactory = _ => 1 };
        var command = new Command("funbat-scale", "Functional Bayesian Tucker: the time of a sweep and the memory for 10,000, 100,000 and 1,000,000 entries.") { threads };
        command.SetAction(arguments => Run(arguments.GetValue(threads)));
        return command;
    }

    private static void Run(int threads)
    {
        Console.WriteLine($"CP, rank {Rank}, ν = 3/2, {Places} x {Places} places x times of {EntriesPerTime} entries, {threads} thread(s), seconds {(threads == 1 ? "of the processor" : "on the clock")}");
        // From few to many, so that the highest memory of the process is that of the most.
        double[] times = [.. new[] { 10_000, 100_000, 1_000_000 }.Select(count => Measure(count, threads))];
        using var process = Process.GetCurrentProcess();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"funbat-scale ms_10k={times[0]:F2} ms_100k={times[1]:F2} ms_1m={times[2]:F1} rss_mb_1m={process.PeakWorkingSet64 / Megabyte:F0}"));
    }

    private static double Measure(int count, int threads)
    {
        var random = new Random(1);
        var coordinates = new double[3 * count];
        var targets = new double[count];
        for (var n = 0; n < count; n++)
        {
            double x = random.Next(Places) / (double)Places, y = random.Next(Places) / (double)Places, t = random.Next(count / EntriesPerTime) * EntriesPerTime / (double)count;
            (coordinates[3 * n], coordinates[3 * n + 1], coordinates[3 * n + 2]) = (x, y, t);
            targets[n] = Math.Sin(4 * x) * Math.Cos(3 * y) * Math.Sin(20 * t) + y * Math.Cos(9 * t) + 0.1 * (random.NextDouble() - 0.5);
        }
        var clock = Stopwatch.StartNew();
        var entries = new TensorEntries(coordinates, targets, 3);
        var shape = new FunctionalTuckerModelShape { Form = TuckerForm.Cp, Ranks = [Rank, Rank, Rank], Smoothness = MaternSmoothness.Matern32, LengthScales = [0.3, 0.3, 0.1], Variances = [1, 1, 1] };
        var sweeps = new FunctionalTuckerSweeps(entries, shape, new FunctionalTuckerSettings { Threads = threads });
        sweeps.Start(new Random(1), isWide: true);
        var prepared = clock.Elapsed.TotalSeconds;
        var time = Timing.Medians(3, Math.Max(2, 500_000 / count), sweeps.Sweep)[0];
        var ends = sweeps.TrainingRmse();
        Console.WriteLine($"{count,9:N0} entries, {entries.Points[2].Length,7:N0} times: prepared in {prepared:F2} s, a sweep {time}, error on the entries {ends:F4}");
        return 1000 * time.Seconds(threads);
    }
}
