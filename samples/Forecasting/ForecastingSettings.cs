namespace Forecasting;

/// <summary>The forecasters of the sample.</summary>
internal enum ForecastingModel
{
    OLinear,
    TimesNet,
}

/// <summary>What the command line sets.</summary>
internal sealed record ForecastingSettings
{
    /// <summary>The user's file; null = the sample's own data.</summary>
    public required string? DataPath { get; init; }

    public required ForecastingModel Model { get; init; }

    public required IReadOnlyList<string> Columns { get; init; }

    public required int WindowSize { get; init; }

    public required int Horizon { get; init; }

    public required int MaximumNumberOfEpochs { get; init; }

    public required int Width { get; init; }

    public required int Seasonality { get; init; }

    public required string OutputFolder { get; init; }

    public CancellationToken CancellationToken { get; init; }
}
