using MLNetExtensions.Onnx;

namespace MLNetExtensions;

/// <summary>The graph of <see cref="FewShotPrototypeRule"/>, with distances in double precision.</summary>
internal static class FewShotOnnx
{
    private const double SmallestNorm = 1e-12;
    private const double PowerOffset = 1e-6;

    internal static void Write(OnnxScoring onnx, TransductiveFewShotTransformer transformer)
    {
        if (transformer.Inference != FewShotInference.Prototype)
        {
            throw onnx.Refuse("assigns rows jointly. Export model.ToInductive() instead.");
        }
        var graph = onnx.Graph;
        var model = transformer.Model;
        var settings = model.Settings;
        // Features are Single to scoring, whatever they are in the data.
        var (clean, bad) = graph.Guard(onnx.Input(0, OnnxType.Single), 2, graph.Scalar(0f));
        var x = Transform(graph, graph.Cast(clean, OnnxType.Double), settings.Transform, model.BaseMean);
        if (settings.ShiftQueries)
        {
            x = graph.Add(x, Constant(graph, model.Shift, model.Dimension));
        }
        // Rounded where scoring rounds, so that what is equal there is equal here.
        var raw = graph.Cast(graph.Multiply(Costs(graph, x, model), graph.Scalar(-1.0 / settings.Temperature)), OnnxType.Single);
        var largest = graph.Node("ReduceMax", [raw, graph.Integers(1)], ("keepdims", 1L));
        var sum = graph.ReduceSum(graph.Node("Exp", [graph.Cast(graph.Subtract(raw, largest), OnnxType.Double)]), 1);
        var logs = graph.Subtract(raw, graph.Add(largest, graph.Cast(graph.Node("Log", [sum]), OnnxType.Single)));

        var count = transformer.Labels!.Count;
        var lowest = graph.Scalar(FewShotSolution.LowestLog);
        var score = Spread(graph, graph.Node("Neg", [graph.Node("Max", [logs, lowest])]), -FewShotSolution.LowestLog, model.Classes, count);
        var probability = Spread(graph, graph.Node("Exp", [logs]), 0, model.Classes, count);
        var best = graph.Node("ArgMax", [logs], ("axis", 1L), ("keepdims", 1L), ("select_last_index", 0L));
        onnx.Output(ScoreColumns.PredictedLabel, onnx.Keys(graph.Gather(graph.Constant<long>([.. model.Classes.Select(label => (long)label)], model.Classes.Length), best, 0), graph.Node("IsNaN", [bad])));
        onnx.Output(ScoreColumns.Score, graph.Add(score, bad));
        onnx.Output(FewShotColumns.Probability, graph.Add(probability, bad));
    }

    private static string Transform(OnnxGraph graph, string x, FewShotTransform transform, float[] baseMean)
    {
        x = transform switch
        {
            FewShotTransform.CenteredL2 => graph.Subtract(x, Constant(graph, baseMean, baseMean.Length)),
            FewShotTransform.PowerL2 => graph.Sqrt(graph.Add(graph.Node("Max", [x, graph.Scalar(0.0)]), graph.Scalar(PowerOffset))),
            _ => x,
        };
        return transform == FewShotTransform.None ? x : graph.Divide(x, graph.Node("Max", [graph.Sqrt(graph.ReduceSum(graph.Multiply(x, x), 1)), graph.Scalar(SmallestNorm)]));
    }

    /// <summary>What it costs to give a row to each prototype, [rows, prototypes].</summary>
    private static string Costs(OnnxGraph graph, string x, FewShotModel model)
    {
        var (count, dimension) = (model.Classes.Length, model.Dimension);
        double[] twice = new double[count * dimension], squares = new double[count];
        for (var i = 0; i < twice.Length; i++)
        {
            double value = model.Prototypes[i];
            twice[i % dimension * count + i / dimension] = 2 * value;
            squares[i / dimension] += value * value;
        }
        var product = graph.Subtract(graph.MatMul(x, graph.Constant(twice, dimension, count)), graph.Constant(squares, count));
        var square = graph.Node("Max", [graph.Subtract(graph.ReduceSum(graph.Multiply(x, x), 1), product), graph.Scalar(0.0)]);
        return model.Settings.Prototype switch
        {
            FewShotPrototype.Mean or FewShotPrototype.Fixed => square,
            FewShotPrototype.Medoid => graph.Sqrt(square),
            _ => graph.Node("Neg", [graph.Node("Exp", [graph.Multiply(square, graph.Scalar(-1 / (2 * model.Sigma * model.Sigma)))])]),
        };
    }

    /// <summary>The values of the classes that have prototypes in the slots of all classes.</summary>
    private static string Spread(OnnxGraph graph, string values, float others, int[] classes, int count)
    {
        if (classes.AsSpan().SequenceEqual([.. Enumerable.Range(0, count)]))
        {
            return values;
        }
        var first = graph.Slice(values, 1, 0, 1);
        // A slot more, for classes without a prototype.
        var wide = graph.Concat(1, values, graph.Add(graph.Subtract(first, first), graph.Scalar(others)));
        var places = new long[count];
        Array.Fill(places, classes.Length);
        foreach (var (place, label) in classes.Index())
        {
            places[label] = place;
        }
        return graph.Gather(wide, graph.Constant(places, count), 1);
    }

    private static string Constant(OnnxGraph graph, float[] values, long size) => graph.Constant(Array.ConvertAll(values, value => (double)value), size);
}
