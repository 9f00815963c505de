using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Gathers the unit embeddings of labelled rows class by class, in batches of any size.</summary>
internal sealed class ClassMeans : IDisposable
{
    private readonly Tensor _sums;
    private readonly long[] _counts;

    internal ClassMeans(int classes, int dimension, Device device)
    {
        using var scope = NewDisposeScope();
        _sums = zeros([classes, dimension], dtype: ScalarType.Float64, device: device).DetachFromDisposeScope();
        _counts = new long[classes];
    }

    /// <summary>The number of rows of each class.</summary>
    internal IReadOnlyList<long> Counts => _counts;

    /// <summary>Takes in rows.</summary>
    /// <param name="embedding">Unit embeddings, [B, d].</param>
    /// <param name="labels">The numbers of their classes, Int64 [B].</param>
    internal void Add(Tensor embedding, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _sums.index_add_(0, labels, embedding.to(ScalarType.Float64), TensorOps.One);
        var host = labels.cpu().contiguous();
        foreach (var label in MemoryMarshal.Cast<byte, long>(host.bytes))
        {
            _counts[label]++;
        }
        GC.KeepAlive(host);
    }

    /// <summary>The directions of the means, Float64 [C, d]; a row of zeros for a class without rows.</summary>
    internal Tensor Directions()
    {
        using var noGrad = no_grad();
        return EbvModule.Normalize(_sums);
    }

    /// <summary>
    /// The mean over all rows of the cosine to the mean of the own class less that to the own class vector: by how much a class that scores by its mean is
    /// ahead of one that scores by its vector.
    /// </summary>
    /// <param name="vectors">The class vectors, [C, d].</param>
    internal double Offset(Tensor vectors)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        // Summed over the rows of a class, the cosines to the mean are the length of its sum.
        var ahead = _sums.norm(1).sum().Minus(_sums.Times(vectors.to(ScalarType.Float64)).sum());
        return ahead.cpu().item<double>() / _counts.Sum();
    }

    public void Dispose() => _sums.Dispose();
}
