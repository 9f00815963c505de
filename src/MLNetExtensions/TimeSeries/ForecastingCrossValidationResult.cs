using System.Globalization;
using System.Text;
using Microsoft.ML;

namespace MLNetExtensions.TimeSeries;

/// <summary>The rows of one series in one fold, by position within the series.</summary>
/// <param name="Group">The value of the group column; the empty string without groups.</param>
/// <param name="Training">The rows trained on.</param>
/// <param name="Test">The rows that forecasts were compared with.</param>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed record ForecastingFoldRows(string Group, Range Training, Range Test) : IDisplayed
{
    /// <summary>The rows as a table.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml() => Html.Section("Rows", [Html.Table("Of one fold", ["Group", "training", "test"], [[Group, Training.ToString(), Test.ToString()]])]);
}

/// <summary>One fold of a cross-validation.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class ForecastingFold : IDisplayed
{
    internal ForecastingFold(int fold, ITransformer model, ForecastingMetrics metrics, IDataView scoredHoldOutSet, IReadOnlyList<ForecastingFoldRows> rows)
    {
        Fold = fold;
        Model = model;
        Metrics = metrics;
        ScoredHoldOutSet = scoredHoldOutSet;
        Rows = rows;
    }

    /// <summary>The number of the fold, from 0: the earliest test part.</summary>
    public int Fold { get; }

    /// <summary>The model trained in this fold. It belongs to the caller; <see cref="ForecastingCrossValidationResult.Dispose"/> frees those of all folds.</summary>
    public ITransformer Model { get; }

    /// <summary>The metrics over the test part.</summary>
    public ForecastingMetrics Metrics { get; }

    /// <summary>
    /// The test part as the model scores it, with the rows that it looks back on before it. It is scored when it is read: not after the model was disposed.
    /// </summary>
    public IDataView ScoredHoldOutSet { get; }

    /// <summary>The rows of training and test, for each group in the order of first appearance; one element without groups.</summary>
    public IReadOnlyList<ForecastingFoldRows> Rows { get; }

    /// <summary>The errors of the fold.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"fold {Fold}{Environment.NewLine}{Metrics}");

    /// <summary>The rows of the fold, and its metrics as tables and a chart.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml() => Html.Section(string.Create(CultureInfo.InvariantCulture, $"Fold {Fold}"), [ForecastHtml.FoldTable([this]), Metrics.ToHtml()]);
}

/// <summary>
/// The result of a cross-validation: the folds, and mean and standard deviation of their metrics. The models belong to the caller: dispose this, or each model by itself.
/// </summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class ForecastingCrossValidationResult : IDisposable, IDisplayed
{
    internal ForecastingCrossValidationResult(IReadOnlyList<ForecastingFold> folds)
    {
        Folds = folds;
        Average = ForecastErrors.Combine([.. folds.Select(fold => fold.Metrics.Overall)], Enumerable.Average);
        StandardDeviation = ForecastErrors.Combine([.. folds.Select(fold => fold.Metrics.Overall)], Deviation);
        SeasonalNaiveAverage = ForecastErrors.Combine([.. folds.Select(fold => fold.Metrics.SeasonalNaive)], Enumerable.Average);
        SeasonalNaiveStandardDeviation = ForecastErrors.Combine([.. folds.Select(fold => fold.Metrics.SeasonalNaive)], Deviation);
        var intervals = folds.Select(fold => fold.Metrics.Interval).OfType<IntervalMetrics>().ToArray();
        if (intervals.Length > 0)
        {
            IntervalAverage = IntervalMetrics.Combine(intervals, Enumerable.Average);
            IntervalStandardDeviation = IntervalMetrics.Combine(intervals, Deviation);
        }
    }

    /// <summary>The folds, the earliest test part first.</summary>
    public IReadOnlyList<ForecastingFold> Folds { get; }

    /// <summary>The mean over the folds of each error of the forecasts.</summary>
    public ForecastErrors Average { get; }

    /// <summary>The standard deviation over the folds (of a sample: divided by their number less one); NaN for one fold.</summary>
    public ForecastErrors StandardDeviation { get; }

    /// <summary>The mean over the folds of each error of the seasonal-naive forecast.</summary>
    public ForecastErrors SeasonalNaiveAverage { get; }

    /// <summary>The standard deviation over the folds of the errors of the seasonal-naive forecast.</summary>
    public ForecastErrors SeasonalNaiveStandardDeviation { get; }

    /// <summary>The mean over the folds of the metrics of the bounds; the numbers of forecasts are sums. Null where no bounds were given.</summary>
    public IntervalMetrics? IntervalAverage { get; }

    /// <summary>The standard deviation over the folds of the metrics of the bounds; the numbers of forecasts are sums. Null where no bounds were given.</summary>
    public IntervalMetrics? IntervalStandardDeviation { get; }

    /// <summary>Frees the models of all folds.</summary>
    public void Dispose()
    {
        foreach (var fold in Folds)
        {
            (fold.Model as IDisposable)?.Dispose();
        }
    }

    /// <summary>A table of the folds, their mean and their standard deviation.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{"",-10}{"MAE",12}{"naive MAE",12}{"RMSE",12}{"naive RMSE",12}{"MASE",12}{"naive MASE",12}");
        foreach (var (name, errors, naive) in Lines())
        {
            text.AppendLine();
            text.Append(CultureInfo.InvariantCulture, $"{name,-10}{errors.MeanAbsoluteError,12:G5}{naive.MeanAbsoluteError,12:G5}{errors.RootMeanSquaredError,12:G5}{naive.RootMeanSquaredError,12:G5}{errors.MeanAbsoluteScaledError,12:G5}{naive.MeanAbsoluteScaledError,12:G5}");
        }
        if (IntervalAverage is { } interval)
        {
            text.AppendLine();
            text.Append(interval.ToString());
        }
        return text.ToString();
    }

    /// <summary>The folds as tables, and a chart of the error by step, averaged over the folds.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml()
    {
        var metrics = Folds.Select(fold => fold.Metrics).ToArray();
        var seasonality = metrics[0].Seasonality;
        static ForecastErrors Mean(IEnumerable<ForecastErrors> errors) => ForecastErrors.Combine([.. errors], Enumerable.Average);
        var steps = Enumerable.Range(0, metrics[0].PerStep.Count).ToArray();
        return Html.Section("Cross-validation",
        [
            ForecastHtml.ErrorTable("Forecast", [.. Folds.Select(fold => (Name(fold), fold.Metrics.Overall, fold.Metrics.Interval)), ("mean", Average, IntervalAverage), ("deviation", StandardDeviation, IntervalStandardDeviation)]),
            ForecastHtml.ErrorTable(ForecastHtml.NaiveName(seasonality), [.. Folds.Select(fold => (Name(fold), fold.Metrics.SeasonalNaive, (IntervalMetrics?)null)), ("mean", SeasonalNaiveAverage, null), ("deviation", SeasonalNaiveStandardDeviation, null)]),
            ForecastHtml.StepChart([.. steps.Select(step => Mean(metrics.Select(fold => fold.PerStep[step])))], [.. steps.Select(step => Mean(metrics.Select(fold => fold.SeasonalNaivePerStep[step])))], seasonality),
            ForecastHtml.FoldTable(Folds),
        ]);
    }

    private static string Name(ForecastingFold fold) => string.Create(CultureInfo.InvariantCulture, $"fold {fold.Fold}");

    private IEnumerable<(string Name, ForecastErrors Errors, ForecastErrors Naive)> Lines()
        => [.. Folds.Select(fold => (Name(fold), fold.Metrics.Overall, fold.Metrics.SeasonalNaive)), ("mean", Average, SeasonalNaiveAverage), ("deviation", StandardDeviation, SeasonalNaiveStandardDeviation)];

    private static double Deviation(IEnumerable<double> values)
    {
        var all = values.ToArray();
        var mean = all.Average();
        return Math.Sqrt(all.Sum(value => (value - mean) * (value - mean)) / (all.Length - 1));
    }
}
