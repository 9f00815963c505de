using System.Globalization;
using System.Text.Json;
using Microsoft.ML.Data;
using MLNetExtensions.Onnx;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// The graph of a forecaster around its network: windows in the units of the data go in, forecasts and bounds in these units come out. Scales are applied in double precision, as in scoring.
/// </summary>
internal static class ForecastingOnnx
{
    /// <summary>Ends the name of the input of time features, which begins with that of the time column.</summary>
    internal const string MarksSuffix = ".marks";

    internal static void Write(OnnxScoring onnx, ForecastingTransformer transformer)
    {
        var graph = onnx.Graph;
        var model = transformer.Model;
        var options = model.Options;
        var windows = onnx.Windows(0, options.WindowSize, OnnxType.Double);
        var (clean, bad) = graph.Guard(windows, 3, graph.Scalar(0.0));
        var (means, deviations) = SeriesScalesOnnx.Write(onnx, model.Scales, options.GroupColumnName is null ? -1 : 1, options.WindowSize);
        var standardized = graph.Divide(graph.Subtract(clean, means), deviations);
        var marks = options.Time is { } time ? WriteMarks(onnx, time, options.WindowSize) : null;
        var forecast = transformer.WriteForecast(onnx, graph.Cast(standardized, OnnxType.Single), marks);

        var targets = graph.Integers([.. options.TargetChannels.Select(channel => (long)channel)]);
        var all = options.TargetChannels.SequenceEqual(Enumerable.Range(0, model.Channels));
        string Targets(string value) => all ? value : graph.Gather(value, targets, 2);
        var (targetMeans, targetDeviations) = (Targets(means), Targets(deviations));
        string Restore(string value) => graph.Cast(graph.Add(graph.Add(graph.Multiply(value, targetDeviations), targetMeans), bad), OnnxType.Single);
        var score = graph.Cast(Targets(forecast), OnnxType.Double);
        onnx.Output(options.OutputColumnName, Restore(score));
        if (model.Quantiles is { } quantiles)
        {
            var centred = graph.Subtract(standardized, graph.ReduceMean(standardized, 1));
            var variance = graph.ReduceMean(graph.Multiply(centred, centred), 1);
            var scale = Targets(graph.Sqrt(graph.Add(variance, graph.Scalar(WindowBatch.VarianceEpsilon))));
            var margin = graph.Multiply(graph.Constant(quantiles, options.Horizon, options.TargetChannels.Count), scale);
            onnx.Output(options.LowerBoundColumnName!, Restore(graph.Subtract(score, margin)));
            onnx.Output(options.UpperBoundColumnName!, Restore(graph.Add(score, margin)));
        }
        onnx.Metadata("window_size", options.WindowSize.ToString(CultureInfo.InvariantCulture));
        onnx.Metadata("horizon", options.Horizon.ToString(CultureInfo.InvariantCulture));
        onnx.Metadata("channels", JsonSerializer.Serialize(options.ChannelNames));
        onnx.Metadata("target_channels", JsonSerializer.Serialize(options.TargetChannels));
    }

    private static string WriteMarks(OnnxScoring onnx, TimeMarks time, int windowSize)
    {
        onnx.Metadata("time_marks", JsonSerializer.Serialize(time, ModelJson.Options));
        return onnx.Extra(time.ColumnName + MarksSuffix, OnnxType.Single, OnnxGraph.Rows, windowSize, time.Count);
    }
}

/// <summary>The scales of series in a graph.</summary>
internal static class SeriesScalesOnnx
{
    /// <summary>Writes them for the series of each row.</summary>
    /// <param name="onnx">The graph.</param>
    /// <param name="scales">The scales.</param>
    /// <param name="group">The number of the group column among the inputs; negative = there is none.</param>
    /// <param name="windowSize">The number of rows in a window.</param>
    /// <returns>Means and deviations, Double [rows, 1, channels], or [1, 1, channels] where all series have one scale.</returns>
    internal static (string Means, string Deviations) Write(OnnxScoring onnx, SeriesScales scales, int group, int windowSize)
    {
        var graph = onnx.Graph;
        var common = scales.Common;
        var width = common.Means.Length;
        var means = graph.Constant(common.Means, 1, 1, width);
        var deviations = graph.Constant(common.Deviations, 1, 1, width);
        if (scales.Groups.Count == 0 || group < 0)
        {
            return (means, deviations);
        }
        // One for the group that the row is of, 0 for all others: an unknown series has the common scale.
        var (chosen, names) = Choose(onnx, group, windowSize, scales.Groups);
        string Table(Func<ColumnScaler, double[]> part, string shared)
        {
            double[] differences = [.. names.SelectMany(name => part(scales.Of(name)).Zip(part(common), (own, all) => own - all))];
            return graph.Add(graph.Unsqueeze(graph.MatMul(chosen, graph.Constant(differences, names.Count, width)), 1), shared);
        }
        return (Table(scaler => scaler.Means, means), Table(scaler => scaler.Deviations, deviations));
    }

    private static (string Chosen, IReadOnlyList<string> Names) Choose(OnnxScoring onnx, int group, int windowSize, IReadOnlyList<string> groups)
    {
        var graph = onnx.Graph;
        var column = onnx.Column(group);
        var value = onnx.Latest(group, windowSize);
        if (column.Type is TextDataViewType)
        {
            return (graph.Cast(graph.Node("Equal", [value, graph.Texts(groups, 1, groups.Count)]), OnnxType.Double), groups);
        }
        // A key stands for its value where it has one, as in scoring; a missing one for nothing.
        var known = groups.ToHashSet();
        var values = column.Type is KeyDataViewType ? KeyVocabulary.Of(column).Values : null;
        (string Name, long Number)[] numbers = values is not null
            ? [.. values.Select((name, i) => (name, i + 1L)).Append(("", 0)).Where(pair => known.Contains(pair.Item1))]
            : [.. groups.Select(name => long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? (name, number) : (name, column.Type is KeyDataViewType && name.Length == 0 ? 0 : long.MinValue))];
        var equal = graph.Node("Equal", [graph.Cast(value, OnnxType.Int64), graph.Constant([.. numbers.Select(pair => pair.Number)], 1, numbers.Length)]);
        return (graph.Cast(equal, OnnxType.Double), [.. numbers.Select(pair => pair.Name)]);
    }
}
