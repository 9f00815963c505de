using System.Numerics;
using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetExtensions;

/// <summary>
/// The nearest rows of each row of one large table by Euclidean distance. Memory grows with N (D + k), never with N²: all pairs are looked at tile by tile, and in very large tables
/// only the pairs of near <see cref="CoarseCells"/>.
/// </summary>
internal static class NeighborGraph
{
    /// <summary>Candidates beyond the k wanted: the tiles know distances up to rounding only.</summary>
    private const int Margin = 4;

    private const int GpuTileRows = 2048;

    private const int GpuTileColumns = 16_384;

    /// <summary>The elements of a temporary that holds the differences of pairs.</summary>
    private const int Differences = 1 << 20;

    /// <summary>Finds them. A row is no neighbour of itself; a duplicate of it is.</summary>
    /// <param name="x">[N, D] without NaN, Single or Double.</param>
    /// <param name="k">The neighbours wanted of each row; all other rows where there are no more.</param>
    /// <param name="search">How they are looked for.</param>
    /// <param name="seed">Chooses the samples of a search in cells.</param>
    /// <param name="check">Called now and then; throws to end the search.</param>
    /// <returns>Tensors on the device of <paramref name="x"/>, [N, 0] for a single row.</returns>
    internal static Neighbors Build(Tensor x, int k, NeighborSearch search, ulong seed, Action check)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var found = x.dtype == ScalarType.Float32 ? Build<float>(x, k, search, seed, check) : Build<double>(x, k, search, seed, check);
        found.Index.MoveToOuterDisposeScope();
        found.SquaredDistance.MoveToOuterDisposeScope();
        return found;
    }

    private static Neighbors Build<T>(Tensor x, int k, NeighborSearch search, ulong seed, Action check)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var count = (int)x.size(0);
        k = Math.Min(k, count - 1);
        if (k <= 0)
        {
            return new(zeros(count, 0, dtype: ScalarType.Int64, device: x.device), zeros(count, 0, dtype: x.dtype, device: x.device), null);
        }
        var length = Math.Min(k + Margin, count - 1);
        if ((x.device_type != DeviceType.CPU || search.UseTensorOperations) && count <= search.ExactRowsOnGpu)
        {
            var (index, distance) = Rank<T>(x, NearestByTensors(x, length, check), k, null, check);
            return new(index.to(x.device), distance.to(x.device), null);
        }
        var host = x.cpu().contiguous();
        if (count <= search.ExactRows)
        {
            using var table = new RowTable<T>(host);
            var lists = new NearestLists<T>(count, length);
            table.SearchWithin(lists, 0, count, check);
            var (index, distance) = Rank<T>(host, lists.Rows, k, null, check);
            return new(index.to(x.device), distance.to(x.device), null);
        }
        var (sorted, order, candidates) = CoarseCells.Nearest<T>(host, length, k, search, seed, check);
        var (sortedIndex, sortedDistance) = Rank<T>(sorted, candidates.Rows, k, search.CanReorder ? null : order, check);
        var recall = Recall<T>(sorted, sortedDistance, search.RecallRows, seed, check);
        if (search.CanReorder)
        {
            return new(sortedIndex.to(x.device), sortedDistance.to(x.device), recall, order);
        }
        var places = tensor(order, device: CPU);
        return new(
            empty_like(sortedIndex).index_copy_(0, places.to(ScalarType.Int64), sortedIndex).to(x.device),
            empty_like(sortedDistance).index_copy_(0, places.to(ScalarType.Int64), sortedDistance).to(x.device),
            recall);
    }

    /// <summary>The share of the true neighbours of a sample of rows that are among those found. One that is as far as a true one is as good.</summary>
    private static double Recall<T>(Tensor x, Tensor distances, int rows, ulong seed, Action check)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var scope = NewDisposeScope();
        var k = (int)distances.size(1);
        var drawn = RowSample.Draw((int)x.size(0), rows, RowSample.Random(seed, 1));
        var at = tensor(drawn, device: CPU);
        using var table = new RowTable<T>(x);
        var lists = table.Nearest(x.index_select(0, at), Math.Min(k + Margin, table.Count - 1), drawn, check);
        // The rows of the sample are ranked as if they were a table of their own.
        var (_, truth) = Rank<T>(x, lists.Rows, k, null, check, drawn);
        var found = distances.index_select(0, at).le(truth.narrow(1, k - 1, 1).Times(1 + 1e-6));
        return found.sum(ScalarType.Float64).item<double>() / (drawn.Length * (double)k);
    }

    /// <summary>The nearest candidates by the differences of the rows, on a table that is on the CPU or not.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="candidates">For each row as many; <see cref="NearestLists{T}.None"/> where there are fewer.</param>
    /// <param name="k">How many are kept of each row.</param>
    /// <param name="numbers">What the rows of <paramref name="x"/> are called, which also settles ties; null: their place.</param>
    /// <param name="check">Called now and then; throws to end the work.</param>
    /// <param name="rows">The rows that the candidates belong to; null: all.</param>
    private static (Tensor Index, Tensor Distance) Rank<T>(Tensor x, ReadOnlySpan<int> candidates, int k, int[]? numbers, Action check, int[]? rows = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var scope = NewDisposeScope();
        var count = rows?.Length ?? (int)x.size(0);
        var length = candidates.Length / count;
        var index = empty(count, k, dtype: ScalarType.Int64, device: CPU);
        var distance = empty(count, k, dtype: x.dtype, device: CPU);
        var chunk = (int)Math.Clamp(Differences / (length * x.size(1)), 1, count);
        for (var start = 0; start < count; start += chunk)
        {
            check();
            using var step = NewDisposeScope();
            var size = Math.Min(chunk, count - start);
            var candidate = candidates.Slice(start * length, size * length);
            var own = rows is null ? x.narrow(0, start, size) : x.index_select(0, tensor(rows.AsSpan(start, size).ToArray(), device: x.device));
            // A missing candidate stands for the first row until its distance is taken away again.
            var taken = new int[candidate.Length];
            TensorPrimitives.Max(candidate, 0, taken);
            var difference = x.index_select(0, tensor(taken, device: x.device)).view(size, length, x.size(1)).sub_(own.unsqueeze(1));
            var squares = difference.mul_(difference).sum(2).cpu().contiguous();
            Rank(
                candidate, MemoryMarshal.Cast<byte, T>(squares.bytes), numbers, k,
                MemoryMarshal.Cast<byte, long>(index.bytes).Slice(start * k, size * k), MemoryMarshal.Cast<byte, T>(distance.bytes).Slice(start * k, size * k));
            GC.KeepAlive(squares);
        }
        GC.KeepAlive(index);
        GC.KeepAlive(distance);
        return (index.MoveToOuterDisposeScope(), distance.MoveToOuterDisposeScope());
    }

    private static void Rank<T>(ReadOnlySpan<int> candidates, ReadOnlySpan<T> squares, int[]? numbers, int k, Span<long> index, Span<T> distance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var rows = index.Length / k;
        var length = candidates.Length / rows;
        Span<(T Distance, int Number)> list = new (T, int)[length];
        for (var row = 0; row < rows; row++)
        {
            for (var i = 0; i < length; i++)
            {
                var candidate = candidates[row * length + i];
                list[i] = candidate == NearestLists<T>.None ? (T.PositiveInfinity, int.MaxValue) : (squares[row * length + i], numbers?[candidate] ?? candidate);
            }
            list.Sort();
            for (var i = 0; i < k; i++)
            {
                index[row * k + i] = list[i].Number;
                distance[row * k + i] = list[i].Distance;
            }
        }
    }

    /// <summary>The nearest candidates by tensor operations on the table's device.</summary>
    private static int[] NearestByTensors(Tensor x, int length, Action check)
    {
        using var scope = NewDisposeScope();
        var count = x.size(0);
        var norms = empty(count, dtype: x.dtype, device: x.device);
        for (var first = 0L; first < count; first += GpuTileColumns)
        {
            using var step = NewDisposeScope();
            var rows = x.narrow(0, first, Math.Min(GpuTileColumns, count - first));
            norms.narrow(0, first, rows.size(0)).copy_(rows.Times(rows).sum(1));
        }
        var nearest = new int[count * length];
        for (var first = 0L; first < count; first += GpuTileRows)
        {
            check();
            using var strip = NewDisposeScope();
            var rows = Math.Min(GpuTileRows, count - first);
            var distances = zeros(rows, 0, dtype: x.dtype, device: x.device);
            var numbers = zeros(rows, 0, dtype: ScalarType.Int64, device: x.device);
            for (var from = 0L; from < count; from += GpuTileColumns)
            {
                using var step = NewDisposeScope();
                var columns = Math.Min(GpuTileColumns, count - from);
                var tile = norms.narrow(0, from, columns).addmm(x.narrow(0, first, rows), x.narrow(0, from, columns).t(), beta: 1, alpha: -2);
                tile.add_(norms.narrow(0, first, rows).unsqueeze(1), TensorOps.One);
                long overlap = Math.Max(first, from), end = Math.Min(first + rows, from + columns);
                if (overlap < end)
                {
                    tile.narrow(0, overlap - first, end - overlap).narrow(1, overlap - from, end - overlap).diagonal().fill_(TensorOps.Constant(double.PositiveInfinity));
                }
                var (best, places) = tile.topk((int)Math.Min(length, columns), 1, largest: false);
                best = cat([distances, best], 1);
                places = cat([numbers, places.Minus(tensor([-from], device: x.device))], 1);
                (distances, var chosen) = best.topk((int)Math.Min(length, best.size(1)), 1, largest: false);
                numbers = places.gather(1, chosen);
                distances.MoveToOuterDisposeScope();
                numbers.MoveToOuterDisposeScope();
            }
            var host = numbers.to(ScalarType.Int32).cpu().contiguous();
            MemoryMarshal.Cast<byte, int>(host.bytes).CopyTo(nearest.AsSpan((int)(first * length)));
            GC.KeepAlive(host);
        }
        return nearest;
    }
}
