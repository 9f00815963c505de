using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>What is made of the cosine of a pair: a weight with the sign of the cosine, and a term of a sum.</summary>
internal interface IPairFunction
{
    /// <summary>The term of a cosine of 0, whose weight is 0.</summary>
    double TermOfZero { get; }

    /// <summary>The weights of some cosines, given their absolute values; adds their terms to the sum.</summary>
    Vector<T> Weigh<T>(Vector<T> cosines, Vector<T> absolute, ref Vector<T> sum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>The same by tensor operations, for devices without spans; returns the weights and their terms.</summary>
    (Tensor Weights, Tensor Terms) Weigh(Tensor cosines, Tensor absolute);
}

/// <summary>What a pass found.</summary>
/// <param name="RowSums">For each slice of rows the sum of the terms of its rows with all other rows: each pair counts in both orders.</param>
/// <param name="Maximum">The largest |cosine| of a pair.</param>
internal readonly record struct PairSums(double[] RowSums, double Maximum)
{
    internal double Sum => RowSums.Sum();
}

/// <summary>
/// Passes over all pairs of N vectors, tile by tile, each pair once: the cosines of a tile, their weights w in place, and on the way the products of the weights with
/// the vectors, G_p = sum over q of w_pq v_q. That takes 3 N² d / 2 multiply-adds, and memory for one tile.
/// </summary>
internal sealed class PairPass : IDisposable
{
    /// <summary>A tile of this size stays in the cache of a core next to its vectors.</summary>
    private const int TileOfCpu = 256;

    private const int TileOfGpu = 8192;

    private const int Chunk = 1 << 14;

    private readonly int _tile;
    private readonly int _numberOfThreads;
    private readonly Tensor _cosines;

    /// <summary>Makes room for a tile.</summary>
    /// <param name="vectors">The vectors, or others like them.</param>
    /// <param name="numberOfThreads">The threads of the element-wise work.</param>
    /// <param name="tile">The rows of a tile; null: what suits the device. Results depend on it by rounding only.</param>
    internal PairPass(Tensor vectors, int numberOfThreads, int? tile = null)
    {
        _tile = tile ?? EvenTile(vectors.size(0), vectors.device_type == DeviceType.CPU ? TileOfCpu : TileOfGpu);
        _numberOfThreads = numberOfThreads;
        _cosines = empty((long)_tile * _tile, dtype: vectors.dtype, device: vectors.device).DetachFromDisposeScope();
    }

    /// <summary>For tests: the tensor operations on the CPU too.</summary>
    internal bool UseTensorOperations { get; init; }

    /// <summary>Visits all pairs.</summary>
    /// <param name="vectors">[N, d] unit rows.</param>
    /// <param name="function">What is made of each cosine.</param>
    /// <param name="gradient">[N, d], where G is written to; null if only the sums are wanted.</param>
    /// <param name="cancellation">Heard at every tile.</param>
    internal PairSums Run<TFunction>(Tensor vectors, TFunction function, Tensor? gradient, CancellationToken cancellation)
        where TFunction : struct, IPairFunction
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        gradient?.zero_();
        var count = vectors.size(0);
        var sums = new double[(count + _tile - 1) / _tile];
        var maximum = 0.0;
        for (var i = 0; i < sums.Length; i++)
        {
            for (var j = i; j < sums.Length; j++)
            {
                cancellation.ThrowIfCancellationRequested();
                using var step = NewDisposeScope();
                long firstRow = (long)i * _tile, firstColumn = (long)j * _tile;
                long rows = Math.Min(_tile, count - firstRow), columns = Math.Min(_tile, count - firstColumn);
                var a = vectors.narrow(0, firstRow, rows);
                var b = vectors.narrow(0, firstColumn, columns);
                var tile = _cosines.narrow(0, 0, rows * columns).view(rows, columns);
                tile.addmm_(a, b.t(), beta: 0, alpha: 1);
                var (sum, largest) = Weigh(tile, function, i == j);
                maximum = Math.Max(maximum, largest);
                sums[i] += sum;
                gradient?.narrow(0, firstRow, rows).addmm_(tile, b);
                if (i != j)
                {
                    sums[j] += sum;
                    gradient?.narrow(0, firstColumn, columns).addmm_(tile.t(), a);
                }
            }
        }
        return new(sums, maximum);
    }

    public void Dispose() => _cosines.Dispose();

    /// <summary>So that the last tile is about as large as the others.</summary>
    private static int EvenTile(long count, int largest)
    {
        var tiles = (count + largest - 1) / largest;
        return (int)((count + tiles - 1) / tiles);
    }

    /// <summary>Writes the weights over the cosines. A vector with itself is no pair: its cosine becomes 0, and the term of that is taken out again.</summary>
    private (double Sum, double Maximum) Weigh<TFunction>(Tensor tile, TFunction function, bool diagonal)
        where TFunction : struct, IPairFunction
    {
        var self = diagonal ? tile.size(0) * function.TermOfZero : 0;
        if (diagonal)
        {
            tile.diagonal().zero_();
        }
        if (UseTensorOperations || tile.device_type != DeviceType.CPU)
        {
            var absolute = tile.abs();
            var maximum = absolute.max().to(ScalarType.Float64).cpu().item<double>();
            var (weights, terms) = function.Weigh(tile, absolute);
            tile.copy_(weights);
            return (terms.sum(ScalarType.Float64).cpu().item<double>() - self, maximum);
        }
        var (sum, largest) = tile.dtype == ScalarType.Float32 ? WeighChunks<float, TFunction>(tile, function) : WeighChunks<double, TFunction>(tile, function);
        return (sum - self, largest);
    }

    private (double Sum, double Maximum) WeighChunks<T, TFunction>(Tensor tile, TFunction function)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TFunction : struct, IPairFunction
    {
        var length = (int)tile.NumberOfElements;
        // One sum for each chunk, added in order: the same number for any number of threads.
        var results = new (double Sum, double Maximum)[(length + Chunk - 1) / Chunk];
        void One(int chunk) => results[chunk] = Weigh(MemoryMarshal.Cast<byte, T>(tile.bytes)[(chunk * Chunk)..Math.Min(length, (chunk + 1) * Chunk)], function);
        if (_numberOfThreads == 1 || results.Length == 1)
        {
            for (var chunk = 0; chunk < results.Length; chunk++)
            {
                One(chunk);
            }
        }
        else
        {
            Parallel.For(0, results.Length, new ParallelOptions { MaxDegreeOfParallelism = _numberOfThreads }, One);
        }
        GC.KeepAlive(tile);
        return (results.Sum(result => result.Sum), results.Max(result => result.Maximum));
    }

    private static (double Sum, double Maximum) Weigh<T, TFunction>(Span<T> values, TFunction function)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TFunction : struct, IPairFunction
    {
        var vectors = MemoryMarshal.Cast<T, Vector<T>>(values);
        Vector<T> sums = default, maxima = default;
        for (var i = 0; i < vectors.Length; i++)
        {
            var absolute = Vector.Abs(vectors[i]);
            maxima = Vector.Max(maxima, absolute);
            vectors[i] = function.Weigh(vectors[i], absolute, ref sums);
        }
        double sum = 0, maximum = 0;
        for (var lane = 0; lane < Vector<T>.Count; lane++)
        {
            sum += double.CreateTruncating(sums[lane]);
            maximum = Math.Max(maximum, double.CreateTruncating(maxima[lane]));
        }
        // The rest goes through the same code, one number in all lanes.
        for (var i = vectors.Length * Vector<T>.Count; i < values.Length; i++)
        {
            var cosine = new Vector<T>(values[i]);
            var term = Vector<T>.Zero;
            values[i] = function.Weigh(cosine, Vector.Abs(cosine), ref term)[0];
            sum += double.CreateTruncating(term[0]);
            maximum = Math.Max(maximum, double.CreateTruncating(Vector.Abs(cosine)[0]));
        }
        return (sum, maximum);
    }
}

/// <summary>Only the largest |cosine| counts.</summary>
internal readonly struct MaximumOnly : IPairFunction
{
    public double TermOfZero => 0;

    /// <summary>The largest |cosine| of unit rows [N, d], computed in their own precision.</summary>
    internal static double Of(Tensor vectors, int numberOfThreads, CancellationToken cancellation)
    {
        using var pass = new PairPass(vectors, numberOfThreads);
        return pass.Run(vectors, default(MaximumOnly), null, cancellation).Maximum;
    }

    public Vector<T> Weigh<T>(Vector<T> cosines, Vector<T> absolute, ref Vector<T> sum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        => cosines;

    public (Tensor Weights, Tensor Terms) Weigh(Tensor cosines, Tensor absolute) => (cosines, cosines);
}
