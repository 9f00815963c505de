using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>The costs of prototypes, and the prototypes of given weights. Source: Ziko et al., arXiv 2106.09516 (2021), and "Scalable Laplacian K-modes" (2018).</summary>
internal static class PrototypeUpdate
{
    /// <summary>A class of less weight keeps its prototype.</summary>
    private const double LeastWeight = 1e-12;

    /// <summary>Where no row has more density than this, there is no direction to move in.</summary>
    private const double LeastDensity = 1e-30;

    /// <summary>The elements of a temporary that holds one number for each pair of rows.</summary>
    private const long ChunkElements = 1 << 22;

    /// <summary>What it costs to give a row to a prototype, [B, K, N].</summary>
    /// <param name="settings">The kind of prototype.</param>
    /// <param name="points">The rows.</param>
    /// <param name="prototypes">[B, K, D].</param>
    /// <param name="sigma">The widths of modes, [B, 1, 1].</param>
    /// <param name="absentCosts">What is added for each class, [B, K, 1]; null: nothing.</param>
    internal static Tensor Costs(FewShotSettings settings, FewShotPoints points, Tensor prototypes, Tensor sigma, Tensor? absentCosts)
    {
        using var scope = NewDisposeScope();
        var distances = points.SquaredDistances(prototypes);
        var costs = settings.Prototype switch
        {
            FewShotPrototype.Medoid => distances.sqrt_(),
            FewShotPrototype.Mean or FewShotPrototype.Fixed => distances,
            _ => Density(distances, sigma).neg_(),
        };
        return (absentCosts is null ? costs : costs.add_(absentCosts, TensorOps.One)).MoveToOuterDisposeScope();
    }

    /// <summary>The prototypes of given weights, [B, K, D].</summary>
    /// <param name="settings">The kind of prototype.</param>
    /// <param name="points">The rows.</param>
    /// <param name="weights">[B, K, N]; 0 for rows of padding.</param>
    /// <param name="assignments">The assignments that the weights were made of, [B, K, N].</param>
    /// <param name="prototypes">Those before, [B, K, D].</param>
    /// <param name="sigma">The widths of modes, [B, 1, 1].</param>
    /// <param name="first">Whether these are the first of a solution.</param>
    /// <param name="check">Throws to end the work.</param>
    internal static Tensor Prototypes(FewShotSettings settings, FewShotPoints points, Tensor weights, Tensor assignments, Tensor prototypes, Tensor sigma, bool first, Action check)
    {
        using var scope = NewDisposeScope();
        var total = weights.sum(2, keepdim: true);
        var isEmpty = total.lt(TensorOps.Constant(LeastWeight));
        var updated = settings.Prototype switch
        {
            FewShotPrototype.Mean => points.WeightedSums(weights).div_(total),
            FewShotPrototype.Mode => Modes(settings, points, weights, prototypes, sigma, isEmpty, check),
            FewShotPrototype.ModePoint => points.Rows(BestRows(points, weights, distances => Density(distances, sigma), own: false, check)),
            FewShotPrototype.ModeByproduct when first => points.Rows(BestRows(points, weights, distances => Density(distances, sigma), own: true, check)),
            FewShotPrototype.ModeByproduct => points.Rows(assignments.argmax(2)),
            FewShotPrototype.Medoid => points.Rows(BestRows(points, weights, distances => distances.sqrt_().neg_(), own: false, check)),
            _ => prototypes,
        };
        return where(isEmpty, prototypes, updated).MoveToOuterDisposeScope();
    }

    /// <summary>exp(-d²/(2σ²)), in the place of d².</summary>
    private static Tensor Density(Tensor squaredDistances, Tensor sigma)
        => squaredDistances.div_(sigma.Times(sigma).mul_(TensorOps.Constant(-2))).exp_();

    /// <summary>Mean shift from the prototypes before.</summary>
    private static Tensor Modes(FewShotSettings settings, FewShotPoints points, Tensor weights, Tensor prototypes, Tensor sigma, Tensor isEmpty, Action check)
    {
        using var scope = NewDisposeScope();
        var result = prototypes.clone();
        var search = new ModeSearch(points, weights, prototypes, sigma, isEmpty.logical_not());
        try
        {
            for (var step = 0; step < settings.MeanShiftMax; step++)
            {
                check();
                search.Step(settings.MeanShiftTolerance);
                if ((step + 1) % ProblemBatch.StepsBetweenQuestions(points.Features.device) == 0)
                {
                    var left = search.MovingProblems();
                    if (left.Length == 0)
                    {
                        break;
                    }
                    if (ProblemBatch.IsWorthSelecting(left.Length, search.Problems))
                    {
                        search.Store(result);
                        var next = search.Select(left);
                        search.Dispose();
                        search = next;
                    }
                }
            }
            search.Store(result);
        }
        finally
        {
            search.Dispose();
        }
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>The row with the largest sum of weighted values to other rows for each class, of equal ones the first, Int64 [B, K].</summary>
    /// <param name="points">The rows.</param>
    /// <param name="weights">[B, K, N].</param>
    /// <param name="value">The value of two rows of a squared distance.</param>
    /// <param name="own">Only rows of weight stand for election, and what a row is to itself does not count.</param>
    /// <param name="check">Throws to end the work.</param>
    private static Tensor BestRows(FewShotPoints points, Tensor weights, Func<Tensor, Tensor> value, bool own, Action check)
    {
        using var scope = NewDisposeScope();
        var (count, rows) = (points.Features.size(0), points.Features.size(1));
        var sums = empty_like(weights);
        var length = Math.Clamp(ChunkElements / Math.Max(1, count * rows), 1, rows);
        for (var start = 0L; start < rows; start += length)
        {
            check();
            using var step = NewDisposeScope();
            var candidates = points.Features.narrow(1, start, Math.Min(length, rows - start));
            var values = value(points.SquaredDistances(candidates));
            sums.narrow(2, start, candidates.size(1)).copy_(weights.bmm(values.transpose(1, 2)));
        }
        if (own)
        {
            sums.sub_(weights);
        }
        // Padding has no weight in any class.
        var stands = own ? weights.gt(TensorOps.Constant(0)) : weights.sum(1, keepdim: true).gt(TensorOps.Constant(0));
        return sums.masked_fill_(stands.logical_not(), TensorOps.Constant(double.NegativeInfinity)).argmax(2).MoveToOuterDisposeScope();
    }

    /// <summary>The mean shift of some of the problems.</summary>
    private sealed class ModeSearch : IDisposable
    {
        private readonly FewShotPoints _points;
        private readonly bool _ownsPoints;
        private readonly Tensor _numbers;
        private readonly Tensor _bias;
        private readonly Tensor _precision;
        private Tensor _prototypes;
        private Tensor _moving;

        internal ModeSearch(FewShotPoints points, Tensor weights, Tensor prototypes, Tensor sigma, Tensor moving)
            : this(points, false, ProblemBatch.Numbers(weights.size(0), weights.device), Bias(points, weights, sigma), prototypes.alias(), sigma.Times(sigma).reciprocal_(), moving)
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

        internal long Problems => _numbers.size(0);

        internal void Step(double tolerance)
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
        internal long[] MovingProblems()
        {
            using var scope = NewDisposeScope();
            return ProblemBatch.Places(_moving.any(1, false).view(-1));
        }

        internal void Store(Tensor prototypes) => prototypes.index_copy_(0, _numbers, _prototypes);

        internal ModeSearch Select(long[] places)
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
}
