namespace MLNetExtensions.TimeSeries;

/// <summary>The rows whose scores decide what counts as an anomaly.</summary>
public enum ThresholdSource
{
    /// <summary>The rows that were trained on.</summary>
    Training,

    /// <summary>The rows that chose the best epoch, which the weights never saw.</summary>
    Validation,
}

public sealed partial class TimesNetAnomalyDetectionTrainer
{
    /// <summary>
    /// The options of <see cref="TimesNetAnomalyDetectionTrainer"/>. The defaults are those of the paper: windows of 100 rows, a batch of 128, a learning rate of 1e-4, at most 10 epochs. On some thousand rows take
    /// a learning rate of 1e-3 and a batch of 32 to 64; for speed a <see cref="TimesNetOptions.Width"/> of 16, and a <see cref="TimesNetReconstructionOptions.WindowStride"/> of some rows.
    /// </summary>
    public sealed class Options : TimesNetReconstructionOptions
    {
        /// <summary>Creates the options with their defaults.</summary>
        public Options()
            : base(smallestWidth: 32, largestWidth: 128)
        {
            InputColumnName = TimesNetAnomalyDetectionTrainer.Defaults.InputColumnName;
            WindowSize = TimesNetAnomalyDetectionTrainer.Defaults.WindowSize;
            BatchSize = TimesNetAnomalyDetectionTrainer.Defaults.BatchSize;
            LearningRate = TimesNetAnomalyDetectionTrainer.Defaults.LearningRate;
        }

        /// <summary>
        /// The percentile of the scores of <see cref="ThresholdSource"/> above which a row is an anomaly, linear between neighbouring scores. Should be within [0, 100]. The default is 99: of
        /// data like that of the training one row in a hundred is flagged.
        /// </summary>
        public double ThresholdPercentile { get; set; } = TimesNetAnomalyDetectionTrainer.Defaults.ThresholdPercentile;

        /// <summary>The rows that the threshold is computed of. The default is <see cref="ThresholdSource.Training"/>.</summary>
        public ThresholdSource ThresholdSource { get; set; }

        /// <summary>The name of a column with what the network expects in the place of the input, in its units. Null (default): none.</summary>
        public string? ExpectedColumnName { get; set; }
    }

    /// <summary>The numbers that the simple overload shares.</summary>
    internal static class Defaults
    {
        internal const string InputColumnName = "Features";
        internal const int WindowSize = 100;
        internal const int BatchSize = 128;
        internal const double LearningRate = 1e-4;
        internal const double ThresholdPercentile = 99;
    }
}
