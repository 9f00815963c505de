using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>
/// The influence of each training cell on the validation error, gathered while a model trains: I_i = Σ_t r_i (phi_i · v_t) with v_t = Σ r phi over the validation cells at the start of
/// epoch t, and r_i, phi_i as they are when cell i is visited. Two numbers for each cell are all that it holds, however long the training is; and a copy of the weights after the epoch
/// whose start was best.
/// </summary>
/// <remarks>
/// The change of the squared errors by gradient descent is this times 4 and the learning rate. With <see cref="InfluenceLayers.All"/> it is a quarter of the product of the gradients of all
/// weights, as a central difference along that of the validation error, taken at the start of each epoch.
/// </remarks>
internal sealed class InfluenceRecorder : IDisposable
{
    // Smaller steps drown in rounding, larger ones meet the kinks of ReLU.
    private const double StepLength = 1e-4;

    private readonly ParameterSet _records = new();
    private readonly TensorModel _model;
    private readonly InfluenceLayers _layers;
    private readonly Tensor _sums;
    private readonly Tensor _bestSums;
    private readonly Tensor? _direction;
    private readonly Tensor? _biasDirection;
    private readonly Tensor[] _after;

    /// <summary>Begins a record.</summary>
    /// <param name="model">The model in training.</param>
    /// <param name="cells">The number of training cells.</param>
    /// <param name="layers">Whose gradients count.</param>
    internal InfluenceRecorder(TensorModel model, int cells, InfluenceLayers layers)
    {
        (_model, _layers) = (model, layers);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _sums = Add("influence", [cells]);
        _bestSums = Add("influence.best", [cells]);
        if (layers != InfluenceLayers.All)
        {
            _direction = zeros(model.FeatureShape, dtype: model.Type, device: model.Device).DetachFromDisposeScope();
            _biasDirection = layers == InfluenceLayers.OutputWithBias ? zeros(1, dtype: model.Type, device: model.Device).DetachFromDisposeScope() : null;
        }
        _after = [.. model.Parameters.Select(parameter => _records.Add("after." + parameter.Key, parameter.Value.detach().clone(), trainable: false))];

        Tensor Add(string name, long[] shape) => _records.Add(name, zeros(shape, dtype: model.Type, device: model.Device), trainable: false);
    }

    /// <summary>What a checkpoint has to hold.</summary>
    internal IReadOnlyList<KeyValuePair<string, Tensor>> Records => _records.Items;

    /// <summary>v of the last validation; null with <see cref="InfluenceLayers.All"/>.</summary>
    internal Tensor? Direction => _direction;

    /// <summary>Whether the gradient of the validation error is needed.</summary>
    internal bool NeedsGradients => _layers == InfluenceLayers.All;

    /// <summary>The weights after the epoch whose start was best.</summary>
    internal IReadOnlyDictionary<string, Tensor> WeightsAfter => _model.Parameters.Zip(_after).ToDictionary(pair => pair.First.Key, pair => pair.Second);

    /// <summary>The influence of each training cell, up to the epoch whose start was best.</summary>
    internal double[] Influence
    {
        get
        {
            using var scope = NewDisposeScope();
            var host = _bestSums.to(ScalarType.Float64).cpu();
            double[] result = [.. MemoryMarshal.Cast<byte, double>(host.bytes)];
            GC.KeepAlive(host);
            return result;
        }
    }

    /// <summary>Forgets the last validation.</summary>
    internal void BeginValidation()
    {
        using var noGrad = no_grad();
        _direction?.zero_();
        _biasDirection?.zero_();
        if (NeedsGradients)
        {
            foreach (var (_, parameter) in _model.Parameters)
            {
                parameter.grad = null;
            }
        }
    }

    /// <summary>Takes in validation cells.</summary>
    /// <param name="output">What the model makes of them.</param>
    /// <param name="residuals">p - y, times the weights, [B].</param>
    internal void AddValidation(TensorOutput output, Tensor residuals)
    {
        if (NeedsGradients)
        {
            // Half the gradient of the squared errors: residuals are constants here.
            residuals.detach().Times(output.Prediction).sum().backward();
            return;
        }
        using var noGrad = no_grad();
        var factors = Gated(output, residuals);
        _direction!.add_(_model.SumFeatures(output.Features.detach(), factors), TensorOps.One);
        _biasDirection?.add_(factors.sum(), TensorOps.One);
    }

    /// <summary>Takes in training cells.</summary>
    /// <param name="cells">Their numbers, Int64 [B].</param>
    /// <param name="output">What the model makes of them.</param>
    /// <param name="residuals">p - y, times the weights, [B].</param>
    internal void AddTraining(Tensor cells, TensorOutput output, Tensor residuals)
    {
        if (NeedsGradients)
        {
            return;
        }
        using var noGrad = no_grad();
        var products = _model.Project(output.Features.detach(), _direction!);
        _sums.index_add_(0, cells, Gated(output, residuals).Times(_biasDirection is null ? products : products.Plus(_biasDirection)), TensorOps.One);
    }

    /// <summary>Takes in all training cells, with <see cref="InfluenceLayers.All"/>, after a validation.</summary>
    /// <param name="batches">The cells in batches, each made within a dispose scope.</param>
    /// <param name="residuals">p - y of a batch, [B].</param>
    internal void AddEpoch(IEnumerable<Batch> batches, Func<Batch, Tensor> residuals)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weights = _model.Parameters.Where(parameter => parameter.Value.grad is not null).Select(parameter => parameter.Value).ToArray();
        Tensor[] gradients = [.. weights.Select(weight => weight.grad!.clone())];
        Tensor[] start = [.. weights.Select(weight => weight.detach().clone())];
        double norm = Math.Sqrt(gradients.Sum(gradient => gradient.Times(gradient).sum().to(ScalarType.Float64).cpu().item<double>()));
        if (norm == 0 || !double.IsFinite(norm))
        {
            return;
        }
        var epsilon = StepLength / norm;
        Tensor[] ahead = [.. start.Zip(gradients, (weight, gradient) => weight.Plus(gradient.Times(epsilon)))];
        Tensor[] back = [.. start.Zip(gradients, (weight, gradient) => weight.Minus(gradient.Times(epsilon)))];
        foreach (var batch in batches)
        {
            using var step = NewDisposeScope();
            Put(ahead);
            var up = residuals(batch);
            Put(back);
            var down = residuals(batch);
            var sum = up.Plus(down);
            // (up² - down²) / 2 ε is the derivative of r² along the half gradient: twice the influence.
            _sums.index_add_(0, batch[RowSource.Row], up.Minus(down).Times(sum).Times(ConstantTensor.Create([0.25 / epsilon], [], _model.Type, _model.Device)), TensorOps.One);
        }
        Put(start);

        void Put(Tensor[] values)
        {
            foreach (var (weight, value) in weights.Zip(values))
            {
                weight.copy_(value);
            }
        }
    }

    /// <summary>Keeps the sums and the weights as they are.</summary>
    internal void Keep()
    {
        using var noGrad = no_grad();
        _bestSums.copy_(_sums);
        foreach (var (target, source) in _after.Zip(_model.Parameters))
        {
            target.copy_(source.Value);
        }
    }

    public void Dispose()
    {
        _records.Dispose();
        _direction?.Dispose();
        _biasDirection?.Dispose();
    }

    private static Tensor Gated(TensorOutput output, Tensor residuals) => output.Gate is null ? residuals.detach() : residuals.detach().Times(output.Gate);
}
