using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>Cuts a series in time order.</summary>
internal static class ForecastingSplit
{
    internal static DataOperationsCatalog.TrainTestData Split(IHostEnvironment env, IDataView data, double testFraction, int windowSize)
    {
        var host = env.Register(nameof(ForecastingSplit));
        Check.NotNull(host, data);
        Check.Option(host, testFraction is > 0 and < 1, testFraction, "Must be within (0, 1)");
        Check.Option(host, windowSize > 0, windowSize, "Must be positive");
        var rows = DataReader.CountRows(data);
        var testRows = (long)Math.Round(testFraction * rows);
        var trainingRows = rows - testRows;
        if (testRows < 1 || trainingRows < windowSize)
        {
            throw Check.BadData(host, $"{rows} rows are too few: {testFraction} of them must be at least one row, and the rest at least the window of {windowSize}.");
        }
        return RowRanges.Split(env, data, trainingRows, trainingRows - windowSize);
    }
}
