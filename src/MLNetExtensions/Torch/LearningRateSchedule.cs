namespace MLNetExtensions;

/// <summary>How the learning rate changes from epoch to epoch. Without a warm-up the first epoch runs at the initial rate.</summary>
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

    /// <summary>
    /// From a hundredth of the initial rate evenly up to it in two epochs (unless the trainer lets you set both), then half a cosine towards zero. It changes
    /// with every step.
    /// </summary>
    WarmupCosine,
}

/// <summary>The start of <see cref="LearningRateSchedule.WarmupCosine"/>.</summary>
/// <param name="Epochs">The epochs in which the rate rises; 0: it starts at its highest.</param>
/// <param name="StartFactor">The part of the initial rate that it rises from.</param>
internal readonly record struct Warmup(int Epochs, double StartFactor)
{
    internal static Warmup Default => new(2, 0.01);
}

internal static class LearningRates
{
    /// <summary>The rate of an epoch, counted from 1, at its first step.</summary>
    internal static double Rate(this LearningRateSchedule schedule, double initial, int epoch, int maximumNumberOfEpochs)
        => schedule.Rate(initial, epoch, 0, maximumNumberOfEpochs, Warmup.Default);

    /// <summary>The rate of a step.</summary>
    /// <param name="schedule">How it changes.</param>
    /// <param name="initial">The initial rate.</param>
    /// <param name="epoch">The epoch, counted from 1.</param>
    /// <param name="progress">The part of the epoch that lies behind, from 0 to below 1.</param>
    /// <param name="maximumNumberOfEpochs">The epochs of the whole training.</param>
    /// <param name="warmup">How <see cref="LearningRateSchedule.WarmupCosine"/> starts.</param>
    internal static double Rate(this LearningRateSchedule schedule, double initial, int epoch, double progress, int maximumNumberOfEpochs, Warmup warmup)
        => initial * schedule switch
        {
            LearningRateSchedule.Constant => 1,
            LearningRateSchedule.HalvingEveryEpoch => Math.Pow(0.5, Math.Max(0, epoch - 2)),
            LearningRateSchedule.DelayedExponential => Math.Pow(0.9, Math.Max(0, epoch - 4)),
            LearningRateSchedule.Cosine => HalfCosine(epoch - 1, maximumNumberOfEpochs),
            LearningRateSchedule.WarmupCosine when epoch <= warmup.Epochs => warmup.StartFactor + (1 - warmup.StartFactor) * (epoch - 1 + progress) / warmup.Epochs,
            LearningRateSchedule.WarmupCosine => HalfCosine(epoch - 1 + progress - warmup.Epochs, maximumNumberOfEpochs - warmup.Epochs),
            _ => throw new ArgumentOutOfRangeException(nameof(schedule), schedule, null),
        };

    private static double HalfCosine(double position, int length) => 0.5 * (1 + Math.Cos(Math.PI * position / length));
}
