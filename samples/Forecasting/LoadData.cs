using System.Globalization;

namespace Forecasting;

/// <summary>
/// Makes three years of hourly load in six regions: daily, weekly and yearly cycles, growth, weather that moves from region to region, noise, and outages, in which
/// the load drops to zero.
/// </summary>
internal static class LoadData
{
    public const int HoursPerWeek = 7 * 24;

    private const int Hours = 3 * 365 * 24;
    private const int Seed = 7;

    // What a region consists of: people, offices, factories (MW), and MW per degree of heating and cooling.
    private static readonly (string Name, double Homes, double Offices, double Factories, double Heating, double Cooling)[] s_regions =
    [
        ("North", 60, 20, 15, 2.4, 0.6),
        ("East", 45, 25, 40, 1.6, 0.8),
        ("South", 70, 30, 10, 1.8, 2.2),
        ("West", 40, 15, 60, 1.2, 0.7),
        ("Centre", 35, 90, 5, 1.5, 2.8),
        ("Harbour", 20, 25, 90, 0.8, 0.9),
    ];

    public static void Write(string path)
    {
        var random = new Random(Seed);
        var start = new DateTime(2022, 1, 1);
        var weather = Wander(random, Hours, persistence: 0.985, scale: 0.7);
        var noise = s_regions.Select(_ => Wander(random, Hours, persistence: 0.8, scale: 0.9)).ToArray();
        var outageEnds = new int[s_regions.Length];

        using var writer = new StreamWriter(path);
        writer.WriteLine("time," + string.Join(',', s_regions.Select(region => region.Name)));
        for (var hour = 0; hour < Hours; hour++)
        {
            var time = start.AddHours(hour);
            writer.Write(time.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture));
            for (var r = 0; r < s_regions.Length; r++)
            {
                if (random.NextDouble() < 1 / 4000.0)
                {
                    outageEnds[r] = hour + random.Next(2, 9);
                }
                // A front needs three hours from one region to the next.
                var temperature = Climate(time) + weather[Math.Max(0, hour - 3 * r)];
                var load = hour < outageEnds[r] ? 0 : Load(r, time, temperature) + noise[r][hour] + Normal(random);
                writer.Write(string.Create(CultureInfo.InvariantCulture, $",{Math.Max(0, load):F1}"));
            }
            writer.WriteLine();
        }
    }

    private static double Load(int r, DateTime time, double temperature)
    {
        var region = s_regions[r];
        var hour = time.TimeOfDay.TotalHours;
        var weekend = time.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday;
        var homes = 0.5 + 0.2 * Bump(hour, weekend ? 10 : 7.5, 2) + 0.5 * Bump(hour, 19.5, 2.5);
        var offices = 0.3 + (weekend ? 0.15 : 0.7) * Bump(hour, 13, 4);
        var factories = weekend ? 0.45 : 0.6 + 0.3 * Bump(hour, 13, 6);
        var growth = 1 + 0.04 * time.DayOfYear / 365 + 0.04 * (time.Year - 2022);
        return growth * (region.Homes * homes + region.Offices * offices + region.Factories * factories)
            + region.Heating * Math.Max(0, 15 - temperature) + region.Cooling * Math.Max(0, temperature - 21);
    }

    // Degrees by season and time of day: coldest in mid January and at 3 in the morning.
    private static double Climate(DateTime time)
        => 11 - 10 * Math.Cos(2 * Math.PI * (time.DayOfYear - 15) / 365) - 4 * Math.Cos(2 * Math.PI * (time.Hour - 3) / 24);

    private static double Bump(double hour, double centre, double width) => Math.Exp(-(hour - centre) * (hour - centre) / (2 * width * width));

    private static double[] Wander(Random random, int length, double persistence, double scale)
    {
        var values = new double[length];
        for (var i = 1; i < length; i++)
        {
            values[i] = persistence * values[i - 1] + scale * Normal(random);
        }
        return values;
    }

    private static double Normal(Random random)
        => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
