using System.Globalization;
using System.Text;

namespace MLNetExtensions.TimeSeries;

/// <summary>The quality of a forecast column, beside that of the seasonal-naive forecast of the same rows: the value one season before.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class ForecastingMetrics : IDisplayed
{
    internal ForecastingMetrics(ForecastPart overall, IReadOnlyList<ForecastPart> perStep, ForecastPartCollection perChannel, ForecastPartCollection perGroup, int seasonality)
    {
        Overall = overall.Errors;
        SeasonalNaive = overall.SeasonalNaive;
        Interval = overall.Interval;
        NumberOfForecasts = overall.NumberOfForecasts;
        NumberOfSkippedRows = overall.NumberOfSkippedRows;
        PerStep = [.. perStep.Select(part => part.Errors)];
        SeasonalNaivePerStep = [.. perStep.Select(part => part.SeasonalNaive)];
        IntervalPerStep = [.. perStep.Select(part => part.Interval).OfType<IntervalMetrics>()];
        PerChannel = perChannel;
        PerGroup = perGroup;
        Seasonality = seasonality;
    }

    /// <summary>The errors of the forecast over all steps, channels and groups.</summary>
    public ForecastErrors Overall { get; }

    /// <summary>The errors of the seasonal-naive forecast.</summary>
    public ForecastErrors SeasonalNaive { get; }

    /// <summary>The quality of the bounds; null where none were given.</summary>
    public IntervalMetrics? Interval { get; }

    /// <summary>The errors of the forecast for each step; index 0 is the next row.</summary>
    public IReadOnlyList<ForecastErrors> PerStep { get; }

    /// <summary>The errors of the seasonal-naive forecast for each step.</summary>
    public IReadOnlyList<ForecastErrors> SeasonalNaivePerStep { get; }

    /// <summary>The quality of the bounds for each step; empty where none were given.</summary>
    public IReadOnlyList<IntervalMetrics> IntervalPerStep { get; }

    /// <summary>The quality for each channel, in the order of the forecast column, by its name there.</summary>
    public ForecastPartCollection PerChannel { get; }

    /// <summary>The quality for each group, in the order of first appearance, by the value of the group column; empty without groups.</summary>
    public ForecastPartCollection PerGroup { get; }

    /// <summary>The number of rows in a season, as it was given: the seasonal-naive forecast looks back that far.</summary>
    public int Seasonality { get; }

    /// <summary>The mean of the squared errors of the forecast.</summary>
    public double MeanSquaredError => Overall.MeanSquaredError;

    /// <summary>The mean of the absolute errors of the forecast.</summary>
    public double MeanAbsoluteError => Overall.MeanAbsoluteError;

    /// <summary>The square root of the mean squared error of the forecast.</summary>
    public double RootMeanSquaredError => Overall.RootMeanSquaredError;

    /// <summary>The symmetric mean absolute percentage error of the forecast: from 0 to 200.</summary>
    public double SymmetricMeanAbsolutePercentageError => Overall.SymmetricMeanAbsolutePercentageError;

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
        text.AppendLine(CultureInfo.InvariantCulture, $"{"",-15}{"MSE",12}{"MAE",12}{"RMSE",12}{"sMAPE",12}{"MASE",12}");
        foreach (var (name, errors) in new[] { ("forecast", Overall), ("seasonal naive", SeasonalNaive) })
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{name,-15}{errors.MeanSquaredError,12:G5}{errors.MeanAbsoluteError,12:G5}{errors.RootMeanSquaredError,12:G5}{errors.SymmetricMeanAbsolutePercentageError,12:G5}{errors.MeanAbsoluteScaledError,12:G5}");
        }
        if (Interval is { } interval)
        {
            text.AppendLine(interval.ToString());
        }
        text.Append(CultureInfo.InvariantCulture, $"over {NumberOfForecasts} forecasts; {NumberOfSkippedRows} rows skipped");
        return text.ToString();
    }

    /// <summary>The metrics as tables and a chart of the error by step.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml()
    {
        List<string> parts =
        [
            ForecastHtml.ErrorTable("All steps", [("forecast", Overall, Interval), (ForecastHtml.NaiveName(Seasonality), SeasonalNaive, null)]),
            Html.Paragraph($"{NumberOfForecasts} forecasts compared, {NumberOfSkippedRows} rows skipped."),
            ForecastHtml.StepChart(PerStep, SeasonalNaivePerStep, Seasonality),
            ForecastHtml.PartTable("Channel", PerChannel),
        ];
        if (PerGroup.Count > 0)
        {
            parts.Add(ForecastHtml.PartTable("Group", PerGroup));
        }
        parts.Add(ForecastHtml.StepTable(PerStep, SeasonalNaivePerStep, IntervalPerStep));
        return Html.Section("Forecast", parts);
    }
}
