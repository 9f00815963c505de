using MLNetExtensions.Onnx;
using MLNetExtensions.Torch;

namespace MLNetExtensions;

/// <summary>The graph of a classifier by equiangular basis vectors, with batch normalisation folded into the weights.</summary>
internal static class EbvOnnx
{
    internal static void Write(OnnxScoring onnx, EquiangularBasisVectorsTransformer transformer)
    {
        var graph = onnx.Graph;
        var model = transformer.Model;
        if (model.Shape.Factory is not null)
        {
            throw onnx.Refuse("wraps code of yours that cannot be translated. Export it from the program that made it.");
        }
        var weights = model.Network.Weights.ToDictionary();
        var (x, bad) = graph.Guard(onnx.Input(0, OnnxType.Single), 2, graph.Scalar(0f));
        var f = model.Shape.Mlp is { } mlp
            ? WriteTrunk(graph, x, mlp, transformer.Input.Scaler, weights)
            : WriteTrunk(graph, x, model.Shape.ConvNet!, transformer.Input, weights);
        var e = Unit(graph, graph.Linear(f, weights["head.weight"].ToFloats(), weights["head.bias"].ToFloats(), model.Shape.Dimension));
        var cosines = WriteCosines(graph, e, model.Table);
        var isBad = graph.Node("IsNaN", [bad]);
        string Numbers(string value) => graph.Add(value, bad);

        var columns = transformer.Columns;
        var best = graph.Node("ArgMax", [cosines], ("axis", 1L), ("keepdims", 1L), ("select_last_index", 0L));
        var unknown = isBad;
        if (transformer.UnknownThreshold is { } threshold)
        {
            var largest = graph.Cast(graph.Node("ReduceMax", [cosines, graph.Integers(1)], ("keepdims", 1L)), OnnxType.Double);
            unknown = graph.Node("Or", [isBad, graph.Node("Less", [largest, graph.Scalar(threshold)])]);
        }
        onnx.Output(ScoreColumns.PredictedLabel, onnx.Keys(best, unknown));
        var probabilities = graph.Softmax(graph.Multiply(cosines, graph.Scalar((float)(1 / transformer.Temperature))), 1);
        if (columns.Scores)
        {
            onnx.Output(ScoreColumns.Score, Numbers(probabilities));
        }
        if (columns.Top > 0)
        {
            var places = graph.Nodes("TopK", 2, [cosines, graph.Integers(columns.Top)], ("axis", 1L), ("largest", 1L), ("sorted", 1L))[1];
            onnx.Output(EbvOutputs.TopLabels, onnx.Keys(places, isBad));
            onnx.Output(EbvOutputs.TopScores, Numbers(graph.Node("GatherElements", [probabilities, places], ("axis", 1L))));
        }
        if (columns.Embedding is not null)
        {
            onnx.Output(columns.Embedding, Numbers(e));
        }
        if (columns.Features is not null)
        {
            onnx.Output(columns.Features, Numbers(Unit(graph, f)));
        }
        if (columns.Angle is not null)
        {
            onnx.Output(columns.Angle, Numbers(graph.Node("Acos", [graph.Node("Clip", [cosines, graph.Scalar(-1f), graph.Scalar(1f)])])));
        }
    }

    private static string Unit(OnnxGraph graph, string rows)
        => graph.Divide(rows, graph.Node("Max", [graph.Node("ReduceL2", [rows, graph.Integers(1)], ("keepdims", 1L)), graph.Scalar((float)EbvModule.SmallestNorm)]));

    private static string WriteCosines(OnnxGraph graph, string e, ClassTable table)
    {
        float[] vectors = [.. table.Blocks.SelectMany(block => block.Vectors.ToFloats())];
        float[]? offsets = table.Blocks.All(block => block.Offsets is null)
            ? null
            : [.. table.Blocks.SelectMany(block => block.Offsets is null ? new float[block.Vectors.size(0)] : Array.ConvertAll(block.Offsets.ToFloats(), offset => -offset))];
        return graph.Linear(e, vectors, offsets, table.Count);
    }

    private static string WriteTrunk(OnnxGraph graph, string x, MlpShape shape, ColumnScaler scaler, Dictionary<string, TorchSharp.torch.Tensor> weights)
    {
        // The means are subtracted first, so that large ones cost no digits; what single precision cuts off them goes into the bias.
        var means = Array.ConvertAll(scaler.Means, mean => (float)mean);
        if (means.Any(mean => mean != 0))
        {
            x = graph.Subtract(x, graph.Constant(means, means.Length));
        }
        var inputs = shape.Inputs;
        foreach (var (i, width) in shape.Widths.Index())
        {
            var (gain, shift) = Fold(weights, $"hidden{i}.bn", shape.Normalization);
            var weight = weights[$"hidden{i}.weight"].ToDoubles();
            for (var j = 0; j < weight.Length; j++)
            {
                var (output, input) = (j / inputs, j % inputs);
                weight[j] *= gain[output];
                if (i == 0)
                {
                    var slot = input % scaler.Means.Length;
                    weight[j] /= scaler.Deviations[slot];
                    shift[output] -= weight[j] * (scaler.Means[slot] - means[slot]);
                }
            }
            x = graph.Relu(graph.Linear(x, ToFloats(weight), ToFloats(shift), width));
            inputs = width;
        }
        return x;
    }

    private static string WriteTrunk(OnnxGraph graph, string x, ConvShape shape, EbvInput input, Dictionary<string, TorchSharp.torch.Tensor> weights)
    {
        var scaler = input.Scaler;
        var count = scaler.Means.Length;
        // Scaled before the first convolution, not folded into it: its border is 0 of the scaled image.
        x = graph.Multiply(graph.Subtract(x, graph.Constant(ToFloats(scaler.Means), count)), graph.Constant(Array.ConvertAll(scaler.Deviations, deviation => (float)(1 / deviation)), count));
        x = input.Image is { Interleaved: true, Channels: > 1 }
            ? graph.Transpose(graph.Reshape(x, -1, shape.Height, shape.Width, shape.Channels), 0, 3, 1, 2)
            : graph.Reshape(x, -1, shape.Channels, shape.Height, shape.Width);

        string Convolution(string value, string name, string normalization, int inputs, int outputs, int size, int stride)
        {
            var (gain, shift) = Fold(weights, normalization, shape.Normalization);
            var weight = weights[name + ".weight"].ToDoubles();
            for (var j = 0; j < weight.Length; j++)
            {
                weight[j] *= gain[j / (weight.Length / outputs)];
            }
            return graph.Convolution(value, ToFloats(weight), ToFloats(shift), [outputs, inputs, size, size], stride);
        }

        x = graph.Relu(Convolution(x, "stem.conv", "stem.bn", shape.Channels, shape.StemWidth, 3, shape.StemStride));
        if (shape.MaxPool > 0)
        {
            x = graph.Node("MaxPool", [x], ("kernel_shape", new long[] { shape.MaxPool, shape.MaxPool }), ("strides", new long[] { shape.MaxPool, shape.MaxPool }));
        }
        var channels = shape.StemWidth;
        foreach (var (i, (width, stride)) in shape.Blocks.Index())
        {
            var first = graph.Relu(Convolution(x, $"block{i}.conv1", $"block{i}.bn1", channels, width, 3, stride));
            var second = Convolution(first, $"block{i}.conv2", $"block{i}.bn2", width, width, 3, 1);
            var shortcut = channels == width && stride == 1 ? x : Convolution(x, $"block{i}.short.conv", $"block{i}.short.bn", channels, width, 1, stride);
            x = graph.Relu(graph.Add(second, shortcut));
            channels = width;
        }
        return graph.Node("ReduceMean", [x, graph.Integers(2, 3)], ("keepdims", 0L));
    }

    /// <summary>Batch normalisation in evaluation as a gain and a shift of each channel.</summary>
    private static (double[] Gain, double[] Shift) Fold(Dictionary<string, TorchSharp.torch.Tensor> weights, string name, BatchNormalizationSettings settings)
    {
        var (gain, shift) = (weights[name + ".weight"].ToDoubles(), weights[name + ".bias"].ToDoubles());
        var (mean, variance) = (weights[name + ".running_mean"].ToDoubles(), weights[name + ".running_var"].ToDoubles());
        for (var i = 0; i < gain.Length; i++)
        {
            gain[i] /= Math.Sqrt(variance[i] + settings.Epsilon);
            shift[i] -= mean[i] * gain[i];
        }
        return (gain, shift);
    }

    private static float[] ToFloats(double[] values) => Array.ConvertAll(values, value => (float)value);
}
