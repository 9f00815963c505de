namespace MLNetExtensions.TimeSeries;

public sealed partial class TimesNetImputingEstimator
{
    /// <summary>
    /// The options of <see cref="TimesNetImputingEstimator"/>. The defaults are those of the paper: windows of 96 rows, a batch of 16, a learning rate of 1e-3, at most 10 epochs. For speed take a
    /// <see cref="TimesNetOptions.Width"/> of 16 to 32, and a <see cref="TimesNetReconstructionOptions.WindowStride"/> of some rows on long series.
    /// </summary>
    public sealed class Options : TimesNetReconstructionOptions
    {
        /// <summary>Creates the options with their defaults.</summary>
        public Options()
            : base(smallestWidth: 64, largestWidth: 128)
        {
            WindowSize = TimesNetImputingEstimator.Defaults.WindowSize;
            BatchSize = TimesNetImputingEstimator.Defaults.BatchSize;
            LearningRate = TimesNetImputingEstimator.Defaults.LearningRate;
        }

        /// <summary>The name of the column with the gaps filled. Null (default): as the input column, which it hides.</summary>
        public string? OutputColumnName { get; set; }

        /// <summary>
        /// The probability with which training hides a value, anew in every batch, and learns to restore it. Should be within (0, 1): near the part of the values that is missing. The default is
        /// 0.25.
        /// </summary>
        public double MaskRate { get; set; } = 0.25;
    }

    /// <summary>The numbers that the simple overload shares.</summary>
    internal static class Defaults
    {
        internal const int WindowSize = 96;
        internal const int BatchSize = 16;
        internal const double LearningRate = 1e-3;
    }
}
