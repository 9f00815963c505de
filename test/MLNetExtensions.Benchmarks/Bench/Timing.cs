using System.Diagnostics;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>The time of one call: on the clock, and of the processors, in seconds.</summary>
internal readonly record struct Timing(double Wall, double Cpu)
{
    /// <summary>What to compare by: with one thread the time of the processor, on which other programs of the machine have little effect.</summary>
    public double Seconds(int threads) => threads == 1 ? Cpu : Wall;

    public override string ToString() => $"{1000 * Wall,9:F3} ms wall {1000 * Cpu,9:F3} ms CPU";

    /// <summary>
    /// The medians of several contenders, which take turns in blocks of calls, so that whatever else the machine does hits all alike. The first block of each
    /// is not counted.
    /// </summary>
    public static Timing[] Medians(int repeats, int calls, params IReadOnlyList<Action> contenders)
    {
        var blocks = contenders.Select(_ => new List<Timing>()).ToArray();
        for (var round = 0; round <= repeats; round++)
        {
            for (var i = 0; i < contenders.Count; i++)
            {
                // There and back: who goes first changes from round to round.
                var contender = round % 2 == 0 ? i : contenders.Count - 1 - i;
                var block = Block(contenders[contender], calls);
                if (round > 0)
                {
                    blocks[contender].Add(block);
                }
            }
        }
        return [.. blocks.Select(times => new Timing(Median(times.Select(time => time.Wall)), Median(times.Select(time => time.Cpu))))];
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static Timing Block(Action action, int calls)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < calls; i++)
        {
            action();
        }
        return new(clock.Elapsed.TotalSeconds / calls, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds / calls);
    }
}

/// <summary>Counts the seconds since it was made, see <see cref="Timing.Seconds"/>.</summary>
internal sealed class Clock(int threads)
{
    private readonly TimeSpan _cpu = Environment.CpuUsage.TotalTime;
    private readonly Stopwatch _wall = Stopwatch.StartNew();

    public double Seconds => new Timing(_wall.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - _cpu).TotalSeconds).Seconds(threads);
}
