using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions;

/// <summary>A column that a transformer adds.</summary>
/// <param name="Name">The name of the column.</param>
/// <param name="Type">Its type: scalar, or vector of known size.</param>
/// <param name="Annotations">Its annotations; null = none.</param>
internal abstract record OutputColumn(string Name, DataViewType Type, DataViewSchema.Annotations? Annotations)
{
    internal abstract RowBuffer CreateBuffer();

    /// <summary>Returns the getter of the column: the value in the buffer's row that <paramref name="row"/> names at the call.</summary>
    internal abstract Delegate CreateGetter(RowBuffer buffer, Func<int> row);
}

/// <summary>A column whose scores are computed as <typeparamref name="T"/>.</summary>
/// <typeparam name="T">The raw type of the column, or of its items where it is a vector.</typeparam>
internal sealed record OutputColumn<T>(string Name, DataViewType Type, DataViewSchema.Annotations? Annotations = null) : OutputColumn(Name, Type, Annotations)
{
    internal override RowBuffer<T> CreateBuffer() => new(Type.GetValueCount());

    internal override Delegate CreateGetter(RowBuffer buffer, Func<int> row)
    {
        var source = (RowBuffer<T>)buffer;
        if (Type is not VectorDataViewType)
        {
            return (ValueGetter<T>)((ref T value) => value = source[row()][0]);
        }
        return (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) =>
        {
            var scores = source[row()];
            var editor = VBufferEditor.Create(ref value, scores.Length);
            scores.CopyTo(editor.Values);
            value = editor.Commit();
        });
    }
}
