using MLNetExtensions;
using MLNetExtensions.TimeSeries;

namespace Microsoft.ML;

/// <summary>What fills the gaps of series, for <see cref="MLContext.Transforms"/>.</summary>
public static class ImputationCatalogExtensions
{
    /// <summary>Creates a <see cref="TimesNetImputingEstimator"/>: fills the gaps (NaN) of series from the rows before and behind them. Values that are there stay bit by bit as they are.</summary>
    /// <param name="catalog">The transforms catalog.</param>
    /// <param name="outputColumnName">The name of the column with the gaps filled, of the type of the input.</param>
    /// <param name="inputColumnName">The column with the series, one row per time step: Single or Double, scalar or a vector of known size. Null: as <paramref name="outputColumnName"/>.</param>
    /// <param name="windowSize">The number of rows that are looked at together. At least 6.</param>
    /// <param name="groupColumnName">A key or text column that says to which of many series a row belongs. Null: all rows are one series.</param>
    /// <param name="timeColumnName">A DateTime column by which training makes sure that time does not go backwards within a series. Null: none.</param>
    /// <param name="maximumNumberOfEpochs">The most epochs to train; training ends sooner when the validation loss stops falling. Positive.</param>
    /// <param name="learningRate">The learning rate of the first epoch. Positive.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty or a number is out of its range.</exception>
    public static TimesNetImputingEstimator ImputeByTimesNet(this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        int windowSize = TimesNetImputingEstimator.Defaults.WindowSize, string? groupColumnName = null, string? timeColumnName = null,
        int maximumNumberOfEpochs = TimesNetReconstructionOptions.Defaults.MaximumNumberOfEpochs, double learningRate = TimesNetImputingEstimator.Defaults.LearningRate)
        => new(Check.Environment(catalog), new TimesNetImputingEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            WindowSize = windowSize,
            GroupColumnName = groupColumnName,
            TimeColumnName = timeColumnName,
            MaximumNumberOfEpochs = maximumNumberOfEpochs,
            LearningRate = learningRate,
        });

    /// <summary>Creates a <see cref="TimesNetImputingEstimator"/> with all its options.</summary>
    /// <param name="catalog">The transforms catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static TimesNetImputingEstimator ImputeByTimesNet(this TransformsCatalog catalog, TimesNetImputingEstimator.Options options)
        => new(Check.Environment(catalog), options);
}
