using MLNetExtensions;
using MLNetExtensions.TimeSeries;

namespace Microsoft.ML;

/// <summary>Anomaly detectors of series, and what goes with them, for <see cref="MLContext.AnomalyDetection"/>.</summary>
public static class AnomalyDetectionCatalogExtensions
{
    /// <summary>Creates a <see cref="TimesNetAnomalyDetectionTrainer"/>: finds the rows of series that a network, trained on normal ones, does not reconstruct. No label is read.</summary>
    /// <param name="catalog">The trainers of the anomaly detection catalog.</param>
    /// <param name="inputColumnName">The column with the series, one row per time step: Single or Double, scalar or a vector of known size.</param>
    /// <param name="windowSize">The number of rows that are looked at together. At least 6.</param>
    /// <param name="thresholdPercentile">The percentile of the scores of the training rows above which a row is an anomaly. Within [0, 100].</param>
    /// <param name="groupColumnName">A key or text column that says to which of many series a row belongs. Null: all rows are one series.</param>
    /// <param name="timeColumnName">A DateTime column by which training makes sure that time does not go backwards within a series. Null: none.</param>
    /// <param name="expectedColumnName">The name of a column with what the network expects in the place of the input. Null: none.</param>
    /// <param name="maximumNumberOfEpochs">The most epochs to train; training ends sooner when the validation loss stops falling. Positive.</param>
    /// <param name="learningRate">The learning rate of the first epoch. Positive.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty or a number is out of its range.</exception>
    public static TimesNetAnomalyDetectionTrainer TimesNet(this AnomalyDetectionCatalog.AnomalyDetectionTrainers catalog, string inputColumnName = TimesNetAnomalyDetectionTrainer.Defaults.InputColumnName,
        int windowSize = TimesNetAnomalyDetectionTrainer.Defaults.WindowSize, double thresholdPercentile = TimesNetAnomalyDetectionTrainer.Defaults.ThresholdPercentile, string? groupColumnName = null,
        string? timeColumnName = null, string? expectedColumnName = null, int maximumNumberOfEpochs = TimesNetReconstructionOptions.Defaults.MaximumNumberOfEpochs,
        double learningRate = TimesNetAnomalyDetectionTrainer.Defaults.LearningRate)
        => new(Check.Environment(catalog), new TimesNetAnomalyDetectionTrainer.Options
        {
            InputColumnName = inputColumnName,
            WindowSize = windowSize,
            ThresholdPercentile = thresholdPercentile,
            GroupColumnName = groupColumnName,
            TimeColumnName = timeColumnName,
            ExpectedColumnName = expectedColumnName,
            MaximumNumberOfEpochs = maximumNumberOfEpochs,
            LearningRate = learningRate,
        });

    /// <summary>Creates a <see cref="TimesNetAnomalyDetectionTrainer"/> with all its options.</summary>
    /// <param name="catalog">The trainers of the anomaly detection catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static TimesNetAnomalyDetectionTrainer TimesNet(this AnomalyDetectionCatalog.AnomalyDetectionTrainers catalog, TimesNetAnomalyDetectionTrainer.Options options)
        => new(Check.Environment(catalog), options);

    /// <summary>
    /// Compares the scores and flags of an anomaly detector with labels, row by row and by event. Unlike <c>Evaluate</c> of ML.NET it knows events (runs of neighbouring anomalous rows of one series) and average
    /// precision, and it takes Boolean labels.
    /// </summary>
    /// <remarks>
    /// Point adjustment counts an event as found in all its rows as soon as one of them is flagged. Published tables often use it, and it flatters: one lucky row turns an event of 200 rows into 200 hits, while
    /// each false alarm counts once. Flags drawn at random with a probability of 1 % hit such an event with a probability of 87 %, so that chance ranks beside good detectors. Use it to compare with such tables,
    /// never to judge a detector: look at the rows, at <see cref="TimeSeriesAnomalyMetrics.EventRecall"/> together with the false alarms, and at the two areas, which need no threshold.
    /// </remarks>
    /// <param name="catalog">The anomaly detection catalog.</param>
    /// <param name="data">Scored data, in the order of the series.</param>
    /// <param name="labelColumnName">What is true: Single, Double or Boolean, an anomaly above 0, or a key of two values, of which the second is the anomaly. NaN and missing keys are left out.</param>
    /// <param name="scoreColumnName">The scores: Single, the larger the more anomalous. Rows with NaN are left out.</param>
    /// <param name="predictedLabelColumnName">The flags: Boolean.</param>
    /// <param name="groupColumnName">The key or text column that tells which series a row belongs to; rows of several may be interleaved. Null: all rows are one series.</param>
    /// <param name="pointAdjustment">Whether to adjust the flags before precision, recall and F1 are computed. It flatters: see the remarks.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="data"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">No row can be evaluated.</exception>
    public static TimeSeriesAnomalyMetrics EvaluateTimeSeries(this AnomalyDetectionCatalog catalog, IDataView data, string labelColumnName = "Label", string scoreColumnName = ScoreColumns.Score,
        string predictedLabelColumnName = ScoreColumns.PredictedLabel, string? groupColumnName = null, bool pointAdjustment = false)
        => AnomalyEvaluator.Evaluate(Check.Environment(catalog), data, labelColumnName, scoreColumnName, predictedLabelColumnName, groupColumnName, pointAdjustment);
}
