namespace AnomalyDetection;

/// <summary>What the command line sets.</summary>
internal sealed record DetectionSettings
{
    /// <summary>The user's file; null = the sample's own data.</summary>
    public required string? DataPath { get; init; }

    public required string ValueColumn { get; init; }

    /// <summary>What is known of the anomalies; null = nothing.</summary>
    public required string? LabelColumn { get; init; }

    public required double TrainingFraction { get; init; }

    public required int WindowSize { get; init; }

    public required int MaximumNumberOfEpochs { get; init; }

    public required int Width { get; init; }

    public required double ThresholdPercentile { get; init; }

    public required string OutputFolder { get; init; }

    public CancellationToken CancellationToken { get; init; }
}
