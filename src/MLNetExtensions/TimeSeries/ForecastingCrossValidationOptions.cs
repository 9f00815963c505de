namespace MLNetExtensions.TimeSeries;

/// <summary>
/// How a forecaster is cross-validated. The test parts lie one after the other at the end of the series (of each group), and each forecaster is trained on rows before
/// its test part alone: a rolling origin.
/// </summary>
public sealed class ForecastingCrossValidationOptions
{
    /// <summary>The column with the actual values: the series that is forecast. It is read of the data as the trained model transforms it.</summary>
    public string LabelColumnName { get; set; } = "";

    /// <summary>The column with the forecasts of the trained model.</summary>
    public string ForecastColumnName { get; set; } = ForecastingOptions.Defaults.OutputColumnName;

    /// <summary>The key or text column that tells which series a row belongs to. Rows are counted within their group. Null (default): all rows are one series.</summary>
    public string? GroupColumnName { get; set; }

    /// <summary>The column with the lower bounds of the forecasts. Null (default): none.</summary>
    public string? LowerColumnName { get; set; }

    /// <summary>The column with the upper bounds of the forecasts. Null (default): none.</summary>
    public string? UpperColumnName { get; set; }

    /// <summary>The number of rows in a season, as 24 for hourly data with a daily cycle. Must be positive. The default is 1: the last value.</summary>
    public int Seasonality { get; set; } = 1;

    /// <summary>The number of rows before a test part that its first forecast looks back on: the window of the forecaster. Must be positive. The default is 96.</summary>
    public int WindowSize { get; set; } = ForecastingOptions.Defaults.WindowSize;

    /// <summary>The number of folds. Must be positive. The default is 5.</summary>
    public int NumberOfFolds { get; set; } = Defaults.NumberOfFolds;

    /// <summary>
    /// The number of rows in each test part; at least the horizon, so that one forecast can be compared. Must be positive. Null (default): with a
    /// <see cref="TrainingSize"/>, as many as fill the shortest series; without one, its rows divided by the number of folds and one, so that the first fold is trained on
    /// as many, or fewer where these would be too few.
    /// </summary>
    public int? TestSize { get; set; }

    /// <summary>The number of rows from one test part to the next. Must be positive; less than the test size lets test parts overlap. Null (default): the test size.</summary>
    public int? StepSize { get; set; }

    /// <summary>The number of rows left out between training and test. Forecasts look back on them; they are not trained on. Must not be negative. The default is 0.</summary>
    public int GapSize { get; set; }

    /// <summary>
    /// The number of training rows in each fold: a sliding window. Must be greater than the season and at least the window of the forecaster. Null (default): all rows
    /// before the test part and the gap, an expanding window.
    /// </summary>
    public int? TrainingSize { get; set; }

    internal ForecastingCrossValidationOptions Copy() => (ForecastingCrossValidationOptions)MemberwiseClone();

    internal static class Defaults
    {
        internal const int NumberOfFolds = 5;
    }
}
