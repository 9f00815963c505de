using System.Runtime.InteropServices;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetExtensions;

/// <summary>
/// The affinities between the rows of each problem of a batch, as one sparse matrix on the host: for each row the numbers, within its problem, and weights of its
/// neighbours.
/// </summary>
internal sealed class AffinityGraph
{
    private readonly int _rows;
    private readonly int[] _starts;
    private readonly int[] _columns;
    private readonly double[] _weights;

    private AffinityGraph(int rows, int[] starts, int[] columns, double[] weights, double[] degrees, double[] squares)
        => (_rows, _starts, _columns, _weights, LargestDegrees, SquareSums) = (rows, starts, columns, weights, degrees, squares);

    /// <summary>The largest sum of weights of a row, for each problem.</summary>
    internal double[] LargestDegrees { get; }

    /// <summary>The sum over all rows and their nearest neighbours of the squared distance, for each problem.</summary>
    internal double[] SquareSums { get; }

    /// <summary>Makes the graph.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="settings">The kind of graph.</param>
    /// <param name="seed">Determines an approximate search.</param>
    /// <param name="check">Throws to end the work.</param>
    /// <param name="recall">The smallest share of true neighbours found; null: all.</param>
    internal static AffinityGraph Build(ProblemBatch batch, FewShotSettings settings, ulong seed, Action check, out double? recall)
    {
        var lists = NearestRows.Find(batch, settings.NeighborCount, settings.GraphOverQueries, seed, check, out recall);
        var rows = batch.RowCount;
        var starts = new int[batch.Count * rows + 1];
        double[] degrees = new double[batch.Count], squares = new double[batch.Count];
        var columns = new List<int[]>(batch.Count);
        var weights = new List<double[]>(batch.Count);
        for (var b = 0; b < batch.Count; b++)
        {
            check();
            var list = lists(b);
            var affinities = Affinities(list, settings);
            for (var i = 0; i < list.Squares.Length; i++)
            {
                squares[b] += settings.SigmaFromAffinity ? affinities[i] * list.Squares[i] : list.Squares[i];
            }
            var (counts, ownColumns, ownWeights) = Symmetrize(list, affinities, settings.Symmetrize);
            var next = 0;
            for (var row = 0; row < rows; row++)
            {
                var degree = 0.0;
                for (var end = next + (row < counts.Length ? counts[row] : 0); next < end; next++)
                {
                    degree += ownWeights[next];
                }
                degrees[b] = Math.Max(degrees[b], degree);
                starts[b * rows + row + 1] = starts[b * rows] + next;
            }
            columns.Add(ownColumns);
            weights.Add(ownWeights);
        }
        return new(rows, starts, columns.Count == 1 ? columns[0] : [.. columns.SelectMany(c => c)], weights.Count == 1 ? weights[0] : [.. weights.SelectMany(w => w)], degrees, squares);
    }

    /// <summary>The product of the matrices of some problems with assignments.</summary>
    /// <param name="problems">Their places in the batch.</param>
    /// <param name="sums">Does the work.</param>
    /// <param name="type">Single or Double.</param>
    /// <param name="device">Where it takes place.</param>
    internal GraphProduct Product(ReadOnlySpan<int> problems, NeighborSums sums, ScalarType type, Device device)
    {
        var count = 0;
        foreach (var problem in problems)
        {
            count += _starts[(problem + 1) * _rows] - _starts[problem * _rows];
        }
        using var scope = NewDisposeScope();
        var columns = empty(count, dtype: ScalarType.Int32, device: CPU);
        var starts = empty((long)problems.Length * _rows, dtype: ScalarType.Int32, device: CPU);
        var weights = empty(count, dtype: ScalarType.Float64, device: CPU);
        if (count > 0)
        {
            var columnValues = MemoryMarshal.Cast<byte, int>(columns.bytes);
            var startValues = MemoryMarshal.Cast<byte, int>(starts.bytes);
            var weightValues = MemoryMarshal.Cast<byte, double>(weights.bytes);
            var next = 0;
            for (var b = 0; b < problems.Length; b++)
            {
                var from = _starts[problems[b] * _rows];
                var length = _starts[(problems[b] + 1) * _rows] - from;
                TensorPrimitives.Add(_columns.AsSpan(from, length), b * _rows, columnValues[next..]);
                _weights.AsSpan(from, length).CopyTo(weightValues[next..]);
                TensorPrimitives.Add(_starts.AsSpan(problems[b] * _rows, _rows), next - from, startValues[(b * _rows)..]);
                next += length;
            }
            GC.KeepAlive(columns);
            GC.KeepAlive(starts);
            GC.KeepAlive(weights);
        }
        return new(sums, columns.to(device), starts.to(device), weights.to(type, device));
    }

    /// <summary>The matrix of a problem, row by row, for tests.</summary>
    internal double[,] ToDense(int problem, int rows)
    {
        var dense = new double[rows, rows];
        for (var row = 0; row < rows; row++)
        {
            for (var i = _starts[problem * _rows + row]; i < _starts[problem * _rows + row + 1]; i++)
            {
                dense[row, _columns[i]] = _weights[i];
            }
        }
        return dense;
    }

    private static double[] Affinities(NearestRows.List list, FewShotSettings settings)
    {
        var affinities = new double[list.Squares.Length];
        if (settings.Kernel == AffinityKernel.Binary)
        {
            Array.Fill(affinities, 1);
            return affinities;
        }
        var square = settings.KernelWidth is { } width ? width * width : list.Squares.Length == 0 ? 1 : list.Squares.Average();
        square = square > 0 ? square : 1;
        for (var i = 0; i < affinities.Length; i++)
        {
            affinities[i] = Math.Exp(-list.Squares[i] / (2 * square));
        }
        return affinities;
    }

    /// <summary>The number of neighbours of each row, and the neighbours and their weights, row by row.</summary>
    private static (int[] Counts, int[] Columns, double[] Weights) Symmetrize(NearestRows.List list, double[] affinities, GraphSymmetrization symmetrize)
    {
        var (rows, k) = (list.Rows, list.Count);
        var counts = new int[rows];
        if (symmetrize == GraphSymmetrization.None)
        {
            for (var row = 0; row < rows; row++)
            {
                counts[row] = list.Has(row) ? k : 0;
            }
            return (counts, list.Columns, affinities);
        }
        // The other direction: for each row those that point to it, in rising order.
        var ends = new int[rows + 1];
        foreach (var column in list.Columns)
        {
            ends[column + 1]++;
        }
        for (var row = 0; row < rows; row++)
        {
            ends[row + 1] += ends[row];
        }
        var next = ends.AsSpan(0, rows).ToArray();
        var sources = new int[list.Columns.Length];
        var back = new double[list.Columns.Length];
        for (int row = 0, i = 0; row < rows; row++)
        {
            for (var end = i + (list.Has(row) ? k : 0); i < end; i++)
            {
                var place = next[list.Columns[i]]++;
                (sources[place], back[place]) = (row, affinities[i]);
            }
        }
        var columns = new int[2 * list.Columns.Length];
        var weights = new double[columns.Length];
        var filled = 0;
        int[] own = new int[k];
        var ownWeights = new double[k];
        for (int row = 0, from = 0; row < rows; row++)
        {
            var length = list.Has(row) ? k : 0;
            list.Columns.AsSpan(from, length).CopyTo(own);
            affinities.AsSpan(from, length).CopyTo(ownWeights);
            Array.Sort(own, ownWeights, 0, length);
            from += length;
            var begin = filled;
            for (int i = 0, j = ends[row]; i < length || j < ends[row + 1];)
            {
                var there = i < length ? own[i] : int.MaxValue;
                var here = j < ends[row + 1] ? sources[j] : int.MaxValue;
                var column = Math.Min(there, here);
                var forward = there == column ? ownWeights[i++] : 0;
                var backward = here == column ? back[j++] : 0;
                var weight = symmetrize switch
                {
                    GraphSymmetrization.Mean => (forward + backward) / 2,
                    GraphSymmetrization.Max => Math.Max(forward, backward),
                    _ => Math.Min(forward, backward),
                };
                if (weight > 0)
                {
                    (columns[filled], weights[filled]) = (column, weight);
                    filled++;
                }
            }
            counts[row] = filled - begin;
        }
        return (counts, columns[..filled], weights[..filled]);
    }
}
