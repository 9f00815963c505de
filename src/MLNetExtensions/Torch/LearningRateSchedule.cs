namespace MLNetExtensions;

/// <summary>How the learning rate changes from epoch to epoch. The first epoch always runs at the initial rate.</summary>
public enum LearningRateSchedule
{
    /// <summary>The initial rate throughout.</summary>
    Constant,

    /// <summary>Epochs 1 and 2 at the initial rate, then half of the epoch before.</summary>
    HalvingEveryEpoch,

    /// <summary>Epochs 1 to 4 at the initial rate, then nine tenths of the epoch before.</summary>
    DelayedExponential,

    /// <summary>Half a cosine from the initial rate towards zero, which it would reach one epoch after the last.</summary>
    Cosine,
}

internal static class LearningRates
{
    /// <summary>The rate of an epoch, counted from 1.</summary>
    internal static double Rate(this LearningRateSchedule schedule, double initial, int epoch, int maximumNumberOfEpochs)
        => initial * schedule switch
        {
            LearningRateSchedule.Constant => 1,
            LearningRateSchedule.HalvingEveryEpoch => Math.Pow(0.5, Math.Max(0, epoch - 2)),
            LearningRateSchedule.DelayedExponential => Math.Pow(0.9, Math.Max(0, epoch - 4)),
            LearningRateSchedule.Cosine => 0.5 * (1 + Math.Cos(Math.PI * (epoch - 1) / maximumNumberOfEpochs)),
            _ => throw new ArgumentOutOfRangeException(nameof(schedule), schedule, null),
        };
}
