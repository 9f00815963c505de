using System.Globalization;

namespace MLNetExtensions.Tensors;

/// <summary>The quality of predictions that say how sure they are: of the scores themselves, and of the normal distribution of the label that a score and its standard deviation tell.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class ProbabilisticRegressionMetrics : IDisplayed
{
    internal ProbabilisticRegressionMetrics()
    {
    }

    /// <summary>The mean of the squared errors of the scores.</summary>
    public double MeanSquaredError { get; internal init; }

    /// <summary>The square root of <see cref="MeanSquaredError"/>, in the units of the label.</summary>
    public double RootMeanSquaredError => Math.Sqrt(MeanSquaredError);

    /// <summary>The mean of the absolute errors of the scores, in the units of the label.</summary>
    public double MeanAbsoluteError { get; internal init; }

    /// <summary>The part of the variance of the label that the scores tell: 1 at best, 0 = as the mean label. NaN where all labels are the same.</summary>
    public double RSquared { get; internal init; }

    /// <summary>
    /// The mean of the logarithm of the density at the label: the larger the better. It depends on the units of the label: in those c times as large it is ln c larger. One label far outside of what
    /// was predicted weighs much.
    /// </summary>
    public double MeanLogLikelihood { get; internal init; }

    /// <summary>
    /// The mean of the continuous ranked probability score (CRPS; Gneiting and Raftery, 2007), in the units of the label: the smaller the better. Of predictions without any spread it is the mean
    /// absolute error.
    /// </summary>
    public double ContinuousRankedProbabilityScore { get; internal init; }

    /// <summary>The part of the labels that should lie within their bounds, as the bound columns state it or as it was given; NaN where bound columns do not state it.</summary>
    public double ConfidenceLevel { get; internal init; }

    /// <summary>The part of the labels that lie within their bounds, these included: from 0 to 1. Best is <see cref="ConfidenceLevel"/>.</summary>
    public double Coverage { get; internal init; }

    /// <summary>The mean distance of the bounds, in the units of the label.</summary>
    public double MeanIntervalWidth { get; internal init; }

    /// <summary>The number of rows that were compared.</summary>
    public long NumberOfRows { get; internal init; }

    /// <summary>The number of rows left out, because a value of them is missing or infinite.</summary>
    public long NumberOfSkippedRows { get; internal init; }

    /// <summary>The metrics in words.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"""
            scores: RMSE {RootMeanSquaredError:G5}, MAE {MeanAbsoluteError:G5}, R² {RSquared:G5}
            distribution: mean log-likelihood {MeanLogLikelihood:G5}, CRPS {ContinuousRankedProbabilityScore:G5}
            bounds: coverage {Coverage:G5} of {ConfidenceLevel:G5}, mean width {MeanIntervalWidth:G5}
            over {NumberOfRows} rows; {NumberOfSkippedRows} rows skipped
            """);

    /// <summary>The metrics as a table.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml()
        => Html.Section("Regression with uncertainty",
        [
            Html.Table("All rows",
            [
                ("RMSE", RootMeanSquaredError),
                ("MAE", MeanAbsoluteError),
                ("R²", RSquared),
                ("mean log-likelihood", MeanLogLikelihood),
                ("CRPS", ContinuousRankedProbabilityScore),
                ("confidence level", ConfidenceLevel),
                ("coverage", Coverage),
                ("mean width", MeanIntervalWidth),
            ]),
            Html.Paragraph($"{NumberOfRows} rows compared, {NumberOfSkippedRows} rows skipped."),
        ]);
}
