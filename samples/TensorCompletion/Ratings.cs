using Microsoft.ML;
using Samples;

namespace TensorCompletion;

/// <summary>A film that a user rated at a time of day.</summary>
internal sealed class Rating
{
    public string User { get; set; } = "";

    public string Film { get; set; } = "";

    public string Time { get; set; } = "";

    public float Stars { get; set; }
}

/// <summary>Makes ratings up: users and films have tastes, and a taste counts more at one time of day than at another. Some users rate a lot, most little.</summary>
internal static class Ratings
{
    private const int Users = 120, Films = 60, Tastes = 2;
    private const int Count = 4000;
    private const double Noise = 0.3;

    private static readonly string[] s_times = ["morning", "noon", "evening", "night"];

    public static Cells Generate(MLContext ml, int seed)
    {
        var random = new Random(seed);
        var (users, films) = (Vectors(Users, 0), Vectors(Films, 0));
        // At some times a taste counts more, at others less.
        var times = Vectors(s_times.Length, 1);
        double[] userShifts = [.. users.Select(_ => 0.4 * Normal())];
        double[] filmShifts = [.. films.Select(_ => 0.4 * Normal())];
        var ratings = new Dictionary<(int, int, int), Rating>();
        while (ratings.Count < Count)
        {
            // The square makes low numbers frequent.
            var user = (int)(Users * Math.Pow(random.NextDouble(), 2));
            var (film, time) = (random.Next(Films), random.Next(s_times.Length));
            var taste = Enumerable.Range(0, Tastes).Sum(i => users[user][i] * films[film][i] * times[time][i]);
            var stars = 3 + userShifts[user] + filmShifts[film] + 0.5 * taste + Noise * Normal();
            ratings.TryAdd((user, film, time), new() { User = $"user {user + 1:D3}", Film = $"film {film + 1:D2}", Time = s_times[time], Stars = (float)Math.Clamp(stars, 1, 5) });
        }
        return new(ml.Data.LoadFromEnumerable(ratings.Values), [nameof(Rating.User), nameof(Rating.Film), nameof(Rating.Time)], nameof(Rating.Stars));

        double[][] Vectors(int count, double mean) => [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, Tastes).Select(_ => mean + (mean == 0 ? 1 : 0.5) * Normal()).ToArray())];

        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }
}
