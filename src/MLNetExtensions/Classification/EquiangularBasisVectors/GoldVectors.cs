using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace MLNetExtensions;

/// <summary>
/// The vectors v_(a,b)[x] = (-1)^Tr(a x + b x³) / √D over the field of D = 2^m elements, m odd. Row b D + a. Vectors of the same b are orthonormal, others have a
/// cosine of 0 or ±√(2/D).
/// </summary>
internal static class GoldVectors
{
    /// <summary>Primitive polynomials of the degrees m.</summary>
    private static readonly (int Degree, int Polynomial)[] s_fields = [(3, 0b1011), (5, 0b100101), (7, 0b10000011), (9, 0b1000010001), (11, 0b100000000101)];

    /// <summary>The largest D that is at most the given dimension; 0 if there is none.</summary>
    internal static int Order(int dimension)
        => s_fields.Select(field => 1 << field.Degree).LastOrDefault(order => order <= dimension);

    /// <summary>Whether there are so many vectors in so many dimensions.</summary>
    internal static bool Exists(int count, int dimension) => count <= (long)Order(dimension) * Order(dimension);

    /// <summary>The largest |cosine| of the first vectors.</summary>
    internal static double MaxAbsCosine(int count, int dimension) => count <= Order(dimension) ? 0 : Math.Sqrt(2.0 / Order(dimension));

    /// <summary>The first vectors [N, d], float32; coordinates beyond D are 0.</summary>
    internal static Tensor Create(int count, int dimension, int numberOfThreads, CancellationToken cancellation = default)
    {
        var order = Order(dimension);
        var polynomial = s_fields.Single(field => 1 << field.Degree == order).Polynomial;
        var trace = TraceMask(order, polynomial);
        // The vectors of b = 0; all others are these times a row of signs.
        var first = new float[order * order];
        var size = (float)(1 / Math.Sqrt(order));
        for (var a = 0; a < order; a++)
        {
            for (var x = 0; x < order; x++)
            {
                first[a * order + x] = Sign(Multiply(a, x, order, polynomial), trace) * size;
            }
        }
        var vectors = zeros(count, dimension, dtype: ScalarType.Float32, device: CPU);
        Parallel.For(0, (count + order - 1) / order, new ParallelOptions { MaxDegreeOfParallelism = numberOfThreads, CancellationToken = cancellation }, b =>
        {
            var signs = new float[order];
            for (var x = 0; x < order; x++)
            {
                var cube = Multiply(x, Multiply(x, x, order, polynomial), order, polynomial);
                signs[x] = Sign(Multiply(b, cube, order, polynomial), trace);
            }
            using var scope = NewDisposeScope();
            var rows = Math.Min(order, count - b * order);
            // A view for each b: the whole may be larger than a span.
            var block = vectors.narrow(0, (long)b * order, rows);
            var values = MemoryMarshal.Cast<byte, float>(block.bytes);
            for (var a = 0; a < rows; a++)
            {
                TensorPrimitives.Multiply(first.AsSpan(a * order, order), signs, values.Slice(a * dimension, order));
            }
            GC.KeepAlive(block);
        });
        return vectors;
    }

    private static float Sign(int element, int trace) => (BitOperations.PopCount((uint)(element & trace)) & 1) == 0 ? 1 : -1;

    /// <summary>The trace x + x² + x⁴ + … is linear: bit i tells whether that of 2^i is 1.</summary>
    private static int TraceMask(int order, int polynomial)
    {
        var mask = 0;
        for (var bit = 1; bit < order; bit <<= 1)
        {
            var trace = 0;
            for (int power = bit, i = 1; i < order; i <<= 1)
            {
                trace ^= power;
                power = Multiply(power, power, order, polynomial);
            }
            mask |= trace == 1 ? bit : 0;
        }
        return mask;
    }

    private static int Multiply(int a, int b, int order, int polynomial)
    {
        var product = 0;
        for (; b != 0; b >>= 1)
        {
            product ^= (b & 1) != 0 ? a : 0;
            a <<= 1;
            a ^= (a & order) != 0 ? polynomial : 0;
        }
        return product;
    }
}
