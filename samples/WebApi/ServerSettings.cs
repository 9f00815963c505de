using System.ComponentModel.DataAnnotations;

namespace WebApi;

/// <summary>The settings of the section <c>Server</c>: of appsettings.json, of environment variables (<c>Server__Folder</c>), of the command line (<c>--Server:Folder</c>).</summary>
internal sealed class ServerSettings
{
    public const string Section = "Server";

    /// <summary>Where the model files lie: forecaster.mlnet, classifier.mlnet, completion.mlnet.</summary>
    [Required]
    public string Folder { get; set; } = "artifacts/web-api";

    /// <summary>Whether a small model for demonstration is trained where a file is missing.</summary>
    public bool TrainMissing { get; set; } = true;

    /// <summary>How many requests a model serves at a time, each with an engine of its own.</summary>
    [Range(1, 1024)]
    public int EnginesPerModel { get; set; } = Environment.ProcessorCount;

    /// <summary>How many requests may wait for a model; those beyond are answered by 503.</summary>
    [Range(0, 100_000)]
    public int QueueLength { get; set; } = 64;

    /// <summary>How long a request may wait.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "01:00:00")]
    public TimeSpan LongestWait { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How many rows or cells a request may hold, other than the history of a forecast.</summary>
    [Range(1, 100_000)]
    public int MostRows { get; set; } = 256;

    /// <summary>How far ahead a request may ask.</summary>
    [Range(1, 100_000)]
    public int LongestHorizon { get; set; } = 336;

    /// <summary>How many of the last readings are kept for the chart, and for a new forecaster to go on from.</summary>
    [Range(1, 1_000_000)]
    public int KeptRows { get; set; } = 2000;

    /// <summary>How many pages may follow the readings at a time.</summary>
    [Range(0, 100_000)]
    public int MostListeners { get; set; } = 100;

    /// <summary>How long a request may be.</summary>
    [Range(1, int.MaxValue)]
    public long MostRequestBytes { get; set; } = 1 << 20;

    /// <summary>How long a model file may be.</summary>
    [Range(1, int.MaxValue)]
    public long MostModelBytes { get; set; } = 256 << 20;

    /// <summary>What the header <c>X-Api-Key</c> must hold to replace models and to write checkpoints. Without it, only this machine may.</summary>
    public string? AdminKey { get; set; }

    /// <summary>Whether the state of the forecaster is written when the server stops.</summary>
    public bool CheckpointOnStop { get; set; } = true;
}
