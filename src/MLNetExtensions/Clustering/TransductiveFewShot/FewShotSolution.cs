namespace MLNetExtensions;

/// <summary>The solutions of B problems.</summary>
internal sealed class FewShotSolution
{
    /// <summary>The logarithm of the smallest assignment that is told.</summary>
    internal static readonly float LowestLog = (float)Math.Log(1e-30);

    /// <summary>
    /// ln max(s, 1e-30) of the assignments, row by row; a row of problem b has as many values as the problem has classes. Labelled rows have 0 for their class.
    /// </summary>
    public required float[] LogAssignments { get; init; }

    /// <summary>Where the values of each problem begin in <see cref="LogAssignments"/>; one more for the end.</summary>
    public required long[] Offsets { get; init; }

    /// <summary>The prototypes of each problem, classes times dimension, in the transformed space; NaN for a class that has none.</summary>
    public required float[][] Prototypes { get; init; }

    /// <summary>By what the unlabelled rows of each problem were moved; zeros where they were not.</summary>
    public required float[][] Shift { get; init; }

    /// <summary>The width of the modes of each problem, whether or not prototypes are modes.</summary>
    public required double[] Sigma { get; init; }

    /// <summary>The objective of each problem at the start and after each round; the energy of the published programs after each round, for LaplacianShot after each step.</summary>
    public required double[][] Objective { get; init; }

    /// <summary>The number of rounds of each problem; of steps where the prototypes are fixed.</summary>
    public required int[] Iterations { get; init; }

    /// <summary>Whether each problem came to rest before its iterations were used up.</summary>
    public required bool[] Converged { get; init; }

    /// <summary>The share of the true neighbours that were found, measured on a sample; null: all of them.</summary>
    public double? Recall { get; set; }
}
