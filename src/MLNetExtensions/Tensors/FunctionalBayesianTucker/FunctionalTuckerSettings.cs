namespace MLNetExtensions.Tensors;

/// <summary>How the inference of a functional Tucker or CP model runs.</summary>
internal sealed record FunctionalTuckerSettings
{
    /// <summary>The shape of the noise precision's Gamma prior.</summary>
    internal double A0 { get; init; } = 1;

    /// <summary>The rate of the noise precision's Gamma prior.</summary>
    internal double B0 { get; init; } = 1;

    /// <summary>The weight of the old messages to the functions, in [0, 1).</summary>
    internal double FunctionDamping { get; init; }

    /// <summary>The weight of the old message to the noise.</summary>
    internal double NoiseDamping { get; init; }

    /// <summary>The weight of the old message to the core.</summary>
    internal double CoreDamping { get; init; }

    /// <summary>v of a further factor N(0, v I) on the functions at every training coordinate; infinite = none.</summary>
    internal double PseudoPriorVariance { get; init; } = double.PositiveInfinity;

    /// <summary>The precision of the core's normal prior; 0 = none.</summary>
    internal double CorePriorPrecision { get; init; } = 1;

    /// <summary>Whether the messages to functions and noise know the core's covariance.</summary>
    internal bool CoreCovariance { get; init; } = true;

    /// <summary>Whether the messages to all modes are made from the same posteriors; otherwise each mode sees those of the modes before it.</summary>
    internal bool Jacobi { get; init; }

    /// <summary>
    /// Whether scale is moved between modes, and between them and the core, before a sweep, to where the priors like it best: this changes no prediction, and saves
    /// hundreds of sweeps. Not where messages are damped, given, or come with a pseudo prior.
    /// </summary>
    internal bool Rescale { get; init; } = true;

    /// <summary>The number of starts, of which the one with the best bound is run on.</summary>
    internal int Restarts { get; init; } = 3;

    /// <summary>The sweeps of a start before they are compared.</summary>
    internal int RestartSweeps { get; init; } = 10;

    /// <summary>The most sweeps.</summary>
    internal int MaximumSweeps { get; init; } = 300;

    /// <summary>The relative change of the bound below which inference has converged; damped, ten times that of noise and training error.</summary>
    internal double Tolerance { get; init; } = 1e-5;

    /// <summary>The length scales to choose from by the bound, ascending; null = those of the shape.</summary>
    internal double[]? LengthScaleGrid { get; init; }

    /// <summary>
    /// The nats per row by which the bound of a longer length scale may be below the best. The bounds of different starts, all of them too low, scatter by about as
    /// much; and the longer one predicts better between training coordinates.
    /// </summary>
    internal double LengthScaleTolerance { get; init; } = 0.01;

    /// <summary>Whether the prior variances, too, are chosen by the bound: those of the shape are where they start.</summary>
    internal bool LearnVariances { get; init; }

    /// <summary>The sweeps after which length scales are compared.</summary>
    internal int SelectionSweeps { get; init; } = 30;

    /// <summary>The threads; results do not depend on their number.</summary>
    internal int Threads { get; init; } = 1;

    /// <summary>The seed of the starts.</summary>
    internal int Seed { get; init; }

    /// <summary>Called between sweeps, perhaps from several threads at once; throws to cancel.</summary>
    internal Action Check { get; init; } = static () => { };

    /// <summary>Called after sweeps, one call at a time.</summary>
    internal Action<FunctionalTuckerProgress>? Report { get; init; }

    /// <summary>Whether any message is damped; the bound need not grow then.</summary>
    internal bool IsDamped => FunctionDamping > 0 || NoiseDamping > 0 || CoreDamping > 0;
}
