using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>Predicts cells in batches. Threads may share it while nobody changes the model.</summary>
internal sealed class TensorScorer : IDisposable
{
    /// <summary>Stands for an entity that the training did not see.</summary>
    internal const int Unseen = -1;

    private const int BatchSize = 4096;

    private readonly TensorModel _model;
    private readonly Tensor[] _means;

    /// <summary>Scores by a model, which stays its owner's and whose mean embeddings are taken here.</summary>
    internal TensorScorer(TensorModel model)
    {
        _model = model;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _means = [.. model.MeanEmbeddings().Select(mean => mean.DetachFromDisposeScope())];
    }

    /// <summary>Predicts cells, in the unit of the training values.</summary>
    /// <param name="index">The entities, one cell after the other; <see cref="Unseen"/> for the mean of all entities of the mode.</param>
    /// <param name="predictions">One for each cell.</param>
    /// <param name="cancellation">Ends it between two batches.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal void Score(ReadOnlySpan<int> index, Span<double> predictions, CancellationToken cancellation = default)
    {
        var order = _model.Shape.Order;
        using var noGrad = no_grad();
        for (var start = 0; start < predictions.Length; start += BatchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var count = Math.Min(BatchSize, predictions.Length - start);
            var part = index.Slice(start * order, count * order);
            var entities = empty([count, order], dtype: ScalarType.Int32, device: CPU);
            part.CopyTo(MemoryMarshal.Cast<byte, int>(entities.bytes));
            var onDevice = entities.to(ScalarType.Int64, _model.Device);
            UnseenEntities? unseen = null;
            if (part.Contains(Unseen))
            {
                var mask = onDevice.lt(TensorOps.Constant(0));
                onDevice = where(mask, zeros_like(onDevice), onDevice);
                unseen = new(mask, _means);
            }
            var scores = _model.Forward(onDevice, unseen).Prediction.to(ScalarType.Float64).cpu().contiguous();
            MemoryMarshal.Cast<byte, double>(scores.bytes).CopyTo(predictions[start..]);
            GC.KeepAlive(scores);
            GC.KeepAlive(entities);
        }
    }

    /// <summary>Predicts cells, in the unit of the training values.</summary>
    internal double[] Score(ReadOnlySpan<int> index, CancellationToken cancellation = default)
    {
        var predictions = new double[index.Length / _model.Shape.Order];
        Score(index, predictions, cancellation);
        return predictions;
    }

    public void Dispose()
    {
        foreach (var mean in _means)
        {
            mean.Dispose();
        }
    }
}
