using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>How batch normalisation computes.</summary>
/// <param name="Momentum">The part of a batch's statistics in the running ones.</param>
/// <param name="Epsilon">What is added to a variance.</param>
internal readonly record struct BatchNormalizationSettings(double Momentum, double Epsilon)
{
    internal static BatchNormalizationSettings Default => new(0.1, 1e-5);
}

/// <summary>
/// Brings each channel to mean 0 and variance 1, then scales and shifts it: over the batch in training (biased variance), by running statistics in evaluation
/// (unbiased variance).
/// </summary>
/// <param name="Weight">[channels], trained.</param>
/// <param name="Bias">[channels], trained.</param>
/// <param name="RunningMean">[channels], follows the batches.</param>
/// <param name="RunningVariance">[channels], follows the batches.</param>
/// <param name="Settings">How it computes.</param>
internal sealed record BatchNormalization(Tensor Weight, Tensor Bias, Tensor RunningMean, Tensor RunningVariance, BatchNormalizationSettings Settings)
{
    /// <summary>Normalises [B, channels, …]; in training the running statistics move.</summary>
    internal Tensor Apply(Tensor x, bool training)
        => nn.functional.batch_norm(x, RunningMean, RunningVariance, Weight, Bias, training, Settings.Momentum, Settings.Epsilon);
}
