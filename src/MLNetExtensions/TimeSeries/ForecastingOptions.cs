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

    /// <summary>The name of a DateTime column, by which training makes sure that time does not go backwards. Null (default): none.</summary>
    public string? TimeColumnName { get; set; }

    /// <summary>The number of rows that a forecast looks back on (the paper's T). Must be at least 2. The default is 96.</summary>
    public int WindowSize { get; set; } = Defaults.WindowSize;

    /// <summary>The number of steps to forecast. Must be positive. The default is 96.</summary>
    public int Horizon { get; set; } = Defaults.Horizon;

    /// <summary>
    /// The part of the rows, at the end, that choose the best epoch and are not trained on. It is widened to one horizon where it is shorter.
    /// Should be within [0, 1); 0 = none, all epochs are trained. The default is 0.1.
    /// </summary>
    public double ValidationFraction { get; set; } = Defaults.ValidationFraction;

    /// <summary>The number of epochs without a better validation loss after which training ends. Must be positive. The default is 5.</summary>
    public int Patience { get; set; } = Defaults.Patience;

    /// <summary>Whether to bring each channel to mean 0 and variance 1 over the training rows. The default is true.</summary>
    public bool Standardize { get; set; } = true;

    /// <summary>The numbers that the simple overloads share.</summary>
    internal static class Defaults
    {
        internal const string OutputColumnName = "Forecast";
        internal const int WindowSize = 96;
        internal const int Horizon = 96;
        internal const double ValidationFraction = 0.1;
        internal const int Patience = 5;
    }
}
