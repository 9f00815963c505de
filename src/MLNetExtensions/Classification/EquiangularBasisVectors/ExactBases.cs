using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Sets that need no optimisation because their geometry is known.</summary>
internal static class ExactBases
{
    /// <summary>N random orthonormal rows [N, d] in double precision; N ≤ d.</summary>
    internal static Tensor Orthonormal(int count, int dimension, int seed)
    {
        using var scope = NewDisposeScope();
        return OrthonormalColumns(dimension, count, seed).t().contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>The simplex of N vectors [N, d] in double precision, in a random position; N ≤ d + 1.</summary>
    internal static Tensor Simplex(int count, int dimension, int seed)
    {
        using var scope = NewDisposeScope();
        return Simplex(Helmert(count), OrthonormalColumns(dimension, count - 1, seed)).MoveToOuterDisposeScope();
    }

    /// <summary>V = √(N/(N - 1)) H' U' from the Helmert matrix H [N - 1, N] and orthonormal columns U [d, N - 1].</summary>
    internal static Tensor Simplex(Tensor helmert, Tensor columns)
    {
        using var scope = NewDisposeScope();
        var count = helmert.size(1);
        return mm(helmert.t(), columns.t()).Times(Math.Sqrt(count / (count - 1.0))).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>The matrix [N - 1, N] whose row i = 1 … N - 1 holds i times 1/√(i(i + 1)), then -i/√(i(i + 1)), then zeros: orthonormal rows that sum to 0.</summary>
    internal static Tensor Helmert(int count)
    {
        var matrix = zeros(count - 1, count, dtype: ScalarType.Float64, device: CPU);
        var values = MemoryMarshal.Cast<byte, double>(matrix.bytes);
        for (var i = 1; i < count; i++)
        {
            var row = values.Slice((i - 1) * count, count);
            var entry = 1 / Math.Sqrt(i * (i + 1.0));
            row[..i].Fill(entry);
            row[i] = -i * entry;
        }
        GC.KeepAlive(matrix);
        return matrix;
    }

    /// <summary>Orthonormal columns [rows, columns], uniformly distributed: the Q of a random matrix, whose signs are made unique by those of R's diagonal.</summary>
    private static Tensor OrthonormalColumns(int rows, int columns, int seed)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var random = new StepRandom(seed, 0, 0);
        var (q, r) = linalg.qr(Initialization.Normal(empty(rows, columns, dtype: ScalarType.Float64, device: CPU), 1, random.Generator));
        return q.Times(r.diagonal().sign()).MoveToOuterDisposeScope();
    }
}
