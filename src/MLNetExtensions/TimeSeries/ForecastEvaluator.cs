using System.Numerics.Tensors;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>The columns of an evaluation, by name.</summary>
internal sealed record EvaluationColumns(string Label, string Forecast, string? Group = null, string? Lower = null, string? Upper = null)
{
    /// <exception cref="ArgumentOutOfRangeException">A name is empty, or only one bound is given.</exception>
    internal void Validate(IExceptionContext context)
    {
        Check.ColumnName(context, Label, "labelColumnName");
        Check.ColumnName(context, Forecast, "forecastColumnName");
        Check.Option(context, Group is not "", Group, "A column name cannot be empty", "groupColumnName");
        Check.Option(context, Lower is not "", Lower, "A column name cannot be empty", "lowerColumnName");
        Check.Option(context, Upper is not "", Upper, "A column name cannot be empty", "upperColumnName");
        Check.Option(context, Lower is not null || Upper is null, Lower, "Must be given with upperColumnName", "lowerColumnName");
        Check.Option(context, Upper is not null || Lower is null, Upper, "Must be given with lowerColumnName", "upperColumnName");
    }
}

/// <summary>Compares forecasts with the rows that follow them.</summary>
internal sealed class ForecastEvaluator
{
    private readonly IHost _host;
    private readonly EvaluationColumns _names;
    private readonly IDataView _data;
    private readonly int _seasonality;
    private readonly InputColumn<double> _labelColumn;
    private readonly InputColumn<string>? _groupColumn;
    private readonly InputColumn<double> _forecastColumn;
    private readonly DataViewSchema.Column[] _forecasts;
    private readonly IReadOnlyList<string> _channelNames;
    private readonly int[] _channels;
    private readonly int _horizon;
    private readonly double? _level;

    private ForecastEvaluator(IHostEnvironment env, IDataView data, EvaluationColumns names, int seasonality)
    {
        _host = env.Register(nameof(ForecastEvaluator));
        Check.NotNull(_host, data);
        names.Validate(_host);
        Check.Option(_host, seasonality > 0, seasonality, "Must be positive");
        _names = names;
        _data = data;
        _seasonality = seasonality;
        _labelColumn = new(names.Label, "label", InputTypes.Number, InputShapes.Fixed);
        var label = _labelColumn.Find(_host, data.Schema);
        var width = InputColumn.Width(label);
        _labelColumn = _labelColumn with { Size = width };
        if (names.Group is not null)
        {
            _groupColumn = RowGroups.Column(names.Group);
            _groupColumn.Find(_host, data.Schema);
        }
        _forecastColumn = new(names.Forecast, "forecast", InputTypes.Single, InputShapes.Vector);
        var forecast = _forecastColumn.Find(_host, data.Schema);
        _channels = ForecastColumns.Channels(forecast) is { Length: > 0 } channels && InputColumn.Width(forecast) % channels.Length == 0
            ? channels
            : throw Check.SchemaMismatch(_host, "forecast", names.Forecast, $"a forecast with the annotation {ForecastColumns.ChannelIndices}", forecast.Type.ToString());
        if (_channels.Any(channel => channel < 0 || channel >= width))
        {
            throw Check.SchemaMismatch(_host, "label", names.Label, $"a vector of at least {_channels.Max() + 1} channels, which '{names.Forecast}' forecasts", label.Type.ToString());
        }
        _horizon = InputColumn.Width(forecast) / _channels.Length;
        _channelNames = ForecastColumns.ForecastChannelNames(forecast, _channels.Length) ?? [.. _channels.Select(channel => ForecastColumns.ChannelNames(label)[channel])];
        _forecasts = [forecast];
        if (names.Lower is not null)
        {
            _forecasts = [forecast, FindBound("lower bound", names.Lower, forecast), FindBound("upper bound", names.Upper!, forecast)];
            var (lower, upper) = (ConfidenceLevels.Of(_forecasts[1]), ConfidenceLevels.Of(_forecasts[2]));
            _level = lower.Equals(upper)
                ? lower
                : throw Check.SchemaMismatch(_host, "upper bound", names.Upper!, $"the confidence level of '{names.Lower}', {lower}", $"{upper}");
        }
    }

    /// <param name="env">The environment.</param>
    /// <param name="data">The data with the forecasts.</param>
    /// <param name="columns">Their columns.</param>
    /// <param name="seasonality">The number of rows in a season.</param>
    /// <param name="trainingData">What the scale of MASE is computed of; null: that is NaN.</param>
    /// <param name="history">The number of rows, the first of each group, that are there to look back on: forecasts for them are no part of the evaluation.</param>
    internal static ForecastingMetrics Evaluate(IHostEnvironment env, IDataView data, EvaluationColumns columns, int seasonality, IDataView? trainingData, int history = 0)
        => new ForecastEvaluator(env, data, columns, seasonality).Evaluate(trainingData, history);

    private DataViewSchema.Column FindBound(string role, string name, DataViewSchema.Column forecast)
    {
        var bound = (_forecastColumn with { Name = name, Role = role }).Find(_host, _data.Schema);
        return bound.Type.Equals(forecast.Type) && ForecastColumns.Channels(bound) is { } channels && channels.SequenceEqual(_channels)
            && SlotNames.Of(bound).SequenceEqual(SlotNames.Of(forecast))
            ? bound
            : throw Check.SchemaMismatch(_host, role, name, $"type, slots and channels of '{forecast.Name}', {forecast.Type}", bound.Type.ToString());
    }

    private ForecastingMetrics Evaluate(IDataView? trainingData, int history)
    {
        // Labels first, alone: forecasts are computed once, as the second cursor streams by.
        var (actual, groups) = ReadLabels(_data);
        var scales = trainingData is null ? null : SeasonalScales(trainingData, groups.Names);
        var slots = Enumerable.Range(0, _horizon * _channels.Length).Select(_ => new ForecastSums(_level)).ToArray();
        var parts = groups.Names.Select(_ => new ForecastSums(_level)).ToArray();
        var window = new Comparison(_horizon, _channels, _seasonality, actual, groups);
        using var cursor = _data.GetRowCursor(_forecasts);
        var buffers = _forecasts.Select(column => _forecastColumn.CreateBuffer(column.Type, 1)).ToArray();
        var readers = buffers.Select((buffer, i) => (_forecastColumn with { Name = _forecasts[i].Name }).Bind(cursor, _forecasts[i], buffer)).ToArray();
        var row = 0;
        for (; cursor.MoveNext() && row < groups.Rows; row++)
        {
            Check.Alive(_host);
            var group = groups.GroupOf(row);
            if (groups.PositionOf(row) + 1 < history)
            {
                continue;
            }
            var (forecasts, skipped, bounded) = parts[group].Counts;
            if (window.Move(row) && Read(readers, buffers) && TensorPrimitives.IsFiniteAll<double>(buffers[0].Values))
            {
                var complete = _level is not null && !TensorPrimitives.IsNaNAny<double>(buffers[1].Values) && !TensorPrimitives.IsNaNAny<double>(buffers[2].Values);
                for (var i = 0; i < slots.Length; i++)
                {
                    var scale = scales?[group]?[i % _channels.Length] ?? double.NaN;
                    foreach (var sums in (ReadOnlySpan<ForecastSums>)[slots[i], parts[group]])
                    {
                        sums.Add(window.Actual[i], buffers[0][0][i], window.Naive[i], scale);
                        if (complete)
                        {
                            sums.AddBounds(window.Actual[i], buffers[1][0][i], buffers[2][0][i]);
                        }
                    }
                }
                parts[group].Counts = new(forecasts + 1, skipped, bounded + (complete ? 1 : 0));
            }
            else
            {
                parts[group].Counts = new(forecasts, skipped + 1, bounded);
            }
        }
        if (row != groups.Rows || cursor.MoveNext())
        {
            throw Check.BadData(_host, $"The data gave {groups.Rows} rows when its column '{_names.Label}' was read, and another number with '{_names.Forecast}'.");
        }
        return Metrics(slots, parts, groups);
    }

    private static bool Read(Action[] readers, RowBuffer<double>[] buffers)
    {
        for (var i = 0; i < readers.Length; i++)
        {
            buffers[i].Clear();
            readers[i]();
        }
        return true;
    }

    private ForecastingMetrics Metrics(ForecastSums[] slots, ForecastSums[] parts, RowGroups groups)
    {
        var counts = new ForecastCounts(parts.Sum(part => part.Counts.Forecasts), parts.Sum(part => part.Counts.Skipped), parts.Sum(part => part.Counts.Bounded));
        if (counts.Forecasts == 0)
        {
            var ofGroup = groups.AreNamed ? $" of the same '{_names.Group}'" : "";
            throw Check.BadData(_host, $"None of the {groups.Rows} rows can be evaluated: each needs a forecast in '{_names.Forecast}', {_horizon} rows after it and {_seasonality} rows up to it{ofGroup} in '{_names.Label}'.");
        }
        ForecastPart Of(string name, IEnumerable<int> indices) => ForecastSums.Of(_level, counts, indices.Select(i => slots[i])).Part(name);
        return new(
            Of("", Enumerable.Range(0, slots.Length)),
            [.. Enumerable.Range(0, _horizon).Select(step => Of($"+{step + 1}", Enumerable.Range(step * _channels.Length, _channels.Length)))],
            new("Channel", [.. _channelNames.Select((name, c) => Of(name, Enumerable.Range(0, _horizon).Select(step => step * _channels.Length + c)))]),
            new("Group", groups.AreNamed ? [.. parts.Select((part, i) => part.Part(groups.Names[i]))] : []),
            _seasonality);
    }

    private (RowBuffer<double> Labels, RowGroups Groups) ReadLabels(IDataView data, IReadOnlyList<string>? known = null)
    {
        var buffers = DataReader.Read(_host, data, default, _groupColumn is null ? [_labelColumn] : [_labelColumn, _groupColumn]);
        var labels = (RowBuffer<double>)buffers[0];
        return (labels, RowGroups.Of(_groupColumn is null ? null : (RowBuffer<string>)buffers[1], labels.Count, known));
    }

    // The mean absolute difference to the value one season before, per group and channel; null for a group of which there is no season.
    private double[]?[] SeasonalScales(IDataView trainingData, IReadOnlyList<string> names)
    {
        var (history, groups) = ReadLabels(trainingData, names);
        var count = names.Count;
        var scales = new double[]?[count];
        for (var group = 0; group < count; group++)
        {
            var rows = groups.CountOf(group);
            if (rows > _seasonality)
            {
                scales[group] = [.. _channels.Select(channel => Enumerable.Range(_seasonality, rows - _seasonality)
                    .Select(i => Math.Abs(history[groups.RowAt(group, i)][channel] - history[groups.RowAt(group, i - _seasonality)][channel])).Where(double.IsFinite).DefaultIfEmpty(0).Average())];
            }
        }
        if (scales.All(scale => scale is null))
        {
            var most = Enumerable.Range(0, count).Select(groups.CountOf).DefaultIfEmpty(0).Max();
            throw Check.BadData(_host, _groupColumn is null
                ? $"The training data has {most} rows: the scale of MASE needs more than one season of {_seasonality}."
                : $"The training data has at most {most} rows of a group of '{_names.Group}' in the data: the scale of MASE needs more than one season of {_seasonality}.");
        }
        return scales;
    }

    /// <summary>The actual values that a row's forecast is for, and the seasonal-naive forecast of them.</summary>
    private sealed class Comparison(int horizon, int[] channels, int seasonality, RowBuffer<double> labels, RowGroups groups)
    {
        internal double[] Actual { get; } = new double[horizon * channels.Length];

        internal double[] Naive { get; } = new double[horizon * channels.Length];

        /// <summary>Returns whether there are as many rows ahead and behind as it takes, of finite values.</summary>
        internal bool Move(int row)
        {
            var (group, position) = (groups.GroupOf(row), groups.PositionOf(row));
            if (position + horizon >= groups.CountOf(group) || position + 1 < seasonality)
            {
                return false;
            }
            var finite = true;
            for (var step = 1; step <= horizon; step++)
            {
                // The last known value in the same phase of the season.
                var before = position + step - seasonality * ((step + seasonality - 1) / seasonality);
                var ahead = labels[groups.RowAt(group, position + step)];
                var behind = labels[groups.RowAt(group, before)];
                for (var c = 0; c < channels.Length; c++)
                {
                    var i = (step - 1) * channels.Length + c;
                    Actual[i] = ahead[channels[c]];
                    Naive[i] = behind[channels[c]];
                    finite &= double.IsFinite(Actual[i]) && double.IsFinite(Naive[i]);
                }
            }
            return finite;
        }
    }
}
