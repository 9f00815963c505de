namespace MLNetExtensions;

/// <summary>What every trainer of this pack lets its user set.</summary>
public abstract class TrainingOptions
{
    private protected TrainingOptions()
    {
    }

    /// <summary>The most epochs to train. Must be positive; some trainers take 0 for a number that suits the data.</summary>
    public int MaximumNumberOfEpochs { get; set; }

    /// <summary>The number of examples in one step. Must be positive; some trainers take 0 for a number that suits the data.</summary>
    public int BatchSize { get; set; }

    /// <summary>The learning rate of the first epoch. Must be positive and finite.</summary>
    public double LearningRate { get; set; }

    /// <summary>
    /// The seed of the initial weights, the order of the examples and dropout. Null (default): drawn from the <see cref="Microsoft.ML.MLContext"/> when the
    /// estimator is made. The same seed and number of threads give the same weights, bit for bit, on the CPU.
    /// </summary>
    public int? Seed { get; set; }

    /// <summary>
    /// The number of CPU threads inside one operation. Null (default): as TorchSharp has it, which is the number of cores. Must be positive.
    /// It holds for the training thread and is put back afterwards; threads that touch TorchSharp for the first time meanwhile start with it.
    /// </summary>
    public int? NumberOfThreads { get; set; }

    /// <summary>Cancels the training within a step.</summary>
    public CancellationToken CancellationToken { get; set; }

    /// <summary>What a cancelled training does. The default is <see cref="CancellationBehavior.Throw"/>.</summary>
    public CancellationBehavior OnCancellation { get; set; }

    /// <summary>Is told the losses after every epoch, on the training thread or as the implementation chooses.</summary>
    public IProgress<TrainingProgress>? Progress { get; set; }

    /// <summary>
    /// A file that holds the state of the training after every epoch. If it exists when a training with the same options and data begins, that training goes on
    /// from there and ends with the same weights as one that was never interrupted. It is deleted at the end. Its folder must exist. Null (default): none.
    /// </summary>
    public string? CheckpointPath { get; set; }

    /// <summary>A copy, so that later changes of the caller's object have no effect.</summary>
    internal virtual TrainingOptions Copy() => (TrainingOptions)MemberwiseClone();
}
