using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>What options.json says of any model that reconstructs windows.</summary>
internal sealed record TimesNetReconstructionModelOptions(string InputColumnName, string? GroupColumnName, int WindowSize, bool Causal, IReadOnlyList<string> ChannelNames,
    bool HasGroupScales, IReadOnlyList<double> Means, IReadOnlyList<double> Deviations);

/// <summary>What the imputer and the anomaly detector keep: columns, scales and the network.</summary>
internal sealed class TimesNetReconstructionModel(TimesNetReconstructionModelOptions options, SeriesScales scales, TimesNetNetwork network) : IDisposable
{
    internal TimesNetReconstructionModelOptions Options { get; } = options;

    internal SeriesScales Scales { get; } = scales;

    internal TimesNetNetwork Network { get; } = network;

    internal int Channels => Options.ChannelNames.Count;

    internal int WindowSize => Options.WindowSize;

    /// <summary>The tensors to save, of the open dispose scope; where series have scales of their own also their names.</summary>
    internal IEnumerable<KeyValuePair<string, Tensor>> Save(ModelWriter writer)
    {
        if (Options.HasGroupScales)
        {
            SeriesScales.SaveNames(writer, Scales.Groups);
        }
        return [.. Network.Weights, .. Scales.Save(Scales.Groups)];
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="FormatException">The content does not fit together.</exception>
    internal static TimesNetReconstructionModel Load(TimesNetReconstructionModelOptions options, SavedTimesNet network, ModelReader reader, Device device)
    {
        var channels = options.ChannelNames.Count;
        if (string.IsNullOrEmpty(options.InputColumnName) || options.GroupColumnName is "" || channels < 1 || options.ChannelNames.Contains(null!)
            || options.Means.Count != channels || options.Deviations.Count != channels)
        {
            throw new FormatException("The options describe no series.");
        }
        using var scope = NewDisposeScope();
        var weights = new Dictionary<string, Tensor>(reader.Weights());
        var scales = SeriesScales.Load(options.Means, options.Deviations, options.HasGroupScales ? SeriesScales.LoadNames(reader) : [], weights);
        var loaded = TimesNetNetwork.Load(network, weights, device);
        if (loaded.Module.Shape is var shape && (shape.Channels != channels || shape.WindowSize != options.WindowSize || shape.Horizon != 0 || shape.Classes != 0 || shape.Marks != 0))
        {
            loaded.Dispose();
            throw new FormatException("The options of the network and of the series differ.");
        }
        return new(options, scales, loaded);
    }

    public void Dispose() => Network.Dispose();
}
