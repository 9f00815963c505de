using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>The costs of prototypes, and the prototypes of given weights. Source: Ziko et al., arXiv 2106.09516 (2021), and "Scalable Laplacian K-modes" (2018).</summary>
internal static class PrototypeUpdate
{
    /// <summary>A class of less weight keeps its prototype.</summary>
    private const double LeastWeight = 1e-12;

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
        if (!settings.HasHardWeights || points.Features.size(1) > ProblemBatch.LargestPadded)
        {
            ModeSearch.Run(settings, points, weights, result, sigma, isEmpty.logical_not(), check);
            return result.MoveToOuterDisposeScope();
        }
        // Where each row belongs to one class, a class is a problem of its own, of fewer rows, and it need not wait for the others of its problem.
        var modes = result.view(-1, 1, result.size(2));
        var sigmas = sigma.expand(-1, weights.size(1), 1).reshape(-1, 1, 1);
        foreach (var (clusters, rows, isRow) in ClusterRows.Of(weights))
        {
            using var step = NewDisposeScope();
            using var own = points.SelectRows(rows);
            var chosen = tensor(clusters, device: weights.device);
            var found = modes.index_select(0, chosen);
            ModeSearch.Run(settings, own, isRow.to(weights.dtype), found, sigmas.index_select(0, chosen), ones_like(found.narrow(2, 0, 1), dtype: ScalarType.Bool), check);
            modes.index_copy_(0, chosen, found);
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
}
