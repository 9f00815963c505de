using System.Numerics;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// A search that compares each row with the rows of the nearest cells only. The cells are those of K-means on a sample; one that holds far more rows than the
/// others is cut into parts, so the time is bounded for any data.
/// </summary>
internal static class CoarseCells
{
    /// <summary>The rows of the sample for each cell.</summary>
    private const int SampleRows = 48;

    private const int Iterations = 8;

    /// <summary>The largest cell, as a multiple of the mean one.</summary>
    private const int LargestCell = 4;

    /// <summary>The queries that are gathered at a time.</summary>
    private const int Chunk = 1 << 13;

    /// <summary>Searches.</summary>
    /// <param name="x">[N, D], on the CPU.</param>
    /// <param name="length">The length of the lists, below N.</param>
    /// <param name="wanted">The neighbours that every row gets in any case, at most as many.</param>
    /// <param name="search">The number of cells and of probes.</param>
    /// <param name="seed">Chooses the sample and the first centres.</param>
    /// <param name="check">Called now and then; throws to end the search.</param>
    /// <returns>The rows sorted by cell, what each of them is in <paramref name="x"/>, and the neighbours in the sorted numbers.</returns>
    internal static (Tensor Sorted, int[] Order, NearestLists<T> Lists) Nearest<T>(Tensor x, int length, int wanted, NeighborSearch search, ulong seed, Action check)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var scope = NewDisposeScope();
        var count = (int)x.size(0);
        var cells = Math.Clamp(search.Cells ?? (int)Math.Sqrt(count), 1, count);
        var centers = Centers<T>(x, cells, RowSample.Random(seed, 0), check);
        var probes = Nearest<T>(x, centers, search.Probes, check);
        var (order, starts, cut) = Sort(probes, cells, LargestCell * (count / cells + 1));
        var sorted = empty(x.shape, dtype: x.dtype, device: CPU);
        for (var start = 0; start < count; start += Chunk)
        {
            using var step = NewDisposeScope();
            var rows = Math.Min(Chunk, count - start);
            sorted.narrow(0, start, rows).copy_(x.index_select(0, tensor(order.AsSpan(start, rows).ToArray(), device: CPU)));
        }
        using var table = new RowTable<T>(sorted);
        var lists = new NearestLists<T>(count, length);
        for (var cell = 0; cell < starts.Length - 1; cell++)
        {
            table.SearchWithin(lists, starts[cell], starts[cell + 1] - starts[cell], check);
        }
        if (cut)
        {
            centers = Means(sorted, starts);
            probes = Nearest<T>(sorted, centers, search.Probes, check);
        }
        var (queries, queryStarts) = Queries(probes, cut ? null : order, starts);
        for (var cell = 0; cell < starts.Length - 1; cell++)
        {
            check();
            for (var start = queryStarts[cell]; start < queryStarts[cell + 1]; start += Chunk)
            {
                using var step = NewDisposeScope();
                var numbers = queries.AsSpan(start, Math.Min(Chunk, queryStarts[cell + 1] - start));
                var norms = new T[numbers.Length];
                for (var i = 0; i < norms.Length; i++)
                {
                    norms[i] = table.NormOf(numbers[i]);
                }
                table.Search(lists, numbers, sorted.index_select(0, tensor(numbers.ToArray(), device: CPU)), norms, starts[cell], starts[cell + 1] - starts[cell]);
            }
        }
        Complete(table, lists, wanted, check);
        return (sorted.MoveToOuterDisposeScope(), order, lists);
    }

    /// <summary>The centres of K-means on a sample. A cell that loses all its rows keeps its centre.</summary>
    private static Tensor Centers<T>(Tensor x, int cells, Random random, Action check)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var scope = NewDisposeScope();
        var drawn = RowSample.Draw((int)x.size(0), (int)Math.Min((long)SampleRows * cells, x.size(0)), random);
        var sample = x.index_select(0, tensor(drawn, device: CPU));
        var centers = sample.index_select(0, tensor(RowSample.Draw(drawn.Length, cells, random), device: CPU));
        for (var iteration = 0; iteration < Iterations; iteration++)
        {
            using var step = NewDisposeScope();
            using var table = new RowTable<T>(centers);
            var nearest = table.Nearest(sample, 1, null, check);
            var assigned = tensor(nearest.Rows.ToArray(), device: CPU).to(ScalarType.Int64);
            var counts = zeros(cells, 1, dtype: x.dtype, device: CPU);
            counts.index_add_(0, assigned, ones(drawn.Length, 1, dtype: x.dtype, device: CPU), TensorOps.One);
            var sums = zeros(centers.shape, dtype: x.dtype, device: CPU);
            sums.index_add_(0, assigned, sample, TensorOps.One);
            centers.copy_(where(counts.gt(TensorOps.Constant(0)), sums.DividedBy(counts), centers));
        }
        return centers.MoveToOuterDisposeScope();
    }

    /// <summary>The nearest cells of each row.</summary>
    private static NearestLists<T> Nearest<T>(Tensor x, Tensor centers, int probes, Action check)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var table = new RowTable<T>(centers);
        return table.Nearest(x, Math.Min(probes, table.Count), null, check);
    }

    /// <summary>
    /// The rows by their cell, in rising order within it; where each cell begins, and the end of the last one; whether a cell was cut into parts, which are then cells
    /// of their own, and empty ones left out.
    /// </summary>
    private static (int[] Order, int[] Starts, bool Cut) Sort<T>(NearestLists<T> probes, int cells, int largest)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var count = probes.Count;
        var starts = new int[cells + 1];
        for (var row = 0; row < count; row++)
        {
            starts[probes[row][0] + 1]++;
        }
        var cut = starts.Any(size => size > largest);
        for (var cell = 0; cell < cells; cell++)
        {
            starts[cell + 1] += starts[cell];
        }
        var next = (int[])starts.Clone();
        var order = new int[count];
        for (var row = 0; row < count; row++)
        {
            order[next[probes[row][0]]++] = row;
        }
        if (cut)
        {
            starts = [.. Enumerable.Range(0, cells).SelectMany(cell => Parts(starts[cell], starts[cell + 1], largest)), count];
        }
        return (order, starts, cut);
    }

    private static IEnumerable<int> Parts(int start, int end, int largest)
    {
        var parts = (end - start + largest - 1) / largest;
        return Enumerable.Range(0, parts).Select(part => start + (int)((long)(end - start) * part / parts));
    }

    /// <summary>For each cell the rows of other cells that are compared with it, in rising order, and where those of each cell begin.</summary>
    /// <param name="probes">The cells near each row.</param>
    /// <param name="order">The number of each sorted row in <paramref name="probes"/>; null: its own.</param>
    /// <param name="starts">Where each cell begins among the sorted rows.</param>
    private static (int[] Rows, int[] Starts) Queries<T>(NearestLists<T> probes, int[]? order, int[] starts)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var cells = starts.Length - 1;
        var queryStarts = new int[cells + 1];
        ForOthers((other, _) => queryStarts[other + 1]++);
        for (var cell = 0; cell < cells; cell++)
        {
            queryStarts[cell + 1] += queryStarts[cell];
        }
        var next = (int[])queryStarts.Clone();
        var rows = new int[queryStarts[^1]];
        ForOthers((other, row) => rows[next[other]++] = row);
        return (rows, queryStarts);

        void ForOthers(Action<int, int> action)
        {
            for (var cell = 0; cell < cells; cell++)
            {
                for (var row = starts[cell]; row < starts[cell + 1]; row++)
                {
                    foreach (var other in probes[order is null ? row : order[row]])
                    {
                        if (other != cell && other != NearestLists<T>.None)
                        {
                            action(other, row);
                        }
                    }
                }
            }
        }
    }

    /// <summary>Looks among all rows for the neighbours of those that met too few in their cells.</summary>
    private static void Complete<T>(RowTable<T> table, NearestLists<T> lists, int wanted, Action check)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var scope = NewDisposeScope();
        int[] rows = [.. Enumerable.Range(0, lists.Count).Where(row => lists[row][wanted - 1] == NearestLists<T>.None)];
        if (rows.Length > 0)
        {
            lists.Replace(rows, table.Nearest(table.Rows.index_select(0, tensor(rows, device: CPU)), lists.Length, rows, check));
        }
    }

    private static Tensor Means(Tensor sorted, int[] starts)
    {
        using var scope = NewDisposeScope();
        var means = empty(starts.Length - 1, sorted.size(1), dtype: sorted.dtype, device: CPU);
        for (var cell = 0; cell < starts.Length - 1; cell++)
        {
            using var step = NewDisposeScope();
            means.narrow(0, cell, 1).copy_(sorted.narrow(0, starts[cell], starts[cell + 1] - starts[cell]).mean([0], keepdim: true));
        }
        return means.MoveToOuterDisposeScope();
    }
}
