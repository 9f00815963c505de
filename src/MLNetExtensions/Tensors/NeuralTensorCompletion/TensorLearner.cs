using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>A <see cref="TensorModel"/> in training on the mean squared error.</summary>
/// <param name="model">The model.</param>
/// <param name="recorder">Gathers the influence of the training cells; null = nobody does.</param>
internal sealed class TensorLearner(TensorModel model, InfluenceRecorder? recorder = null) : ILearner
{
    /// <summary>The names of a batch's tensors: entities Int64 [B, N], values [B], weights [B].</summary>
    internal const string Index = "index", Value = "value", Weight = "weight";

    internal TensorModel Model => model;

    internal InfluenceRecorder? Recorder => recorder;

    /// <summary>The training cells in batches, for <see cref="InfluenceLayers.All"/>.</summary>
    internal Func<IEnumerable<Batch>>? TrainingBatches { get; init; }

    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => model.Parameters;

    public IReadOnlyList<KeyValuePair<string, Tensor>> Records => recorder?.Records ?? [];

    public Tensor Loss(Batch batch, StepRandom random)
    {
        var output = model.Forward(batch[Index]);
        var residuals = output.Prediction.Minus(batch[Value]);
        if (batch.Find(Weight) is not { } weights)
        {
            recorder?.AddTraining(batch[RowSource.Row], output, residuals);
            return residuals.Times(residuals).mean();
        }
        var weighted = residuals.Times(weights);
        recorder?.AddTraining(batch[RowSource.Row], output, weighted);
        return weighted.Times(residuals).sum().DividedBy(weights.sum());
    }

    public Func<Batch, Tensor> BeginEvaluation()
    {
        recorder?.BeginValidation();
        return batch =>
        {
            using var gradients = set_grad_enabled(recorder?.NeedsGradients == true);
            var output = model.Forward(batch[Index]);
            var residuals = output.Prediction.Minus(batch[Value]);
            // The mean weight of validation cells is 1.
            var weighted = batch.Find(Weight) is { } weights ? residuals.Times(weights) : residuals;
            recorder?.AddValidation(output, weighted);
            return weighted.Times(residuals).mean().detach();
        };
    }

    public void BeginEpoch()
    {
        if (recorder is { NeedsGradients: true } && TrainingBatches is { } batches)
        {
            recorder.AddEpoch(batches(), WeightedResiduals);
        }
    }

    public void EndEpoch(bool isBest)
    {
        if (isBest)
        {
            recorder?.Keep();
        }
    }

    /// <summary>The square roots of the weighted squared errors, with the sign of the error.</summary>
    private Tensor WeightedResiduals(Batch batch)
    {
        var residuals = model.Forward(batch[Index]).Prediction.Minus(batch[Value]);
        return batch.Find(Weight) is { } weights ? residuals.Times(weights.sqrt()) : residuals;
    }
}
