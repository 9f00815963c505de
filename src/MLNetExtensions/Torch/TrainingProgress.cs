using System.Globalization;

namespace MLNetExtensions;

/// <summary>Where a training stands after an epoch.</summary>
public sealed class TrainingProgress
{
    internal TrainingProgress()
    {
    }

    /// <summary>Which of the trainings this is that the trainer runs one after the other, counted from 1: the one on augmented data, or on all rows, is the second.</summary>
    public int Phase { get; internal init; } = 1;

    /// <summary>The epoch that has ended, counted from 1.</summary>
    public int Epoch { get; internal init; }

    /// <summary>The number of epochs after which training ends at the latest.</summary>
    public int MaximumNumberOfEpochs { get; internal init; }

    /// <summary>The mean loss of the epoch's training samples, each taken just before the step it took part in.</summary>
    public double TrainingLoss { get; internal init; }

    /// <summary>The mean loss of the validation samples after the epoch, or before it where the trainer says so; <see langword="null"/> without validation.</summary>
    public double? ValidationLoss { get; internal init; }

    /// <summary>The learning rate of the epoch, of its first step if it changes within.</summary>
    public double LearningRate { get; internal init; }

    /// <summary>The epoch whose weights would be kept if training ended now; 0 if there is none.</summary>
    public int BestEpoch { get; internal init; }

    /// <summary>The time spent in training, earlier runs of a resumed training included.</summary>
    public TimeSpan Elapsed { get; internal init; }

    /// <summary>One line for a log.</summary>
    public override string ToString()
    {
        var validation = ValidationLoss is { } loss ? string.Create(CultureInfo.InvariantCulture, $", validation loss {loss:G6} (best epoch {BestEpoch})") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{(Phase == 1 ? "Epoch" : $"Phase {Phase}, epoch")} {Epoch}/{MaximumNumberOfEpochs}: training loss {TrainingLoss:G6}{validation}, learning rate {LearningRate:G4}, {Elapsed.TotalSeconds:F1} s");
    }
}
