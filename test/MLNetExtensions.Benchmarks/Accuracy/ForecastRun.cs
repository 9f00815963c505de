using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Trains by the protocol of the published tables and measures the errors on all test windows, through the public interface alone.</summary>
internal static class ForecastRun
{
    private const string ForecastColumn = "Forecast";

    /// <summary>Writes the last lines of the output: a plain linear forecaster, then the one in question.</summary>
    /// <typeparam name="TOptions">The options of a forecaster.</typeparam>
    /// <param name="name">How the last line begins.</param>
    /// <param name="series">The series.</param>
    /// <param name="split">The rows of each part.</param>
    /// <param name="options">The options but for columns and validation.</param>
    /// <param name="create">Makes the forecaster.</param>
    public static void Run<TOptions>(string name, IDataView series, SplitRows split, TOptions options, Func<ForecastingCatalog, TOptions, IEstimator<ForecastingTransformer>> create)
        where TOptions : ForecastingOptions
    {
        var ml = new MLContext(options.Seed);
        var values = series.GetColumn<float[]>(CsvSeries.ColumnName).ToArray();
        var fitted = split.Training + split.Validation;
        var elapsed = new LastElapsed();
        options.InputColumnName = CsvSeries.ColumnName;
        options.OutputColumnName = ForecastColumn;
        options.ValidationFraction = (double)split.Validation / fitted;
        options.Progress = elapsed;
        Console.Error.WriteLine($"{values[0].Length} channels, {split.Training} training rows, {split.Validation} for validation, {split.Test} for the test");
        var model = create(ml.Forecasting, options).Fit(ml.Data.TakeRows(series, fitted));

        // The test begins one window early, so that its first forecast is for its first row.
        var before = fitted - options.WindowSize;
        var test = ml.Data.TakeRows(ml.Data.SkipRows(series, before), options.WindowSize + split.Test);
        var forecasts = model.Transform(test).GetColumn<float[]>(ForecastColumn);
        var deviations = Deviations(values.AsSpan(0, split.Training));
        var testRows = values[before..(fitted + split.Test)];
        var (mse, mae, windows) = Errors(forecasts, testRows, deviations, options);
        var expected = split.Test - options.Horizon + 1;
        if (windows != expected)
        {
            throw new InvalidOperationException($"{windows} test windows were forecast, expected {expected}.");
        }
        using var linear = new LinearForecaster(values.AsSpan(0, split.Training), deviations, options.WindowSize, options.Horizon);
        var (linearMse, linearMae, _) = Errors(linear.Forecast(testRows), testRows, deviations, options);
        Console.WriteLine($"{windows} test windows, {elapsed.Epochs} epochs, weights of epoch {elapsed.BestEpoch}, {model.ChannelNames.Count} channels, seed {options.Seed}");
        Console.WriteLine($"linear forecaster of the same window: mse={linearMse:F4} mae={linearMae:F4}");
        Finding.Add(name, "pack", "MSE", mse, elapsed.Seconds);
        Finding.Add(name, "linear forecaster of the same window", "MSE", linearMse);
        Finding.Add(name, "pack", "MAE", mae, elapsed.Seconds);
        Finding.Add(name, "linear forecaster of the same window", "MAE", linearMae);
        Console.WriteLine($"{name} mse={mse:F4} mae={mae:F4} seconds_per_epoch={elapsed.Seconds / elapsed.Epochs:F2}");
    }

    /// <summary>The scale of each channel. The means do not matter: they cancel in a difference.</summary>
    public static double[] Deviations(ReadOnlySpan<float[]> rows)
    {
        var values = new List<double>();
        foreach (var row in rows)
        {
            values.AddRange(row.Select(value => (double)value));
        }
        return ColumnScaler.Fit([.. values], rows[0].Length).Deviations;
    }

    /// <summary>The errors of all windows whose targets are there, on values divided by the scale of their channel.</summary>
    /// <param name="forecasts">The forecast from each row; what comes before the first whole window is not read.</param>
    /// <param name="actual">The rows.</param>
    /// <param name="deviations">The scale of each channel.</param>
    /// <param name="options">Window and horizon.</param>
    public static (double Mse, double Mae, int Windows) Errors(IEnumerable<float[]> forecasts, float[][] actual, double[] deviations, ForecastingOptions options)
    {
        double squared = 0, absolute = 0;
        var windows = 0;
        var row = -1;
        foreach (var forecast in forecasts)
        {
            row++;
            if (row < options.WindowSize - 1 || row + options.Horizon >= actual.Length)
            {
                continue;
            }
            windows++;
            for (var i = 0; i < forecast.Length; i++)
            {
                var channel = i % deviations.Length;
                var error = (forecast[i] - actual[row + 1 + i / deviations.Length][channel]) / deviations[channel];
                squared += error * error;
                absolute += Math.Abs(error);
            }
        }
        var count = (double)windows * options.Horizon * deviations.Length;
        return (squared / count, absolute / count, windows);
    }

    /// <summary>Writes every epoch to stderr and keeps the time, training and validation together.</summary>
    public sealed class LastElapsed : IProgress<TrainingProgress>
    {
        public int Epochs { get; private set; }

        public int BestEpoch { get; private set; }

        public double Seconds { get; private set; }

        public void Report(TrainingProgress value)
        {
            (Epochs, BestEpoch, Seconds) = (value.Epoch, value.BestEpoch, value.Elapsed.TotalSeconds);
            Console.Error.WriteLine(value);
        }
    }
}
