using System.Globalization;
using System.Text;

namespace MLNetExtensions.TimeSeries;

/// <summary>The errors of forecasts, in the units of the data, averaged over forecasts, steps and channels.</summary>
public sealed class ForecastErrors
{
    internal ForecastErrors(double meanSquaredError, double meanAbsoluteError, double meanAbsoluteScaledError)
    {
        MeanSquaredError = meanSquaredError;
        MeanAbsoluteError = meanAbsoluteError;
        MeanAbsoluteScaledError = meanAbsoluteScaledError;
    }

    /// <summary>The mean of the squared errors.</summary>
    public double MeanSquaredError { get; }

    /// <summary>The mean of the absolute errors.</summary>
    public double MeanAbsoluteError { get; }

    /// <summary>
    /// The mean of the absolute errors, each divided by its channel's mean absolute difference to the value one season before over the training data
    /// (Hyndman and Koehler, 2006). Channels that repeat exactly are left out. NaN without training data.
    /// </summary>
    public double MeanAbsoluteScaledError { get; }

    /// <summary>The square root of <see cref="MeanSquaredError"/>.</summary>
    public double RootMeanSquaredError => Math.Sqrt(MeanSquaredError);
}

/// <summary>The quality of a forecast column, beside that of the seasonal-naive forecast of the same rows: the value one season before.</summary>
public sealed class ForecastingMetrics
{
    internal ForecastingMetrics(ForecastErrors overall, ForecastErrors seasonalNaive, IReadOnlyList<ForecastErrors> perStep, IReadOnlyList<ForecastErrors> seasonalNaivePerStep, long forecasts, long skipped)
    {
        Overall = overall;
        SeasonalNaive = seasonalNaive;
        PerStep = perStep;
        SeasonalNaivePerStep = seasonalNaivePerStep;
        NumberOfForecasts = forecasts;
        NumberOfSkippedRows = skipped;
    }

    /// <summary>The errors of the forecast over all steps and channels.</summary>
    public ForecastErrors Overall { get; }

    /// <summary>The errors of the seasonal-naive forecast.</summary>
    public ForecastErrors SeasonalNaive { get; }

    /// <summary>The errors of the forecast for each step; index 0 is the next row.</summary>
    public IReadOnlyList<ForecastErrors> PerStep { get; }

    /// <summary>The errors of the seasonal-naive forecast for each step.</summary>
    public IReadOnlyList<ForecastErrors> SeasonalNaivePerStep { get; }

    /// <summary>The mean of the squared errors of the forecast.</summary>
    public double MeanSquaredError => Overall.MeanSquaredError;

    /// <summary>The mean of the absolute errors of the forecast.</summary>
    public double MeanAbsoluteError => Overall.MeanAbsoluteError;

    /// <summary>The square root of the mean squared error of the forecast.</summary>
    public double RootMeanSquaredError => Overall.RootMeanSquaredError;

    /// <summary>The mean absolute scaled error of the forecast; NaN without training data.</summary>
    public double MeanAbsoluteScaledError => Overall.MeanAbsoluteScaledError;

    /// <summary>The number of rows whose forecast was compared.</summary>
    public long NumberOfForecasts { get; }

    /// <summary>
    /// The number of rows left out: those without a forecast, those whose following rows are not all in the view or not all finite, and those without a season before.
    /// </summary>
    public long NumberOfSkippedRows { get; }

    /// <summary>A table of the metrics.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{"",-15}{"MSE",12}{"MAE",12}{"RMSE",12}{"MASE",12}");
        foreach (var (name, errors) in new[] { ("forecast", Overall), ("seasonal naive", SeasonalNaive) })
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{name,-15}{errors.MeanSquaredError,12:G5}{errors.MeanAbsoluteError,12:G5}{errors.RootMeanSquaredError,12:G5}{errors.MeanAbsoluteScaledError,12:G5}");
        }
        text.Append(CultureInfo.InvariantCulture, $"over {NumberOfForecasts} forecasts; {NumberOfSkippedRows} rows skipped");
        return text.ToString();
    }
}
