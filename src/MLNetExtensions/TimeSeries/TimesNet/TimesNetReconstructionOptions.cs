namespace MLNetExtensions.TimeSeries;

/// <summary>What <see cref="TimesNetImputingEstimator"/> and <see cref="TimesNetAnomalyDetectionTrainer"/> let their user set: both reconstruct windows of series.</summary>
public abstract class TimesNetReconstructionOptions : TrainingOptions
{
    /// <param name="smallestWidth">The least width that follows from the number of channels.</param>
    /// <param name="largestWidth">The greatest.</param>
    private protected TimesNetReconstructionOptions(int smallestWidth, int largestWidth)
    {
        MaximumNumberOfEpochs = Defaults.MaximumNumberOfEpochs;
        Network = new(Defaults.TopPeriods, smallestWidth, largestWidth);
    }

    /// <summary>The name of the column with the series, one row per time step: Single or Double, a scalar or a vector with one slot per channel.</summary>
    public string? InputColumnName { get; set; }

    /// <summary>
    /// The name of a key or text column that says to which series a row belongs, where the data holds many; the rows of the series may alternate. One model is
    /// trained on all; no window crosses from one series to another. Key columns match by their values. Null (default): all rows are one series.
    /// </summary>
    public string? GroupColumnName { get; set; }

    /// <summary>The name of a DateTime column, by which training makes sure that time does not go backwards within a series. Null (default): none.</summary>
    public string? TimeColumnName { get; set; }

    /// <summary>The number of rows that are looked at together. Must be at least 4, and twice <see cref="TimesNetOptions.TopPeriods"/>. The default is 96 in imputation and 100 in anomaly detection.</summary>
    public int WindowSize { get; set; }

    /// <summary>The number of rows from the beginning of a training window to that of the next. Must be positive; 1 = every window there is. The default is 1.</summary>
    public int WindowStride { get; set; } = 1;

    /// <summary>
    /// Whether a row is scored by the window that ends at it, so that no score depends on later rows and rows stream through. Otherwise the rows of each series are cut into
    /// consecutive windows without overlap, which costs far less, and the last window is shifted back to end at the last row. The default is false.
    /// </summary>
    public bool Causal { get; set; }

    /// <summary>
    /// The part of the rows of each series, at the end, that chooses the best epoch and is not trained on. It is widened to one window where it is shorter.
    /// Should be within [0, 1); 0 = none, all epochs are trained. The default is 0.1.
    /// </summary>
    public double ValidationFraction { get; set; } = 0.1;

    /// <summary>The number of epochs without a better validation loss after which training ends. Must be positive. The default is 3.</summary>
    public int Patience { get; set; } = 3;

    /// <summary>How the learning rate falls from epoch to epoch. The default is <see cref="LearningRateSchedule.HalvingEveryEpoch"/>.</summary>
    public LearningRateSchedule LearningRateSchedule { get; set; } = LearningRateSchedule.HalvingEveryEpoch;

    /// <summary>Whether to bring each channel to mean 0 and variance 1 over the training rows. The default is true.</summary>
    public bool Standardize { get; set; } = true;

    /// <summary>
    /// Whether each series is standardised by its own training rows. A series that was not there in training gets the scale of all. The default is false.
    /// </summary>
    public bool StandardizePerGroup { get; set; }

    /// <summary>The network.</summary>
    public TimesNetOptions Network { get; private set; }

    /// <summary>The columns to read; the input is named once the estimator is made.</summary>
    internal SeriesColumns Columns => new(InputColumnName!, GroupColumnName, TimeColumnName);

    internal override TrainingOptions Copy()
    {
        var copy = (TimesNetReconstructionOptions)base.Copy();
        copy.Network = Network.Copy();
        return copy;
    }

    /// <summary>The numbers that the simple overloads share.</summary>
    internal static class Defaults
    {
        internal const int MaximumNumberOfEpochs = 10;
        internal const int TopPeriods = 3;
    }
}
