using System.Numerics;
using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Rows on the CPU to be searched: a table [N, D] with the squared norms of its rows. Pairs are looked at tile by tile; no memory grows with their number.</summary>
internal sealed class RowTable<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>A tile with its rows and columns stays in the cache of a core.</summary>
    private const int TileRows = 256;

    private const int TileColumns = 1024;

    private const int Chunk = 1 << 14;

    private readonly T[] _norms;
    private readonly Tensor _products;

    /// <summary>Takes a table as it is, without copying it.</summary>
    internal RowTable(Tensor rows)
    {
        Rows = rows;
        Count = (int)rows.size(0);
        _norms = Norms(rows);
        _products = empty((long)TileRows * TileColumns, dtype: rows.dtype, device: CPU).DetachFromDisposeScope();
    }

    internal Tensor Rows { get; }

    internal int Count { get; }

    /// <summary>Adds to the lists of some consecutive rows the others of them.</summary>
    /// <param name="lists">One list for each row of the table.</param>
    /// <param name="first">The first row.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="check">Called now and then; throws to end the search.</param>
    internal void SearchWithin(NearestLists<T> lists, int first, int count, Action check)
    {
        var end = first + count;
        // The pairs of a row come in rising order: first those above the diagonal of its column, then those of its line.
        for (var i = first; i < end; i += TileColumns)
        {
            for (var j = i; j < end; j += TileColumns)
            {
                check();
                var last = Math.Min(j + TileColumns, end);
                for (var strip = i; strip < Math.Min(i + TileColumns, end); strip += TileRows)
                {
                    // On the diagonal a strip begins with its own rows: what is left of them has been seen.
                    var from = Math.Max(j, strip);
                    var rows = Math.Min(TileRows, end - strip);
                    var products = Products(Rows.narrow(0, strip, rows), from, last - from);
                    lists.OfferBoth(products, strip, _norms.AsSpan(strip, rows), from, _norms.AsSpan(from, last - from));
                    GC.KeepAlive(_products);
                }
            }
        }
    }

    /// <summary>Adds rows of this table to lists.</summary>
    /// <param name="lists">Where the nearest are kept.</param>
    /// <param name="numbers">The list of each query.</param>
    /// <param name="queries">[Q, D].</param>
    /// <param name="norms">Their squared norms.</param>
    /// <param name="first">The first row of the table that is looked at.</param>
    /// <param name="count">How many follow.</param>
    internal void Search(NearestLists<T> lists, ReadOnlySpan<int> numbers, Tensor queries, ReadOnlySpan<T> norms, int first, int count)
    {
        for (var j = first; j < first + count; j += TileColumns)
        {
            var columns = Math.Min(TileColumns, first + count - j);
            for (var i = 0; i < numbers.Length; i += TileRows)
            {
                var rows = Math.Min(TileRows, numbers.Length - i);
                var products = Products(queries.narrow(0, i, rows), j, columns);
                lists.Offer(products, numbers.Slice(i, rows), norms.Slice(i, rows), j, _norms.AsSpan(j, columns));
                GC.KeepAlive(_products);
            }
        }
    }

    /// <summary>The rows of this table that are nearest to queries.</summary>
    /// <param name="queries">[Q, D].</param>
    /// <param name="length">How many for each query.</param>
    /// <param name="leftOut">For each query a row that is none of its neighbours; null: none.</param>
    /// <param name="check">Called now and then; throws to end the search.</param>
    internal NearestLists<T> Nearest(Tensor queries, int length, int[]? leftOut, Action check)
    {
        var count = (int)queries.size(0);
        var lists = new NearestLists<T>(count, length, leftOut);
        int[] numbers = [.. Enumerable.Range(0, Math.Min(Chunk, count))];
        for (var start = 0; start < count; start += Chunk)
        {
            check();
            using var scope = NewDisposeScope();
            var rows = Math.Min(Chunk, count - start);
            var chunk = queries.narrow(0, start, rows);
            if (start > 0)
            {
                for (var i = 0; i < rows; i++)
                {
                    numbers[i] = start + i;
                }
            }
            Search(lists, numbers.AsSpan(0, rows), chunk, Norms(chunk), 0, Count);
        }
        return lists;
    }

    /// <summary>The squared norms of some rows.</summary>
    internal static T[] Norms(Tensor rows)
    {
        var count = (int)rows.size(0);
        var norms = new T[count];
        for (var start = 0; start < count; start += Chunk)
        {
            using var scope = NewDisposeScope();
            var chunk = rows.narrow(0, start, Math.Min(Chunk, count - start));
            var sums = chunk.Times(chunk).sum(1).contiguous();
            MemoryMarshal.Cast<byte, T>(sums.bytes).CopyTo(norms.AsSpan(start));
            GC.KeepAlive(sums);
        }
        return norms;
    }

    internal T NormOf(int row) => _norms[row];

    public void Dispose() => _products.Dispose();

    /// <summary>-2 times the inner products of rows with rows of the table.</summary>
    private ReadOnlySpan<T> Products(Tensor rows, int first, int count)
    {
        using var scope = NewDisposeScope();
        var tile = _products.narrow(0, 0, rows.size(0) * count).view(rows.size(0), count);
        tile.addmm_(rows, Rows.narrow(0, first, count).t(), beta: 0, alpha: -2);
        return MemoryMarshal.Cast<byte, T>(_products.bytes)[..(int)(rows.size(0) * count)];
    }
}
