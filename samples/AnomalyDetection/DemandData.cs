using System.Globalization;

namespace AnomalyDetection;

/// <summary>
/// Makes half a year of half-hourly demand: daily and weekly cycles and noise. In its second half things go wrong: spikes, a meter that is stuck, a holiday that looks like a Sunday, a shift of some hours, and a
/// cycle that runs late.
/// </summary>
internal static class DemandData
{
    public const string ValueColumn = "demand";
    public const string LabelColumn = "anomaly";

    private const int RowsPerDay = 48;
    private const int Days = 180;
    private const int Seed = 11;

    // What happens on which day, from which half hour on and for how many.
    private static readonly (int Day, int From, int Rows, Func<double, int, double> Change)[] s_events =
    [
        (96, 20, 3, (value, _) => value + 55),
        (104, 10, 20, (_, _) => 96),
        // A Wednesday.
        (114, 0, RowsPerDay, (_, step) => Demand(step, weekend: true)),
        (127, 28, 10, (value, _) => value - 35),
        (135, 36, 2, (value, _) => value - 50),
        (150, 0, RowsPerDay, (value, step) => Demand((step + RowsPerDay - 12) % RowsPerDay, weekend: false)),
        (163, 8, 24, (value, step) => value + (step % 2 == 0 ? 22 : -22)),
        (172, 30, 2, (value, _) => value + 60),
    ];

    public static void Write(string path)
    {
        var random = new Random(Seed);
        // A Sunday.
        var start = new DateTime(2023, 1, 1);
        var wander = 0.0;
        using var writer = new StreamWriter(path);
        writer.WriteLine($"time,{ValueColumn},{LabelColumn}");
        for (var row = 0; row < Days * RowsPerDay; row++)
        {
            var time = start.AddMinutes(30 * row);
            var (day, step) = (row / RowsPerDay, row % RowsPerDay);
            wander = 0.9 * wander + 1.2 * Normal(random);
            var value = Demand(step, time.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday) + wander + 1.5 * Normal(random);
            var happening = s_events.FirstOrDefault(one => one.Day == day && step >= one.From && step < one.From + one.Rows);
            if (happening.Change is not null)
            {
                value = happening.Change(value, step);
            }
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{time:yyyy-MM-dd HH:mm},{value:F1},{(happening.Change is null ? 0 : 1)}"));
        }
    }

    private static double Demand(int step, bool weekend)
    {
        var hour = step / 2.0;
        return 60 + (weekend ? 15 : 45) * Bump(hour, 10.5, 3) + 40 * Bump(hour, 19, 2.2) + (weekend ? 12 : 0) * Bump(hour, 13, 3);
    }

    private static double Bump(double hour, double centre, double width) => Math.Exp(-(hour - centre) * (hour - centre) / (2 * width * width));

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
