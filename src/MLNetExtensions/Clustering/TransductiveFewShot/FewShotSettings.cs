namespace MLNetExtensions;

/// <summary>How a problem is solved, with every default filled in: what a model keeps.</summary>
internal sealed record FewShotSettings
{
    internal const double DefaultLambda = 0.5;
    internal const double DefaultClusteringLambda = 1.3;

    public FewShotPreset Preset { get; init; }

    public FewShotTransform Transform { get; init; } = FewShotTransform.CenteredL2;

    /// <summary>Whether unlabelled rows are moved so that their mean is that of the labelled ones. Without effect where one of both is missing.</summary>
    public bool ShiftQueries { get; init; } = true;

    public FewShotRectification Rectify { get; init; }

    public FewShotPrototype Prototype { get; init; }

    public FewShotMembership Membership { get; init; }

    /// <summary>Whether labelled rows keep their label in every step; else they only start with it. The presets of published programs do as those did.</summary>
    public bool EnforceLabels { get; init; } = true;

    /// <summary>The number of neighbours of a row, itself not counted; fewer where there are not so many rows.</summary>
    public int NeighborCount { get; init; } = 2;

    public AffinityKernel Kernel { get; init; }

    /// <summary>The width of the Gaussian kernel; null: the root mean square of the distances between neighbours, for each problem.</summary>
    public double? KernelWidth { get; init; }

    public GraphSymmetrization Symmetrize { get; init; } = GraphSymmetrization.Mean;

    /// <summary>The weight of the graph.</summary>
    public double Lambda { get; init; } = DefaultLambda;

    /// <summary>The weight of the entropy.</summary>
    public double Temperature { get; init; } = 1;

    public FewShotStabilization Stabilize { get; init; } = FewShotStabilization.Damping;

    /// <summary>The most steps with the same prototypes.</summary>
    public int MaxInner { get; init; } = 20;

    /// <summary>
    /// Steps end when no assignment changes by as much as this; those of published programs when their energy changes by at most this share.
    /// </summary>
    public double InnerTolerance { get; init; } = 1e-4;

    /// <summary>The most rounds, each with one update of the prototypes.</summary>
    public int MaxOuter { get; init; } = 100;

    /// <summary>Rounds end when the objective changes by at most this share of it, or of 1 where it is smaller.</summary>
    public double OuterTolerance { get; init; } = 1e-6;

    /// <summary>The width of the kernel of modes; null: from the distances between neighbours, for each problem.</summary>
    public double? Sigma { get; init; }

    /// <summary>By what the sum of squared distances to the neighbours of a row is divided for the width of modes.</summary>
    public int SigmaDivisor { get; init; } = 5;

    /// <summary>Whether that sum is weighted by a Gaussian affinity.</summary>
    public bool SigmaFromAffinity { get; init; }

    /// <summary>A mode is found when none of its coordinates moves by this share of the largest.</summary>
    public double MeanShiftTolerance { get; init; } = 1e-5;

    public int MeanShiftMax { get; init; } = 1000;

    /// <summary>The number of starts where clusters have no labelled row and no given seed; the one with the lowest objective counts.</summary>
    public int Restarts { get; init; } = 1;

    /// <summary>From which round on, counted from 0, the published program takes means weighted by assignments; <see cref="int.MaxValue"/>: never.</summary>
    public int SoftMeansFromRound { get; init; } = int.MaxValue;

    /// <summary>
    /// Whether the program uses the graph. Without it, the assignments of <see cref="FewShotPreset.SlkPublished"/> are one class each (K-means, K-modes). The other
    /// programs need none where <see cref="Lambda"/> is 0.
    /// </summary>
    public bool UseGraph { get; init; } = true;

    /// <summary>Whether a program has steps of its own for labelled rows: in <see cref="FewShotPreset.LaplacianShot"/> they have no part after the start.</summary>
    internal bool GraphOverQueries => Preset == FewShotPreset.LaplacianShot;

    /// <summary>Whether each row enters the prototype of one class only.</summary>
    internal bool HasHardWeights => Membership == FewShotMembership.Hard || Preset != FewShotPreset.General;

    /// <summary>The defaults where there are labelled rows.</summary>
    internal static FewShotSettings FewShot(FewShotPreset preset = FewShotPreset.General) => preset switch
    {
        FewShotPreset.LaplacianShot => new()
        {
            Preset = preset,
            Rectify = FewShotRectification.Published,
            Prototype = FewShotPrototype.Fixed,
            EnforceLabels = false,
            Symmetrize = GraphSymmetrization.None,
            Stabilize = FewShotStabilization.None,
            InnerTolerance = 1e-6,
        },
        FewShotPreset.SlkPublished => new()
        {
            Preset = preset,
            EnforceLabels = false,
            Symmetrize = GraphSymmetrization.None,
            Stabilize = FewShotStabilization.None,
            MaxInner = 600,
            InnerTolerance = 1e-7,
            OuterTolerance = 1e-4,
        },
        _ => new(),
    };

    /// <summary>The defaults where there are none.</summary>
    internal static FewShotSettings Clustering(FewShotPreset preset = FewShotPreset.General)
    {
        const int neighbors = 4;
        var common = new FewShotSettings { Transform = FewShotTransform.L2, ShiftQueries = false, NeighborCount = neighbors, SigmaDivisor = neighbors + 1 };
        return preset switch
        {
            FewShotPreset.LaplacianShot => throw new ArgumentOutOfRangeException(nameof(preset), preset, "This program needs labelled rows."),
            FewShotPreset.SlkPublished => common with
            {
                Preset = preset,
                EnforceLabels = false,
                Symmetrize = GraphSymmetrization.None,
                Stabilize = FewShotStabilization.None,
                Lambda = DefaultClusteringLambda,
                MaxInner = 1000,
                InnerTolerance = 1e-6,
                OuterTolerance = 1e-5,
                SoftMeansFromRound = 1,
            },
            // Modes, and many starts: means, or fewer, leave it to chance which of several good clusterings is found.
            _ => common with { Prototype = FewShotPrototype.Mode, Lambda = DefaultClusteringLambda, Restarts = 30 },
        };
    }
}
