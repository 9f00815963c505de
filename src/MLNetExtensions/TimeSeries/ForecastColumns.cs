using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.TimeSeries;

/// <summary>The forecast column: a vector [H, C'], step outer, channel inner, whose annotations say what each slot is.</summary>
internal static class ForecastColumns
{
    /// <summary>For each channel forecast, its slot in the series column.</summary>
    internal const string ChannelIndices = "ChannelIndices";

    internal static VectorDataViewType Type(int horizon, int channels) => new(NumberDataViewType.Single, horizon, channels);

    internal static SchemaShape.Column Promise(string name, bool isBound = false)
    {
        List<(string, DataViewType)> annotations = [SlotNames.Promise, (ChannelIndices, new VectorDataViewType(NumberDataViewType.Int32, 1))];
        if (isBound)
        {
            annotations.Add(ConfidenceLevels.Promise);
        }
        return SchemaShapes.Column(name, new VectorDataViewType(NumberDataViewType.Single, 1), annotations);
    }

    internal static OutputColumn<float> Deliver(string name, int horizon, IReadOnlyList<string> channelNames, IReadOnlyList<int> channelIndices, double? confidenceLevel = null)
    {
        var slots = Enumerable.Range(0, horizon * channelNames.Count).Select(i => string.Create(CultureInfo.InvariantCulture, $"{channelNames[i % channelNames.Count]}@+{i / channelNames.Count + 1}"));
        var indices = channelIndices.ToArray();
        var annotations = new DataViewSchema.Annotations.Builder();
        SlotNames.AddTo(annotations, slots);
        annotations.Add(ChannelIndices, new VectorDataViewType(NumberDataViewType.Int32, indices.Length), (ref VBuffer<int> value) => new VBuffer<int>(indices.Length, indices).CopyTo(ref value));
        if (confidenceLevel is { } level)
        {
            ConfidenceLevels.AddTo(annotations, level);
        }
        return new(name, Type(horizon, channelNames.Count), annotations.ToAnnotations());
    }

    internal static IReadOnlyList<string> ChannelNames(DataViewSchema.Column column)
    {
        if (column.Type is not VectorDataViewType vector)
        {
            return [column.Name];
        }
        var dense = SlotNames.Of(column);
        return [.. Enumerable.Range(0, vector.Size).Select(i => dense.Length > i && dense[i].Length > 0 ? dense[i] : string.Create(CultureInfo.InvariantCulture, $"{column.Name}{i}"))];
    }

    /// <summary>The channels that a forecast column forecasts, slots of the series column; null where it is no forecast.</summary>
    internal static int[]? Channels(DataViewSchema.Column column)
    {
        if (column.Annotations.Schema.GetColumnOrNull(ChannelIndices)?.Type is not VectorDataViewType { ItemType: NumberDataViewType item } || item != NumberDataViewType.Int32)
        {
            return null;
        }
        VBuffer<int> indices = default;
        column.Annotations.GetValue(ChannelIndices, ref indices);
        return [.. indices.DenseValues()];
    }

    /// <summary>The number of steps that a forecast column forecasts; null where it is no forecast.</summary>
    internal static int? Horizon(DataViewSchema.Column column)
        => column.Type is VectorDataViewType vector && Channels(column) is { Length: > 0 } channels ? vector.Size / channels.Length : null;

    /// <summary>The names of the channels that a forecast column forecasts, from the slots of its first step; null where they do not tell.</summary>
    internal static string[]? ForecastChannelNames(DataViewSchema.Column column, int channels)
    {
        const string FirstStep = "@+1";
        var names = SlotNames.Of(column).Take(channels).ToArray();
        return names.Length == channels && names.All(name => name.EndsWith(FirstStep, StringComparison.Ordinal)) ? [.. names.Select(name => name[..^FirstStep.Length])] : null;
    }
}
