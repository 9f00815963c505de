using System.Globalization;

namespace MLNetExtensions.TimeSeries;

/// <summary>The quality of a lower and an upper bound of forecasts, averaged over forecasts, steps and channels.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class IntervalMetrics : IDisplayed
{
    internal IntervalMetrics(double confidenceLevel, double coverage, double meanWidth, double lowerQuantileLoss, double upperQuantileLoss, double intervalScore, long forecasts, long skipped)
    {
        ConfidenceLevel = confidenceLevel;
        Coverage = coverage;
        MeanWidth = meanWidth;
        LowerQuantileLoss = lowerQuantileLoss;
        UpperQuantileLoss = upperQuantileLoss;
        IntervalScore = intervalScore;
        NumberOfForecasts = forecasts;
        NumberOfSkippedForecasts = skipped;
    }

    /// <summary>The part of the actual values that should lie within the bounds, as the bound columns state it; NaN where they do not.</summary>
    public double ConfidenceLevel { get; }

    /// <summary>The part of the actual values that lie within the bounds, these included: from 0 to 1. Best is <see cref="ConfidenceLevel"/>.</summary>
    public double Coverage { get; }

    /// <summary>The mean distance of the bounds, in the units of the data.</summary>
    public double MeanWidth { get; }

    /// <summary>
    /// The mean quantile (pinball) loss of the lower bound at the level τ = (1 − <see cref="ConfidenceLevel"/>) / 2: τ (actual − bound) where the actual value is above
    /// the bound, (1 − τ) (bound − actual) where it is below. NaN where the level is not known.
    /// </summary>
    public double LowerQuantileLoss { get; }

    /// <summary>The mean quantile loss of the upper bound, at the level (1 + <see cref="ConfidenceLevel"/>) / 2. NaN where the level is not known.</summary>
    public double UpperQuantileLoss { get; }

    /// <summary>The mean of <see cref="LowerQuantileLoss"/> and <see cref="UpperQuantileLoss"/>.</summary>
    public double QuantileLoss => (LowerQuantileLoss + UpperQuantileLoss) / 2;

    /// <summary>
    /// The mean interval score (Winkler, 1972): the width, and 2 / (1 − <see cref="ConfidenceLevel"/>) times the distance of an actual value outside the bounds to the
    /// nearer one. NaN where the level is not known.
    /// </summary>
    public double IntervalScore { get; }

    /// <summary>The number of forecasts whose bounds were compared.</summary>
    public long NumberOfForecasts { get; }

    /// <summary>The number of forecasts that count among the point errors, but have a missing bound.</summary>
    public long NumberOfSkippedForecasts { get; }

    /// <summary>Applies a function, such as the mean, to each metric of several.</summary>
    internal static IntervalMetrics Combine(IReadOnlyCollection<IntervalMetrics> all, Func<IEnumerable<double>, double> combine)
        => new(all.First().ConfidenceLevel, combine(all.Select(interval => interval.Coverage)), combine(all.Select(interval => interval.MeanWidth)),
            combine(all.Select(interval => interval.LowerQuantileLoss)), combine(all.Select(interval => interval.UpperQuantileLoss)), combine(all.Select(interval => interval.IntervalScore)),
            all.Sum(interval => interval.NumberOfForecasts), all.Sum(interval => interval.NumberOfSkippedForecasts));

    /// <summary>The metrics in words.</summary>
    /// <returns>One line, in invariant culture.</returns>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"bounds: coverage {Coverage:G5} of {ConfidenceLevel:G5}, mean width {MeanWidth:G5}, quantile loss {QuantileLoss:G5}, interval score {IntervalScore:G5}");

    /// <summary>The metrics as a table.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml() => Html.Section("Bounds", [ForecastHtml.IntervalTable("All forecasts", this)]);
}
