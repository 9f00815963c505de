using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Classification;

/// <summary>Seeded tensors of the open dispose scope.</summary>
internal static class Draw
{
    internal static Tensor Normal(int seed, ScalarType dtype, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, dtype: dtype, generator: generator);
    }

    /// <summary>Unit rows.</summary>
    internal static Tensor Unit(int seed, ScalarType dtype, long rows, long columns) => EbvModule.Normalize(Normal(seed, dtype, rows, columns));

    internal static Tensor Labels(int seed, int rows, int classes)
    {
        var random = new Random(seed);
        return tensor(Enumerable.Range(0, rows).Select(_ => (long)random.Next(classes)).ToArray());
    }

    internal static double Difference(Tensor a, Tensor b) => a.sub(b).abs().max().to(ScalarType.Float64).item<double>();

    internal static void AssertClose(Tensor expected, Tensor actual, double tolerance, string? message = null)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape, message);
        Assert.IsLessThanOrEqualTo(tolerance * Math.Max(1, expected.abs().max().to(ScalarType.Float64).item<double>()), Difference(expected, actual), message);
    }

    internal static void AssertBitEqual(Tensor expected, Tensor actual)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape);
        Assert.IsTrue(expected.contiguous().bytes.SequenceEqual(actual.contiguous().bytes), $"differs by {Difference(expected, actual)}");
    }
}
