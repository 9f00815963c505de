using System.Globalization;

namespace MLNetExtensions.Tensors;

/// <summary>Where the training of a functional Tucker decomposition stands after an iteration.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class TuckerTrainingProgress : IDisplayed
{
    internal TuckerTrainingProgress(FunctionalTuckerProgress progress, FunctionalTuckerScaling scaling)
    {
        Phase = progress.Phase;
        Iteration = progress.Sweep;
        EvidenceLowerBound = progress.Bound;
        TrainingError = progress.TrainingRmse * scaling.LabelDeviation;
        NoiseStandardDeviation = scaling.LabelDeviation / Math.Sqrt(progress.NoisePrecision);
        LengthScales = progress.LengthScales;
    }

    /// <summary>What is being done.</summary>
    public FunctionalTuckerPhase Phase { get; }

    /// <summary>The iteration that has ended, counted from 1 in each run.</summary>
    public int Iteration { get; }

    /// <summary>The lower bound of the log evidence, for labels brought to variance 1. Without damping it never falls; with damping it is not defined.</summary>
    public double EvidenceLowerBound { get; }

    /// <summary>The root mean squared error of the training rows, in the units of the label.</summary>
    public double TrainingError { get; }

    /// <summary>The standard deviation of the noise, in the units of the label.</summary>
    public double NoiseStandardDeviation { get; }

    /// <summary>The length scales of the run, as parts of the training ranges.</summary>
    public IReadOnlyList<double> LengthScales { get; }

    /// <summary>One line for a log.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Phase}, iteration {Iteration}: bound {EvidenceLowerBound:G8}, training RMSE {TrainingError:G5}, noise {NoiseStandardDeviation:G5}, length scales {string.Join(" ", LengthScales.Select(scale => scale.ToString("G4", CultureInfo.InvariantCulture)))}");

    /// <summary>Where the training stands, as a table.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml()
        => Html.Section("Training", [Html.Table(FormattableString.Invariant($"{Phase}, iteration {Iteration}"),
            [("evidence bound", EvidenceLowerBound), ("training RMSE", TrainingError), ("noise", NoiseStandardDeviation), .. LengthScales.Select((scale, mode) => (FormattableString.Invariant($"length scale of mode {mode}"), scale))])]);
}
