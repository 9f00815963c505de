using System.Numerics;
using System.Runtime.InteropServices;

namespace MLNetExtensions;

/// <summary>
/// For each of some rows the nearest ones seen so far, the nearest first. Of equally far ones the one seen first comes first, so candidates in rising order leave
/// the lower numbers.
/// </summary>
internal sealed class NearestLists<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    internal const int None = -1;

    private readonly T[] _distances;
    private readonly int[] _rows;
    private readonly T[] _limits;
    private readonly int[]? _leftOut;

    /// <summary>Makes empty lists.</summary>
    /// <param name="count">The number of lists.</param>
    /// <param name="length">What a list holds at most.</param>
    /// <param name="leftOut">For each list a row that it never holds, its own one; null: none.</param>
    internal NearestLists(int count, int length, int[]? leftOut = null)
    {
        Count = count;
        Length = length;
        _leftOut = leftOut;
        _distances = new T[(long)count * length];
        _rows = new int[(long)count * length];
        _limits = new T[count];
        Array.Fill(_distances, T.PositiveInfinity);
        Array.Fill(_rows, None);
        Array.Fill(_limits, T.PositiveInfinity);
    }

    internal int Count { get; }

    internal int Length { get; }

    /// <summary>The rows of all lists, one list after the other; <see cref="None"/> where a list is not full.</summary>
    internal ReadOnlySpan<int> Rows => _rows;

    /// <summary>The rows of one list.</summary>
    internal ReadOnlySpan<int> this[int list] => _rows.AsSpan(list * Length, Length);

    /// <summary>Puts other lists in the place of some.</summary>
    internal void Replace(ReadOnlySpan<int> lists, NearestLists<T> others)
    {
        for (var i = 0; i < lists.Length; i++)
        {
            others[i].CopyTo(_rows.AsSpan(lists[i] * Length, Length));
            others._distances.AsSpan(i * Length, Length).CopyTo(_distances.AsSpan(lists[i] * Length, Length));
            _limits[lists[i]] = others._limits[i];
        }
    }

    /// <summary>Takes in the pairs of a tile.</summary>
    /// <param name="products">For each pair -2 times the inner product, one row of the tile after the other.</param>
    /// <param name="lists">The list of each row of the tile.</param>
    /// <param name="norms">The squared norm of each row of the tile.</param>
    /// <param name="firstColumn">The row that the first column stands for; the others follow it.</param>
    /// <param name="columnNorms">The squared norm of each column.</param>
    internal void Offer(ReadOnlySpan<T> products, ReadOnlySpan<int> lists, ReadOnlySpan<T> norms, int firstColumn, ReadOnlySpan<T> columnNorms)
    {
        var columns = columnNorms.Length;
        ref var norm = ref MemoryMarshal.GetReference(columnNorms);
        for (var i = 0; i < lists.Length; i++)
        {
            var list = lists[i];
            var line = products.Slice(i * columns, columns);
            ref var product = ref MemoryMarshal.GetReference(line);
            var own = new Vector<T>(norms[i]);
            var limit = new Vector<T>(_limits[list]);
            var j = 0;
            for (; j <= columns - Vector<T>.Count; j += Vector<T>.Count)
            {
                var distance = Vector.LoadUnsafe(ref product, (nuint)j) + (Vector.LoadUnsafe(ref norm, (nuint)j) + own);
                if (Vector.LessThanAny(distance, limit))
                {
                    OfferToRow(list, line, norms[i], firstColumn, columnNorms, j, j + Vector<T>.Count);
                    limit = new Vector<T>(_limits[list]);
                }
            }
            OfferToRow(list, line, norms[i], firstColumn, columnNorms, j, columns);
        }
    }

    /// <summary>Takes in the pairs of a tile for its rows and for its columns, whose numbers are those of their lists.</summary>
    /// <param name="products">For each pair -2 times the inner product, one row of the tile after the other.</param>
    /// <param name="firstRow">The first row of the tile.</param>
    /// <param name="norms">The squared norm of each row of the tile.</param>
    /// <param name="firstColumn">The row that the first column stands for. Where it is the first row too, each pair counts once, and none of a row with itself.</param>
    /// <param name="columnNorms">The squared norm of each column.</param>
    internal void OfferBoth(ReadOnlySpan<T> products, int firstRow, ReadOnlySpan<T> norms, int firstColumn, ReadOnlySpan<T> columnNorms)
    {
        var columns = columnNorms.Length;
        ref var norm = ref MemoryMarshal.GetReference(columnNorms);
        ref var columnLimit = ref _limits[firstColumn];
        for (var i = 0; i < norms.Length; i++)
        {
            var list = firstRow + i;
            var line = products.Slice(i * columns, columns);
            ref var product = ref MemoryMarshal.GetReference(line);
            var own = new Vector<T>(norms[i]);
            var limit = new Vector<T>(_limits[list]);
            var j = firstRow == firstColumn ? i + 1 : 0;
            for (; j <= columns - Vector<T>.Count; j += Vector<T>.Count)
            {
                var distance = Vector.LoadUnsafe(ref product, (nuint)j) + (Vector.LoadUnsafe(ref norm, (nuint)j) + own);
                // Below the larger of both limits it is of use to one of the two.
                if (Vector.LessThanAny(distance, Vector.Max(limit, Vector.LoadUnsafe(ref columnLimit, (nuint)j))))
                {
                    OfferToRow(list, line, norms[i], firstColumn, columnNorms, j, j + Vector<T>.Count);
                    OfferToColumns(list, line, norms[i], firstColumn, columnNorms, j, j + Vector<T>.Count);
                    limit = new Vector<T>(_limits[list]);
                }
            }
            OfferToRow(list, line, norms[i], firstColumn, columnNorms, j, columns);
            OfferToColumns(list, line, norms[i], firstColumn, columnNorms, j, columns);
        }
    }

    private void OfferToRow(int list, ReadOnlySpan<T> line, T norm, int firstColumn, ReadOnlySpan<T> columnNorms, int from, int to)
    {
        for (var j = from; j < to; j++)
        {
            var distance = line[j] + (columnNorms[j] + norm);
            if (distance < _limits[list] && (_leftOut is null || _leftOut[list] != firstColumn + j))
            {
                Insert(list, firstColumn + j, distance);
            }
        }
    }

    private void OfferToColumns(int row, ReadOnlySpan<T> line, T norm, int firstColumn, ReadOnlySpan<T> columnNorms, int from, int to)
    {
        for (var j = from; j < to; j++)
        {
            var distance = line[j] + (columnNorms[j] + norm);
            if (distance < _limits[firstColumn + j])
            {
                Insert(firstColumn + j, row, distance);
            }
        }
    }

    private void Insert(int list, int row, T distance)
    {
        var distances = _distances.AsSpan(list * Length, Length);
        var rows = _rows.AsSpan(list * Length, Length);
        var at = Length - 1;
        for (; at > 0 && distance < distances[at - 1]; at--)
        {
            distances[at] = distances[at - 1];
            rows[at] = rows[at - 1];
        }
        distances[at] = distance;
        rows[at] = row;
        _limits[list] = distances[^1];
    }
}
