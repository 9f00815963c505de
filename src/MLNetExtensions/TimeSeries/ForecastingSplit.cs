using System.Collections;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>Cuts series in time order.</summary>
internal static class ForecastingSplit
{
    internal static DataOperationsCatalog.TrainTestData Split(IHostEnvironment env, IDataView data, double testFraction, int windowSize, string? groupColumnName)
    {
        var host = env.Register(nameof(ForecastingSplit));
        Check.NotNull(host, data);
        Check.Option(host, testFraction is > 0 and < 1, testFraction, "Must be within (0, 1)");
        Check.Option(host, windowSize > 0, windowSize, "Must be positive");
        Check.Option(host, groupColumnName is not "", groupColumnName, "A column name cannot be empty");
        var groups = RowGroups.Read(host, data, groupColumnName);
        if (groups.Names.Count == 0)
        {
            throw Check.BadData(host, "The data has no rows.");
        }
        var borders = new int[groups.Names.Count];
        for (var group = 0; group < borders.Length; group++)
        {
            var rows = groups.CountOf(group);
            var testRows = (int)Math.Round(testFraction * rows);
            borders[group] = rows - testRows;
            if (testRows < 1 || borders[group] < windowSize)
            {
                throw Check.BadData(host, $"{groups.Describe(group)} {rows} rows, which are too few: {testFraction} of them must be at least one row, and the rest at least the window of {windowSize}.");
            }
        }
        return RowRanges.TrainTest(Take(host, data, groups, group => (0, borders[group])), Take(host, data, groups, group => (borders[group] - windowSize, groups.CountOf(group))));
    }

    /// <summary>A part of each group, by positions within it; rows keep their order.</summary>
    internal static IDataView Take(IHost host, IDataView data, RowGroups groups, Func<int, (int Start, int End)> part)
    {
        if (!groups.AreNamed)
        {
            var (start, end) = part(0);
            return RowRanges.Take(host, data, start, end);
        }
        var parts = Enumerable.Range(0, groups.Names.Count).Select(part).ToArray();
        var rows = new BitArray(groups.Rows);
        for (var row = 0; row < groups.Rows; row++)
        {
            var (start, end) = parts[groups.GroupOf(row)];
            var position = groups.PositionOf(row);
            rows[row] = position >= start && position < end;
        }
        return RowRanges.Where(host, data, rows);
    }
}
