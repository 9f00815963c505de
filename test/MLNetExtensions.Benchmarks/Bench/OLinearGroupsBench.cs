using System.CommandLine;
using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>Many short series in one view: one model, one fit, one pass of scoring.</summary>
internal static class OLinearGroupsBench
{
    private const int Window = 24;
    private const int Horizon = 12;

    public static Command Command()
    {
        var series = new Option<int>("--series") { Description = "The number of series, whose rows alternate.", DefaultValueFactory = _ => 1000 };
        var rows = new Option<int>("--rows") { Description = "The number of rows of each.", DefaultValueFactory = _ => 200 };
        var epochs = new Option<int>("--epochs") { Description = "The epochs to train.", DefaultValueFactory = _ => 1 };
        var command = new Command("olinear-groups", "OLinear on many short series in one view.") { series, rows, epochs };
        command.SetAction(arguments => Run(arguments.GetValue(series), arguments.GetValue(rows), arguments.GetValue(epochs)));
        return command;
    }

    private static void Run(int series, int rows, int epochs)
    {
        var ml = new MLContext(1);
        // Cached, so that the time of making the rows does not count.
        var view = ml.Data.Cache(ml.Data.LoadFromEnumerable(Rows(series, rows)));
        using (var cursor = view.GetRowCursor(view.Schema))
        {
            while (cursor.MoveNext())
            {
            }
        }
        var estimator = ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options
        {
            InputColumnName = nameof(Row.Value),
            GroupColumnName = nameof(Row.Series),
            StandardizePerGroup = true,
            WindowSize = Window,
            Horizon = Horizon,
            Width = 64,
            NumberOfLayers = 1,
            DropoutRate = 0,
            BatchSize = 256,
            ValidationFraction = 0,
            MaximumNumberOfEpochs = epochs,
            Seed = 1,
        });
        var clock = Stopwatch.StartNew();
        using var model = estimator.Fit(view);
        var fit = clock.Elapsed.TotalMilliseconds;
        Console.Error.WriteLine($"fitted in {fit / 1000:F1} s");

        clock.Restart();
        var finite = model.Transform(view).GetColumn<VBuffer<float>>("Forecast").LongCount(forecast => float.IsFinite(forecast.GetValues()[0]));
        var score = clock.Elapsed.TotalMilliseconds;
        // Each series has its own window.
        var expected = (long)series * (rows - Window + 1);
        if (finite != expected)
        {
            throw new InvalidOperationException($"{finite} rows were forecast, expected {expected}.");
        }
        Console.WriteLine($"{series:N0} series of {rows} rows, {Window} -> {Horizon}, width 64, one layer, batch 256, {epochs} epoch(s), {(long)series * (rows - Window - Horizon + 1):N0} windows: fit {fit / 1000:F2} s, {finite:N0} forecasts {score / 1000:F2} s");
        Console.WriteLine($"olinear-groups fit_ms_per_series={fit / series:F3} score_ms_per_series={score / series:F3}");
    }

    private static IEnumerable<Row> Rows(int series, int rows)
    {
        var random = new Random(1);
        string[] names = [.. Enumerable.Range(0, series).Select(i => $"series {i}")];
        for (var t = 0; t < rows; t++)
        {
            for (var i = 0; i < series; i++)
            {
                yield return new() { Series = names[i], Value = 100 * (i + 1) + (1 + i % 9) * (MathF.Sin(MathF.Tau * (t + i) / 12) + 0.2f * random.NextSingle()) };
            }
        }
    }

    private sealed class Row
    {
        public string Series { get; set; } = "";

        public float Value { get; set; }
    }
}
