namespace MLNetExtensions.Tensors;

/// <summary>What is fixed about a functional Tucker or CP model before its inference.</summary>
internal sealed record FunctionalTuckerModelShape
{
    /// <summary>How the functions are combined.</summary>
    internal required TuckerForm Form { get; init; }

    /// <summary>The number of functions of each mode; all equal for <see cref="TuckerForm.Cp"/>.</summary>
    internal required int[] Ranks { get; init; }

    /// <summary>The prior of all functions.</summary>
    internal required MaternSmoothness Smoothness { get; init; }

    /// <summary>The length scale of each mode, in units of the coordinates that inference is given.</summary>
    internal required double[] LengthScales { get; init; }

    /// <summary>The prior variance of the functions of each mode.</summary>
    internal required double[] Variances { get; init; }

    /// <summary>K.</summary>
    internal int Modes => Ranks.Length;

    /// <summary>The numbers of the core; 1 without one.</summary>
    internal int CoreSize => Form == TuckerForm.Cp ? 1 : Ranks.Aggregate(1, (product, rank) => checked(product * rank));

    /// <summary>The prior of the functions of a mode.</summary>
    internal MaternKernel Kernel(int mode) => MaternKernel.Create(Smoothness, LengthScales[mode], Variances[mode]);
}
