using MLNetExtensions;
using MLNetExtensions.TimeSeries;

namespace Microsoft.ML;

/// <summary>Forecasters, and what goes with them, for <see cref="MLContext.Forecasting"/>.</summary>
public static class ForecastingCatalogExtensions
{
    /// <summary>Creates an <see cref="OLinearEstimator"/>: forecasts all channels of a series jointly by a linear model in an orthogonally transformed domain.</summary>
    /// <param name="catalog">The forecasting catalog.</param>
    /// <param name="outputColumnName">The name of the forecast column: Vector&lt;Single&gt; of dimensions [horizon, channels].</param>
    /// <param name="inputColumnName">The column with the series, one row per time step: Single or Double, scalar or a vector of known size. Null: as <paramref name="outputColumnName"/>.</param>
    /// <param name="windowSize">The number of rows that a forecast looks back on. At least 2.</param>
    /// <param name="horizon">The number of steps to forecast. Positive.</param>
    /// <param name="groupColumnName">A key or text column that says to which of many series a row belongs. Null: all rows are one series.</param>
    /// <param name="timeColumnName">A DateTime column by which training makes sure that time does not go backwards within a series. Null: none.</param>
    /// <param name="confidenceLowerBoundColumnName">A column for the lower bounds of the forecast. Null: no bounds.</param>
    /// <param name="confidenceUpperBoundColumnName">A column for the upper bounds; named together with that of the lower ones.</param>
    /// <param name="confidenceLevel">The probability that a value lies between its bounds. Within (0, 1).</param>
    /// <param name="maximumNumberOfEpochs">The most epochs to train; training ends sooner when the validation loss stops falling. Positive.</param>
    /// <param name="learningRate">The learning rate of the first epoch. Positive.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty or a number is out of its range.</exception>
    public static OLinearEstimator ForecastByOLinear(this ForecastingCatalog catalog, string outputColumnName, string? inputColumnName = null,
        int windowSize = ForecastingOptions.Defaults.WindowSize, int horizon = ForecastingOptions.Defaults.Horizon, string? groupColumnName = null, string? timeColumnName = null,
        string? confidenceLowerBoundColumnName = null, string? confidenceUpperBoundColumnName = null, double confidenceLevel = ForecastingOptions.Defaults.ConfidenceLevel,
        int maximumNumberOfEpochs = OLinearEstimator.Defaults.MaximumNumberOfEpochs, double learningRate = OLinearEstimator.Defaults.LearningRate)
        => new(Check.Environment(catalog), new OLinearEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            WindowSize = windowSize,
            Horizon = horizon,
            GroupColumnName = groupColumnName,
            TimeColumnName = timeColumnName,
            ConfidenceLowerBoundColumnName = confidenceLowerBoundColumnName,
            ConfidenceUpperBoundColumnName = confidenceUpperBoundColumnName,
            ConfidenceLevel = confidenceLevel,
            MaximumNumberOfEpochs = maximumNumberOfEpochs,
            LearningRate = learningRate,
        });

    /// <summary>Creates an <see cref="OLinearEstimator"/> with all its options.</summary>
    /// <param name="catalog">The forecasting catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static OLinearEstimator ForecastByOLinear(this ForecastingCatalog catalog, OLinearEstimator.Options options)
        => new(Check.Environment(catalog), options);

    /// <summary>
    /// Creates a <see cref="TimesNetForecastingEstimator"/>: folds a window by the periods that stand out of its spectrum and forecasts by a small two-dimensional convolution.
    /// </summary>
    /// <param name="catalog">The forecasting catalog.</param>
    /// <param name="outputColumnName">The name of the forecast column: Vector&lt;Single&gt; of dimensions [horizon, channels].</param>
    /// <param name="inputColumnName">The column with the series, one row per time step: Single or Double, scalar or a vector of known size. Null: as <paramref name="outputColumnName"/>.</param>
    /// <param name="windowSize">The number of rows that a forecast looks back on. At least 4.</param>
    /// <param name="horizon">The number of steps to forecast. Positive.</param>
    /// <param name="groupColumnName">A key or text column that says to which of many series a row belongs. Null: all rows are one series.</param>
    /// <param name="timeColumnName">
    /// A DateTime column by which training makes sure that time does not go backwards within a series, and from which <paramref name="timeFeatures"/> are taken. Null: none.
    /// </param>
    /// <param name="timeFeatures">What the network is told of the time of a row. Other than none it needs <paramref name="timeColumnName"/>.</param>
    /// <param name="confidenceLowerBoundColumnName">A column for the lower bounds of the forecast. Null: no bounds.</param>
    /// <param name="confidenceUpperBoundColumnName">A column for the upper bounds; named together with that of the lower ones.</param>
    /// <param name="confidenceLevel">The probability that a value lies between its bounds. Within (0, 1).</param>
    /// <param name="maximumNumberOfEpochs">The most epochs to train; training ends sooner when the validation loss stops falling. Positive.</param>
    /// <param name="learningRate">The learning rate of the first epoch. Positive.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty or a number is out of its range.</exception>
    public static TimesNetForecastingEstimator ForecastByTimesNet(this ForecastingCatalog catalog, string outputColumnName, string? inputColumnName = null,
        int windowSize = ForecastingOptions.Defaults.WindowSize, int horizon = ForecastingOptions.Defaults.Horizon, string? groupColumnName = null, string? timeColumnName = null,
        TimeFeatures timeFeatures = TimeFeatures.None, string? confidenceLowerBoundColumnName = null, string? confidenceUpperBoundColumnName = null,
        double confidenceLevel = ForecastingOptions.Defaults.ConfidenceLevel, int maximumNumberOfEpochs = TimesNetForecastingEstimator.Defaults.MaximumNumberOfEpochs,
        double learningRate = TimesNetForecastingEstimator.Defaults.LearningRate)
        => new(Check.Environment(catalog), new TimesNetForecastingEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            WindowSize = windowSize,
            Horizon = horizon,
            GroupColumnName = groupColumnName,
            TimeColumnName = timeColumnName,
            TimeFeatures = timeFeatures,
            ConfidenceLowerBoundColumnName = confidenceLowerBoundColumnName,
            ConfidenceUpperBoundColumnName = confidenceUpperBoundColumnName,
            ConfidenceLevel = confidenceLevel,
            MaximumNumberOfEpochs = maximumNumberOfEpochs,
            LearningRate = learningRate,
        });

    /// <summary>Creates a <see cref="TimesNetForecastingEstimator"/> with all its options.</summary>
    /// <param name="catalog">The forecasting catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static TimesNetForecastingEstimator ForecastByTimesNet(this ForecastingCatalog catalog, TimesNetForecastingEstimator.Options options)
        => new(Check.Environment(catalog), options);

    /// <summary>
    /// Cuts series in time order. The test set begins <paramref name="windowSize"/> rows early, so that its first forecast is for the first row that the
    /// training set does not hold. Both are views of the data: nothing is copied, and rows keep their order.
    /// </summary>
    /// <param name="catalog">The forecasting catalog.</param>
    /// <param name="data">The series, one row per time step, in time order.</param>
    /// <param name="testFraction">The part of the rows to test on, rounded for each group. Within (0, 1).</param>
    /// <param name="windowSize">The number of rows that a forecast looks back on.</param>
    /// <param name="groupColumnName">The key or text column that tells which series a row belongs to; rows of several may be interleaved. Null: all rows are one series.</param>
    /// <returns>The training rows, and the test rows with the window before them.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="data"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="testFraction"/> or <paramref name="windowSize"/> is out of its range, or the group column is missing or of another type.
    /// </exception>
    /// <exception cref="InvalidOperationException">There are too few rows in all, or in a group.</exception>
    public static DataOperationsCatalog.TrainTestData TrainTestSplit(this ForecastingCatalog catalog, IDataView data, double testFraction, int windowSize, string? groupColumnName = null)
        => ForecastingSplit.Split(Check.Environment(catalog), data, testFraction, windowSize, groupColumnName);

    /// <summary>
    /// Compares forecasts with the rows that follow them, beside the seasonal-naive forecast of the same rows. Rows that cannot be compared, for either of the two, are
    /// left out for both and counted.
    /// </summary>
    /// <param name="catalog">The forecasting catalog.</param>
    /// <param name="data">Data with a forecast column, in the order in which it was scored. Forecasts stream by; labels and groups are kept in memory.</param>
    /// <param name="labelColumnName">The column with the actual values: the series that was forecast. Single or Double, scalar or a vector of known size.</param>
    /// <param name="forecastColumnName">The column that a forecaster of this pack made.</param>
    /// <param name="seasonality">The number of rows in a season, as 24 for hourly data with a daily cycle; 1 = the last value. Positive.</param>
    /// <param name="groupColumnName">The key or text column that tells which series a row belongs to; rows of several may be interleaved. Null: all rows are one series.</param>
    /// <param name="lowerColumnName">The lower bounds that the forecaster made. Null: none. Rows with a missing bound count among the point errors alone.</param>
    /// <param name="upperColumnName">The upper bounds; given with <paramref name="lowerColumnName"/>.</param>
    /// <param name="trainingData">
    /// The data that the forecaster was trained on, with the label column and the group column: it gives the scale of <see cref="ForecastErrors.MeanAbsoluteScaledError"/>, for
    /// each group and channel. Null: that is NaN. Keys are matched by their values.
    /// </param>
    /// <returns>The metrics, in the units of the data: overall, for each step, channel and group.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="data"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type, or <paramref name="seasonality"/> is not positive.</exception>
    /// <exception cref="InvalidOperationException">No row can be evaluated.</exception>
    public static ForecastingMetrics Evaluate(this ForecastingCatalog catalog, IDataView data, string labelColumnName, string forecastColumnName, int seasonality,
        string? groupColumnName = null, string? lowerColumnName = null, string? upperColumnName = null, IDataView? trainingData = null)
        => ForecastEvaluator.Evaluate(Check.Environment(catalog), data, new(labelColumnName, forecastColumnName, groupColumnName, lowerColumnName, upperColumnName), seasonality, trainingData);

    /// <summary>
    /// Cross-validates a forecaster with a rolling origin: the test parts lie one after the other at the end of the series, and for each the estimator is trained on all
    /// rows before it. With groups, rows are counted from the end of each.
    /// </summary>
    /// <param name="catalog">The forecasting catalog.</param>
    /// <param name="data">The series, one row per time step, in time order.</param>
    /// <param name="estimator">A forecaster, or a pipeline with one. It is trained once for each fold.</param>
    /// <param name="labelColumnName">The column with the actual values, in the data as the trained model transforms it.</param>
    /// <param name="forecastColumnName">The column with the forecasts.</param>
    /// <param name="seasonality">The number of rows in a season, as 24 for hourly data with a daily cycle; 1 = the last value. Positive.</param>
    /// <param name="windowSize">The number of rows before a test part that its first forecast looks back on: the window of the forecaster. Positive.</param>
    /// <param name="numberOfFolds">The number of folds. Positive.</param>
    /// <param name="groupColumnName">The key or text column that tells which series a row belongs to; it must be in the data itself. Null: all rows are one series.</param>
    /// <returns>The folds with their models, which the caller disposes, and the mean of the metrics.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="data"/> or <paramref name="estimator"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type, or a number is out of its range.</exception>
    /// <exception cref="InvalidOperationException">There are too few rows for the folds, in all or in a group.</exception>
    public static ForecastingCrossValidationResult CrossValidate(this ForecastingCatalog catalog, IDataView data, IEstimator<ITransformer> estimator, string labelColumnName,
        string forecastColumnName, int seasonality, int windowSize, int numberOfFolds = ForecastingCrossValidationOptions.Defaults.NumberOfFolds, string? groupColumnName = null)
        => CrossValidate(catalog, data, estimator, new()
        {
            LabelColumnName = labelColumnName,
            ForecastColumnName = forecastColumnName,
            Seasonality = seasonality,
            WindowSize = windowSize,
            NumberOfFolds = numberOfFolds,
            GroupColumnName = groupColumnName,
        });

    /// <summary>Cross-validates a forecaster with a rolling origin: expanding or sliding training rows, a gap, test parts of a given size and step.</summary>
    /// <param name="catalog">The forecasting catalog.</param>
    /// <param name="data">The series, one row per time step, in time order.</param>
    /// <param name="estimator">A forecaster, or a pipeline with one. It is trained once for each fold.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The folds with their models, which the caller disposes, and the mean of the metrics.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="data"/>, <paramref name="estimator"/> or <paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type, or an option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">There are too few rows for the folds, in all or in a group.</exception>
    public static ForecastingCrossValidationResult CrossValidate(this ForecastingCatalog catalog, IDataView data, IEstimator<ITransformer> estimator, ForecastingCrossValidationOptions options)
        => new ForecastingCrossValidation(Check.Environment(catalog), options).Run(data, estimator);
}
