namespace MLNetExtensions;

/// <summary>What happens on the way to a solution, for tests: the assignments after every step. Costs time and memory.</summary>
internal sealed class FewShotTrace(int problems)
{
    /// <summary>The transformed rows of each problem, row by row.</summary>
    internal double[][] Features { get; } = new double[problems][];

    /// <summary>The graph of each problem, row by row.</summary>
    internal double[][,] Graph { get; } = new double[problems][,];

    internal double[] LargestDegree { get; } = new double[problems];

    /// <summary>μ of each problem.</summary>
    internal double[] Damping { get; } = new double[problems];

    /// <summary>δ of each problem.</summary>
    internal double[] DiagonalShift { get; } = new double[problems];

    internal double[] Sigma { get; } = new double[problems];

    /// <summary>The assignments of each problem, N times K: at the start, then after each step.</summary>
    internal List<double[]>[] Assignments { get; } = Lists<double[]>(problems);

    /// <summary>The objective at the start, after each step and after each update of the prototypes.</summary>
    internal List<double>[] Objective { get; } = Lists<double>(problems);

    /// <summary>The number of steps before the first update of the prototypes.</summary>
    internal int[] FirstSteps { get; } = new int[problems];

    /// <summary>The energy of published programs after each step.</summary>
    internal List<double>[] StepEnergy { get; } = Lists<double>(problems);

    /// <summary>The energy of published programs after each round.</summary>
    internal List<double>[] RoundEnergy { get; } = Lists<double>(problems);

    /// <summary>The assignments of published programs after each round.</summary>
    internal List<double[]>[] RoundAssignments { get; } = Lists<double[]>(problems);

    /// <summary>The prototypes at the start and after each update; of published programs, after each update that counts.</summary>
    internal List<double[]>[] Prototypes { get; } = Lists<double[]>(problems);

    /// <summary>The costs of the first steps, N times K; null where there are none.</summary>
    internal double[]?[] Costs { get; } = new double[problems][];

    /// <summary>The prototypes of the end.</summary>
    internal double[][] FinalPrototypes { get; } = new double[problems][];

    /// <summary>The assignments of the end as the program leaves them, before labelled rows get their label.</summary>
    internal double[][] FinalAssignments { get; } = new double[problems][];

    private static List<T>[] Lists<T>(int count) => [.. Enumerable.Range(0, count).Select(_ => new List<T>())];
}
