using System.Globalization;

namespace MLNetExtensions.TimeSeries;

/// <summary>The errors of forecasts, in the units of the data, averaged over forecasts, steps and channels.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class ForecastErrors : IDisplayed
{
    internal ForecastErrors(double meanSquaredError, double meanAbsoluteError, double rootMeanSquaredError, double symmetricMeanAbsolutePercentageError, double meanAbsoluteScaledError)
    {
        MeanSquaredError = meanSquaredError;
        MeanAbsoluteError = meanAbsoluteError;
        RootMeanSquaredError = rootMeanSquaredError;
        SymmetricMeanAbsolutePercentageError = symmetricMeanAbsolutePercentageError;
        MeanAbsoluteScaledError = meanAbsoluteScaledError;
    }

    /// <summary>The mean of the squared errors (MSE).</summary>
    public double MeanSquaredError { get; }

    /// <summary>The mean of the absolute errors (MAE).</summary>
    public double MeanAbsoluteError { get; }

    /// <summary>The square root of <see cref="MeanSquaredError"/> (RMSE).</summary>
    public double RootMeanSquaredError { get; }

    /// <summary>
    /// The mean of 200 |forecast − actual| / (|forecast| + |actual|), in percent: from 0 to 200 (sMAPE, as in the M4 competition). Where both are zero the error is 0.
    /// </summary>
    public double SymmetricMeanAbsolutePercentageError { get; }

    /// <summary>
    /// The mean of the absolute errors, each divided by the mean absolute difference to the value one season before, of its group and channel, over the training data
    /// (MASE; Hyndman and Koehler, 2006). Channels that repeat exactly, and groups that the training data does not hold, are left out. NaN where nothing is left, and
    /// without training data.
    /// </summary>
    public double MeanAbsoluteScaledError { get; }

    /// <summary>Applies a function, such as the mean, to each error of several.</summary>
    internal static ForecastErrors Combine(IReadOnlyCollection<ForecastErrors> all, Func<IEnumerable<double>, double> combine)
        => new(combine(all.Select(errors => errors.MeanSquaredError)), combine(all.Select(errors => errors.MeanAbsoluteError)), combine(all.Select(errors => errors.RootMeanSquaredError)),
            combine(all.Select(errors => errors.SymmetricMeanAbsolutePercentageError)), combine(all.Select(errors => errors.MeanAbsoluteScaledError)));

    /// <summary>The errors in words.</summary>
    /// <returns>One line, in invariant culture.</returns>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"MSE {MeanSquaredError:G5}, MAE {MeanAbsoluteError:G5}, RMSE {RootMeanSquaredError:G5}, sMAPE {SymmetricMeanAbsolutePercentageError:G5}, MASE {MeanAbsoluteScaledError:G5}");

    /// <summary>The errors as a table.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml() => Html.Section("Errors", [ForecastHtml.ErrorTable("All forecasts", [("forecast", this, null)])]);
}
