using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.TimeSeries;

/// <summary>The forecast column: a vector [H, C'], step outer, channel inner, whose annotations say what each slot is.</summary>
internal static class ForecastColumns
{
    /// <summary>For each channel forecast, its slot in the series column.</summary>
    internal const string ChannelIndices = "ChannelIndices";

    /// <summary>On the columns of bounds: the probability with which values should lie between them.</summary>
    internal const string ConfidenceLevel = "ConfidenceLevel";

    internal static VectorDataViewType Type(int horizon, int channels) => new(NumberDataViewType.Single, horizon, channels);

    internal static SchemaShape.Column Promise(string name, bool isBound = false)
    {
        List<(string, DataViewType)> annotations = [(AnnotationUtils.Kinds.SlotNames, new VectorDataViewType(TextDataViewType.Instance, 1)), (ChannelIndices, new VectorDataViewType(NumberDataViewType.Int32, 1))];
        if (isBound)
        {
            annotations.Add((ConfidenceLevel, NumberDataViewType.Double));
        }
        return SchemaShapes.Column(name, new VectorDataViewType(NumberDataViewType.Single, 1), annotations);
    }

    internal static OutputColumn<float> Deliver(string name, int horizon, IReadOnlyList<string> channelNames, IReadOnlyList<int> channelIndices, double? confidenceLevel = null)
    {
        var slots = new ReadOnlyMemory<char>[horizon * channelNames.Count];
        for (var i = 0; i < slots.Length; i++)
        {
            slots[i] = string.Create(CultureInfo.InvariantCulture, $"{channelNames[i % channelNames.Count]}@+{i / channelNames.Count + 1}").AsMemory();
        }
        var indices = channelIndices.ToArray();
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.AddSlotNames(slots.Length, (ref VBuffer<ReadOnlyMemory<char>> value) => new VBuffer<ReadOnlyMemory<char>>(slots.Length, slots).CopyTo(ref value));
        annotations.Add(ChannelIndices, new VectorDataViewType(NumberDataViewType.Int32, indices.Length), (ref VBuffer<int> value) => new VBuffer<int>(indices.Length, indices).CopyTo(ref value));
        if (confidenceLevel is { } level)
        {
            annotations.Add(ConfidenceLevel, NumberDataViewType.Double, (ref double value) => value = level);
        }
        return new(name, Type(horizon, channelNames.Count), annotations.ToAnnotations());
    }

    internal static IReadOnlyList<string> ChannelNames(DataViewSchema.Column column)
    {
        if (column.Type is not VectorDataViewType vector)
        {
            return [column.Name];
        }
        VBuffer<ReadOnlyMemory<char>> names = default;
        if (column.HasSlotNames(vector.Size))
        {
            column.GetSlotNames(ref names);
        }
        var dense = names.DenseValues().Select(name => name.ToString()).ToArray();
        return [.. Enumerable.Range(0, vector.Size).Select(i => dense.Length > i && dense[i].Length > 0 ? dense[i] : string.Create(CultureInfo.InvariantCulture, $"{column.Name}{i}"))];
    }

    /// <summary>The channels that a forecast column forecasts: slots of the series column.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column is no forecast.</exception>
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
}
