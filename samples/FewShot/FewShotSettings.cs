namespace FewShot;

/// <summary>What the command line sets.</summary>
internal sealed record FewShotSettings
{
    /// <summary>Where the user's files are; null = characters that the sample makes.</summary>
    public required string? DataPath { get; init; }

    /// <summary>The epochs to train the network that turns images into features.</summary>
    public required int MaximumNumberOfEpochs { get; init; }

    public required int NumberOfEpisodes { get; init; }

    public required string OutputFolder { get; init; }

    public CancellationToken CancellationToken { get; init; }
}
