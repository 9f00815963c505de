using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>
/// CoSTCo (Liu et al., KDD 2019): a convolution over the modes, one over the ranks, a linear map, all with ReLU, and the output layer. Both convolutions are plain matrix products here, because
/// each kernel spans a whole side.
/// </summary>
internal sealed class CoSTCoTensorModel : TensorModel
{
    private readonly Tensor _embeddings;
    private readonly (Tensor Weight, Tensor Bias) _modes;
    private readonly (Tensor Weight, Tensor Bias) _ranks;
    private readonly (Tensor Weight, Tensor Bias) _hidden;
    private readonly (Tensor Weight, Tensor Bias) _out;

    /// <summary>Makes the network; see <see cref="TensorCompletionShape.Create"/> for the arguments.</summary>
    internal CoSTCoTensorModel(TensorCompletionShape shape, Generator? generator, ScalarType dtype, Device device)
        : base(shape, generator, dtype, device)
    {
        _embeddings = Add("embeddings", [TotalEntities, shape.EmbeddingSize], shape.EmbeddingInitStd);
        _modes = Linear("modes", shape.Channels, shape.Order);
        // The inputs of a channel are ordered by rank, those of a rank by channel.
        _ranks = Linear("ranks", shape.Channels, (long)shape.EmbeddingSize * shape.Channels);
        _hidden = Linear("hidden", shape.Channels, shape.Channels);
        _out = Linear("out", 1, shape.Channels);
    }

    internal override IReadOnlyList<Tensor> Embeddings => PerMode(_embeddings);

    internal override long[] FeatureShape => [Shape.Channels];

    internal override TensorOutput Forward(Tensor index, UnseenEntities? unseen = null)
    {
        var flat = Flatten(index);
        var x = LookUp(_embeddings, flat, unseen).transpose(1, 2).reshape(-1, Shape.Order);
        var c1 = Hidden(x, _modes);
        var c2 = Hidden(c1.view(-1, (long)Shape.EmbeddingSize * Shape.Channels), _ranks);
        return Output(_out, Hidden(c2, _hidden), flat, unseen);
    }
}
