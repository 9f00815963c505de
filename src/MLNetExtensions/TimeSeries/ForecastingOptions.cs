namespace MLNetExtensions.TimeSeries;

/// <summary>What every forecaster lets its user set.</summary>
public abstract class ForecastingOptions : TrainingOptions
{
    private protected ForecastingOptions()
    {
    }

    /// <summary>The name of the forecast column. The default is <c>Forecast</c>.</summary>
    public string OutputColumnName { get; set; } = Defaults.OutputColumnName;

    /// <summary>
    /// The name of the column with the series, one row per time step: Single or Double, a scalar or a vector with one slot per channel.
    /// Null (default): the same as <see cref="OutputColumnName"/>.
    /// </summary>
    public string? InputColumnName { get; set; }

    /// <summary>
    /// The name of a key or text column that says to which series a row belongs, where the data holds many; the rows of the series may alternate. One model is
    /// trained on all; no window crosses from one series to another. Key columns match by their values. Null (default): all rows are one series.
    /// </summary>
    public string? GroupColumnName { get; set; }

    /// <summary>
    /// The name of a DateTime column, by which training makes sure that time does not go backwards within a series; forecasters with time features take these from it, in
    /// scoring too. Null (default): none.
    /// </summary>
    public string? TimeColumnName { get; set; }

    /// <summary>
    /// The channels to forecast, by slot name or by index; the others only inform. Null (default): all.
    /// </summary>
    public IReadOnlyList<string>? TargetChannels { get; set; }

    /// <summary>The number of rows that a forecast looks back on. Must be at least 2, for TimesNet at least 4. The default is 96.</summary>
    public int WindowSize { get; set; } = Defaults.WindowSize;

    /// <summary>The number of steps to forecast. Must be positive. The default is 96.</summary>
    public int Horizon { get; set; } = Defaults.Horizon;

    /// <summary>
    /// The part of the rows of each series, at the end, that chooses the best epoch and is not trained on. It is widened to one horizon where it is shorter.
    /// Should be within [0, 1); 0 = none, all epochs are trained. The default is 0.1.
    /// </summary>
    public double ValidationFraction { get; set; } = Defaults.ValidationFraction;

    /// <summary>The number of epochs without a better validation loss after which training ends. Must be positive. The default is 5.</summary>
    public int Patience { get; set; } = Defaults.Patience;

    /// <summary>Whether to bring each channel to mean 0 and variance 1 over the training rows. The default is true.</summary>
    public bool Standardize { get; set; } = true;

    /// <summary>
    /// Whether each series is standardised by its own training rows. A series that was not there in training gets the scale of all. The default is false.
    /// </summary>
    public bool StandardizePerGroup { get; set; }

    /// <summary>The name of a column with the lower bounds of the forecast. Named together with <see cref="ConfidenceUpperBoundColumnName"/>. Null (default): none.</summary>
    public string? ConfidenceLowerBoundColumnName { get; set; }

    /// <summary>The name of a column with the upper bounds of the forecast. Null (default): none.</summary>
    public string? ConfidenceUpperBoundColumnName { get; set; }

    /// <summary>
    /// The probability with which a value should lie between its bounds, for each step and channel by itself. Should be within (0, 1). The default is 0.95.
    /// </summary>
    public double ConfidenceLevel { get; set; } = Defaults.ConfidenceLevel;

    /// <summary>
    /// The part of the rows of each series, at the very end, from whose errors the bounds are computed: neither the weights nor the choice of the epoch see it.
    /// Used only if bounds are asked for; widened to one horizon where it is shorter. Should be within (0, 1). The default is 0.1.
    /// </summary>
    public double CalibrationFraction { get; set; } = Defaults.CalibrationFraction;

    /// <summary>What the network is told of the time of a row; null = nothing.</summary>
    internal virtual TimeMarks? TimeMarks => null;

    /// <summary>The columns to read; the input is named once the estimator is made.</summary>
    internal SeriesColumns Columns => new(InputColumnName!, GroupColumnName, TimeColumnName);

    /// <summary>The numbers that the simple overloads share.</summary>
    internal static class Defaults
    {
        internal const string OutputColumnName = "Forecast";
        internal const int WindowSize = 96;
        internal const int Horizon = 96;
        internal const double ValidationFraction = 0.1;
        internal const double CalibrationFraction = 0.1;
        internal const double ConfidenceLevel = 0.95;
        internal const int Patience = 5;
    }
}
