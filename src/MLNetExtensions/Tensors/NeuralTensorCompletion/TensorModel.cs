using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>What a model makes of cells.</summary>
/// <param name="Prediction">p, [B].</param>
/// <param name="Features">What the last linear map sees, in the form that the model's <see cref="TensorModel.Project"/> takes.</param>
/// <param name="Gate">The derivative of the output's activation, [B]; null = 1.</param>
internal readonly record struct TensorOutput(Tensor Prediction, Tensor Features, Tensor? Gate);

/// <summary>Which entities of cells stand for ones that were never seen, and what is taken instead of their embeddings.</summary>
/// <param name="Mask">Bool [B, N].</param>
/// <param name="Means">The mean embedding of each mode, [e_n].</param>
internal sealed record UnseenEntities(Tensor Mask, IReadOnlyList<Tensor> Means);

/// <summary>
/// A model of a tensor's cells: p = gate(w · phi + c + Σ_n b_n[i_n]), where phi are the features of cell i, and the constant and the numbers of the entities are there only with
/// <see cref="TensorCompletionShape.UseBias"/>.
/// </summary>
/// <remarks>
/// Shapes in comments: B cells, N modes, D_n entities of a mode, e numbers of an entity, d features. Forward passes change nothing, so that threads may share a model while nobody trains it.
/// The caller keeps a dispose scope open.
/// </remarks>
internal abstract class TensorModel : IDisposable
{
    private readonly ParameterSet _parameters = new();
    private readonly ParameterSet _constants = new();
    private readonly Generator? _generator;
    private readonly ScalarType _dtype;
    private readonly Device _device;

    // Minus the number of each mode's first entity: integers can be subtracted without a Scalar, not added.
    private readonly Tensor _starts;

    private readonly Tensor? _bias;
    private readonly Tensor? _offset;

    private protected TensorModel(TensorCompletionShape shape, Generator? generator, ScalarType dtype, Device device)
    {
        (Shape, _generator, _dtype, _device) = (shape, generator, dtype, device);
        using var scope = NewDisposeScope();
        _starts = _constants.Add("starts", tensor(Starts(shape), device: device).neg(), trainable: false);
        if (shape.UseBias)
        {
            _bias = Add("bias", [TotalEntities]);
            _offset = Add("offset", [1]);
        }
    }

    internal TensorCompletionShape Shape { get; }

    internal Device Device => _device;

    internal ScalarType Type => _dtype;

    /// <summary>
    /// Whether the products of hidden layers are computed in bfloat16, with a relative error of about 1/256, from weights that stay as they are: about twice as fast where the processor has
    /// instructions for it, slower where not.
    /// </summary>
    internal bool UsesBFloat16 { get; set; }

    /// <summary>What is trained, and all that a saved model is.</summary>
    internal IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => _parameters.Items;

    /// <summary>The embeddings or factors of each mode, [D_n, e_n]: views of the weights.</summary>
    internal abstract IReadOnlyList<Tensor> Embeddings { get; }

    /// <summary>The bias of each mode's entities, [D_n]: views of the weights; empty without bias.</summary>
    internal IReadOnlyList<Tensor> Biases => _bias is null ? [] : PerMode(_bias);

    /// <summary>The size of v, the sum that <see cref="SumFeatures"/> gives.</summary>
    internal abstract long[] FeatureShape { get; }

    private protected long TotalEntities => Shape.Entities.Sum(entities => (long)entities);

    /// <summary>Predicts cells.</summary>
    /// <param name="index">The entities, Int64 [B, N], each from 0 to D_n - 1.</param>
    /// <param name="unseen">The entities to be replaced; null = none.</param>
    internal abstract TensorOutput Forward(Tensor index, UnseenEntities? unseen = null);

    /// <summary>Σ_i factor_i phi_i.</summary>
    /// <param name="features">The features of an output.</param>
    /// <param name="factors">[B].</param>
    internal virtual Tensor SumFeatures(Tensor features, Tensor factors) => factors.unsqueeze(0).mm(features).squeeze(0);

    /// <summary>phi_i · v, [B].</summary>
    /// <param name="features">The features of an output.</param>
    /// <param name="direction">v, a sum of features.</param>
    internal virtual Tensor Project(Tensor features, Tensor direction) => features.mm(direction.unsqueeze(1)).squeeze(1);

    /// <summary>Takes saved values.</summary>
    /// <exception cref="FormatException">A name is missing or too much, or a type or shape differs.</exception>
    internal void CopyFrom(IReadOnlyDictionary<string, Tensor> weights) => _parameters.CopyFrom(weights);

    /// <summary>The mean embedding of each mode's entities, [e_n].</summary>
    internal IReadOnlyList<Tensor> MeanEmbeddings() => [.. Embeddings.Select(table => table.mean([0]))];

    /// <summary>Gives entities that were not in the training the mean embedding of those of their mode that were, and the bias 0.</summary>
    /// <param name="isSeen">For each mode and entity whether it was.</param>
    internal void FillUnseen(IReadOnlyList<bool[]> isSeen)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (mode, table) in Embeddings.Index())
        {
            long[] Where(bool seen) => [.. isSeen[mode].Index().Where(entity => entity.Item == seen).Select(entity => (long)entity.Index)];
            if (Where(false) is { Length: > 0 } unseen)
            {
                var index = tensor(unseen, device: _device);
                var mean = table.index_select(0, tensor(Where(true), device: _device)).mean([0], keepdim: true);
                table.index_copy_(0, index, mean.expand(unseen.Length, -1).contiguous());
                if (_bias is not null)
                {
                    Biases[mode].index_copy_(0, index, zeros(unseen.Length, dtype: _dtype, device: _device));
                }
            }
        }
    }

    public void Dispose()
    {
        _parameters.Dispose();
        _constants.Dispose();
    }

    /// <summary>The number of each entity in tables that hold all modes one after the other, [B, N].</summary>
    private protected Tensor Flatten(Tensor index) => index.Minus(_starts);

    /// <summary>The embeddings of cells from a table of all modes, [B, N, e].</summary>
    private protected Tensor LookUp(Tensor table, Tensor flat, UnseenEntities? unseen)
    {
        var rows = table.index_select(0, flat.reshape(-1)).view(-1, Shape.Order, Shape.EmbeddingSize);
        return unseen is null ? rows : where(unseen.Mask.unsqueeze(2), stack([.. unseen.Means], 0), rows);
    }

    /// <summary>A linear map with ReLU.</summary>
    private protected Tensor Hidden(Tensor x, (Tensor Weight, Tensor Bias) layer)
        => UsesBFloat16
            ? nn.functional.linear(x.to(ScalarType.BFloat16), layer.Weight.to(ScalarType.BFloat16), layer.Bias.to(ScalarType.BFloat16)).relu_()
            : nn.functional.linear(x, layer.Weight, layer.Bias).relu_();

    /// <summary>The output of a last layer over features, which are brought back to the precision of the weights.</summary>
    private protected TensorOutput Output((Tensor Weight, Tensor Bias) layer, Tensor features, Tensor flat, UnseenEntities? unseen)
    {
        var phi = features.to(_dtype);
        return Output(nn.functional.linear(phi, layer.Weight, layer.Bias).squeeze(1), phi, flat, unseen);
    }

    /// <summary>The output for z = w · phi, [B].</summary>
    private protected TensorOutput Output(Tensor z, Tensor features, Tensor flat, UnseenEntities? unseen)
    {
        if (_bias is not null)
        {
            var bias = _bias.index_select(0, flat.reshape(-1)).view(-1, Shape.Order);
            z = z.Plus((unseen is null ? bias : where(unseen.Mask, zeros_like(bias), bias)).sum(1)).Plus(_offset!);
        }
        return Shape.NonNegativeOutput ? new(z.relu(), features, z.detach().gt(TensorOps.Constant(0)).to(_dtype)) : new(z, features, null);
    }

    /// <summary>The parts of a table of all modes.</summary>
    private protected IReadOnlyList<Tensor> PerMode(Tensor table)
    {
        var starts = Starts(Shape);
        return [.. Shape.Entities.Select((entities, mode) => table.detach().narrow(0, starts[mode], entities))];
    }

    /// <summary>A weight that is normal around 0 at the start; 0 without a deviation.</summary>
    private protected Tensor Add(string name, long[] shape, double deviation = 0)
        => Add(name, shape, deviation == 0 ? null : (x, generator) => x.normal_(0, deviation, generator));

    /// <summary>The weight and bias of a linear map, evenly drawn within ±1/√(inputs).</summary>
    private protected (Tensor Weight, Tensor Bias) Linear(string name, long outputs, long inputs)
    {
        var bound = 1 / Math.Sqrt(inputs);
        return (Add(name + ".weight", [outputs, inputs], Draw), Add(name + ".bias", [outputs], Draw));

        Tensor Draw(Tensor x, Generator generator) => x.uniform_(-bound, bound, generator);
    }

    private Tensor Add(string name, long[] shape, Func<Tensor, Generator, Tensor>? draw)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        // Drawn in float32 whatever the precision, so that both start from the same values.
        var value = zeros(shape, dtype: ScalarType.Float32, device: CPU);
        if (draw is not null && _generator is not null)
        {
            draw(value, _generator);
        }
        return _parameters.Add(name, value.to(_dtype, _device));
    }

    private static long[] Starts(TensorCompletionShape shape)
    {
        var starts = new long[shape.Order];
        for (var mode = 1; mode < starts.Length; mode++)
        {
            starts[mode] = starts[mode - 1] + shape.Entities[mode - 1];
        }
        return starts;
    }
}
