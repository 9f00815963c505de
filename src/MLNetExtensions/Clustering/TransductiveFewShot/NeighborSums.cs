using MLNetExtensions.Torch;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// The products of sparse matrices with assignments. libtorch's sums of embeddings do it: the assignments are the embeddings, the neighbours of a row are a bag. Several times as
/// fast as a product with the dense matrices of small problems, and without their memory for large ones.
/// </summary>
internal sealed class NeighborSums : IDisposable
{
    private readonly EmbeddingBag _bag;
    private readonly Tensor _embeddings;

    /// <summary>Makes room for the assignments of so many rows.</summary>
    internal NeighborSums(long rows, int classes, ScalarType type, Device device)
    {
        using var scope = NewDisposeScope();
        // Layers draw first weights even where some are given: only one, which is put back, and then made as many as are needed.
        _bag = GlobalRandom.Keep(() => nn.EmbeddingBag_from_pretrained(zeros([1, 1], dtype: type, device: device), freeze: true, mode: EmbeddingBagMode.Sum));
        _embeddings = _bag.weight!.DetachFromDisposeScope();
        _embeddings.set_(zeros([rows, classes], dtype: type, device: device));
    }

    /// <summary>W S.</summary>
    /// <param name="columns">The numbers of the neighbours, row by row, Int32.</param>
    /// <param name="starts">Where those of each row begin, Int32 [B N].</param>
    /// <param name="weights">Their weights.</param>
    /// <param name="assignments">S, [B, K, N].</param>
    /// <returns>[B, K, N].</returns>
    internal Tensor Apply(Tensor columns, Tensor starts, Tensor weights, Tensor assignments)
    {
        using var scope = NewDisposeScope();
        var (problems, classes, rows) = (assignments.size(0), assignments.size(1), assignments.size(2));
        _embeddings.narrow(0, 0, problems * rows).view(problems, rows, classes).copy_(assignments.transpose(1, 2));
        return _bag.call(columns, starts, weights).view(problems, rows, classes).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>The same into a table that is there, some rows at a time; on the CPU.</summary>
    internal void Apply(Tensor columns, Tensor starts, Tensor weights, Tensor assignments, Tensor products)
    {
        var (problems, classes, rows) = (assignments.size(0), assignments.size(1), assignments.size(2));
        var embeddings = _embeddings.narrow(0, 0, problems * rows).view(problems, rows, classes);
        ProblemBatch.ForParts(assignments, (part, start) => embeddings.narrow(1, start, part.size(2)).copy_(part.transpose(1, 2)));
        for (var problem = 0L; problem < problems; problem++)
        {
            ProblemBatch.ForParts(products.narrow(0, problem, 1), (part, start) =>
            {
                var first = problem * rows + start;
                var own = starts.narrow(0, first, part.size(2));
                var end = first + part.size(2);
                var from = own[0].item<int>();
                var count = (end < starts.size(0) ? starts[end].item<int>() : columns.size(0)) - from;
                // Without a neighbour there is no bag.
                if (count == 0)
                {
                    part.zero_();
                    return;
                }
                part.copy_(_bag.call(columns.narrow(0, from, count), own.Minus(own[0]), weights.narrow(0, from, count)).t().unsqueeze(0));
            });
        }
    }

    public void Dispose()
    {
        _bag.Dispose();
        _embeddings.Dispose();
    }
}
