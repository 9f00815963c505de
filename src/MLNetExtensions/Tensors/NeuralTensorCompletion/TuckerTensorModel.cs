using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>
/// Tucker: phi is the Kronecker product of the entities' factors, mode 0 slowest, and w the core. Neither forward passes nor influences form phi: its factors stand for it, one beside the
/// other, [B, Σ R_n].
/// </summary>
internal sealed class TuckerTensorModel : TensorModel
{
    private readonly List<Tensor> _factors = [];
    private readonly Tensor _core;

    /// <summary>Makes the model; see <see cref="TensorCompletionShape.Create"/> for the arguments.</summary>
    internal TuckerTensorModel(TensorCompletionShape shape, Generator? generator, ScalarType dtype, Device device)
        : base(shape, generator, dtype, device)
    {
        foreach (var (mode, rank) in shape.Ranks.Index())
        {
            _factors.Add(Add($"factor{mode}", [shape.Entities[mode], rank], shape.EmbeddingInitStd));
        }
        _core = Add("core", FeatureShape, Math.Sqrt(1 / shape.Ranks.Aggregate(1.0, (product, rank) => product * rank)));
    }

    internal override IReadOnlyList<Tensor> Embeddings => [.. _factors.Select(factor => factor.detach())];

    internal override long[] FeatureShape => [.. Shape.Ranks];

    internal override TensorOutput Forward(Tensor index, UnseenEntities? unseen = null)
    {
        var rows = new Tensor[Shape.Order];
        for (var mode = 0; mode < rows.Length; mode++)
        {
            rows[mode] = _factors[mode].index_select(0, index.select(1, mode));
            if (unseen is not null)
            {
                rows[mode] = where(unseen.Mask.narrow(1, mode, 1), unseen.Means[mode], rows[mode]);
            }
        }
        return Output(Contract(rows, _core), cat(rows, 1), Flatten(index), unseen);
    }

    internal override Tensor SumFeatures(Tensor features, Tensor factors)
    {
        var rows = Split(features);
        return Kronecker(rows[..^1]).t().mm(rows[^1].Times(factors.unsqueeze(1))).view(FeatureShape);
    }

    internal override Tensor Project(Tensor features, Tensor direction) => Contract(Split(features), direction);

    /// <summary>The Kronecker products of rows, [B, Π R_n].</summary>
    internal static Tensor Kronecker(ReadOnlySpan<Tensor> rows)
    {
        var product = rows[0];
        foreach (var next in rows[1..])
        {
            product = product.unsqueeze(2).Times(next.unsqueeze(1)).flatten(1);
        }
        return product;
    }

    internal Tensor[] Split(Tensor features)
    {
        var rows = new Tensor[Shape.Order];
        long start = 0;
        for (var mode = 0; mode < rows.Length; start += Shape.Ranks[mode], mode++)
        {
            rows[mode] = features.narrow(1, start, Shape.Ranks[mode]);
        }
        return rows;
    }

    /// <summary>The core times the rows of all modes, the last mode first, [B].</summary>
    private Tensor Contract(Tensor[] rows, Tensor core)
    {
        var rest = rows[^1].mm(core.view(-1, Shape.Ranks[^1]).t());
        for (var mode = rows.Length - 2; mode >= 0; mode--)
        {
            rest = rest.view(rest.size(0), -1, Shape.Ranks[mode]).bmm(rows[mode].unsqueeze(2)).squeeze(2);
        }
        return rest.squeeze(1);
    }
}
