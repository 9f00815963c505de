namespace MLNetExtensions.Tensors;

/// <summary>What an inference is doing.</summary>
public enum FunctionalTuckerPhase
{
    /// <summary>Length scales are being compared.</summary>
    Selection,

    /// <summary>Starts are being compared.</summary>
    Restarts,

    /// <summary>The best start runs on.</summary>
    Inference,

    /// <summary>Further rows are being taken in.</summary>
    Update,
}

/// <summary>Where an inference stands.</summary>
/// <param name="Phase">What it is doing.</param>
/// <param name="Sweep">The sweeps of this run, counted from 1.</param>
/// <param name="Bound">The lower bound of the log evidence after it.</param>
/// <param name="TrainingRmse">The error on the training rows, in units of the targets that inference was given.</param>
/// <param name="NoisePrecision">The expected precision of the noise.</param>
/// <param name="LengthScales">The length scales of this run.</param>
internal sealed record FunctionalTuckerProgress(FunctionalTuckerPhase Phase, int Sweep, double Bound, double TrainingRmse, double NoisePrecision, IReadOnlyList<double> LengthScales);
