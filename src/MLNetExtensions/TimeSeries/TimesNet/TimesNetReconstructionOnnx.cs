using System.Globalization;
using System.Text.Json;
using MLNetExtensions.Onnx;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// The graphs of the imputer and of the anomaly detector. A row of the graph is one window in the units of the data; it gives the results of the window's last row where the model is causal, else
/// those of all its rows: which windows a series is cut into is left to the program that scores.
/// </summary>
internal sealed class TimesNetReconstructionOnnx
{
    private readonly OnnxScoring _onnx;
    private readonly TimesNetReconstructionModel _model;
    private readonly string _means;
    private readonly string _deviations;

    private TimesNetReconstructionOnnx(OnnxScoring onnx, TimesNetReconstructionModel model)
    {
        _onnx = onnx;
        _model = model;
        (_means, _deviations) = SeriesScalesOnnx.Write(onnx, model.Scales, model.Options.GroupColumnName is null ? -1 : 1, model.WindowSize);
        onnx.Metadata("window_size", model.WindowSize.ToString(CultureInfo.InvariantCulture));
        onnx.Metadata("causal", model.Options.Causal ? "true" : "false");
        onnx.Metadata("channels", JsonSerializer.Serialize(model.Options.ChannelNames));
    }

    private OnnxGraph Graph => _onnx.Graph;

    /// <summary>Fills what is NaN; the network is told what is not finite.</summary>
    /// <param name="onnx">The graph.</param>
    /// <param name="model">The model.</param>
    /// <param name="outputColumnName">The column of filled values, of the type of the input.</param>
    internal static void WriteImputer(OnnxScoring onnx, TimesNetReconstructionModel model, string outputColumnName)
    {
        var graph = onnx.Graph;
        var windows = new TimesNetReconstructionOnnx(onnx, model);
        var values = onnx.Windows(0, model.WindowSize, OnnxType.Double);
        var standardized = windows.Standardize(values);
        var unknown = graph.Node("IsNaN", [graph.Subtract(standardized, standardized)]);
        var mask = graph.Cast(graph.Node("Not", [unknown]), OnnxType.Single);
        var restored = windows.Restore(windows.Reconstruct(graph.Where(unknown, graph.Scalar(0f), standardized), mask));
        var filled = graph.Where(graph.Node("IsNaN", [values]), restored, values);
        var type = onnx.TypeOf(0);
        windows.Output(outputColumnName, type == OnnxType.Double ? filled : graph.Cast(filled, type), model.Channels);
    }

    /// <summary>Scores rows by the error of their reconstruction.</summary>
    /// <param name="onnx">The graph.</param>
    /// <param name="model">The model.</param>
    /// <param name="threshold">The score above which a row is an anomaly.</param>
    /// <param name="expectedColumnName">The column of the reconstruction; null = there is none.</param>
    internal static void WriteDetector(OnnxScoring onnx, TimesNetReconstructionModel model, float threshold, string? expectedColumnName)
    {
        var graph = onnx.Graph;
        var windows = new TimesNetReconstructionOnnx(onnx, model);
        var (clean, bad) = graph.Guard(onnx.Windows(0, model.WindowSize, OnnxType.Double), 3, graph.Scalar(0.0));
        var standardized = windows.Standardize(clean);
        var reconstruction = windows.Reconstruct(standardized, mask: null);
        var error = graph.Subtract(graph.Cast(standardized, OnnxType.Double), graph.Cast(reconstruction, OnnxType.Double));
        var score = graph.Cast(graph.Add(graph.ReduceMean(graph.Multiply(error, error), 2), bad), OnnxType.Single);
        var limit = graph.Scalar(threshold);
        var label = graph.Node("Greater", [score, limit]);
        windows.Output(ScoreColumns.Score, score, 1);
        windows.Output(ScoreColumns.PredictedLabel, label, 1);
        // One for each row.
        windows.Output(TimesNetAnomalyDetectionTransformer.ThresholdColumnName, graph.Where(label, limit, limit), 1);
        if (expectedColumnName is not null)
        {
            windows.Output(expectedColumnName, graph.Cast(graph.Add(windows.Restore(reconstruction), bad), OnnxType.Single), model.Channels);
        }
    }

    private string Standardize(string values) => Graph.Cast(Graph.Divide(Graph.Subtract(values, _means), _deviations), OnnxType.Single);

    private string Restore(string values) => Graph.Add(Graph.Multiply(Graph.Cast(values, OnnxType.Double), _deviations), _means);

    private string Reconstruct(string standardized, string? mask)
    {
        var x = Graph.Node("Clip", [standardized, Graph.Scalar(-TimesNetReconstructor.Largest), Graph.Scalar(TimesNetReconstructor.Largest)]);
        return new TimesNetOnnx(Graph, _model.Network, TimesNetOnnx.Periods(_onnx, _model.Network)).Write(x, marks: null, mask);
    }

    /// <summary>Gives a column of values [rows, L, width].</summary>
    private void Output(string columnName, string value, int width)
    {
        var last = _model.WindowSize;
        _onnx.Output(columnName, _model.Options.Causal ? Graph.Squeeze(Graph.Slice(value, 1, last - 1, last), 1) : Graph.Reshape(value, -1, width));
    }
}
