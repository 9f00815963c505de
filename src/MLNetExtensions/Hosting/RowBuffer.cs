using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>The values of one column for the rows of a batch.</summary>
internal abstract class RowBuffer
{
    /// <summary>Forgets the rows and keeps the memory.</summary>
    internal abstract void Clear();
}

/// <summary>The values of one column, row after row in one array.</summary>
/// <typeparam name="T">The type of one value (of one slot where the column is a vector).</typeparam>
internal sealed class RowBuffer<T> : RowBuffer
{
    private readonly int _width;
    private T[] _values;
    private int[] _ends = [];
    private int _used;

    /// <param name="width">The number of values in each row; 0 = rows of their own lengths.</param>
    /// <param name="rows">The number of rows to make room for, as far as it is credible.</param>
    internal RowBuffer(int width, long rows = 0)
    {
        const int MostAtFirst = 1 << 26;
        _width = width;
        _values = new T[Math.Min(width * Math.Min(rows, MostAtFirst), MostAtFirst)];
    }

    internal int Count { get; private set; }

    /// <summary>All values, row after row.</summary>
    internal Span<T> Values => _values.AsSpan(0, _used);

    internal Span<T> this[int row]
    {
        get
        {
            if (_width > 0)
            {
                return _values.AsSpan(row * _width, _width);
            }
            var start = row == 0 ? 0 : _ends[row - 1];
            return _values.AsSpan(start, _ends[row] - start);
        }
    }

    /// <summary>Appends a row and returns its place, to be written wholly.</summary>
    /// <exception cref="InvalidOperationException">The row has another length than the rows of this buffer.</exception>
    internal Span<T> Add(int length)
    {
        if (_width > 0 && length != _width)
        {
            throw Contracts.Except($"Row {Count} holds a vector of length {length}, expected {_width}.");
        }
        Reserve(_used + (long)length);
        if (_width == 0)
        {
            if (Count == _ends.Length)
            {
                Array.Resize(ref _ends, Math.Max(16, 2 * Count));
            }
            _ends[Count] = _used + length;
        }
        var row = _values.AsSpan(_used, length);
        _used += length;
        Count++;
        return row;
    }

    /// <summary>Makes <paramref name="rows"/> rows of equal width at once, to be written wholly.</summary>
    internal Span<T> AddRows(int rows)
    {
        Reserve(_used + (long)rows * _width);
        var start = _used;
        _used += rows * _width;
        Count += rows;
        return _values.AsSpan(start, rows * _width);
    }

    internal override void Clear()
    {
        Count = 0;
        _used = 0;
    }

    private void Reserve(long needed)
    {
        if (needed > _values.Length)
        {
            if (needed > Array.MaxLength)
            {
                throw Contracts.Except($"The column holds more than {Array.MaxLength} values, the most that fits into memory at once.");
            }
            Array.Resize(ref _values, (int)Math.Min(Array.MaxLength, Math.Max(needed, 2L * _values.Length)));
        }
    }
}
