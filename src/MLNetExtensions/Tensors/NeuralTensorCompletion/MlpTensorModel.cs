using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>The network of DAIN (arXiv 2108.10248): linear maps with ReLU over the embeddings of a cell's entities, one beside the other.</summary>
internal sealed class MlpTensorModel : TensorModel
{
    private readonly Tensor _embeddings;
    private readonly List<(Tensor Weight, Tensor Bias)> _hidden = [];
    private readonly (Tensor Weight, Tensor Bias) _out;

    /// <summary>Makes the network; see <see cref="TensorCompletionShape.Create"/> for the arguments.</summary>
    internal MlpTensorModel(TensorCompletionShape shape, Generator? generator, ScalarType dtype, Device device)
        : base(shape, generator, dtype, device)
    {
        _embeddings = Add("embeddings", [TotalEntities, shape.EmbeddingSize], shape.EmbeddingInitStd);
        long inputs = (long)shape.Order * shape.EmbeddingSize;
        foreach (var (i, width) in shape.HiddenLayers.Index())
        {
            _hidden.Add(Linear($"fc{i}", width, inputs));
            inputs = width;
        }
        _out = Linear("out", 1, inputs);
    }

    internal override IReadOnlyList<Tensor> Embeddings => PerMode(_embeddings);

    internal override long[] FeatureShape => [Shape.HiddenLayers[^1]];

    internal override TensorOutput Forward(Tensor index, UnseenEntities? unseen = null)
    {
        var flat = Flatten(index);
        var h = LookUp(_embeddings, flat, unseen).view(-1, (long)Shape.Order * Shape.EmbeddingSize);
        foreach (var layer in _hidden)
        {
            h = Hidden(h, layer);
        }
        return Output(_out, h, flat, unseen);
    }
}
