namespace TimeSeries;

/// <summary>
/// Makes half a year of hourly light, temperature and humidity in a greenhouse: the temperature follows the light of the last hours, and the humidity falls as it rises. Sensors fail for some hours, one by one.
/// </summary>
internal static class Greenhouse
{
    public static readonly string[] Channels = ["light", "temperature", "humidity"];

    private const int Hours = 180 * 24;
    private const int Seed = 5;

    public static float[][] Truth()
    {
        var random = new Random(Seed);
        var rows = new float[Hours][];
        var (clouds, warmth, wander) = (0.0, 0.0, 0.0);
        for (var hour = 0; hour < Hours; hour++)
        {
            clouds = 0.95 * clouds + 0.3 * Normal(random);
            wander = 0.98 * wander + 0.15 * Normal(random);
            var sun = Math.Max(0, Math.Sin(Math.Tau * (hour % 24 - 6) / 24));
            var light = sun / (1 + Math.Exp(clouds));
            warmth += 0.35 * (light - warmth);
            var temperature = 14 + 18 * warmth + wander + 0.2 * Normal(random);
            var humidity = 95 - 2.4 * (temperature - 14) + 1.5 * Normal(random);
            rows[hour] = [(float)(1000 * light), (float)temperature, (float)Math.Clamp(humidity, 20, 100)];
        }
        return rows;
    }

    /// <summary>The same rows with NaN where a sensor failed: about an eighth of the values, in blocks of 1 to 24 hours.</summary>
    public static float[][] WithGaps(float[][] truth)
    {
        var random = new Random(Seed + 1);
        float[][] rows = [.. truth.Select(row => row.ToArray())];
        for (var channel = 0; channel < Channels.Length; channel++)
        {
            for (var hour = 24; hour < rows.Length - 24; hour++)
            {
                if (random.NextDouble() < 0.011)
                {
                    var end = hour + random.Next(1, 25);
                    for (; hour < Math.Min(end, rows.Length - 24); hour++)
                    {
                        rows[hour][channel] = float.NaN;
                    }
                }
            }
        }
        return rows;
    }

    /// <summary>The simplest rival: lines between the values on both sides of a gap.</summary>
    public static float[][] Interpolate(float[][] rows)
    {
        float[][] filled = [.. rows.Select(row => row.ToArray())];
        for (var channel = 0; channel < Channels.Length; channel++)
        {
            var last = 0;
            for (var row = 1; row < rows.Length; row++)
            {
                if (!float.IsNaN(rows[row][channel]))
                {
                    for (var gap = last + 1; gap < row; gap++)
                    {
                        filled[gap][channel] = rows[last][channel] + (rows[row][channel] - rows[last][channel]) * (gap - last) / (row - last);
                    }
                    last = row;
                }
            }
        }
        return filled;
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
