using System.CommandLine;
using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>Whether scoring keeps its memory however many rows there are.</summary>
internal static class ScoreMemoryBench
{
    private const int Window = 8;
    private const int Horizon = 2;
    private const int TrainingRows = 2000;
    private const double Megabyte = 1 << 20;

    public static Command Command()
    {
        var rows = new Option<int>("--rows") { Description = "The number of rows to score.", DefaultValueFactory = _ => 10_000_000 };
        var command = new Command("score-memory", "Scores a long generated series row by row and watches the memory of the process.") { rows };
        rows.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() < 10 * Window)
            {
                result.AddError($"--rows must be at least {10 * Window}.");
            }
        });
        command.SetAction(arguments => Run(arguments.GetValue(rows)));
        return command;
    }

    private static void Run(int rows)
    {
        var ml = new MLContext(1);
        using var model = ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options
        {
            InputColumnName = nameof(Row.Value),
            WindowSize = Window,
            Horizon = Horizon,
            Width = 16,
            NumberOfLayers = 1,
            MaximumNumberOfEpochs = 1,
        }).Fit(ml.Data.LoadFromEnumerable(Rows(TrainingRows)));

        // Rows that are made when they are asked for, and nothing that keeps them.
        var scored = model.Transform(ml.Data.LoadFromEnumerable(Rows(rows)));
        var column = scored.Schema["Forecast"];
        var clock = Stopwatch.StartNew();
        var resident = new Dictionary<long, double>();
        long[] marks = [rows / 10, rows / 2, rows];
        long finite = 0;
        using (var cursor = scored.GetRowCursor([column]))
        {
            var getter = cursor.GetGetter<VBuffer<float>>(column);
            VBuffer<float> forecast = default;
            while (cursor.MoveNext())
            {
                getter(ref forecast);
                finite += float.IsFinite(forecast.GetValues()[0]) ? 1 : 0;
                var read = cursor.Position + 1;
                if (Array.IndexOf(marks, read) >= 0)
                {
                    resident[read] = Environment.WorkingSet / Megabyte;
                    Console.Error.WriteLine($"{read,12:N0} rows: {resident[read]:F1} MB resident, {GC.GetTotalMemory(forceFullCollection: false) / Megabyte:F1} MB managed, {clock.Elapsed.TotalSeconds:F1} s");
                }
            }
        }
        if (finite != rows - Window + 1)
        {
            throw new InvalidOperationException($"{finite} rows were forecast, expected {rows - Window + 1}.");
        }
        Console.WriteLine($"{rows:N0} rows, window {Window}, width 16, one layer");
        Console.WriteLine($"score-memory rss_growth_mb={resident[marks[^1]] - resident[marks[0]]:F1} rss_mb={resident[marks[^1]]:F1} rows_per_second={rows / clock.Elapsed.TotalSeconds:F0}");
    }

    private static IEnumerable<Row> Rows(int count)
    {
        var row = new Row();
        for (var i = 0; i < count; i++)
        {
            row.Value = MathF.Sin(i % 1000 / 3f) + i % 7;
            yield return row;
        }
    }

    private sealed class Row
    {
        public float Value { get; set; }
    }
}
