using MLNetExtensions.Torch;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// A trained OLinear for scoring: its chains of linear maps multiplied together, which leaves less than half of the work. Equal to
/// <see cref="OLinearModule.Forward"/> in evaluation but for rounding; holds tensors of its own and is safe for many threads at a time.
/// </summary>
internal sealed class FoldedOLinear : IDisposable
{
    private readonly ParameterSet _tensors = new();
    private readonly OLinearShape _shape;
    private readonly Layer[] _layers;
    private readonly Tensor _gamma;
    private readonly Tensor _inWeight;
    private readonly Tensor _inBias;
    private readonly Tensor _normWeight;
    private readonly Tensor _normBias;
    private readonly Tensor _headWeight;
    private readonly Tensor _headBias;
    private readonly Tensor _outWeight;
    private readonly Tensor _outBias;
    private readonly Tensor _inverseScale;
    private readonly Tensor _beta;

    /// <summary>Folds the present weights of a module, in float64, and keeps the result in the module's precision on its device.</summary>
    internal FoldedOLinear(OLinearModule module)
    {
        _shape = module.Shape;
        long n = _shape.Channels, t = _shape.WindowSize, h = _shape.Horizon, d = _shape.EmbeddingSize, width = _shape.Width, f = _shape.HiddenWidth;
        var device = module.QIn.device;
        var dtype = module.QIn.dtype;

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor Exact(Tensor value) => value.detach().to(ScalarType.Float64, CPU);
        Tensor Parameter(string name) => Exact(module.Parameters[name]);
        // A copy even where nothing was folded: the module may be trained on, or disposed.
        Tensor Keep(string name, Tensor value) => _tensors.Add(name, value.contiguous().to(dtype, device, copy: true), trainable: false);

        var gamma = Parameter("revin_layer.affine_weight");
        var beta = Parameter("revin_layer.affine_bias");
        var inverse = gamma.Plus(OLinearModule.ScaleEpsilon).reciprocal();
        _gamma = Keep("gamma", gamma.view(n, 1, 1));
        _inverseScale = Keep("inverse_scale", inverse.view(n, 1, 1));
        _beta = Keep("beta", beta.view(n, 1, 1));

        // W_in' = (sum_k phi_k W_k) Qi; its bias per channel also takes beta in.
        var blocks = Parameter("ortho_trans.0.weight").view(width, d, t);
        var embedded = d > 1 ? bmm(Parameter("embeddings").unsqueeze(0).expand(width, 1, d), blocks).squeeze(1) : blocks.squeeze(1);
        var inWeight = mm(embedded, Exact(module.QIn));
        var inBias = functional.linear(Parameter("delta1").view(n, t), blocks.sum(1), Parameter("ortho_trans.0.bias"));
        inBias = inBias.Plus(mm(beta.unsqueeze(1), inWeight.sum(1).unsqueeze(0)));
        _inWeight = Keep("in.weight", inWeight);
        _inBias = Keep("in.bias", inBias.unsqueeze(1));

        _layers = new Layer[_shape.Layers];
        for (var l = 0; l < _layers.Length; l++)
        {
            var prefix = $"encoder.attn_layers.{l}.";
            var layer = module.Layers[l];
            var outWeight = Parameter(prefix + "out_proj.weight");
            var valueBias = mm(outWeight, Parameter(prefix + "v_proj.bias").unsqueeze(1)).squeeze(1);
            _layers[l] = new(
                A: Keep(prefix + "a", module.MixingMatrix(layer)),
                ValueWeight: Keep(prefix + "values.weight", mm(outWeight, Parameter(prefix + "v_proj.weight"))),
                ValueBias: Keep(prefix + "values.bias", valueBias.Plus(Parameter(prefix + "out_proj.bias"))),
                Norm1Weight: Keep(prefix + "norm1.weight", layer.Norm1Weight),
                Norm1Bias: Keep(prefix + "norm1.bias", layer.Norm1Bias),
                Conv1Weight: Keep(prefix + "conv1.weight", layer.Conv1),
                Conv1Bias: Keep(prefix + "conv1.bias", layer.Conv1Bias),
                Conv2Weight: Keep(prefix + "conv2.weight", layer.Conv2),
                Conv2Bias: Keep(prefix + "conv2.bias", layer.Conv2Bias),
                Norm2Weight: Keep(prefix + "norm2.weight", layer.Norm2Weight),
                Norm2Bias: Keep(prefix + "norm2.bias", layer.Norm2Bias));
        }
        _normWeight = Keep("norm.weight", module.Parameters["encoder.norm.weight"]);
        _normBias = Keep("norm.bias", module.Parameters["encoder.norm.bias"]);

        // W_h' = fc.0, Qo and the output projection as one matrix.
        var head = Parameter("fc.0.weight").view(f, h, d).transpose(1, 2); // [F, d, H]
        var rotated = functional.linear(head.reshape(f * d, h), Exact(module.QOut)).view(f, d * h);
        var shared = mm(rotated, Parameter("ortho_trans.2.bias").unsqueeze(1)).squeeze(1).Plus(Parameter("fc.0.bias"));
        _headWeight = Keep("head.weight", mm(rotated, Parameter("ortho_trans.2.weight")));
        _headBias = Keep("head.bias", functional.linear(Parameter("delta2").view(n, h), head.sum(1), shared).unsqueeze(1));
        _outWeight = Keep("out.weight", module.Parameters["fc.2.weight"]);
        _outBias = Keep("out.bias", module.Parameters["fc.2.bias"]);
    }

    internal OLinearShape Shape => _shape;

    /// <summary>A folded weight.</summary>
    internal Tensor this[string name] => _tensors[name];

    /// <summary>
    /// The forecast [B, H, N] of the windows x [B, T, N], any strided view: one whose channels lie apart in memory, such as the windows of a series
    /// [N, rows], is read in place. The result leaves to the caller's dispose scope and lies channel by channel.
    /// </summary>
    internal Tensor Score(Tensor x)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        long n = _shape.Channels, b = x.size(0), t = _shape.WindowSize, width = _shape.Width, tokens = n * b;
        var series = x.permute(2, 0, 1);
        var (variance, mean) = series.var_mean(2, unbiased: false, keepdim: true);
        var deviation = variance.Plus(OLinearModule.VarianceEpsilon).sqrt();
        var z = series.contiguous().Minus(mean).mul_(_gamma.DividedBy(deviation));

        var h = functional.linear(z.view(tokens, t), _inWeight);
        h.view(n, b, width).add_(_inBias, TensorOps.One);
        foreach (var layer in _layers)
        {
            // The rows of A sum to 1, so that the bias may be added before the mixing.
            var values = functional.linear(h, layer.ValueWeight, layer.ValueBias).view(n, b * width);
            h.view(n, b * width).addmm_(layer.A, values);
            var h1 = functional.layer_norm(h, [width], layer.Norm1Weight, layer.Norm1Bias);
            var y = Activate(functional.linear(h1, layer.Conv1Weight, layer.Conv1Bias), _shape.Activation);
            h = functional.linear(y, layer.Conv2Weight, layer.Conv2Bias).add_(h1, TensorOps.One);
            h = functional.layer_norm(h, [width], layer.Norm2Weight, layer.Norm2Bias);
        }
        h = functional.layer_norm(h, [width], _normWeight, _normBias);
        var hidden = functional.linear(h, _headWeight);
        hidden.view(n, b, _shape.HiddenWidth).add_(_headBias, TensorOps.One);
        var r = functional.linear(Activate(hidden, _shape.HeadActivation), _outWeight, _outBias).view(n, b, _shape.Horizon);
        return r.sub_(_beta).mul_(deviation.mul_(_inverseScale)).add_(mean, TensorOps.One).permute(1, 2, 0).MoveToOuterDisposeScope();
    }

    /// <summary>Gives the tensors to the open dispose scope, for a use that ends with it.</summary>
    internal FoldedOLinear AttachToDisposeScope()
    {
        _tensors.AttachToDisposeScope();
        return this;
    }

    public void Dispose() => _tensors.Dispose();

    private static Tensor Activate(Tensor x, OLinearActivation activation) => activation == OLinearActivation.Gelu ? x.gelu_() : x.relu_();

    private sealed record Layer(
        Tensor A, Tensor ValueWeight, Tensor ValueBias, Tensor Norm1Weight, Tensor Norm1Bias,
        Tensor Conv1Weight, Tensor Conv1Bias, Tensor Conv2Weight, Tensor Conv2Bias, Tensor Norm2Weight, Tensor Norm2Bias);
}
