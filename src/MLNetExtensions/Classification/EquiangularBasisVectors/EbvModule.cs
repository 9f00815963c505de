using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// The network of equiangular basis vectors (arXiv 2303.11637): a trunk and a trained linear map to d dimensions, where each class has a fixed unit vector;
/// the class nearest in angle wins.
/// </summary>
/// <remarks>
/// Shapes in comments: B rows, F features, d dimensions, C classes. The class vectors are no part of the module: <see cref="EbvLoss"/> trains towards them,
/// a <see cref="ClassTable"/> scores by them.
/// </remarks>
internal sealed class EbvModule : IDisposable
{
    // Below this length a vector counts as zero.
    internal const double SmallestNorm = 1e-12;

    private readonly Layers _head;
    private readonly Tensor _weight;
    private readonly Tensor _bias;

    /// <summary>Takes the trunk over.</summary>
    /// <param name="trunk">Makes the features.</param>
    /// <param name="dimension">d.</param>
    /// <param name="generator">Draws the starting weights; null leaves them at 0.</param>
    /// <param name="dtype">Float32 or Float64, as in the trunk.</param>
    internal EbvModule(ITrunk trunk, int dimension, Generator? generator, ScalarType dtype)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        Trunk = trunk;
        _head = new(generator, dtype, trunk.Device);
        _weight = _head.Linear("head.weight", [dimension, trunk.Features], trunk.Features);
        _bias = _head.Linear("head.bias", [dimension], trunk.Features);
    }

    internal ITrunk Trunk { get; }

    internal int Dimension => (int)_weight.size(0);

    internal Device Device => _weight.device;

    /// <summary>What is trained.</summary>
    internal IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => [.. Trunk.Parameters, .. _head.Parameters.Items];

    /// <summary>What moves in training without a gradient.</summary>
    internal IReadOnlyList<KeyValuePair<string, Tensor>> Buffers => Trunk.Buffers;

    /// <summary>All that a saved network is.</summary>
    internal IReadOnlyList<KeyValuePair<string, Tensor>> Weights => [.. Parameters, .. Buffers];

    /// <summary>The raw embeddings r [B, d] of features [B, F].</summary>
    internal Tensor Raw(Tensor features) => nn.functional.linear(features, _weight, _bias);

    /// <summary>The unit embeddings e [B, d] of inputs, in evaluation.</summary>
    internal Tensor Embed(Tensor x) => Normalize(Raw(Trunk.Forward(x, training: false)));

    /// <summary>Rows of length 1; a zero row stays one.</summary>
    internal static Tensor Normalize(Tensor rows) => nn.functional.normalize(rows, dim: 1, eps: SmallestNorm);

    /// <summary>Takes saved values.</summary>
    /// <exception cref="FormatException">A name is missing or too much, or a type or shape differs.</exception>
    internal void CopyFrom(IReadOnlyDictionary<string, Tensor> weights) => ParameterSet.Copy(weights, Weights);

    public void Dispose()
    {
        Trunk.Dispose();
        _head.Dispose();
    }
}
