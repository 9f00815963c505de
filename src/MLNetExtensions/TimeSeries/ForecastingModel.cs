using System.Text.Json.Serialization;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>What options.json says of any forecaster.</summary>
internal sealed record ForecastingModelOptions(string InputColumnName, string? GroupColumnName, string OutputColumnName, string? LowerBoundColumnName, string? UpperBoundColumnName,
    double ConfidenceLevel, int WindowSize, int Horizon, IReadOnlyList<string> ChannelNames, IReadOnlyList<int> TargetChannels, IReadOnlyList<double> Means, IReadOnlyList<double> Deviations,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] TimeMarks? Time = null)
{
    /// <summary>The numbers that are kept of a row: those of the channels, then its time where the network is told of it.</summary>
    internal int Columns => ChannelNames.Count + (Time is null ? 0 : 1);
}

/// <summary>What every forecaster keeps beside its network: columns, scales, the rows to go on from, the quantiles of its errors.</summary>
internal sealed class ForecastingModel
{
    private const string HistoryName = "history";
    private const string HistoryRowsName = "history_rows";
    private const string QuantilesName = "error_quantiles";

    private readonly SeriesScales _scales;

    internal ForecastingModel(ForecastingModelOptions options, SeriesScales scales, IReadOnlyDictionary<string, double[]> histories, double[]? quantiles)
    {
        Options = options;
        _scales = scales;
        Histories = histories;
        Quantiles = quantiles;
    }

    internal ForecastingModelOptions Options { get; }

    internal int Channels => Options.ChannelNames.Count;

    /// <summary>The last rows of each series of the training data, at most a window of each.</summary>
    internal IReadOnlyDictionary<string, double[]> Histories { get; }

    /// <summary>[H, C']: by how many deviations of its window a value lies off the forecast at most, with the probability of the confidence level.</summary>
    internal double[]? Quantiles { get; }

    internal SeriesScales Scales => _scales;

    internal ColumnScaler ScalerOf(string group) => _scales.Of(group);

    internal ForecastingModel With(IReadOnlyDictionary<string, double[]> histories) => new(Options, _scales, histories, Quantiles);

    internal static ForecastingModel Create(ForecastingOptions options, ForecastingData data, double[]? quantiles)
        => new(new(options.InputColumnName!, options.GroupColumnName, options.OutputColumnName, options.ConfidenceLowerBoundColumnName, options.ConfidenceUpperBoundColumnName, options.ConfidenceLevel,
            options.WindowSize, options.Horizon, data.Series.ChannelNames, data.TargetChannels, data.Scales.Common.Means, data.Scales.Common.Deviations, options.TimeMarks), data.Scales, data.Histories(), quantiles);

    /// <summary>The tensors to save, of the open dispose scope; with many series also their names.</summary>
    internal IEnumerable<KeyValuePair<string, Tensor>> Save(ModelWriter writer)
    {
        var names = Histories.Keys.ToArray();
        if (Options.GroupColumnName is not null)
        {
            SeriesScales.SaveNames(writer, names);
        }
        double[] rows = [.. names.SelectMany(name => Histories[name])];
        yield return new(HistoryName, ConstantTensor.Create(rows, [rows.Length / Options.Columns, Options.Columns], ScalarType.Float64, CPU));
        yield return new(HistoryRowsName, tensor(names.Select(name => (long)Histories[name].Length / Options.Columns).ToArray()));
        foreach (var scales in _scales.Save(names))
        {
            yield return scales;
        }
        if (Quantiles is not null)
        {
            yield return new(QuantilesName, ConstantTensor.Create(Quantiles, [Options.Horizon, Options.TargetChannels.Count], ScalarType.Float64, CPU));
        }
    }

    /// <summary>Whether a tensor holds rows of data: an engine may have taken some that are missing.</summary>
    internal static bool IsData(string name) => name == HistoryName;

    /// <summary>Takes what <see cref="Save"/> wrote out of the weights.</summary>
    /// <exception cref="FormatException">The content does not fit together.</exception>
    internal static ForecastingModel Load(ForecastingModelOptions options, ModelReader reader, Dictionary<string, Tensor> weights)
    {
        Check(options);
        var channels = options.ChannelNames.Count;
        var names = options.GroupColumnName is null ? [""] : SeriesScales.LoadNames(reader);
        var rows = ModelReader.Take(weights, HistoryRowsName, ScalarType.Int64, names.Count).data<long>().ToArray();
        if (rows.Any(count => count < 0 || count > options.WindowSize))
        {
            throw new FormatException("The history of a series is longer than a window.");
        }
        var history = ModelReader.Take(weights, HistoryName, ScalarType.Float64, rows.Sum(), options.Columns).data<double>().ToArray();
        var histories = new Dictionary<string, double[]>();
        var start = 0;
        for (var i = 0; i < names.Count; i++)
        {
            var length = (int)rows[i] * options.Columns;
            histories.Add(names[i], history[start..(start + length)]);
            start += length;
        }
        var scales = SeriesScales.Load(options.Means, options.Deviations, names, weights);
        var quantiles = options.LowerBoundColumnName is null ? null : ModelReader.Take(weights, QuantilesName, ScalarType.Float64, options.Horizon, options.TargetChannels.Count).data<double>().ToArray();
        return new(options, scales, histories, quantiles);
    }

    private static void Check(ForecastingModelOptions options)
    {
        var channels = options.ChannelNames.Count;
        if (string.IsNullOrEmpty(options.InputColumnName) || string.IsNullOrEmpty(options.OutputColumnName) || options.GroupColumnName is "" || options.WindowSize < 2 || options.Horizon < 1
            || string.IsNullOrEmpty(options.LowerBoundColumnName) != string.IsNullOrEmpty(options.UpperBoundColumnName)
            || channels < 1 || options.ChannelNames.Contains(null!) || options.Means.Count != channels || options.Deviations.Count != channels
            || options.TargetChannels.Count < 1 || options.TargetChannels.Any(channel => channel < 0 || channel >= channels) || options.TargetChannels.Distinct().Count() != options.TargetChannels.Count
            || options.Time is { } time && (string.IsNullOrEmpty(time.ColumnName) || !TimeMarks.AreValid(time.Features, time.Embedding)))
        {
            throw new FormatException("The options describe no forecaster.");
        }
    }
}
