using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>A network and its loss, as the training loop sees them.</summary>
internal interface ILearner
{
    /// <summary>The tensors to train, always in the same order.</summary>
    IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <summary>Tensors that are part of the weights and not trained, such as running means.</summary>
    IReadOnlyList<KeyValuePair<string, Tensor>> Buffers => [];

    /// <summary>What the learner writes down for itself from step to step: part of a checkpoint, never put back to an earlier epoch.</summary>
    IReadOnlyList<KeyValuePair<string, Tensor>> Records => [];

    /// <summary>Called before the first step of an epoch, after the validation that the epoch may begin with.</summary>
    void BeginEpoch()
    {
    }

    /// <summary>Called after the last step of an epoch, and after its validation; <paramref name="isBest"/> tells whether it is the best so far.</summary>
    void EndEpoch(bool isBest)
    {
    }

    /// <summary>The mean loss of a batch in training, a single number with its graph. All randomness comes from <paramref name="random"/>.</summary>
    Tensor Loss(Batch batch, StepRandom random);

    /// <summary>
    /// The mean loss of a batch in evaluation, as a function that is called without gradients for all batches of one validation, during which the weights stay
    /// as they are. What is prepared here (folded weights, say) belongs to a dispose scope that ends after the last call.
    /// </summary>
    Func<Batch, Tensor> BeginEvaluation();
}
