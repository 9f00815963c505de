using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>The scale of all series together and, where it is asked for, of each by itself.</summary>
internal sealed class SeriesScales
{
    private const string GroupScalesName = "group_scales";
    private const string KeysName = "group";

    private readonly IReadOnlyDictionary<string, ColumnScaler> _groups;

    private SeriesScales(ColumnScaler common, IReadOnlyDictionary<string, ColumnScaler> groups)
    {
        Common = common;
        _groups = groups;
    }

    /// <summary>The scale of all series together.</summary>
    internal ColumnScaler Common { get; }

    /// <summary>The series that have a scale of their own.</summary>
    internal IReadOnlyList<string> Groups => [.. _groups.Keys];

    /// <summary>The scale of a series: its own, if it has one.</summary>
    internal ColumnScaler Of(string group) => _groups.GetValueOrDefault(group) ?? Common;

    /// <summary>Nothing is scaled.</summary>
    internal static SeriesScales None(int channels) => new(ColumnScaler.None(channels), new Dictionary<string, ColumnScaler>());

    /// <summary>Fits to the training rows of each series.</summary>
    internal static SeriesScales Fit(Series series, IReadOnlyList<Range> trainingRows, bool perGroup)
    {
        var common = Fit(series, trainingRows, fallback: null);
        return new(common, perGroup
            ? series.Groups.Zip(trainingRows).ToDictionary(pair => pair.First.Name, pair => Fit(series, [pair.Second], common))
            : []);
    }

    /// <summary>Standardises series, each by its scale, row by row.</summary>
    /// <exception cref="InvalidOperationException">A value is too large to be trained on.</exception>
    internal double[] Standardize(IHost host, Series series, string columnName)
    {
        var standardized = new double[series.Values.Length];
        foreach (var group in series.Groups)
        {
            Of(group.Name).Standardize(series.Slice(group.Start, group.Rows), standardized.AsSpan(group.Start * series.Channels));
        }
        for (var i = 0; i < standardized.Length; i++)
        {
            // What is missing stays so.
            if (!(Math.Abs(standardized[i]) <= float.MaxValue) && !double.IsNaN(series.Values[i]))
            {
                throw Check.BadData(host, $"The series column '{columnName}' holds {series.Values[i]} in channel '{series.ChannelNames[i % series.Channels]}': too large to train on. Scale the values first.");
            }
        }
        return standardized;
    }

    /// <summary>Writes the names of series.</summary>
    internal static void SaveNames(ModelWriter writer, IReadOnlyList<string> names)
        => writer.Keys(new Dictionary<string, KeyVocabulary> { [KeysName] = new((ulong)names.Count, nameof(String), names) });

    /// <summary>Reads what <see cref="SaveNames"/> wrote.</summary>
    /// <exception cref="FormatException">The names are missing.</exception>
    internal static IReadOnlyList<string> LoadNames(ModelReader reader)
        => reader.Keys().GetValueOrDefault(KeysName) is { Type: nameof(String), Values: { } values } && values.Distinct().Count() == values.Count
            ? values
            : throw new FormatException("The names of the series are missing.");

    /// <summary>The scales of single series as a tensor of the open dispose scope, in the order of the names; nothing where there are none.</summary>
    internal IEnumerable<KeyValuePair<string, Tensor>> Save(IReadOnlyList<string> names)
    {
        if (_groups.Count > 0)
        {
            double[] scales = [.. names.Select(Of).SelectMany(scaler => scaler.Means.Concat(scaler.Deviations))];
            yield return new(GroupScalesName, ConstantTensor.Create(scales, [names.Count, 2, Common.Means.Length], ScalarType.Float64, CPU));
        }
    }

    /// <summary>Takes what <see cref="Save"/> wrote out of the weights.</summary>
    /// <exception cref="FormatException">The content does not fit together.</exception>
    internal static SeriesScales Load(IReadOnlyList<double> means, IReadOnlyList<double> deviations, IReadOnlyList<string> names, Dictionary<string, Tensor> weights)
    {
        var channels = means.Count;
        var scalers = new Dictionary<string, ColumnScaler>();
        if (weights.ContainsKey(GroupScalesName))
        {
            var scales = ModelReader.Take(weights, GroupScalesName, ScalarType.Float64, names.Count, 2, channels).data<double>().ToArray();
            for (var i = 0; i < names.Count; i++)
            {
                var scale = scales.AsSpan(2 * i * channels, 2 * channels);
                scalers.Add(names[i], ColumnScaler.Read(scale[..channels].ToArray(), scale[channels..].ToArray()));
            }
        }
        return new(ColumnScaler.Read(means, deviations), scalers);
    }

    private static ColumnScaler Fit(Series series, IEnumerable<Range> ranges, ColumnScaler? fallback)
    {
        var values = new List<double>();
        foreach (var range in ranges)
        {
            values.AddRange(series.Slice(range.Start.Value, range.End.Value - range.Start.Value));
        }
        return ColumnScaler.Fit([.. values], series.Channels, fallback: fallback);
    }
}
