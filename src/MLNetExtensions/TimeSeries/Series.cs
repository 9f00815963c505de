using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>A multivariate series in memory: one row per time step, one column per channel.</summary>
internal sealed class Series
{
    private readonly RowBuffer<double> _values;

    private Series(RowBuffer<double> values, IReadOnlyList<string> channelNames)
    {
        _values = values;
        ChannelNames = channelNames;
    }

    /// <summary>The values, channel by channel within row by row.</summary>
    internal ReadOnlySpan<double> Values => _values.Values;

    internal int Rows => _values.Count;

    internal int Channels => ChannelNames.Count;

    /// <summary>The slot names of the column where it has them, else the column's name, numbered.</summary>
    internal IReadOnlyList<string> ChannelNames { get; }

    internal ReadOnlySpan<double> FirstRows(int rows) => Values[..(rows * Channels)];

    internal ReadOnlySpan<double> LastRows(int rows) => Values[((Rows - rows) * Channels)..];

    /// <summary>Reads the series of a view.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">A value is not finite, or time goes backwards.</exception>
    internal static Series Read(IHost host, IDataView data, InputColumn<double> column, string? timeColumnName, CancellationToken cancellationToken)
    {
        var time = timeColumnName is null ? null : TimeColumn(timeColumnName);
        var buffers = DataReader.Read(host, data, cancellationToken, time is null ? [column] : [column, time]);
        var values = (RowBuffer<double>)buffers[0];
        var names = ForecastColumns.ChannelNames(column.Find(host, data.Schema));
        var bad = IndexOfNonFinite(values.Values);
        if (bad >= 0)
        {
            throw Check.BadData(host, $"The series column '{column.Name}' holds {values.Values[bad]} in row {bad / names.Count}, channel '{names[bad % names.Count]}': training needs finite values. "
                + "Fill gaps first, for instance by ReplaceMissingValues.");
        }
        if (time is not null)
        {
            var times = ((RowBuffer<DateTime>)buffers[1]).Values;
            for (var i = 1; i < times.Length; i++)
            {
                if (times[i] < times[i - 1])
                {
                    throw Check.BadData(host, $"The time column '{timeColumnName}' goes backwards from row {i - 1} ({times[i - 1]:O}) to row {i} ({times[i]:O}): sort the rows by time.");
                }
            }
        }
        return new(values, names);
    }

    internal static InputColumn<double> SeriesColumn(string name, int? channels = null) => new(name, "series", InputTypes.Number, InputShapes.Fixed, channels);

    internal static InputColumn<DateTime> TimeColumn(string name) => new(name, "time", InputTypes.DateTime, InputShapes.Scalar);

    private static int IndexOfNonFinite(ReadOnlySpan<double> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (!double.IsFinite(values[i]))
            {
                return i;
            }
        }
        return -1;
    }
}
