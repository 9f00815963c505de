namespace MLNetExtensions.Torch;

/// <summary>How to train. The values are checked where the user sets them.</summary>
internal sealed record TrainingSettings
{
    public required int MaximumNumberOfEpochs { get; init; }

    public required int BatchSize { get; init; }

    /// <summary>Which of a trainer's trainings this is, for those who watch.</summary>
    public int Phase { get; init; } = 1;

    /// <summary>
    /// Whether the samples that do not fill a batch at the end of an epoch are left out: other ones in every epoch. Fewer samples than a batch make one batch.
    /// </summary>
    public bool FullBatchesOnly { get; init; }

    /// <summary>Samples per batch of the validation, which does not depend on it but for rounding; 0: as in training.</summary>
    public int EvaluationBatchSize { get; init; }

    public required double LearningRate { get; init; }

    public LearningRateSchedule Schedule { get; init; }

    /// <summary>How <see cref="LearningRateSchedule.WarmupCosine"/> starts.</summary>
    public Warmup Warmup { get; init; } = Warmup.Default;

    public OptimizerKind Optimizer { get; init; }

    /// <summary>The decay of the first moment; the momentum of <see cref="OptimizerKind.Sgd"/>.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Whether the momentum of <see cref="OptimizerKind.Sgd"/> is Nesterov's.</summary>
    public bool Nesterov { get; init; }

    public double Beta2 { get; init; } = 0.999;

    public double Epsilon { get; init; } = 1e-8;

    public double WeightDecay { get; init; }

    /// <summary>The largest L2 norm of all gradients together; 0: no limit.</summary>
    public double ClipNorm { get; init; }

    /// <summary>Training stops after so many epochs without a validation loss as good as the best.</summary>
    public int Patience { get; init; } = int.MaxValue;

    /// <summary>
    /// Whether an epoch begins with the validation, of the weights as they are then, those of the start included, instead of ending with it. Of equal epochs the
    /// earlier is the better then, otherwise the later.
    /// </summary>
    public bool ValidatesFirst { get; init; }

    /// <summary>The order of the training samples in an epoch, counted from 1; <see langword="null"/>: at random, by the seed.</summary>
    public Func<int, int[]>? Order { get; init; }

    /// <summary>Native threads of the training; <see langword="null"/>: those of the calling thread.</summary>
    public int? NumberOfThreads { get; init; }

    public required int Seed { get; init; }

    /// <summary>Where to keep the state after each epoch, and to resume from; <see langword="null"/>: nowhere.</summary>
    public string? CheckpointPath { get; init; }

    /// <summary>Whether the state stays there when the training has ended: for whoever has more to do and may be interrupted then.</summary>
    public bool KeepCheckpoint { get; init; }

    /// <summary>Stands for network, options and data: a checkpoint with another one is refused. The values above that matter are added by the loop.</summary>
    public string Fingerprint { get; init; } = "";

    public CancellationBehavior OnCancellation { get; init; }

    public CancellationToken CancellationToken { get; init; }

    /// <summary>Throws an <see cref="OperationCanceledException"/> if the host wants the training to end.</summary>
    public Action? ThrowIfHostCancelled { get; init; }

    /// <summary>Called after each epoch, on the thread of the training.</summary>
    public Action<TrainingProgress>? Report { get; init; }

    public Action<string>? Warn { get; init; }
}

/// <summary>How a training ended.</summary>
/// <param name="BestEpoch">The epoch whose weights were kept; 0 if none was finished.</param>
/// <param name="History">The finished epochs, those before a resume included.</param>
/// <param name="Cancelled">Whether it was cancelled and returned what it had.</param>
internal sealed record TrainingOutcome(int BestEpoch, IReadOnlyList<TrainingProgress> History, bool Cancelled)
{
    /// <summary>The number of finished epochs.</summary>
    internal int Epochs => History.Count;
}
