using System.Globalization;
using MLNetExtensions.Onnx;

namespace MLNetExtensions.TimeSeries;

/// <summary>The graph of a classifier of series, for vectors of the size that the column has: short ones are filled up, long ones cut, as in scoring.</summary>
internal static class TimesNetClassificationOnnx
{
    internal static void Write(OnnxScoring onnx, TimesNetNetwork network, ColumnScaler scaler)
    {
        var graph = onnx.Graph;
        var (channels, steps) = (network.Module.Shape.Channels, network.Module.Shape.WindowSize);
        var (clean, bad) = graph.Guard(onnx.Input(0, OnnxType.Single), 2, graph.Scalar(0f));
        var length = InputColumn.Width(onnx.Column(0)) / channels;
        var series = graph.Cast(graph.Reshape(clean, 0, length, channels), OnnxType.Double);
        var x = graph.Cast(graph.Divide(graph.Subtract(series, graph.Constant(scaler.Means, channels)), graph.Constant(scaler.Deviations, channels)), OnnxType.Single);
        string? mask = null;
        if (length > steps)
        {
            x = graph.Slice(x, 1, 0, steps);
        }
        else if (length < steps)
        {
            x = graph.Node("Pad", [x, graph.Integers(0, 0, 0, 0, steps - length, 0)], ("mode", "constant"));
            mask = graph.Constant([.. Enumerable.Range(0, steps).Select(step => step < length ? 1f : 0f)], 1, steps, 1);
        }
        var logits = new TimesNetOnnx(graph, network, TimesNetOnnx.Periods(onnx, network)).Write(x, marks: null, mask);
        ClassLabelsOnnx.Write(onnx, logits, bad);
        onnx.Metadata("window_size", steps.ToString(CultureInfo.InvariantCulture));
        onnx.Metadata("number_of_channels", channels.ToString(CultureInfo.InvariantCulture));
    }
}
