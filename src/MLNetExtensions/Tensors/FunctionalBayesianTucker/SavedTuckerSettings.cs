using Microsoft.ML.Runtime;

namespace MLNetExtensions.Tensors;

/// <summary>What a model keeps of the options, for updates with more rows.</summary>
internal sealed record SavedTuckerSettings(double NoisePriorShape, double NoisePriorRate, double FunctionDamping, double CoreDamping, double NoiseDamping, int MaximumNumberOfIterations, double Tolerance)
{
    internal static SavedTuckerSettings Of(FunctionalBayesianTuckerTrainer.Options options) => new(options.NoisePriorShape, options.NoisePriorRate, options.FunctionDamping, options.CoreDamping,
        options.NoiseDamping, options.MaximumNumberOfIterations, options.Tolerance);

    /// <summary>Whether any message is damped, so that the bound is not defined.</summary>
    internal bool IsDamped => FunctionDamping > 0 || CoreDamping > 0 || NoiseDamping > 0;

    /// <summary>The settings that follow; how to start and how to report is not among them.</summary>
    internal FunctionalTuckerSettings Settings(IHost host, CancellationToken cancellationToken) => new()
    {
        A0 = NoisePriorShape,
        B0 = NoisePriorRate,
        FunctionDamping = FunctionDamping,
        CoreDamping = CoreDamping,
        NoiseDamping = NoiseDamping,
        MaximumSweeps = MaximumNumberOfIterations,
        Tolerance = Tolerance,
        Check = () =>
        {
            Check.Alive(host);
            cancellationToken.ThrowIfCancellationRequested();
        },
    };

    /// <exception cref="FormatException">What a file holds are no settings.</exception>
    internal void CheckContent()
    {
        if (!(NoisePriorShape > 0 && NoisePriorRate > 0 && Tolerance >= 0 && MaximumNumberOfIterations > 0)
            || !(FunctionDamping is >= 0 and < 1 && CoreDamping is >= 0 and < 1 && NoiseDamping is >= 0 and < 1))
        {
            throw new FormatException("The options describe no inference.");
        }
    }
}
