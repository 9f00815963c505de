using MLNetExtensions.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// The cross-entropy between targets and the softmax of cosines to fixed class vectors, divided by a temperature; exact, and without ever holding the logits
/// of all classes.
/// </summary>
/// <remarks>
/// With s = e/τ and q = Σ_k t_k w_k the loss of a row is ln Σ_k exp(s·w_k) - s·q, and its gradient (Σ_k p_k w_k - q)/τ. Both need nothing of the classes but
/// two sums, over exp(s·w_k) and over exp(s·w_k) w_k, which one pass over chunks of classes makes: two products with the class vectors in all, no third one
/// to repeat the logits, and a chunk that stays in the cache.
/// </remarks>
internal sealed class EbvLoss : IDisposable
{
    // Logits within ±this need no shift: their exponentials, and sums over millions of classes, fit float32.
    private const double LargestUnshifted = 60;

    // The logits of a chunk: within the cache of a core, or enough to keep a graphics card busy.
    private const long ChunkBytesOnCpu = 1 << 19;
    private const long ChunkBytesElsewhere = 64 << 20;

    private readonly ParameterSet _constants = new();
    private readonly Tensor _vectors;
    private readonly Tensor _meanVector;
    private readonly Tensor? _logPriors;
    private readonly Tensor? _meanLogPrior;
    private readonly Scalar _inverseTemperature;
    private readonly Scalar _smoothing;
    private readonly Scalar _certainty;
    private readonly Scalar _smallestNorm = EbvModule.SmallestNorm.ToScalar();
    private readonly bool _isShifted;

    /// <summary>Prepares the loss.</summary>
    /// <param name="vectors">W: a unit row for each class, [C, d]; the loss keeps a handle of its own on them.</param>
    /// <param name="temperature">τ.</param>
    /// <param name="labelSmoothing">ε: the part of each target that is spread evenly over all classes.</param>
    /// <param name="logPriors">What is added to the logit of each class in training, [C]: the logarithm of its share of the rows; null = nothing.</param>
    internal EbvLoss(Tensor vectors, double temperature, double labelSmoothing = 0, Tensor? logPriors = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        ArgumentOutOfRangeException.ThrowIfNegative(labelSmoothing);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(labelSmoothing, 1);
        _inverseTemperature = (1 / temperature).ToScalar();
        _smoothing = labelSmoothing.ToScalar();
        _certainty = (1 - labelSmoothing).ToScalar();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _vectors = _constants.Add("vectors", vectors.alias(), trainable: false);
        _meanVector = _constants.Add("mean", vectors.mean([0]), trainable: false);
        var largest = 1 / temperature;
        if (logPriors is not null)
        {
            _logPriors = _constants.Add("priors", logPriors.to(vectors.dtype, vectors.device, copy: true), trainable: false);
            _meanLogPrior = _constants.Add("prior", logPriors.mean().to(vectors.dtype, vectors.device), trainable: false);
            largest += logPriors.abs().max().to(ScalarType.Float64).cpu().item<double>();
        }
        _isShifted = !(largest <= LargestUnshifted);
    }

    internal int Classes => (int)_vectors.size(0);

    /// <summary>For tests: so many classes in a chunk; null = as many as suit the device.</summary>
    internal long? ClassesPerChunk { get; init; }

    /// <summary>The mean loss of a batch, a scalar with its graph.</summary>
    /// <param name="raw">The raw embeddings r, [B, d].</param>
    /// <param name="targets">The numbers of the classes, Int64 [B]; or rows that sum to 1, [B, C].</param>
    /// <param name="weights">The weights of the examples, [B]; null = all alike.</param>
    internal Tensor Compute(Tensor raw, Tensor targets, Tensor? weights = null)
    {
        var (loss, gradient) = Differentiate(raw, targets, weights);
        // A number with this gradient; added as 0, so that the loss keeps its value.
        var carrier = raw.Times(gradient).sum();
        return carrier.Minus(carrier.detach()).Plus(loss);
    }

    /// <summary>The same as it is written in the paper, with all logits. What <see cref="Compute"/> is measured against.</summary>
    internal Tensor ComputePlain(Tensor raw, Tensor targets, Tensor? weights = null)
    {
        var logits = nn.functional.linear(EbvModule.Normalize(raw), _vectors).mul(_inverseTemperature);
        if (_logPriors is not null)
        {
            logits = logits.Plus(_logPriors);
        }
        var soft = targets.dtype == ScalarType.Int64 ? zeros_like(logits).scatter(1, targets.unsqueeze(1), ones_like(logits)) : targets;
        using var share = (1.0 / Classes).ToScalar();
        soft = soft.mul(_certainty).add(share, _smoothing);
        var losses = soft.Times(logits.log_softmax(1)).sum(1).neg();
        return weights is null ? losses.mean() : losses.Times(weights).sum().DividedBy(weights.sum());
    }

    public void Dispose()
    {
        _constants.Dispose();
        _inverseTemperature.Dispose();
        _smoothing.Dispose();
        _certainty.Dispose();
        _smallestNorm.Dispose();
    }

    /// <summary>The loss, and its gradient [B, d] with respect to the raw embeddings.</summary>
    private (Tensor Loss, Tensor Gradient) Differentiate(Tensor raw, Tensor targets, Tensor? weights)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var norm = raw.norm(1, keepdim: true).clamp_min(_smallestNorm);
        var embedding = raw.DividedBy(norm);
        var scaled = embedding.mul(_inverseTemperature);
        var (logSum, expected) = Sum(scaled);
        var (target, prior) = Target(targets);
        var losses = logSum.Minus(scaled.Times(target).sum(1, keepdim: true));
        if (prior is not null)
        {
            losses = losses.Minus(prior);
        }
        weights ??= ones(raw.size(0), dtype: raw.dtype, device: raw.device);
        var shares = weights.DividedBy(weights.sum().clamp_min(_smallestNorm)).unsqueeze(1);
        var slope = expected.sub_(target).mul_(shares).mul_(_inverseTemperature);
        // Only what turns the embedding changes the loss: the part along it is taken out.
        var gradient = slope.Minus(slope.Times(embedding).sum(1, keepdim: true).Times(embedding)).div_(norm);
        return (losses.Times(shares).sum().MoveToOuterDisposeScope(), gradient.MoveToOuterDisposeScope());
    }

    /// <summary>ln Σ_k exp(z_k), [B, 1], and Σ_k p_k w_k, [B, d].</summary>
    private (Tensor LogSum, Tensor Expected) Sum(Tensor scaled)
    {
        long rows = scaled.size(0), classes = Classes;
        var size = Math.Min(classes, ClassesPerChunk ?? Math.Max(1, (scaled.device_type == DeviceType.CPU ? ChunkBytesOnCpu : ChunkBytesElsewhere) / (rows * scaled.ElementSize)));
        var sum = zeros([rows, 1], dtype: scaled.dtype, device: scaled.device);
        var expected = zeros_like(scaled);
        var memory = empty(rows * size, dtype: scaled.dtype, device: scaled.device);
        var top = _isShifted ? full_like(sum, TensorOps.Constant(double.NegativeInfinity)) : null;
        for (long start = 0; start < classes; start += size)
        {
            using var chunk = NewDisposeScope();
            var count = Math.Min(size, classes - start);
            var vectors = _vectors.narrow(0, start, count);
            var z = memory.narrow(0, 0, rows * count).view(rows, count).addmm_(scaled, vectors.t(), beta: 0, alpha: 1);
            if (_logPriors is not null)
            {
                z.add_(_logPriors.narrow(0, start, count), TensorOps.One);
            }
            if (top is not null)
            {
                var higher = top.maximum(z.amax([1], keepdim: true));
                var shrink = top.Minus(higher).exp_();
                sum.mul_(shrink);
                expected.mul_(shrink);
                top.copy_(higher);
                z.sub_(higher);
            }
            z.exp_();
            sum.add_(z.sum(1, keepdim: true), TensorOps.One);
            expected.addmm_(z, vectors);
        }
        expected.div_(sum);
        var logSum = sum.log_();
        return (top is null ? logSum : logSum.add_(top, TensorOps.One), expected);
    }

    /// <summary>q = Σ_k t_k w_k after smoothing, [B, d], and the same sum of the log priors, [B, 1].</summary>
    private (Tensor Vector, Tensor? Prior) Target(Tensor targets)
    {
        var isHard = targets.dtype == ScalarType.Int64;
        var vector = isHard ? _vectors.index_select(0, targets) : targets.mm(_vectors);
        vector = vector.mul_(_certainty).add_(_meanVector, _smoothing);
        if (_logPriors is null)
        {
            return (vector, null);
        }
        var prior = isHard ? _logPriors.index_select(0, targets) : targets.mv(_logPriors);
        return (vector, prior.mul_(_certainty).add_(_meanLogPrior!, _smoothing).unsqueeze(1));
    }
}
