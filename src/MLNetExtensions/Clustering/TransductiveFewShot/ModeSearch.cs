using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>The mean shift of some of the problems.</summary>
internal sealed class ModeSearch : IDisposable
{
    /// <summary>Where no row has more density than this, there is no direction to move in.</summary>
    private const double LeastDensity = 1e-30;

    private readonly FewShotPoints _points;
    private readonly bool _ownsPoints;
    private readonly Tensor _numbers;
    private readonly Tensor _bias;
    private readonly Tensor _precision;
    private Tensor _prototypes;
    private Tensor _moving;

    private ModeSearch(FewShotPoints points, Tensor weights, Tensor prototypes, Tensor sigma, Tensor moving)
        : this(points, false, ProblemBatch.Numbers(weights.size(0), weights.device), Bias(points, weights, sigma), prototypes.clone(), sigma.Times(sigma).reciprocal_(), moving)
    {
    }

    /// <summary>What does not change of the logarithm of a row's weighted density, -||x - c||²/(2σ²) + ln r: ln r - ||x||²/(2σ²).</summary>
    private static Tensor Bias(FewShotPoints points, Tensor weights, Tensor sigma) => weights.log().add_(points.Squares.div(sigma.Times(sigma)).mul_(TensorOps.Constant(-0.5)), TensorOps.One);

    private ModeSearch(FewShotPoints points, bool ownsPoints, Tensor numbers, Tensor bias, Tensor prototypes, Tensor precision, Tensor moving)
    {
        (_points, _ownsPoints) = (points, ownsPoints);
        _numbers = numbers.DetachFromDisposeScope();
        _bias = bias.DetachFromDisposeScope();
        _prototypes = prototypes.DetachFromDisposeScope();
        _precision = precision.DetachFromDisposeScope();
        _moving = moving.DetachFromDisposeScope();
    }

    private long Problems => _numbers.size(0);

    /// <summary>Moves prototypes to the modes of their density.</summary>
    /// <param name="settings">When a mode is found.</param>
    /// <param name="points">The rows.</param>
    /// <param name="weights">[B, K, N].</param>
    /// <param name="prototypes">Where the search begins, [B, K, D], and where it ended.</param>
    /// <param name="sigma">The widths of modes, [B, 1, 1].</param>
    /// <param name="moving">Which prototypes move, Bool [B, K, 1].</param>
    /// <param name="check">Throws to end the work.</param>
    internal static void Run(FewShotSettings settings, FewShotPoints points, Tensor weights, Tensor prototypes, Tensor sigma, Tensor moving, Action check)
    {
        using var scope = NewDisposeScope();
        var search = new ModeSearch(points, weights, prototypes, sigma, moving);
        try
        {
            for (var step = 0; step < settings.MeanShiftMax; step++)
            {
                check();
                search.Step(settings.MeanShiftTolerance);
                if ((step + 1) % ProblemBatch.StepsBetweenQuestions(prototypes.device) == 0)
                {
                    var left = search.MovingProblems();
                    if (left.Length == 0)
                    {
                        break;
                    }
                    if (ProblemBatch.IsWorthSelecting(left.Length, search.Problems))
                    {
                        search.Store(prototypes);
                        var next = search.Select(left);
                        search.Dispose();
                        search = next;
                    }
                }
            }
            search.Store(prototypes);
        }
        finally
        {
            search.Dispose();
        }
    }

    private void Step(double tolerance)
    {
        using var scope = NewDisposeScope();
        var scaled = _prototypes.Times(_precision);
        var lengths = scaled.Times(_prototypes).sum(2, keepdim: true).mul_(TensorOps.Constant(-0.5));
        var density = scaled.baddbmm(_points.Features.transpose(1, 2), _bias).add_(lengths, TensorOps.One).exp_();
        var total = density.sum(2, keepdim: true);
        var free = _moving.logical_and(total.gt(TensorOps.Constant(LeastDensity)));
        var next = where(free, _points.WeightedSums(density).div_(total), _prototypes);
        var change = next.Minus(_prototypes).abs_().amax([2], keepdim: true);
        // At least something, or what rests at 0 would go on for good.
        var enough = _prototypes.abs().amax([2], keepdim: true).mul_(TensorOps.Constant(tolerance)).clamp_min_(TensorOps.Constant(LeastDensity));
        var moving = free.logical_and_(change.ge(enough));
        _prototypes.Dispose();
        _moving.Dispose();
        (_prototypes, _moving) = (next.DetachFromDisposeScope(), moving.DetachFromDisposeScope());
    }

    /// <summary>The places of the problems with a prototype that still moves.</summary>
    private long[] MovingProblems()
    {
        using var scope = NewDisposeScope();
        return ProblemBatch.Places(_moving.any(1, false).view(-1));
    }

    private void Store(Tensor prototypes) => prototypes.index_copy_(0, _numbers, _prototypes);

    private ModeSearch Select(long[] places)
    {
        using var scope = NewDisposeScope();
        var chosen = tensor(places, device: _numbers.device);
        return new(
            _points.Select(chosen), true, _numbers.index_select(0, chosen), _bias.index_select(0, chosen), _prototypes.index_select(0, chosen),
            _precision.index_select(0, chosen), _moving.index_select(0, chosen));
    }

    public void Dispose()
    {
        if (_ownsPoints)
        {
            _points.Dispose();
        }
        foreach (var tensor in new[] { _numbers, _bias, _prototypes, _precision, _moving })
        {
            tensor.Dispose();
        }
    }
}
