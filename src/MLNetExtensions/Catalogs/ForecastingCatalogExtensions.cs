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
    /// Cuts a series in time order. The test set begins <paramref name="windowSize"/> rows early, so that its first forecast is for the first row that the
    /// training set does not hold.
    /// </summary>
    /// <param name="catalog">The forecasting catalog.</param>
    /// <param name="data">The series, one row per time step, in time order.</param>
    /// <param name="testFraction">The part of the rows to test on. Within (0, 1).</param>
    /// <param name="windowSize">The number of rows that a forecast looks back on.</param>
    /// <returns>The training rows, and the test rows with the window before them.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="data"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="testFraction"/> or <paramref name="windowSize"/> is out of its range.</exception>
    /// <exception cref="InvalidOperationException">There are too few rows.</exception>
    public static DataOperationsCatalog.TrainTestData TrainTestSplit(this ForecastingCatalog catalog, IDataView data, double testFraction, int windowSize)
        => ForecastingSplit.Split(Check.Environment(catalog), data, testFraction, windowSize);

    /// <summary>Compares forecasts with the rows that follow them, beside the seasonal-naive forecast of the same rows.</summary>
    /// <param name="catalog">The forecasting catalog.</param>
    /// <param name="data">Data with a forecast column, in the order in which it was scored.</param>
    /// <param name="labelColumnName">The column with the actual values: the series that was forecast.</param>
    /// <param name="forecastColumnName">The column that a forecaster of this pack made.</param>
    /// <param name="seasonality">The number of rows in a season, as 24 for hourly data with a daily cycle; 1 = the last value. Positive.</param>
    /// <param name="trainingData">The data that the forecaster was trained on: it gives the scale of <see cref="ForecastingMetrics.MeanAbsoluteScaledError"/>. Null: that is NaN.</param>
    /// <returns>The metrics, in the units of the data.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="data"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type, or <paramref name="seasonality"/> is not positive.</exception>
    /// <exception cref="InvalidOperationException">No row can be evaluated.</exception>
    public static ForecastingMetrics Evaluate(this ForecastingCatalog catalog, IDataView data, string labelColumnName, string forecastColumnName, int seasonality, IDataView? trainingData = null)
        => ForecastEvaluator.Evaluate(Check.Environment(catalog), data, labelColumnName, forecastColumnName, seasonality, trainingData);
}
