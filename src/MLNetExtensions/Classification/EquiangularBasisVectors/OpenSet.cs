using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>The cosine below which a row counts as one of no known class.</summary>
internal static class OpenSet
{
    /// <summary>The cosines [B] of unit embeddings [B, d] to the vectors of their own classes.</summary>
    internal static Tensor OwnCosines(Tensor embedding, Tensor labels, Tensor vectors) => embedding.Times(vectors.index_select(0, labels)).sum(1);

    /// <summary>The quantile of cosines [n], between neighbours in proportion.</summary>
    internal static double Threshold(Tensor cosines, double quantile)
    {
        ArgumentOutOfRangeException.ThrowIfZero(cosines.NumberOfElements, nameof(cosines));
        using var scope = NewDisposeScope();
        var host = cosines.detach().to(ScalarType.Float64).cpu().contiguous();
        double[] sorted = [.. MemoryMarshal.Cast<byte, double>(host.bytes)];
        GC.KeepAlive(host);
        Array.Sort(sorted);
        var position = quantile * (sorted.Length - 1);
        var below = (int)position;
        return double.Lerp(sorted[below], sorted[Math.Min(below + 1, sorted.Length - 1)], position - below);
    }
}
