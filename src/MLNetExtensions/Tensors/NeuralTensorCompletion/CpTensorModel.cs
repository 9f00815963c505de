using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>CP: phi_r = Π_n A_n[i_n, r], and w = 1.</summary>
internal sealed class CpTensorModel : TensorModel
{
    private readonly Tensor _factors;

    /// <summary>Makes the model; see <see cref="TensorCompletionShape.Create"/> for the arguments.</summary>
    internal CpTensorModel(TensorCompletionShape shape, Generator? generator, ScalarType dtype, Device device)
        : base(shape, generator, dtype, device)
        => _factors = Add("factors", [TotalEntities, shape.EmbeddingSize], shape.EmbeddingInitStd);

    internal override IReadOnlyList<Tensor> Embeddings => PerMode(_factors);

    internal override long[] FeatureShape => [Shape.EmbeddingSize];

    internal override TensorOutput Forward(Tensor index, UnseenEntities? unseen = null)
    {
        var flat = Flatten(index);
        var features = LookUp(_factors, flat, unseen).prod(1);
        return Output(features.sum(1), features, flat, unseen);
    }
}
