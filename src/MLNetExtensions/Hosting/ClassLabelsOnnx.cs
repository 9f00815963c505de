namespace MLNetExtensions;

/// <summary>The graph of <see cref="ClassLabels.Write"/>.</summary>
internal static class ClassLabelsOnnx
{
    /// <summary>Writes PredictedLabel and Score.</summary>
    /// <param name="onnx">The graph.</param>
    /// <param name="logits">Single [rows, classes].</param>
    /// <param name="bad">Single [rows, 1], NaN in rows that cannot be scored, whose label will be missing.</param>
    internal static void Write(OnnxScoring onnx, string logits, string bad)
    {
        var graph = onnx.Graph;
        var scores = graph.Add(graph.Softmax(logits, 1), bad);
        var missing = graph.Node("IsNaN", [graph.ReduceSum(scores, 1)]);
        var best = graph.Node("ArgMax", [logits], ("axis", 1L), ("keepdims", 1L), ("select_last_index", 0L));
        onnx.Output(ScoreColumns.PredictedLabel, onnx.Keys(best, missing));
        onnx.Output(ScoreColumns.Score, scores);
    }
}
