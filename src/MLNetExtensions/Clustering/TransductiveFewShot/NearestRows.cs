using System.Runtime.InteropServices;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetExtensions;

/// <summary>The nearest rows of each row of small problems, many at once; larger problems go to <see cref="NeighborGraph"/>.</summary>
internal static class NearestRows
{
    /// <summary>Problems with more rows are searched one by one.</summary>
    private const int LargestSmall = 512;

    /// <summary>The elements of the distances that are looked at together.</summary>
    private const int ChunkElements = 1 << 21;

    /// <summary>Finds them.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="k">The neighbours wanted of each row; fewer where there are not so many.</param>
    /// <param name="queriesOnly">Labelled rows are left out: they have no neighbours and are none.</param>
    /// <param name="seed">Determines an approximate search.</param>
    /// <param name="check">Throws to end the work.</param>
    /// <param name="recall">The share of true neighbours found; null: all.</param>
    /// <returns>The neighbours of each problem.</returns>
    internal static Func<int, List> Find(ProblemBatch batch, int k, bool queriesOnly, ulong seed, Action check, out double? recall)
    {
        recall = null;
        using var scope = NewDisposeScope();
        var labelled = queriesOnly ? ProblemBatch.Copy<bool>(batch.Labelled) : null;
        var parts = new List[batch.Count];
        if (batch.RowCount > LargestSmall)
        {
            for (var b = 0; b < batch.Count; b++)
            {
                var numbers = Numbers(b);
                parts[b] = FindLarge(batch, b, numbers, k, seed, check, out var own);
                recall = own is { } share ? Math.Min(recall ?? 1, share) : recall;
            }
        }
        else if (batch.Type == ScalarType.Float32)
        {
            var chunk = Math.Max(1, ChunkElements / (batch.RowCount * batch.RowCount));
            for (var start = 0; start < batch.Count; start += chunk)
            {
                check();
                using var step = NewDisposeScope();
                var count = Math.Min(chunk, batch.Count - start);
                var rows = tensor([.. Enumerable.Range(start, count).Select(b => (long)b)], device: batch.Device);
                using var points = batch.Points.Select(rows);
                var distances = points.SquaredDistances(points.Features).cpu().contiguous();
                var values = MemoryMarshal.Cast<byte, float>(distances.bytes);
                for (var b = 0; b < count; b++)
                {
                    var own = values.Slice(b * batch.RowCount * batch.RowCount, batch.RowCount * batch.RowCount);
                    parts[start + b] = Choose(batch.Sizes[start + b], Numbers(start + b), k, own, batch.RowCount);
                }
                GC.KeepAlive(distances);
            }
        }
        else
        {
            var features = ProblemBatch.Copy<double>(batch.Points.Features);
            var dimension = (int)batch.Points.Features.size(2);
            var distances = new double[batch.RowCount * batch.RowCount];
            for (var b = 0; b < batch.Count; b++)
            {
                check();
                var rows = features.AsSpan(b * batch.RowCount * dimension, batch.RowCount * dimension);
                for (var i = 0; i < batch.Sizes[b]; i++)
                {
                    for (var j = 0; j < i; j++)
                    {
                        var distance = TensorPrimitives.Distance<double>(rows.Slice(i * dimension, dimension), rows.Slice(j * dimension, dimension));
                        distances[i * batch.RowCount + j] = distances[j * batch.RowCount + i] = distance * distance;
                    }
                }
                parts[b] = Choose<double>(batch.Sizes[b], Numbers(b), k, distances, batch.RowCount);
            }
        }
        return b => parts[b];

        // The rows that take part; null: all.
        int[]? Numbers(int b) => labelled is null ? null : [.. Enumerable.Range(0, batch.Sizes[b]).Where(row => !labelled[b * batch.RowCount + row])];
    }

    private static List FindLarge(ProblemBatch batch, int b, int[]? numbers, int k, ulong seed, Action check, out double? recall)
    {
        using var scope = NewDisposeScope();
        var rows = batch.Points.Features[b].narrow(0, 0, batch.Sizes[b]);
        if (numbers is not null)
        {
            rows = rows.index_select(0, tensor(numbers, device: batch.Device));
        }
        var found = NeighborGraph.Build(rows, k, new() { CanReorder = batch.Count == 1 && numbers is null }, seed, check);
        recall = found.Recall;
        if (found.Order is not null)
        {
            batch.Reorder(found.Order);
        }
        var columns = ProblemBatch.Copy<int>(found.Index.to(ScalarType.Int32));
        if (numbers is not null)
        {
            for (var i = 0; i < columns.Length; i++)
            {
                columns[i] = numbers[columns[i]];
            }
        }
        return new(batch.Sizes[b], (int)found.Index.size(1), numbers, columns, ProblemBatch.Copy<double>(found.SquaredDistance.to(ScalarType.Float64)));
    }

    private static List Choose<T>(int rows, int[]? numbers, int k, ReadOnlySpan<T> distances, int stride)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        var taking = numbers?.Length ?? rows;
        k = Math.Clamp(k, 0, Math.Max(0, taking - 1));
        var columns = new int[taking * k];
        var squares = new double[taking * k];
        if (k == 0)
        {
            return new(rows, 0, numbers, columns, squares);
        }
        Span<T> best = new T[k];
        for (var i = 0; i < taking; i++)
        {
            var row = numbers is null ? i : numbers[i];
            var own = distances.Slice(row * stride, rows);
            var chosen = columns.AsSpan(i * k, k);
            best.Fill(T.PositiveInfinity);
            var worst = T.PositiveInfinity;
            for (var j = 0; j < taking; j++)
            {
                var column = numbers is null ? j : numbers[j];
                // Strictly: of equally far ones the first stays.
                if (own[column] < worst && column != row)
                {
                    var place = k - 1;
                    for (; place > 0 && best[place - 1] > own[column]; place--)
                    {
                        (best[place], chosen[place]) = (best[place - 1], chosen[place - 1]);
                    }
                    (best[place], chosen[place]) = (own[column], column);
                    worst = best[k - 1];
                }
            }
            for (var j = 0; j < k; j++)
            {
                squares[i * k + j] = double.CreateTruncating(best[j]);
            }
        }
        return new(rows, k, numbers, columns, squares);
    }

    /// <summary>The nearest rows of each row of a problem, the nearest first.</summary>
    internal sealed class List
    {
        private readonly bool[]? _has;

        /// <summary>Takes lists over.</summary>
        /// <param name="rows">The number of rows of the problem.</param>
        /// <param name="count">The number of neighbours of each row that has some.</param>
        /// <param name="numbers">The rows that have some; null: all.</param>
        /// <param name="columns">Their neighbours.</param>
        /// <param name="squares">The squared distances to them.</param>
        internal List(int rows, int count, int[]? numbers, int[] columns, double[] squares)
        {
            (Rows, Count, Columns, Squares) = (rows, count, columns, squares);
            if (numbers is not null)
            {
                _has = new bool[rows];
                foreach (var number in numbers)
                {
                    _has[number] = true;
                }
            }
        }

        internal int Rows { get; }

        internal int Count { get; }

        internal int[] Columns { get; }

        internal double[] Squares { get; }

        internal bool Has(int row) => _has is null || _has[row];
    }
}
