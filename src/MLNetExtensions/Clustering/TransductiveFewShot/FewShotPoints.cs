using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>The transformed rows of problems, [B, N, D], and their distances to prototypes.</summary>
internal sealed class FewShotPoints : IDisposable
{
    /// <summary>The elements of a temporary that holds all features of some rows.</summary>
    private const long ChunkElements = 1 << 22;

    /// <summary>Takes rows over.</summary>
    internal FewShotPoints(Tensor features)
    {
        Features = features.DetachFromDisposeScope();
        Squares = SquaredLengths(features).DetachFromDisposeScope();
    }

    private FewShotPoints(Tensor features, Tensor squares) => (Features, Squares) = (features, squares);

    /// <summary>[B, N, D].</summary>
    internal Tensor Features { get; }

    /// <summary>The squared lengths of the rows, [B, 1, N].</summary>
    internal Tensor Squares { get; }

    /// <summary>Some of the problems.</summary>
    internal FewShotPoints Select(Tensor problems)
        => new(Features.index_select(0, problems).DetachFromDisposeScope(), Squares.index_select(0, problems).DetachFromDisposeScope());

    /// <summary>Gives the rows another order, Int32 [N].</summary>
    internal void Reorder(Tensor order)
    {
        Features.copy_(Features.index_select(1, order));
        Squares.copy_(Squares.index_select(2, order));
    }

    /// <summary>Rows of any problems as problems of their own.</summary>
    /// <param name="rows">The numbers of the rows, those of a problem following those of the problem before, Int64 [C, M].</param>
    internal FewShotPoints SelectRows(Tensor rows)
    {
        using var scope = NewDisposeScope();
        var flat = rows.view(-1);
        return new(
            Features.view(-1, Features.size(2)).index_select(0, flat).view(rows.size(0), rows.size(1), -1).DetachFromDisposeScope(),
            Squares.view(-1).index_select(0, flat).view(rows.size(0), 1, -1).DetachFromDisposeScope());
    }

    /// <summary>The squared distances [B, C, N] to points [B, C, D].</summary>
    internal Tensor SquaredDistances(Tensor points)
    {
        using var scope = NewDisposeScope();
        if (Features.dtype == ScalarType.Float64)
        {
            // Of the differences: what ||x||² + ||c||² - 2 xc loses to rounding counts there.
            var distances = empty([points.size(0), points.size(1), Features.size(1)], dtype: points.dtype, device: points.device);
            for (var i = 0L; i < points.size(1); i++)
            {
                using var step = NewDisposeScope();
                var difference = Features.Minus(points.narrow(1, i, 1));
                distances.select(1, i).copy_(difference.mul_(difference).sum(2));
            }
            return distances.MoveToOuterDisposeScope();
        }
        var products = points.bmm(Features.transpose(1, 2));
        var squares = points.Times(points).sum(2, keepdim: true).Plus(Squares);
        return squares.add_(products, TensorOps.Constant(-2)).clamp_min_(TensorOps.Constant(0)).MoveToOuterDisposeScope();
    }

    /// <summary>Sums of rows, weighted by [B, C, N]: [B, C, D].</summary>
    internal Tensor WeightedSums(Tensor weights) => weights.bmm(Features);

    /// <summary>The rows with the given numbers, Int64 [B, C]: [B, C, D].</summary>
    internal Tensor Rows(Tensor numbers) => Features.gather(1, numbers.unsqueeze(2).expand(-1, -1, Features.size(2)));

    public void Dispose()
    {
        Features.Dispose();
        Squares.Dispose();
    }

    /// <summary>Does something with all rows of [B, N, D], some at a time.</summary>
    internal static void ForChunks(Tensor features, Action<Tensor, long> action)
    {
        var length = Math.Max(1, ChunkElements / Math.Max(1, features.size(0) * features.size(2)));
        for (var start = 0L; start < features.size(1); start += length)
        {
            using var step = NewDisposeScope();
            action(features.narrow(1, start, Math.Min(length, features.size(1) - start)), start);
        }
    }

    private static Tensor SquaredLengths(Tensor features)
    {
        var squares = empty([features.size(0), 1, features.size(1)], dtype: features.dtype, device: features.device);
        ForChunks(features, (rows, start) => squares.narrow(2, start, rows.size(1)).copy_(rows.Times(rows).sum(2).unsqueeze(1)));
        return squares;
    }
}
