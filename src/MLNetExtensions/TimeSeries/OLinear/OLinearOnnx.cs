using MLNetExtensions.Onnx;
using MLNetExtensions.Torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>The graph of <see cref="FoldedOLinear.Score"/>.</summary>
internal static class OLinearOnnx
{
    /// <summary>Forecasts windows [rows, T, N]: [rows, H, N].</summary>
    internal static string Write(OnnxGraph graph, FoldedOLinear network, string windows)
    {
        var shape = network.Shape;
        float[] Weights(string name) => network[name].ToFloats();
        string Constant(string name, params long[] dimensions) => graph.Constant(Weights(name), dimensions);
        string Linear(string x, string name, int outputs, bool withBias) => graph.Linear(x, Weights(name + ".weight"), withBias ? Weights(name + ".bias") : null, outputs);
        string Normalize(string x, string name) => graph.LayerNormalization(x, Weights(name + ".weight"), Weights(name + ".bias"));
        string Activate(string x, OLinearActivation activation) => activation == OLinearActivation.Gelu ? graph.Gelu(x) : graph.Relu(x);

        int n = shape.Channels, width = shape.Width, hidden = shape.HiddenWidth;
        var x = graph.Transpose(windows, 0, 2, 1);
        var mean = graph.ReduceMean(x, 2);
        var centred = graph.Subtract(x, mean);
        var variance = graph.ReduceMean(graph.Multiply(centred, centred), 2);
        var deviation = graph.Sqrt(graph.Add(variance, graph.Scalar((float)OLinearModule.VarianceEpsilon)));
        var z = graph.Multiply(graph.Divide(centred, deviation), Constant("gamma", n, 1));

        var h = graph.Add(Linear(z, "in", width, withBias: false), Constant("in.bias", n, width));
        for (var l = 0; l < shape.Layers; l++)
        {
            var prefix = $"encoder.attn_layers.{l}.";
            // The rows of A sum to 1, so that the bias of the values may be added before the mixing or after it.
            var mixed = graph.MatMul(Constant(prefix + "a", n, n), Linear(h, prefix + "values", width, withBias: true));
            var h1 = Normalize(graph.Add(h, mixed), prefix + "norm1");
            var y = Activate(Linear(h1, prefix + "conv1", hidden, withBias: true), shape.Activation);
            h = Normalize(graph.Add(Linear(y, prefix + "conv2", width, withBias: true), h1), prefix + "norm2");
        }
        h = Normalize(h, "norm");
        var rotated = graph.Add(Linear(h, "head", hidden, withBias: false), Constant("head.bias", n, hidden));
        var r = Linear(Activate(rotated, shape.HeadActivation), "out", shape.Horizon, withBias: true);
        var restored = graph.Multiply(graph.Multiply(graph.Subtract(r, Constant("beta", n, 1)), Constant("inverse_scale", n, 1)), deviation);
        return graph.Transpose(graph.Add(restored, mean), 0, 2, 1);
    }
}
