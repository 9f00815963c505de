using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions;

/// <summary>A column passed through, copied for the rows read ahead.</summary>
internal abstract class CopiedColumn
{
    /// <summary>Copies the value of the input's current row.</summary>
    internal abstract void Take(int row);

    internal abstract Delegate CreateGetter(Func<int> row);

    internal static CopiedColumn Create(DataViewRow input, DataViewSchema.Column column, int rows)
    {
        var vector = column.Type as VectorDataViewType;
        var type = (vector is null ? typeof(Scalars<>) : typeof(Vectors<>)).MakeGenericType((vector?.ItemType ?? column.Type).RawType);
        return (CopiedColumn)Activator.CreateInstance(type, BindingFlags.Instance | BindingFlags.NonPublic, null, [input, column, rows], null)!;
    }

    private sealed class Scalars<T> : CopiedColumn
    {
        private readonly ValueGetter<T> _get;
        private readonly T[] _values;

        internal Scalars(DataViewRow input, DataViewSchema.Column column, int rows)
        {
            _get = input.GetGetter<T>(column);
            _values = new T[rows];
        }

        internal override void Take(int row) => _get(ref _values[row]);

        internal override Delegate CreateGetter(Func<int> row) => (ValueGetter<T>)((ref T value) => value = _values[row()]);
    }

    private sealed class Vectors<T> : CopiedColumn
    {
        private readonly ValueGetter<VBuffer<T>> _get;
        private readonly VBuffer<T>[] _values;

        internal Vectors(DataViewRow input, DataViewSchema.Column column, int rows)
        {
            _get = input.GetGetter<VBuffer<T>>(column);
            _values = new VBuffer<T>[rows];
        }

        internal override void Take(int row) => _get(ref _values[row]);

        internal override Delegate CreateGetter(Func<int> row) => (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) => _values[row()].CopyTo(ref value));
    }
}
