using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>One or many multivariate series in memory: one row per time step, one column per channel, series after series.</summary>
internal sealed class Series
{
    private readonly double[] _values;
    private readonly double[] _times;

    private Series(double[] values, double[] times, IReadOnlyList<string> channelNames, IReadOnlyList<SeriesGroup> groups)
    {
        _values = values;
        _times = times;
        ChannelNames = channelNames;
        Groups = groups;
    }

    /// <summary>The values, channel by channel within row by row.</summary>
    internal ReadOnlySpan<double> Values => _values;

    /// <summary>The time of each row, see <see cref="TimeMarks.ToSeconds"/>; empty without a time column.</summary>
    internal ReadOnlySpan<double> Times => _times;

    internal int Rows => _values.Length / Channels;

    internal int Channels => ChannelNames.Count;

    /// <summary>The slot names of the column where it has them, else the column's name, numbered.</summary>
    internal IReadOnlyList<string> ChannelNames { get; }

    /// <summary>The series, in the order in which they first appear; without a group column a single one.</summary>
    internal IReadOnlyList<SeriesGroup> Groups { get; }

    internal ReadOnlySpan<double> Slice(int start, int rows) => Values.Slice(start * Channels, rows * Channels);

    /// <summary>Reads the series of a view.</summary>
    /// <param name="host">Who reads.</param>
    /// <param name="data">The view.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <param name="allowMissing">Whether a value may be NaN. Infinite ones may not be.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">A value is not finite, or time goes backwards.</exception>
    internal static Series Read(IHost host, IDataView data, SeriesColumns columns, CancellationToken cancellationToken, bool allowMissing = false)
    {
        var column = SeriesColumn(columns.Series);
        InputColumn? group = columns.Group is { } groupName ? RowGroups.Column(groupName) : null;
        InputColumn? time = columns.Time is { } timeName ? TimeColumn(timeName) : null;
        var buffers = DataReader.Read(host, data, cancellationToken, [.. new[] { column, group, time }.OfType<InputColumn>()]);
        var values = (RowBuffer<double>)buffers[0];
        var names = ForecastColumns.ChannelNames(column.Find(host, data.Schema));
        for (var i = 0; i < values.Values.Length; i++)
        {
            if (!double.IsFinite(values.Values[i]) && !(allowMissing && double.IsNaN(values.Values[i])))
            {
                throw Check.BadData(host, $"The series column '{column.Name}' holds {values.Values[i]} in row {i / names.Count}, channel '{names[i % names.Count]}': training needs finite values"
                    + (allowMissing ? ", or NaN where they are missing." : ". Fill gaps first, for instance by ReplaceMissingValues."));
            }
        }
        var order = RowGroups.Of(group is null ? null : (RowBuffer<string>)buffers[1], values.Count);
        var times = time is null ? null : (RowBuffer<DateTime>)buffers[^1];
        if (times is not null)
        {
            CheckTime(host, time!.Name, times, order);
        }
        var sorted = new double[values.Values.Length];
        var sortedTimes = new double[times?.Count ?? 0];
        var groups = new List<SeriesGroup>();
        var start = 0;
        for (var i = 0; i < order.Names.Count && values.Count > 0; i++)
        {
            groups.Add(new(order.Names[i], start, order.CountOf(i)));
            for (var position = 0; position < order.CountOf(i); position++)
            {
                var row = order.RowAt(i, position);
                values[row].CopyTo(sorted.AsSpan(start * names.Count));
                if (times is not null)
                {
                    sortedTimes[start] = TimeMarks.ToSeconds(times[row][0]);
                }
                start++;
            }
        }
        return new(sorted, sortedTimes, names, groups);
    }

    private static void CheckTime(IHost host, string timeColumnName, RowBuffer<DateTime> times, RowGroups groups)
    {
        for (var group = 0; group < groups.Names.Count; group++)
        {
            for (var position = 1; position < groups.CountOf(group); position++)
            {
                var (before, row) = (groups.RowAt(group, position - 1), groups.RowAt(group, position));
                if (times[row][0] < times[before][0])
                {
                    throw Check.BadData(host, $"The time column '{timeColumnName}' goes backwards from row {before} ({times[before][0]:O}) to row {row} ({times[row][0]:O})"
                        + $"{(groups.AreNamed ? $" of group '{groups.Names[group]}'" : "")}: sort the rows by time.");
                }
            }
        }
    }

    internal static InputColumn<double> SeriesColumn(string name, int? channels = null) => new(name, "series", InputTypes.Number, InputShapes.Fixed, channels);

    internal static InputColumn<DateTime> TimeColumn(string name) => new(name, "time", InputTypes.DateTime, InputShapes.Scalar);
}

/// <summary>The columns of series, by name.</summary>
/// <param name="Series">The values.</param>
/// <param name="Group">Which series a row belongs to; null = all rows are one.</param>
/// <param name="Time">What must not go backwards within a series; null = none.</param>
internal sealed record SeriesColumns(string Series, string? Group, string? Time)
{
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    internal void Check(IExceptionContext context, SchemaShape schema)
    {
        TimeSeries.Series.SeriesColumn(Series).Check(context, schema);
        if (Group is not null)
        {
            RowGroups.Column(Group).Check(context, schema);
        }
        if (Time is not null)
        {
            TimeSeries.Series.TimeColumn(Time).Check(context, schema);
        }
    }
}

/// <summary>One series among many.</summary>
/// <param name="Name">The value of the group column; empty without one.</param>
/// <param name="Start">Its first row.</param>
/// <param name="Rows">The number of its rows.</param>
internal sealed record SeriesGroup(string Name, int Start, int Rows);
