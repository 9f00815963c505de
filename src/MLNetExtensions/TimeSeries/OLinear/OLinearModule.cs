using MLNetExtensions.Torch;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// The network of OLinear (arXiv 2505.08550). The stage methods follow the paper step by step; <see cref="Forward"/> computes the same numbers, and the
/// same gradients, with fewer operations.
/// </summary>
/// <remarks>
/// Shapes in comments: B windows, N channels, T steps back, H steps ahead, d embedding, D width, F hidden width. No method changes the module, so
/// that threads may share it while nobody trains it. The caller keeps a dispose scope open.
/// </remarks>
internal sealed class OLinearModule : IDisposable
{
    internal const double VarianceEpsilon = 1e-5;
    internal const double ScaleEpsilon = 1e-10;

    private readonly ParameterSet _constants = new();
    private readonly OLinearLayer[] _layers;
    private readonly Tensor _gamma;
    private readonly Tensor _beta;
    private readonly Tensor _phi;
    private readonly Tensor _delta1;
    private readonly Tensor _delta2;
    private readonly Tensor _normWeight;
    private readonly Tensor _normBias;
    private readonly Tensor _inWeight;
    private readonly Tensor _inBias;
    private readonly Tensor _outWeight;
    private readonly Tensor _outBias;
    private readonly Tensor _head0Weight;
    private readonly Tensor _head0Bias;
    private readonly Tensor _head2Weight;
    private readonly Tensor _head2Bias;
    private readonly Tensor? _ones;

    /// <summary>Makes the network; its tensors are its own copies.</summary>
    /// <param name="shape">The sizes and options.</param>
    /// <param name="qIn">Qi [T, T], the rows are the eigenvectors.</param>
    /// <param name="qOut">Qo [H, H].</param>
    /// <param name="channelWeights">A [N, N] of <see cref="ChannelMixing.FixedCorrelation"/>, otherwise null.</param>
    /// <param name="generator">Draws the starting weights on the CPU, so that they do not depend on the device; null leaves the drawn ones at 0.</param>
    /// <param name="dtype">Float32 or Float64.</param>
    /// <param name="device">Where it computes.</param>
    internal OLinearModule(OLinearShape shape, Tensor qIn, Tensor qOut, Tensor? channelWeights, Generator? generator, ScalarType dtype, Device device)
    {
        shape.Check();
        Shape = shape;
        long n = shape.Channels, t = shape.WindowSize, h = shape.Horizon, d = shape.EmbeddingSize, width = shape.Width, f = shape.HiddenWidth;
        CheckShape(nameof(qIn), qIn, t);
        CheckShape(nameof(qOut), qOut, h);
        if ((shape.Mixing == ChannelMixing.FixedCorrelation) != (channelWeights is not null))
        {
            throw new ArgumentException("The channel weights are given with the fixed mixing, and only then.", nameof(channelWeights));
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        QIn = Constant("q_in", qIn);
        QOut = Constant("q_out", qOut);
        if (channelWeights is not null)
        {
            CheckShape(nameof(channelWeights), channelWeights, n);
            ChannelWeights = Constant("channel_weights", channelWeights);
        }
        if (d > 1)
        {
            _ones = _constants.Add("ones", ones(1, d, dtype: dtype, device: device), trainable: false);
        }

        _phi = Parameter("embeddings", [1, d], x => x.normal_(0, 1, generator));
        _delta1 = Parameter("delta1", [1, n, 1, t], null);
        _delta2 = Parameter("delta2", [1, n, 1, h], null);
        (_head0Weight, _head0Bias) = Linear("fc.0", f, h * d);
        (_head2Weight, _head2Bias) = Linear("fc.2", h, f);
        _gamma = Parameter("revin_layer.affine_weight", [n], x => x.fill_(TensorOps.One), drawn: false);
        _beta = Parameter("revin_layer.affine_bias", [n], null);
        _layers = new OLinearLayer[shape.Layers];
        for (var l = 0; l < shape.Layers; l++)
        {
            _layers[l] = Layer($"encoder.attn_layers.{l}.");
        }
        (_normWeight, _normBias) = Norm("encoder.norm");
        (_inWeight, _inBias) = Linear("ortho_trans.0", width, d * t);
        (_outWeight, _outBias) = Linear("ortho_trans.2", d * h, width);

        Tensor Constant(string name, Tensor value) => _constants.Add(name, value.detach().to(dtype, device, copy: true), trainable: false);

        Tensor Parameter(string name, long[] size, Func<Tensor, Tensor>? start, bool drawn = true)
        {
            // Drawn in float32 whatever the precision, so that both start from the same values.
            var value = zeros(size, dtype: ScalarType.Float32, device: CPU);
            if (start is not null && (generator is not null || !drawn))
            {
                start(value);
            }
            return Parameters.Add(name, value.to(dtype, device));
        }

        (Tensor, Tensor) Linear(string name, long outputs, long inputs, bool convolution = false)
        {
            var bound = 1 / Math.Sqrt(inputs);
            var weight = Parameter(name + ".weight", convolution ? [outputs, inputs, 1] : [outputs, inputs], x => x.uniform_(-bound, bound, generator));
            return (weight, Parameter(name + ".bias", [outputs], x => x.uniform_(-bound, bound, generator)));
        }

        (Tensor, Tensor) Norm(string name)
            => (Parameter(name + ".weight", [width], x => x.fill_(TensorOps.One), drawn: false), Parameter(name + ".bias", [width], null));

        OLinearLayer Layer(string prefix)
        {
            var weightMatrix = shape.Mixing == ChannelMixing.Learned
                ? Parameter(prefix + "weight_mat", [1, n, n], x => x.normal_(0, 1, generator).add_(eye(n, dtype: ScalarType.Float32), TensorOps.One))
                : null;
            var (norm1Weight, norm1Bias) = Norm(prefix + "norm1");
            var (valueWeight, valueBias) = Linear(prefix + "v_proj", width, width);
            var (outWeight, outBias) = Linear(prefix + "out_proj", width, width);
            var (conv1Weight, conv1Bias) = Linear(prefix + "conv1", f, width, convolution: true);
            var (conv2Weight, conv2Bias) = Linear(prefix + "conv2", width, f, convolution: true);
            var (norm2Weight, norm2Bias) = Norm(prefix + "norm2");
            return new()
            {
                WeightMatrix = weightMatrix,
                ValueWeight = valueWeight,
                ValueBias = valueBias,
                OutWeight = outWeight,
                OutBias = outBias,
                Norm1Weight = norm1Weight,
                Norm1Bias = norm1Bias,
                Conv1Weight = conv1Weight,
                Conv1Bias = conv1Bias,
                Conv2Weight = conv2Weight,
                Conv2Bias = conv2Bias,
                Norm2Weight = norm2Weight,
                Norm2Bias = norm2Bias,
            };
        }
    }

    internal OLinearShape Shape { get; }

    /// <summary>The trained tensors, under the names of the published code.</summary>
    internal ParameterSet Parameters { get; } = new();

    /// <summary>Qi [T, T].</summary>
    internal Tensor QIn { get; }

    /// <summary>Qo [H, H].</summary>
    internal Tensor QOut { get; }

    /// <summary>The fixed A [N, N] of OLinear-C.</summary>
    internal Tensor? ChannelWeights { get; }

    internal IReadOnlyList<OLinearLayer> Layers => _layers;

    /// <summary>Forces the output side to be folded or not, whatever pays; for tests.</summary>
    internal bool? FoldOutput { get; set; }

    /// <summary>Forces the two projections around the channel mixing to be folded or not, whatever pays; for tests.</summary>
    internal bool? FoldValues { get; set; }

    public void Dispose()
    {
        Parameters.Dispose();
        _constants.Dispose();
    }

    // ---- The steps of the paper, [B, N, …] ----

    /// <summary>4.1: x [B, T, N] to z [B, T, N], with the mean and the deviation [B, 1, N] as constants.</summary>
    internal (Tensor Z, Tensor Mean, Tensor Deviation) NormalizeWindow(Tensor x)
    {
        var (mean, deviation) = WindowStatistics(x, 1);
        return (x.Minus(mean).DividedBy(deviation).Times(_gamma).Plus(_beta), mean, deviation);
    }

    /// <summary>4.2: z [B, T, N] to [B, N, T, d].</summary>
    internal Tensor Embed(Tensor z)
    {
        var series = z.transpose(1, 2).unsqueeze(-1);
        return Shape.EmbeddingSize > 1 ? series.Times(_phi) : series;
    }

    /// <summary>4.3: [B, N, T, d] to u [B, N, d, T].</summary>
    internal Tensor RotateIn(Tensor e) => functional.linear(e.transpose(2, 3), QIn).Plus(_delta1);

    /// <summary>4.4: u [B, N, d, T] to h [B, N, D].</summary>
    internal Tensor ProjectIn(Tensor u) => functional.linear(u.flatten(2), _inWeight, _inBias);

    /// <summary>4.5 and 5: one encoder layer, h [B, N, D] to [B, N, D].</summary>
    internal Tensor EncoderLayer(int index, Tensor h, StepRandom? random)
    {
        var layer = _layers[index];
        var afterCsl = CrossSeries(layer, h, random).AfterCsl;
        var y = Dropout(Activate(functional.linear(afterCsl, layer.Conv1, layer.Conv1Bias), Shape.Activation), random);
        y = Dropout(functional.linear(y, layer.Conv2, layer.Conv2Bias), random);
        return Normalize(afterCsl.Plus(y), layer.Norm2Weight, layer.Norm2Bias);
    }

    /// <summary>5: the cross-series learner with what it passes through: V, A V and the output of norm1.</summary>
    internal (Tensor Values, Tensor Mixed, Tensor AfterCsl) CrossSeries(OLinearLayer layer, Tensor h, StepRandom? random)
    {
        var a = Dropout(MixingMatrix(layer), random);
        var values = functional.linear(h, layer.ValueWeight, layer.ValueBias);
        var mixed = einsum("nm,bmd->bnd", a, values);
        var projected = Dropout(functional.linear(mixed, layer.OutWeight, layer.OutBias), random);
        return (values, mixed, Normalize(h.Plus(projected), layer.Norm1Weight, layer.Norm1Bias));
    }

    /// <summary>5: A [N, N]; its rows sum to 1.</summary>
    internal Tensor MixingMatrix(OLinearLayer layer)
    {
        if (layer.WeightMatrix is null)
        {
            return ChannelWeights!;
        }
        var w = layer.WeightMatrix.squeeze(0);
        var p = w.logaddexp(zeros_like(w)); // softplus
        return p.DividedBy(p.sum(1, keepdim: true).clamp_min(TensorOps.Constant(1e-12)));
    }

    /// <summary>4.5: the LayerNorm after the last layer.</summary>
    internal Tensor FinalNorm(Tensor h) => Normalize(h, _normWeight, _normBias);

    /// <summary>4.6: h [B, N, D] to g [B, N, d, H].</summary>
    internal Tensor ProjectOut(Tensor h) => functional.linear(h, _outWeight, _outBias).unflatten(2, Shape.EmbeddingSize, Shape.Horizon);

    /// <summary>4.7: g [B, N, d, H] to o [B, N, d, H].</summary>
    internal Tensor RotateOut(Tensor g) => functional.linear(g, QOut.t()).Plus(_delta2);

    /// <summary>4.8: o [B, N, d, H] to [B, H, N], before the dropout.</summary>
    internal Tensor Head(Tensor o)
    {
        var hidden = Activate(functional.linear(o.transpose(2, 3).flatten(2), _head0Weight, _head0Bias), Shape.HeadActivation);
        return functional.linear(hidden, _head2Weight, _head2Bias).transpose(1, 2);
    }

    /// <summary>4.9: r [B, H, N] to the forecast [B, H, N].</summary>
    internal Tensor Denormalize(Tensor r, Tensor mean, Tensor deviation)
        => r.Minus(_beta).DividedBy(_gamma.Plus(ScaleEpsilon)).Times(deviation).Plus(mean);

    /// <summary>The network as the paper writes it: x [B, T, N] to [B, H, N]. What <see cref="Forward"/> is measured against.</summary>
    internal Tensor ForwardPlain(Tensor x, StepRandom? random = null)
    {
        var (z, mean, deviation) = NormalizeWindow(x);
        var h = ProjectIn(RotateIn(Embed(z)));
        for (var l = 0; l < _layers.Length; l++)
        {
            h = EncoderLayer(l, h, random);
        }
        // Masks follow the order of the shape: here that of Forward, so that one window draws the same ones.
        var r = Dropout(Head(RotateOut(ProjectOut(FinalNorm(h)))).transpose(1, 2), random).transpose(1, 2);
        return Denormalize(r, mean, deviation);
    }

    // ---- The same with fewer operations ----

    /// <summary>The forecast [B, H, N] of the windows x [B, T, N], which may be any strided view. Null for <paramref name="random"/> means evaluation.</summary>
    /// <remarks>
    /// Tokens stand channel by channel, [N, B, …]: mixing the channels is then one product A (N x N) by (N x BD), and so are its two gradients, and the
    /// products per token are plain matrix products without a copy. Chains of linear maps are multiplied together where that costs less (R = B N tokens):
    /// the input projection always (phi leaves the product over tokens), Wo Wv where R > D, the output side as <see cref="PaysToFoldOutput"/> counts.
    /// </remarks>
    internal Tensor Forward(Tensor x, StepRandom? random = null)
    {
        long n = Shape.Channels, b = x.size(0), tokens = n * b, t = Shape.WindowSize, horizon = Shape.Horizon, width = Shape.Width;
        var series = x.permute(2, 0, 1).contiguous();
        var (mean, deviation) = WindowStatistics(series, 2);
        var gamma = _gamma.view(n, 1, 1);
        var beta = _beta.view(n, 1, 1);
        var z = series.Minus(mean).DividedBy(deviation).Times(gamma).Plus(beta);

        var h = InputSide(z, n, b);
        foreach (var layer in _layers)
        {
            h = FastLayer(layer, h, n, b, random);
        }
        h = FinalNorm(h);
        var hidden = Activate(FoldOutput ?? PaysToFoldOutput(Shape, tokens) ? FoldedOutputSide(h, n, b) : OutputSide(h, n, b), Shape.HeadActivation);
        var r = Dropout(functional.linear(hidden, _head2Weight, _head2Bias), random).view(n, b, horizon);
        return r.Minus(beta).DividedBy(gamma.Plus(ScaleEpsilon)).Times(deviation).Plus(mean).permute(1, 2, 0);
    }

    /// <summary>
    /// Multiply-adds of both ways for R tokens. Token by token: R (D dH + dH H + dH F). Folded: dH F (H + D) once for the step, and R D F. The
    /// backward pass doubles both.
    /// </summary>
    internal static bool PaysToFoldOutput(OLinearShape shape, long tokens)
    {
        long h = shape.Horizon, dh = shape.EmbeddingSize * h, width = shape.Width, f = shape.HiddenWidth;
        return dh * f * (h + width) + tokens * width * f < tokens * dh * (width + h + f);
    }

    /// <summary>z [N, B, T] to h [NB, D]: h = (sum_k phi_k W_k) Qi z + (sum_k W_k) delta1 + b, with W_k [D, T] the k-th block of the input projection.</summary>
    private Tensor InputSide(Tensor z, long n, long b)
    {
        long t = Shape.WindowSize, d = Shape.EmbeddingSize, width = Shape.Width;
        var delta1 = _delta1.view(n, 1, t);
        var tokens = z.view(n * b, t);
        if (d == 1)
        {
            return functional.linear(functional.linear(tokens, QIn).view(n, b, t).Plus(delta1).view(n * b, t), _inWeight, _inBias);
        }
        var blocks = _inWeight.view(width, d, t);
        var weights = bmm(cat([_phi, _ones!]).unsqueeze(0).expand(width, 2, d), blocks); // [D, 2, T]
        var embedded = weights.select(1, 0);
        // Qi turns the tokens or the weights, whichever are fewer.
        var projected = n * b <= width
            ? mm(functional.linear(tokens, QIn), embedded.t())
            : mm(tokens, mm(embedded, QIn).t());
        var bias = functional.linear(delta1.squeeze(1), weights.select(1, 1), _inBias);
        return projected.view(n, b, width).Plus(bias.unsqueeze(1)).view(n * b, width);
    }

    private Tensor FastLayer(OLinearLayer layer, Tensor h, long n, long b, StepRandom? random)
    {
        long tokens = n * b, width = Shape.Width;
        var a = Dropout(MixingMatrix(layer), random);
        Tensor projected;
        if (FoldValues ?? tokens > width)
        {
            // Dropout may have changed the row sums of A, which weigh the bias of the values.
            var values = mm(h, mm(layer.OutWeight, layer.ValueWeight).t()).view(n, b * width);
            var bias = a.sum(1, keepdim: true).Times(mm(layer.OutWeight, layer.ValueBias.unsqueeze(1)).t()).Plus(layer.OutBias);
            projected = mm(a, values).view(n, b, width).Plus(bias.unsqueeze(1)).view(tokens, width);
        }
        else
        {
            var values = functional.linear(h, layer.ValueWeight, layer.ValueBias).view(n, b * width);
            projected = functional.linear(mm(a, values).view(tokens, width), layer.OutWeight, layer.OutBias);
        }
        var h1 = Normalize(h.Plus(Dropout(projected, random)), layer.Norm1Weight, layer.Norm1Bias);
        var y = Dropout(Activate(functional.linear(h1, layer.Conv1, layer.Conv1Bias), Shape.Activation), random);
        y = Dropout(functional.linear(y, layer.Conv2, layer.Conv2Bias), random);
        return Normalize(h1.Plus(y), layer.Norm2Weight, layer.Norm2Bias);
    }

    /// <summary>h [NB, D] to the input of the head's activation [NB, F], token by token.</summary>
    private Tensor OutputSide(Tensor h, long n, long b)
    {
        long horizon = Shape.Horizon, d = Shape.EmbeddingSize;
        var g = functional.linear(h, _outWeight, _outBias);
        var o = mm(g.view(n * b * d, horizon), QOut).view(n, b, d, horizon).Plus(_delta2.view(n, 1, 1, horizon));
        return functional.linear(o.transpose(2, 3).reshape(n * b, horizon * d), _head0Weight, _head0Bias);
    }

    /// <summary>The same with the output projection, Qo and the first map of the head as one matrix [F, D] and one bias per channel.</summary>
    private Tensor FoldedOutputSide(Tensor h, long n, long b)
    {
        long horizon = Shape.Horizon, d = Shape.EmbeddingSize, f = Shape.HiddenWidth;
        var head = _head0Weight.view(f, horizon, d).transpose(1, 2); // [F, d, H]
        var rotated = functional.linear(head.reshape(f * d, horizon), QOut).view(f, d * horizon);
        var shared = mm(rotated, _outBias.unsqueeze(1)).squeeze(1).Plus(_head0Bias);
        var bias = functional.linear(_delta2.view(n, horizon), head.sum(1), shared);
        return mm(h, mm(rotated, _outWeight).t()).view(n, b, f).Plus(bias.unsqueeze(1)).view(n * b, f);
    }

    private static (Tensor Mean, Tensor Deviation) WindowStatistics(Tensor x, long timeAxis)
    {
        var (variance, mean) = x.detach().var_mean(timeAxis, unbiased: false, keepdim: true);
        return (mean, variance.Plus(VarianceEpsilon).sqrt());
    }

    private Tensor Normalize(Tensor h, Tensor weight, Tensor bias) => functional.layer_norm(h, [Shape.Width], weight, bias);

    private static Tensor Activate(Tensor x, OLinearActivation activation) => activation == OLinearActivation.Gelu ? functional.gelu(x) : x.relu();

    private Tensor Dropout(Tensor x, StepRandom? random) => random is null || Shape.Dropout == 0 ? x : random.Dropout(x, Shape.Dropout);

    private static void CheckShape(string name, Tensor matrix, long size)
    {
        if (matrix.dim() != 2 || matrix.size(0) != size || matrix.size(1) != size)
        {
            throw new ArgumentException($"Has the shape [{string.Join(", ", matrix.shape)}], expected [{size}, {size}].", name);
        }
    }
}

/// <summary>The parameters of one encoder layer.</summary>
internal sealed class OLinearLayer
{
    /// <summary>W [1, N, N]; null where the mixing is fixed.</summary>
    internal required Tensor? WeightMatrix { get; init; }

    internal required Tensor ValueWeight { get; init; }

    internal required Tensor ValueBias { get; init; }

    internal required Tensor OutWeight { get; init; }

    internal required Tensor OutBias { get; init; }

    internal required Tensor Norm1Weight { get; init; }

    internal required Tensor Norm1Bias { get; init; }

    /// <summary>[F, D, 1]: the published code writes the two maps as convolutions of width 1.</summary>
    internal required Tensor Conv1Weight { get; init; }

    internal required Tensor Conv1Bias { get; init; }

    /// <summary>[D, F, 1].</summary>
    internal required Tensor Conv2Weight { get; init; }

    internal required Tensor Conv2Bias { get; init; }

    internal required Tensor Norm2Weight { get; init; }

    internal required Tensor Norm2Bias { get; init; }

    internal Tensor Conv1 => Conv1Weight.squeeze(-1);

    internal Tensor Conv2 => Conv2Weight.squeeze(-1);
}
