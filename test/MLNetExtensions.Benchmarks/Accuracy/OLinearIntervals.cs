using System.CommandLine;
using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>
/// The bounds of OLinear on ETTh1: how many test values they cover and how wide they are, beside bounds around the seasonal-naive forecast that are as wide as it takes
/// to cover as many.
/// </summary>
internal static class OLinearIntervals
{
    private const int Season = 24;

    // The rows before the test: 8640 for training, 1440 each for the choice of the epoch and for the calibration.
    private const int CalibrationRows = 1440;

    private static int Fitted => SplitRows.EttHourly.Training + SplitRows.EttHourly.Validation;

    public static Command Command()
    {
        var level = new Option<double>("--level") { Description = "The confidence level.", DefaultValueFactory = _ => 0.9 };
        var seed = new Option<int>("--seed") { Description = "The seed.", DefaultValueFactory = _ => 2023 };
        var epochs = new Option<int>("--epochs") { Description = "The most epochs to train.", DefaultValueFactory = _ => 30 };
        var threads = new Option<int?>("--threads") { Description = "The number of threads. Without it: the number of cores." };
        var command = new Command("olinear-intervals", "Coverage and width of the bounds of OLinear on ETTh1, beside those of seasonal naive at equal coverage.") { level, seed, epochs, threads };
        command.SetAction(arguments => Run(arguments.GetValue(level), OLinearEtth1.PaperOptions(arguments.GetValue(seed), arguments.GetValue(epochs), arguments.GetValue(threads))));
        return command;
    }

    private static void Run(double level, OLinearEstimator.Options options)
    {
        var ml = new MLContext(options.Seed);
        var series = CsvSeries.Load(ml, Repository.DataFile("ETTh1.csv"));
        var values = series.GetColumn<float[]>(CsvSeries.ColumnName).Take(Fitted + SplitRows.EttHourly.Test).ToArray();
        options.InputColumnName = CsvSeries.ColumnName;
        options.ConfidenceLowerBoundColumnName = nameof(Bounds.Lower);
        options.ConfidenceUpperBoundColumnName = nameof(Bounds.Upper);
        options.ConfidenceLevel = level;
        options.CalibrationFraction = (double)CalibrationRows / Fitted;
        options.ValidationFraction = 1 - (double)SplitRows.EttHourly.Training / (Fitted - CalibrationRows);
        var elapsed = new ForecastRun.LastElapsed();
        options.Progress = elapsed;
        using var model = ml.Forecasting.ForecastByOLinear(options).Fit(ml.Data.TakeRows(series, Fitted));

        var deviations = ForecastRun.Deviations(values.AsSpan(0, SplitRows.EttHourly.Training));
        var before = Fitted - options.WindowSize;
        var test = ml.Data.TakeRows(ml.Data.SkipRows(series, before), options.WindowSize + SplitRows.EttHourly.Test);
        double width = 0;
        long inside = 0, count = 0;
        foreach (var (row, bounds) in ml.Data.CreateEnumerable<Bounds>(model.Transform(test), reuseRowObject: true).Index())
        {
            var origin = before + row;
            if (row < options.WindowSize - 1 || origin + options.Horizon >= values.Length)
            {
                continue;
            }
            for (var i = 0; i < bounds.Lower.Length; i++)
            {
                var (step, channel) = (i / deviations.Length, i % deviations.Length);
                var actual = values[origin + 1 + step][channel];
                inside += actual >= bounds.Lower[i] && actual <= bounds.Upper[i] ? 1 : 0;
                width += (bounds.Upper[i] - bounds.Lower[i]) / deviations[channel];
                count++;
            }
        }
        var coverage = (double)inside / count;
        var naive = Naive(values, options.Horizon, level, coverage, deviations);
        Console.WriteLine($"{count / options.Horizon / deviations.Length} test windows, {elapsed.Epochs} epochs, weights of epoch {elapsed.BestEpoch}, seed {options.Seed}, level {level}");
        Console.WriteLine($"seasonal naive: coverage {naive.Coverage:F4}, width {naive.CalibratedWidth:F4} as calibrated; its widths times {naive.Factor:F4} cover {coverage:F4} of the test values");
        Finding.Add("ETTh1, bounds", "pack", "width", width / count, elapsed.Seconds);
        Finding.Add("ETTh1, bounds", "seasonal naive of the same coverage", "width", naive.Factor * naive.CalibratedWidth);
        Console.WriteLine($"olinear-intervals coverage={coverage:F4} width={width / count:F4} naive_width={naive.Factor * naive.CalibratedWidth:F4}");
    }

    /// <summary>Bounds from the errors of the calibration windows, by the same rule, per step and channel; then one factor for all of them that makes the coverages equal.</summary>
    private static (double Coverage, double CalibratedWidth, double Factor) Naive(float[][] values, int horizon, double level, double wanted, double[] deviations)
    {
        double width = 0;
        var ratios = new List<double>();
        for (var channel = 0; channel < deviations.Length; channel++)
        {
            for (var step = 1; step <= horizon; step++)
            {
                double[] calibration = [.. Errors(Fitted - CalibrationRows, Fitted, step, channel).Order()];
                var quantile = calibration[Math.Min((int)Math.Ceiling((calibration.Length + 1) * level), calibration.Length) - 1];
                width += 2 * quantile / deviations[channel] / (horizon * deviations.Length);
                ratios.AddRange(Errors(Fitted, values.Length, step, channel).Select(error => error / quantile));
            }
        }
        ratios.Sort();
        return ((double)ratios.Count(ratio => ratio <= 1) / ratios.Count, width, ratios[Math.Max((int)Math.Round(wanted * ratios.Count), 1) - 1]);

        // Of all windows whose targets lie within the rows: the last row of each is the one before its first target.
        IEnumerable<double> Errors(int first, int end, int step, int channel)
        {
            var back = Season * ((step + Season - 1) / Season);
            for (var origin = first - 1; origin + horizon < end; origin++)
            {
                yield return Math.Abs((double)values[origin + step][channel] - values[origin + step - back][channel]);
            }
        }
    }

    private sealed class Bounds
    {
        public float[] Lower { get; set; } = [];

        public float[] Upper { get; set; } = [];
    }
}
