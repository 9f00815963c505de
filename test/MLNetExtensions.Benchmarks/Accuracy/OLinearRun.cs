using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Trains by the protocol of the published tables and measures the errors on all test windows, through the public interface alone.</summary>
internal static class OLinearRun
{
    private const string ForecastColumn = "Forecast";

    /// <summary>Writes the last line of the output.</summary>
    public static void Run(string name, IDataView series, SplitRows split, OLinearEstimator.Options options)
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
        var model = ml.Forecasting.ForecastByOLinear(options).Fit(ml.Data.TakeRows(series, fitted));

        // The test begins one window early, so that its first forecast is for its first row.
        var before = fitted - options.WindowSize;
        var test = ml.Data.TakeRows(ml.Data.SkipRows(series, before), options.WindowSize + split.Test);
        var forecasts = model.Transform(test).GetColumn<float[]>(ForecastColumn);
        var (mse, mae, windows) = Errors(forecasts, values.AsSpan(before, options.WindowSize + split.Test), Deviations(values.AsSpan(0, split.Training)), options);
        var expected = split.Test - options.Horizon + 1;
        if (windows != expected)
        {
            throw new InvalidOperationException($"{windows} test windows were forecast, expected {expected}.");
        }
        Console.WriteLine($"{windows} test windows, {elapsed.Epochs} epochs, weights of epoch {elapsed.BestEpoch}, {model.ChannelNames.Count} channels, seed {options.Seed}");
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

    private static (double Mse, double Mae, int Windows) Errors(IEnumerable<float[]> forecasts, ReadOnlySpan<float[]> actual, double[] deviations, OLinearEstimator.Options options)
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
