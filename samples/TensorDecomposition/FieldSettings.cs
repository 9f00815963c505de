using MLNetExtensions.Tensors;

namespace TensorDecomposition;

/// <summary>What the command line sets.</summary>
internal sealed record FieldSettings
{
    /// <summary>The user's file; null = the sample's own data.</summary>
    public required string? DataPath { get; init; }

    /// <summary>The columns with the coordinates; the last is the time, or whatever new rows go on in.</summary>
    public required string[] CoordinateColumns { get; init; }

    public required string ValueColumn { get; init; }

    public required TuckerForm Form { get; init; }

    public required int Rank { get; init; }

    public required MaternSmoothness Smoothness { get; init; }

    public required int MaximumNumberOfIterations { get; init; }

    public required string OutputFolder { get; init; }

    public CancellationToken CancellationToken { get; init; }
}
