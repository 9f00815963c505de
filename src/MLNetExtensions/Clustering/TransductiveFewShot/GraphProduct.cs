using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>The graph of some problems, ready for products.</summary>
internal sealed class GraphProduct : IDisposable
{
    private readonly NeighborSums _sums;
    private readonly Tensor _columns;
    private readonly Tensor _starts;
    private readonly Tensor _weights;

    /// <summary>Takes the tensors of the matrix over.</summary>
    internal GraphProduct(NeighborSums sums, Tensor columns, Tensor starts, Tensor weights)
    {
        _sums = sums;
        _columns = columns.DetachFromDisposeScope();
        _starts = starts.DetachFromDisposeScope();
        _weights = weights.DetachFromDisposeScope();
    }

    /// <summary>W S, for S [B, K, N].</summary>
    internal Tensor Apply(Tensor assignments) => _columns.size(0) == 0 ? zeros_like(assignments) : _sums.Apply(_columns, _starts, _weights, assignments);

    /// <summary>The same for large tables, into one that is there.</summary>
    internal void Apply(Tensor assignments, Tensor products)
    {
        if (_columns.size(0) == 0)
        {
            products.zero_();
            return;
        }
        _sums.Apply(_columns, _starts, _weights, assignments, products);
    }

    public void Dispose()
    {
        _columns.Dispose();
        _starts.Dispose();
        _weights.Dispose();
    }
}
