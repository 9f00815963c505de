using System.Globalization;

namespace TensorDecomposition;

/// <summary>
/// Makes a year of temperatures at forty stations, each measured now and then, at any hour: the seasons, stronger in the north; a gradient from south to north; weather that wanders from west to east; noise.
/// </summary>
internal static class StationData
{
    public static readonly string[] CoordinateColumns = ["longitude", "latitude", "day"];

    public const string ValueColumn = "temperature";

    private const int Stations = 40;
    private const int RowsPerStation = 110;
    private const int Days = 365;
    private const double Noise = 1;
    private const int Seed = 7;

    /// <summary>The temperature without noise.</summary>
    public static double Truth(double longitude, double latitude, double day)
    {
        var (north, east) = ((latitude - 45) / 10, (longitude - 10) / 15);
        var season = -Math.Cos(2 * Math.PI * (day - 20) / Days);
        var weather = Math.Cos(2 * Math.PI * day / 37) + 0.7 * Math.Sin(2 * Math.PI * day / 53 + 1);
        var front = Math.Sin(2 * Math.PI * day / 37) - 0.7 * Math.Cos(2 * Math.PI * day / 53 + 1);
        return 11 - 7 * north + (10 + 3 * north) * season + 3 * weather * Math.Cos(2 * east) + 3 * front * Math.Sin(2 * east);
    }

    public static void Write(string path)
    {
        var random = new Random(Seed);
        using var writer = new StreamWriter(path);
        writer.WriteLine(string.Join(',', [.. CoordinateColumns, ValueColumn]));
        for (var station = 0; station < Stations; station++)
        {
            var (latitude, longitude) = (Math.Round(36 + 20 * random.NextDouble(), 2), Math.Round(-5 + 30 * random.NextDouble(), 2));
            for (var row = 0; row < RowsPerStation; row++)
            {
                var day = Math.Round(Days * random.NextDouble(), 2);
                writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{longitude},{latitude},{day},{Truth(longitude, latitude, day) + Noise * Normal(random):F2}"));
            }
        }
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
