using MLNetExtensions.Tensors;

namespace TensorCompletion;

/// <summary>What the command line sets.</summary>
internal sealed record TensorCompletionSettings
{
    /// <summary>Where the user's cells are; null = the sample's own ratings.</summary>
    public required string? DataPath { get; init; }

    /// <summary>The mode columns of the user's file; empty = all but the last.</summary>
    public required IReadOnlyList<string> ModeColumns { get; init; }

    /// <summary>The value column of the user's file; null = the last.</summary>
    public required string? ValueColumn { get; init; }

    public required TensorCompletionModel BaseModel { get; init; }

    public required int MaximumNumberOfEpochs { get; init; }

    /// <summary>With how many seeds to train with and without augmentation.</summary>
    public required int NumberOfSeeds { get; init; }

    public required string OutputFolder { get; init; }

    public CancellationToken CancellationToken { get; init; }
}
