using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>ETTh1 with 12.5 % of the values missing, by the protocol and with the hyper-parameters of the paper's scripts, through the public interface alone.</summary>
internal static class TimesNetImputation
{
    private const int WindowSize = 96;
    private const double Missing = 0.125;

    /// <summary>The mean squared error of all missing values of all test windows, standardised.</summary>
    public static double MeanSquaredError(int seed, int epochs, int? threads)
    {
        var ml = new MLContext(seed);
        var series = CsvSeries.Load(ml, Repository.DataFile("ETTh1.csv"));
        var values = series.GetColumn<float[]>(CsvSeries.ColumnName).ToArray();
        var split = SplitRows.EttHourly;
        var fitted = split.Training + split.Validation;
        var elapsed = new ForecastRun.LastElapsed();
        using var model = ml.Transforms.ImputeByTimesNet(new TimesNetImputingEstimator.Options
        {
            InputColumnName = CsvSeries.ColumnName,
            WindowSize = WindowSize,
            MaskRate = Missing,
            Network = { Width = 16, HiddenWidth = 32 },
            MaximumNumberOfEpochs = epochs,
            ValidationFraction = (double)split.Validation / fitted,
            Seed = seed,
            NumberOfThreads = threads,
            Progress = elapsed,
        }).Fit(ml.Data.TakeRows(series, fitted));

        // Every window of the test rows, one after the other: scoring takes them one by one.
        var first = fitted - WindowSize;
        float[][] truth = [.. Enumerable.Range(first, split.Test + 1).SelectMany(start => values[start..(start + WindowSize)])];
        var random = new Random(seed);
        float[][] gaps = [.. truth.Select(row => row.Select(value => random.NextDouble() < Missing ? float.NaN : value).ToArray())];
        var definition = SchemaDefinition.Create(typeof(Row));
        definition[nameof(Row.Values)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, truth[0].Length);
        var view = ml.Data.LoadFromEnumerable(gaps.Select(row => new Row { Values = row }), definition);
        var deviations = ForecastRun.Deviations(values.AsSpan(0, split.Training));
        var network = Errors(truth, gaps, [.. model.Transform(view).GetColumn<float[]>(CsvSeries.ColumnName)], deviations);
        var lines = Errors(truth, gaps, Interpolate(gaps), deviations);
        Console.WriteLine($"ETTh1, {split.Test + 1} test windows, {elapsed.Epochs} epochs, weights of epoch {elapsed.BestEpoch}, {elapsed.Seconds / elapsed.Epochs:F1} s per epoch, seed {seed}");
        Console.WriteLine($"  {Missing:P1} missing   TimesNet mse {network.Squared:F4} mae {network.Absolute:F4}   lines between neighbours mse {lines.Squared:F4} mae {lines.Absolute:F4}");
        Finding.Add($"ETTh1, {Missing:P1} missing", "pack", "MSE", network.Squared, elapsed.Seconds);
        Finding.Add($"ETTh1, {Missing:P1} missing", "lines between neighbours", "MSE", lines.Squared);
        return network.Squared;
    }

    private static (double Squared, double Absolute) Errors(float[][] truth, float[][] gaps, float[][] filled, double[] deviations)
    {
        var (squared, absolute, count) = (0.0, 0.0, 0L);
        for (var row = 0; row < truth.Length; row++)
        {
            for (var channel = 0; channel < deviations.Length; channel++)
            {
                if (float.IsNaN(gaps[row][channel]))
                {
                    var error = (filled[row][channel] - truth[row][channel]) / deviations[channel];
                    squared += error * error;
                    absolute += Math.Abs(error);
                    count++;
                }
            }
        }
        return (squared / count, absolute / count);
    }

    /// <summary>Lines between the values that are there, in each window by itself; the ends get the nearest.</summary>
    private static float[][] Interpolate(float[][] gaps)
    {
        float[][] filled = [.. gaps.Select(row => row.ToArray())];
        for (var start = 0; start < gaps.Length; start += WindowSize)
        {
            for (var channel = 0; channel < gaps[0].Length; channel++)
            {
                int[] known = [.. Enumerable.Range(start, WindowSize).Where(row => !float.IsNaN(gaps[row][channel]))];
                for (var row = start; row < start + WindowSize; row++)
                {
                    var after = Array.FindIndex(known, other => other >= row);
                    var (left, right) = (known[after < 0 ? ^1 : Math.Max(0, after - 1)], known[after < 0 ? ^1 : after]);
                    var part = row <= left ? 0 : row >= right ? 1 : (float)(row - left) / (right - left);
                    filled[row][channel] = gaps[left][channel] + part * (gaps[right][channel] - gaps[left][channel]);
                }
            }
        }
        return filled;
    }

    private sealed class Row
    {
        public float[] Values { get; set; } = [];
    }
}
