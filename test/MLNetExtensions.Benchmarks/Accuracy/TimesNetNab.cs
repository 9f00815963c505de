using Microsoft.ML;
using MLNetExtensions.TimeSeries;
using Samples;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>
/// Three files of the Numenta Anomaly Benchmark: trained on the rows before the first labelled window, tested on all rows after them, without point adjustment. Beside it the simplest rival, a rolling z-score, on
/// the same rows.
/// </summary>
internal static class TimesNetNab
{
    private const int WindowSize = 100;
    private const double Percentile = 99;
    private const string ValueColumn = "value";
    private const string LabelColumn = "anomaly_window";

    private static readonly (string Name, int TrainingRows)[] s_files = [("nyc_taxi", 5000), ("ec2_request_latency_system_failure", 2000), ("ambient_temperature_system_failure", 3500)];

    /// <summary>The means of area under the ROC curve and F1 over the files.</summary>
    public static (double AreaUnderRocCurve, double F1Score) Means(int seed, int? threads)
    {
        var (area, f1) = (0.0, 0.0);
        Console.WriteLine($"{"NAB",-36}{"",10}{"AUROC",8}{"AP",8}{"flagged",9}{"prec.",8}{"recall",8}{"F1",8}{"events",8}");
        foreach (var (name, training) in s_files)
        {
            var path = Repository.DataFile(Path.Combine("nab", name + ".csv.gz"));
            var table = SeriesFile.Load(path);
            var (values, labels) = (SeriesFile.Numbers(table, path, ValueColumn), SeriesFile.Numbers(table, path, LabelColumn));
            var network = TimesNet(values, labels, training, seed, threads);
            var rolling = RollingZScore(values, labels, training);
            Write(name, "TimesNet", network);
            Write("", "z-score", rolling);
            Finding.Add(name, "pack", "AUROC", network.AreaUnderRocCurve);
            Finding.Add(name, "rolling z-score", "AUROC", rolling.AreaUnderRocCurve);
            area += network.AreaUnderRocCurve / s_files.Length;
            f1 += network.F1Score / s_files.Length;
        }
        return (area, f1);
    }

    private static TimeSeriesAnomalyMetrics TimesNet(float[] values, float[] labels, int training, int seed, int? threads)
    {
        var ml = new MLContext(seed);
        var rows = values.Zip(labels, (value, label) => new Row { Value = value, Label = label }).ToArray();
        var elapsed = new ForecastRun.LastElapsed();
        using var model = ml.AnomalyDetection.Trainers.TimesNet(new TimesNetAnomalyDetectionTrainer.Options
        {
            InputColumnName = nameof(Row.Value),
            WindowSize = WindowSize,
            WindowStride = 2,
            ThresholdPercentile = Percentile,
            Network = { Width = 16, HiddenWidth = 16 },
            LearningRate = 1e-3,
            BatchSize = 64,
            MaximumNumberOfEpochs = 3,
            ValidationFraction = 0,
            Seed = seed,
            NumberOfThreads = threads,
            Progress = elapsed,
        }).Fit(ml.Data.LoadFromEnumerable(rows[..training]));
        return ml.AnomalyDetection.EvaluateTimeSeries(model.Transform(ml.Data.LoadFromEnumerable(rows[training..])));
    }

    /// <summary>By how many deviations a value lies off the mean of as many rows before it as a window has.</summary>
    private static TimeSeriesAnomalyMetrics RollingZScore(float[] values, float[] labels, int training)
    {
        var scores = new float[values.Length];
        for (var row = WindowSize; row < values.Length; row++)
        {
            var before = values.AsSpan(row - WindowSize, WindowSize).ToArray();
            var mean = before.Average(value => (double)value);
            var deviation = Math.Sqrt(before.Average(value => (value - mean) * (value - mean)));
            scores[row] = deviation > 0 ? (float)(Math.Abs(values[row] - mean) / deviation) : values[row] == mean ? 0 : float.PositiveInfinity;
        }
        var threshold = AnomalyScores.Percentile(scores[WindowSize..training].Select(score => (double)score), Percentile);
        var ml = new MLContext();
        return ml.AnomalyDetection.EvaluateTimeSeries(ml.Data.LoadFromEnumerable(Enumerable.Range(training, values.Length - training)
            .Select(row => new Scored { Label = labels[row], Score = scores[row], PredictedLabel = scores[row] > threshold })));
    }

    private static void Write(string name, string method, TimeSeriesAnomalyMetrics metrics)
        => Console.WriteLine($"{name,-36}{method,10}{metrics.AreaUnderRocCurve,8:F3}{metrics.AveragePrecision,8:F3}{(double)metrics.NumberOfFlaggedRows / metrics.NumberOfRows,9:P1}{metrics.Precision,8:F3}{metrics.Recall,8:F3}{metrics.F1Score,8:F3}"
            + $"{$"{metrics.EventRecall * metrics.NumberOfEvents:F0}/{metrics.NumberOfEvents}",8}");

    private sealed class Row
    {
        public float Value { get; set; }

        public float Label { get; set; }
    }

    private sealed class Scored
    {
        public float Label { get; set; }

        public float Score { get; set; }

        public bool PredictedLabel { get; set; }
    }
}
