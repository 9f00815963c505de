using MLNetExtensions.Torch;

namespace MLNetExtensions;

/// <summary>How a network is trained, and what is fitted afterwards. Part of the model, because classes may be added to it by training.</summary>
/// <param name="Temperature">τ in training.</param>
/// <param name="LabelSmoothing">ε.</param>
/// <param name="ImageShift">The most pixels that a training image moves.</param>
/// <param name="ImageFlip">Whether training images are mirrored.</param>
/// <param name="ClassWeights">What rows weigh by their class.</param>
/// <param name="PriorShift">Whether the shares of the classes are added to the logits in training.</param>
/// <param name="Optimizer">The rule of the updates.</param>
/// <param name="Momentum">Its momentum.</param>
/// <param name="Nesterov">Whether that is Nesterov's.</param>
/// <param name="WeightDecay">Its weight decay.</param>
/// <param name="GradientClipNorm">The largest norm of the gradient; 0 = no limit.</param>
/// <param name="Schedule">How the learning rate changes.</param>
/// <param name="HeldOutFraction">The part of the rows that may be held out.</param>
/// <param name="Calibrate">Whether the temperature is fitted to them; null = where it is likely to help.</param>
/// <param name="UnknownQuantile">The part of known rows that may count as unknown; null = no row does.</param>
internal sealed record EbvRecipe(double Temperature, double LabelSmoothing, int ImageShift, bool ImageFlip, ClassWeighting ClassWeights, bool PriorShift, OptimizerKind Optimizer, double Momentum,
    bool Nesterov, double WeightDecay, double GradientClipNorm, LearningRateSchedule Schedule, double HeldOutFraction, bool? Calibrate, double? UnknownQuantile)
{
    /// <summary>On fewer rows a fitted temperature does harm as easily as good.</summary>
    internal const int FewestToCalibrate = 200;

    /// <summary>Splits rows for training and for what is fitted afterwards. Nothing is held out that nobody needs.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="seed">Draws those held out.</param>
    /// <param name="choosesEpoch">Whether they choose the epoch too.</param>
    /// <exception cref="InvalidOperationException">No row can be spared.</exception>
    internal (int[] Training, int[] HeldOut) Split(ClassifierData data, int seed, bool choosesEpoch)
    {
        var isNeeded = choosesEpoch || UnknownQuantile is not null || Calibrate == true || (Calibrate is null && LabelSmoothing > 0 && HeldOutFraction * data.Rows.Length >= FewestToCalibrate);
        return data.Split(isNeeded ? HeldOutFraction : 0, seed);
    }

    /// <exception cref="FormatException">What a file holds is no recipe.</exception>
    internal void Check()
    {
        if (!(Temperature > 0 && double.IsFinite(Temperature) && LabelSmoothing is >= 0 and < 1 && HeldOutFraction is >= 0 and < 1 && Momentum is >= 0 and < 1 && WeightDecay >= 0 && GradientClipNorm >= 0
            && ImageShift >= 0 && UnknownQuantile is null or (> 0 and < 1)))
        {
            throw new FormatException("The options describe no training.");
        }
    }
}
