namespace MLNetExtensions;

/// <summary>The rows of B problems, one problem after the other, of any sizes. Labelled rows may stand anywhere among those of their problem.</summary>
internal sealed class FewShotRows
{
    /// <summary>The features before the transform, row by row.</summary>
    public required float[] Features { get; init; }

    /// <summary>The number of features of a row.</summary>
    public required int Dimension { get; init; }

    /// <summary>B + 1 numbers: the rows of problem b are those from Starts[b] to before Starts[b + 1].</summary>
    public required int[] Starts { get; init; }

    /// <summary>The class of each row, from 0 to before the number of its problem; -1 = unlabelled.</summary>
    public required int[] Labels { get; init; }

    /// <summary>
    /// The number of classes of each problem. One without a labelled row, without a seed and not among <see cref="Clusters"/> is never given to a row.
    /// </summary>
    public required int[] Classes { get; init; }

    /// <summary>How many of the last classes of each problem are clusters: where no seed is given for them, k-means++ chooses one.</summary>
    public int Clusters { get; init; }

    /// <summary>The features in double precision, for a solution in it; null: those of <see cref="Features"/>.</summary>
    public double[]? Exact { get; init; }

    /// <summary>The number of problems.</summary>
    internal int Count => Starts.Length - 1;

    /// <summary>The number of rows of a problem.</summary>
    internal int Size(int problem) => Starts[problem + 1] - Starts[problem];
}
