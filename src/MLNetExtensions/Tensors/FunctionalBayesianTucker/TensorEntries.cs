namespace MLNetExtensions.Tensors;

/// <summary>
/// The rows of an inference, for each mode in the order of that mode's coordinates: what a coordinate is told by its rows is then one sum over a range, the same
/// whatever the number of threads.
/// </summary>
internal sealed class TensorEntries
{
    private const int RowsPerThread = 2048;

    private readonly int[][] _starts;
    private readonly int[][][] _places;
    private readonly double[][] _targets;

    /// <summary>Sorts rows.</summary>
    /// <param name="coordinates">[N, K], finite.</param>
    /// <param name="targets">[N], finite.</param>
    /// <param name="modes">K.</param>
    /// <param name="further">For each mode coordinates, ascending, that have a place of their own whether rows have them or not.</param>
    internal TensorEntries(double[] coordinates, double[] targets, int modes, IReadOnlyList<double[]>? further = null)
    {
        Count = targets.Length;
        Modes = modes;
        if (coordinates.Length != (long)Count * modes || Count == 0)
        {
            throw new ArgumentException($"{coordinates.Length} coordinates of {modes} modes do not belong to {Count} targets.");
        }
        Points = new double[modes][];
        _starts = new int[modes][];
        _places = new int[modes][][];
        _targets = new double[modes][];
        var orders = new int[modes][];
        var ofRow = new int[modes][];
        var keys = new double[Count];
        for (var k = 0; k < modes; k++)
        {
            var order = orders[k] = new int[Count];
            for (var n = 0; n < Count; n++)
            {
                keys[n] = coordinates[(long)n * modes + k];
                order[n] = n;
            }
            Array.Sort(keys, order);
            Points[k] = Merge(keys, further?[k] ?? []);
            var (points, starts, own) = (Points[k], new int[Points[k].Length + 1], new int[Count]);
            for (int i = 0, n = 0; i < points.Length; i++)
            {
                starts[i] = n;
                for (; n < Count && keys[n] == points[i]; n++)
                {
                    own[order[n]] = i;
                }
            }
            starts[^1] = Count;
            (_starts[k], ofRow[k]) = (starts, own);
        }
        for (var k = 0; k < modes; k++)
        {
            _targets[k] = Array.ConvertAll(orders[k], n => targets[n]);
            _places[k] = new int[modes][];
            for (var j = 0; j < modes; j++)
            {
                _places[k][j] = j == k ? [] : Array.ConvertAll(orders[k], n => ofRow[j][n]);
            }
        }
        var (sum, squares) = (0.0, 0.0);
        foreach (var y in targets)
        {
            sum += y;
            squares += y * y;
        }
        SumOfSquares = squares;
        Deviation = Math.Sqrt(Math.Max(0, squares / Count - sum / Count * (sum / Count)));
    }

    /// <summary>N.</summary>
    internal int Count { get; }

    /// <summary>K.</summary>
    internal int Modes { get; }

    /// <summary>The distinct coordinates of each mode, ascending.</summary>
    internal double[][] Points { get; }

    /// <summary>Σ y².</summary>
    internal double SumOfSquares { get; }

    /// <summary>The standard deviation of the targets.</summary>
    internal double Deviation { get; }

    /// <summary>For mode k the first row of each coordinate, and at the end N.</summary>
    internal ReadOnlySpan<int> Starts(int mode) => _starts[mode];

    /// <summary>In the order of mode k the places of the rows' coordinates of another mode.</summary>
    internal ReadOnlySpan<int> Places(int mode, int other) => _places[mode][other];

    /// <summary>The targets in the order of mode k.</summary>
    internal ReadOnlySpan<double> Targets(int mode) => _targets[mode];

    /// <summary>Runs <paramref name="action"/> on ranges of a mode's coordinates that have about equally many rows.</summary>
    internal void ForRanges(int mode, int threads, Action<int, int> action)
    {
        var points = Points[mode].Length;
        if (threads == 1 || Count < RowsPerThread * 2)
        {
            action(0, points);
            return;
        }
        var parts = Math.Min(4 * threads, Count / RowsPerThread);
        var starts = _starts[mode];
        Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = threads }, part =>
        {
            var from = Boundary(part);
            var to = Boundary(part + 1);
            if (from < to)
            {
                action(from, to);
            }
        });

        int Boundary(int part)
        {
            if (part == parts)
            {
                return points;
            }
            var place = Array.BinarySearch(starts, (int)((long)Count * part / parts));
            return Math.Min(points, place >= 0 ? place : ~place);
        }
    }

    /// <summary>The distinct numbers of two ascending lists.</summary>
    private static double[] Merge(ReadOnlySpan<double> sorted, ReadOnlySpan<double> further)
    {
        var merged = new List<double>();
        for (int i = 0, j = 0; i < sorted.Length || j < further.Length;)
        {
            var value = j == further.Length || i < sorted.Length && sorted[i] <= further[j] ? sorted[i++] : further[j++];
            if (merged.Count == 0 || value != merged[^1])
            {
                merged.Add(value);
            }
        }
        return [.. merged];
    }
}
