namespace MLNetExtensions;

/// <summary>Rows on their way through a transformer: the inputs as read, the outputs to be written.</summary>
internal sealed class ScoringBatch(IReadOnlyList<RowBuffer> inputs, IReadOnlyList<RowBuffer> outputs, IReadOnlyList<bool> active)
{
    /// <summary>The number of rows.</summary>
    internal int Count { get; private set; }

    /// <summary>The values of an input column, in the order of the transformer's inputs.</summary>
    internal RowBuffer<T> Input<T>(int index) => (RowBuffer<T>)Input(index);

    /// <summary>The same, of any type.</summary>
    internal RowBuffer Input(int index) => inputs[index];

    /// <summary>Where a scorer writes an output column: one row for each row of the batch.</summary>
    internal RowBuffer<T> Output<T>(int index) => (RowBuffer<T>)outputs[index];

    /// <summary>Whether somebody asked for the output column.</summary>
    internal bool IsActive(int output) => active[output];

    internal void Clear()
    {
        Count = 0;
        foreach (var buffer in inputs)
        {
            buffer.Clear();
        }
        foreach (var buffer in outputs)
        {
            buffer.Clear();
        }
    }

    /// <summary>Says that another row of inputs is there.</summary>
    internal void AddRow() => Count++;
}

/// <summary>
/// Scores rows for one cursor, on one thread. What it keeps between batches is the state of that cursor; weights belong to the transformer and are only read.
/// </summary>
internal abstract class BatchScorer : IDisposable
{
    /// <summary>Writes every active output for every row of the batch.</summary>
    internal abstract void Score(ScoringBatch batch);

    /// <summary>Called once when the rows have come to their end.</summary>
    internal virtual void Complete()
    {
    }

    public virtual void Dispose()
    {
    }
}
