namespace MLNetExtensions;

/// <summary>How the vectors of the classes are chosen. N is the number of vectors and d their dimension; µ the largest |cosine| between two of them.</summary>
public enum EquiangularBasisGenerator
{
    /// <summary>
    /// <see cref="Orthonormal"/> where N ≤ d. Else <see cref="SmoothMaximum"/>; or <see cref="Gold"/> for sets of more than a million numbers, if d is one of its
    /// dimensions or the set is too large to optimise.
    /// </summary>
    Auto,

    /// <summary>Random orthonormal vectors: µ is 0. For N ≤ d.</summary>
    Orthonormal,

    /// <summary>The simplex, whose cosines are all -1/(N - 1): the vectors sum to 0. For N ≤ d + 1.</summary>
    Simplex,

    /// <summary>Minimises a smooth maximum of all |cosines| that grows sharper and sharper: µ comes close to what is possible.</summary>
    SmoothMaximum,

    /// <summary>The published generator: plain gradient steps on what each |cosine| exceeds a threshold by. Slower, and worse; to repeat published runs.</summary>
    Hinge,

    /// <summary>
    /// Gold sequences, without any optimisation: µ = √(2/D) for up to D² vectors, where D is the largest of 8, 32, 128, 512 and 2048 that is at most d; the
    /// coordinates beyond D are 0. For very many classes.
    /// </summary>
    Gold,
}
