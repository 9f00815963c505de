using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions;

/// <summary>The names of a vector's slots, as an annotation.</summary>
internal static class SlotNames
{
    /// <summary>The annotation as an estimator promises it.</summary>
    internal static (string Name, DataViewType Type) Promise => (AnnotationUtils.Kinds.SlotNames, new VectorDataViewType(TextDataViewType.Instance, 1));

    /// <summary>The slot names of a column; none where it has none.</summary>
    internal static string[] Of(DataViewSchema.Column column)
    {
        VBuffer<ReadOnlyMemory<char>> names = default;
        if (column.Type is VectorDataViewType { IsKnownSize: true } vector && column.HasSlotNames(vector.Size))
        {
            column.GetSlotNames(ref names);
        }
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    internal static void AddTo(DataViewSchema.Annotations.Builder builder, IEnumerable<string> names)
    {
        var text = names.Select(name => name.AsMemory()).ToArray();
        builder.AddSlotNames(text.Length, (ref VBuffer<ReadOnlyMemory<char>> value) => new VBuffer<ReadOnlyMemory<char>>(text.Length, text).CopyTo(ref value));
    }
}
