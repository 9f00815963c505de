namespace TimeSeries;

/// <summary>Made load curves: what three household appliances draw, active and reactive power in watts, once a minute, from switching on to switching off.</summary>
internal static class Appliances
{
    public const int Channels = 2;

    private const double Noise = 500;

    public static LabelledSeries[] Generate(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i => (i % 3) switch
        {
            0 => Make("dishwasher", random, 60, 96, Dishwasher(random)),
            1 => Make("fridge", random, 40, 96, Fridge(random)),
            _ => Make("washing machine", random, 48, 90, WashingMachine(random)),
        })];
    }

    /// <param name="name">The appliance.</param>
    /// <param name="random">Draws length and noise.</param>
    /// <param name="shortest">The fewest minutes.</param>
    /// <param name="longest">The most minutes.</param>
    /// <param name="power">Active and reactive power at a part, within [0, 1), of the run and a minute.</param>
    private static LabelledSeries Make(string name, Random random, int shortest, int longest, Func<double, int, (double Active, double Reactive)> power)
    {
        var minutes = random.Next(shortest, longest + 1);
        var features = new float[Channels * minutes];
        for (var t = 0; t < minutes; t++)
        {
            var (active, reactive) = power((double)t / minutes, t);
            features[Channels * t] = (float)Math.Max(0, active + Noise * (random.NextDouble() - 0.5));
            features[Channels * t + 1] = (float)(reactive + Noise / 2 * (random.NextDouble() - 0.5));
        }
        return new() { Class = name, Features = features };
    }

    /// <summary>Heats twice; a pump runs in between.</summary>
    private static Func<double, int, (double, double)> Dishwasher(Random random)
    {
        var (heat, first, second, pump) = (Between(random, 300, 900), Between(random, 0.1, 0.25), Between(random, 0.6, 0.8), random.Next(7, 10));
        return (part, t) => (part >= first && part < first + 0.15 || part >= second && part < second + 0.15 ? heat : t % pump < pump / 2 ? 180 : 90, 60);
    }

    /// <summary>A compressor that comes on and goes off.</summary>
    private static Func<double, int, (double, double)> Fridge(Random random)
    {
        var (load, period, phase) = (Between(random, 150, 500), random.Next(14, 20), random.Next(20));
        return (_, t) => (t + phase) % period < period / 2 ? (load, 0.5 * load) : (20, 0);
    }

    /// <summary>Heats once, turns the drum to and fro, and spins.</summary>
    private static Func<double, int, (double, double)> WashingMachine(Random random)
    {
        var (heat, start, turn, spin) = (Between(random, 300, 900), Between(random, 0.1, 0.4), random.Next(3, 6), Between(random, 200, 500));
        return (part, t) => part > 0.85 ? (spin, 0.4 * spin) : part >= start && part < start + 0.2 ? (heat, 40) : t % turn < turn - 1 ? (220, 130) : (40, 10);
    }

    private static double Between(Random random, double least, double most) => least + (most - least) * random.NextDouble();
}
