using System.Globalization;

namespace MLNetExtensions.TimeSeries;

/// <summary>The tables and charts of reports on forecasts.</summary>
internal static class ForecastHtml
{
    private static readonly string[] s_errorHeader = ["MSE", "MAE", "RMSE", "sMAPE", "MASE"];

    private static readonly string[] s_intervalHeader = ["coverage", "mean width", "quantile loss", "interval score"];

    internal static string NaiveName(int seasonality) => string.Create(CultureInfo.InvariantCulture, $"seasonal naive ({seasonality})");

    internal static string ErrorTable(string caption, IReadOnlyList<(string Name, ForecastErrors Errors, IntervalMetrics? Interval)> rows)
    {
        var bounds = rows.Any(row => row.Interval is not null);
        return Html.Table(caption, ["", .. s_errorHeader, .. bounds ? s_intervalHeader : []],
            rows.Select(row => (string[])[row.Name, .. Cells(row.Errors), .. row.Interval is { } interval ? Cells(interval) : bounds ? s_intervalHeader.Select(_ => "") : []]));
    }

    internal static string PartTable(string kind, IReadOnlyList<ForecastPart> parts)
    {
        var bounds = parts.Any(part => part.Interval is not null);
        return Html.Table($"By {kind.ToLowerInvariant()}{Html.More(Html.MostRows, parts.Count)}", [kind, "forecasts", "MAE", "naive MAE", "RMSE", "naive RMSE", "MASE", "naive MASE", .. bounds ? s_intervalHeader : []],
            parts.Take(Html.MostRows).Select(part => (string[])[part.Name, Html.Number(part.NumberOfForecasts), .. Beside(part.Errors, part.SeasonalNaive), .. part.Interval is { } interval ? Cells(interval) : []]));
    }

    internal static string StepTable(IReadOnlyList<ForecastErrors> errors, IReadOnlyList<ForecastErrors> naive, IReadOnlyList<IntervalMetrics> intervals)
    {
        return Html.Table($"By step{Html.More(Html.MostRows, errors.Count)}", ["Step", "MAE", "naive MAE", "RMSE", "naive RMSE", "MASE", "naive MASE", .. intervals.Count > 0 ? s_intervalHeader : []],
            errors.Take(Html.MostRows).Select((step, i) => (string[])[$"+{Html.Number(i + 1)}", .. Beside(step, naive[i]), .. intervals.Count > 0 ? Cells(intervals[i]) : []]));
    }

    internal static string StepChart(IReadOnlyList<ForecastErrors> errors, IReadOnlyList<ForecastErrors> naive, int seasonality)
        => Html.LineChart("Mean absolute error by step", "step", fromZero: true,
            new ChartLine("forecast", Html.Color(0), [.. errors.Select(step => step.MeanAbsoluteError)]), new ChartLine(NaiveName(seasonality), Html.Color(1), [.. naive.Select(step => step.MeanAbsoluteError)]));

    /// <summary>The forecast of one channel, with its bounds if it has any.</summary>
    internal static string ForecastChart(string channel, IReadOnlyList<double> forecast, IReadOnlyList<double>? lower, IReadOnlyList<double>? upper)
        => Html.LineChart(channel, "step", fromZero: false, new ChartLine(lower is null ? "forecast" : "forecast, and its bounds", Html.Color(0), forecast, lower, upper));

    /// <summary>The forecasts of all channels, step by step.</summary>
    internal static string ForecastTable(ForecastResult result)
    {
        return Html.Table($"Forecast{Html.More(Html.MostRows, result.Horizon, " steps")}", ["Step", .. result.ChannelNames.SelectMany(name => result.Lower is null ? [name] : new[] { name, $"{name} lower", $"{name} upper" })],
            Enumerable.Range(0, Math.Min(result.Horizon, Html.MostRows)).Select(step => (string[])[$"+{Html.Number(step + 1)}", .. Enumerable.Range(0, result.ChannelNames.Count)
                .SelectMany(channel => result.Lower is null ? [result.Forecast[step, channel]] : new[] { result.Forecast[step, channel], result.Lower[step, channel], result.Upper![step, channel] }).Select(value => Html.Number(value))]));
    }

    internal static string FoldTable(IReadOnlyList<ForecastingFold> folds)
    {
        var rows = folds.SelectMany(fold => fold.Rows.Select(rows => (fold, rows))).ToArray();
        var grouped = rows.Any(row => row.rows.Group.Length > 0);
        return Html.Table($"Rows{Html.More(Html.MostRows, rows.Length)}", ["Fold", .. grouped ? ["group"] : Array.Empty<string>(), "training", "test", "compared", "skipped"],
            rows.Take(Html.MostRows).Select(row => (string[])[Html.Number(row.fold.Fold), .. grouped ? [row.rows.Group] : Array.Empty<string>(), row.rows.Training.ToString(), row.rows.Test.ToString(),
                .. row.rows == row.fold.Rows[0] ? [Html.Number(row.fold.Metrics.NumberOfForecasts), Html.Number(row.fold.Metrics.NumberOfSkippedRows)] : (string[])["", ""]]));
    }

    /// <summary>The metrics of bounds alone.</summary>
    internal static string IntervalTable(string caption, IntervalMetrics interval)
        => Html.Table(caption, ["", "confidence level", .. s_intervalHeader, "forecasts", "skipped"],
            [["bounds", Html.Number(interval.ConfidenceLevel), .. Cells(interval), Html.Number(interval.NumberOfForecasts), Html.Number(interval.NumberOfSkippedForecasts)]]);

    private static IEnumerable<string> Cells(ForecastErrors errors)
        => new[] { errors.MeanSquaredError, errors.MeanAbsoluteError, errors.RootMeanSquaredError, errors.SymmetricMeanAbsolutePercentageError, errors.MeanAbsoluteScaledError }.Select(Html.Number);

    private static IEnumerable<string> Cells(IntervalMetrics interval)
        => new[] { interval.Coverage, interval.MeanWidth, interval.QuantileLoss, interval.IntervalScore }.Select(Html.Number);

    private static IEnumerable<string> Beside(ForecastErrors errors, ForecastErrors naive) => new[]
    {
        errors.MeanAbsoluteError, naive.MeanAbsoluteError, errors.RootMeanSquaredError, naive.RootMeanSquaredError, errors.MeanAbsoluteScaledError, naive.MeanAbsoluteScaledError,
    }.Select(Html.Number);
}
