namespace ImageClassification;

/// <summary>What the command line sets.</summary>
internal sealed record ImageClassificationSettings
{
    /// <summary>Where the user's files are; null = the sample's own images.</summary>
    public required string? DataPath { get; init; }

    /// <summary>The names of the classes of the user's files; empty = those of Fashion-MNIST.</summary>
    public required IReadOnlyList<string> ClassNames { get; init; }

    /// <summary>The class that the training does not see; null = the star of the sample's own images, else the last.</summary>
    public required string? HeldBackClass { get; init; }

    public required int MaximumNumberOfEpochs { get; init; }

    /// <summary>Whether mirror images are of the same class.</summary>
    public required bool Flip { get; init; }

    public required string OutputFolder { get; init; }

    public CancellationToken CancellationToken { get; init; }
}
