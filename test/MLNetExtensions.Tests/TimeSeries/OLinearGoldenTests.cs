using MLNetExtensions.Onnx;
using MLNetExtensions.Tests.Golden;
using MLNetExtensions.Tests.Onnx;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
[TestCategory("Golden")]
public sealed class OLinearGoldenTests
{
    // Below these gaps between eigenvalues the directions of eigenvectors are rounding, in float64 and float32.
    private const double SmallestGap = 1e-6;
    private const double SmallestGapFloat32 = 1e-4;

    private static IEnumerable<object[]> MatrixRows => GoldenFiles.Rows("olinear", "case1_qmatrix");

    private static IEnumerable<object[]> LayerRows => GoldenFiles.Rows("olinear", "case2_normlin_layer");

    private static IEnumerable<object[]> ModelRows => GoldenFiles.Rows("olinear", "case3a_model", "case3b_model_c");

    private static IEnumerable<object[]> TrainRows => GoldenFiles.Rows("olinear", "case4_train");

    [TestMethod]
    [DynamicData(nameof(MatrixRows))]
    public void OrthogonalMatrices(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "olinear.qmatrix");
        golden.Choose("missing", ("zero", true));
        golden.Choose("row_sign", ("largest_positive", true));
        var threshold = golden.Number("variance_threshold");
        var shape = golden.Shape("series");
        var rows = (int)Math.Floor(shape[0] * golden.Number("train_ratio"));
        foreach (var mode in golden.List("correlations"))
        {
            var kind = golden.Choose("correlations", mode, ("ref", LagCorrelation.ColumnNormalizedCovariance), ("pearson", LagCorrelation.Pearson));
            var size = (int)golden.Shape($"{mode}.q")[0];
            var basis = OrthogonalBasis.Compute(golden.Doubles("series"), (int)shape[1], rows, size, kind, threshold);
            golden.AssertValues("channel_kept", [.. basis.ChannelKept.Select(kept => kept ? 1.0 : 0.0)], 0);
            golden.AssertValues($"{mode}.sigma", basis.Correlation, 1e-9);
            golden.AssertValues($"{mode}.eigenvalues", basis.Eigenvalues, 1e-9);
            AssertRows(golden, $"{mode}.q", basis);
            if (golden.Has($"{mode}.q_f32_original"))
            {
                AssertDirections(golden, $"{mode}.q_f32_original", basis);
            }
        }
        if (golden.List("full.cases").Contains(entry))
        {
            var name = $"full.{(entry.Length > 0 ? entry + "." : "")}ref.q_f32_original";
            var (values, channels) = GoldenFiles.ReadTable(golden.Option("full.source"), golden.Integer("full.rows"));
            AssertDirections(golden, name, OrthogonalBasis.Compute(values, channels, values.Length / channels, (int)golden.Shape(name)[0], LagCorrelation.ColumnNormalizedCovariance, threshold));
        }
    }

    [TestMethod]
    [DynamicData(nameof(LayerRows))]
    public void EncoderLayer(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "olinear.layer");
        using var scope = NewDisposeScope();
        var mixing = golden.Choose("channel_mixing", ("learned", ChannelMixing.Learned));
        var shape = new OLinearShape
        {
            Channels = (int)golden.Shape("x")[1],
            WindowSize = 1,
            Horizon = 1,
            EmbeddingSize = 1,
            Width = (int)golden.Shape("x")[2],
            HiddenWidth = (int)golden.Shape("w.conv1.weight")[0],
            Layers = 1,
            Dropout = golden.Number("dropout"),
            Activation = Activation(golden, "activation"),
            Mixing = mixing,
        };
        using var module = new OLinearModule(shape, eye(1), eye(1), null, null, ScalarType.Float64, CPU);
        const string Prefix = "encoder.attn_layers.0.";
        var parameters = module.Parameters.Items.Where(item => item.Key.StartsWith(Prefix, StringComparison.Ordinal)).ToDictionary(item => item.Key[Prefix.Length..], item => item.Value);
        Load(golden, "w.", parameters);
        var x = golden.Tensor("x").requires_grad_();

        var (values, mixed, afterCsl) = module.CrossSeries(module.Layers[0], x, null);
        golden.AssertClose("A", module.MixingMatrix(module.Layers[0]), 1e-9);
        golden.AssertClose("values", values, 1e-6);
        golden.AssertClose("mixed", mixed, 1e-6);
        golden.AssertClose("after_csl", afterCsl, 1e-6);
        var y = module.EncoderLayer(0, x, null);
        golden.AssertClose("y", y, 1e-6);
        var objective = y.mul(golden.Tensor("probe")).sum();
        golden.AssertClose("objective", objective, 1e-6);
        objective.backward();
        AssertGradients(golden, parameters.Append(new("x", x)));
    }

    [TestMethod]
    [DynamicData(nameof(ModelRows))]
    public void Model(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "olinear.model");
        var shape = ModelShape(golden, "w.", (int)golden.Shape("x")[1], (int)golden.Shape("x")[2]);
        using var scope = NewDisposeScope();
        using var module = CreateModule(golden, "w.", shape, ScalarType.Float64);

        var x = golden.Tensor("x", ScalarType.Float64);
        var (z, mean, deviation) = module.NormalizeWindow(x);
        golden.AssertClose("stage.revin", z, 1e-6);
        golden.AssertClose("stage.revin_mean", mean, 1e-6);
        golden.AssertClose("stage.revin_std", deviation, 1e-6);
        var e = module.Embed(z);
        golden.AssertClose("stage.embed", e, 1e-6);
        var u = module.RotateIn(e);
        golden.AssertClose("stage.ortho_in", u, 1e-6);
        var h = module.ProjectIn(u);
        golden.AssertClose("stage.lin_in", h, 1e-6);
        for (var l = 0; l < shape.Layers; l++)
        {
            h = module.EncoderLayer(l, h, null);
            golden.AssertClose($"stage.layer{l}", h, 1e-6);
        }
        h = module.FinalNorm(h);
        golden.AssertClose("stage.final_norm", h, 1e-6);
        var g = module.ProjectOut(h);
        golden.AssertClose("stage.lin_out", g, 1e-6);
        var o = module.RotateOut(g);
        golden.AssertClose("stage.ortho_out", o, 1e-6);
        var r = module.Head(o);
        golden.AssertClose("stage.head", r, 1e-6);
        golden.AssertClose("pred", module.Denormalize(r, mean, deviation), 1e-6);

        var y = golden.Tensor("y", ScalarType.Float64);
        using var loss = Loss(golden, shape, ScalarType.Float64);
        foreach (var (fold, forward) in Ways(module))
        {
            module.FoldOutput = module.FoldValues = fold;
            ClearGradients(module);
            var input = x.clone().requires_grad_();
            var pred = forward(input);
            golden.AssertClose("pred", pred, 1e-6);
            var cost = loss.Compute(pred, y);
            golden.AssertClose("loss", cost, 1e-6);
            cost.backward();
            AssertGradients(golden, module.Parameters.Items.Append(new("x", input)));
        }
        using (var folded = new FoldedOLinear(module))
        {
            golden.AssertClose("pred", folded.Score(x), 1e-6);
        }

        using var module32 = CreateModule(golden, "w.", shape, ScalarType.Float32);
        using var folded32 = new FoldedOLinear(module32);
        var x32 = golden.Tensor("x", ScalarType.Float32);
        foreach (var (fold, forward) in Ways(module32).Append((false, folded32.Score)))
        {
            module32.FoldOutput = module32.FoldValues = fold;
            golden.AssertClose("pred_f32", forward(x32), 1e-5);
        }
        golden.AssertClose("pred_f32", ByOnnx(folded32, x32), 1e-5);
    }

    /// <summary>What the exported graph forecasts.</summary>
    private static Tensor ByOnnx(FoldedOLinear network, Tensor x)
    {
        var shape = network.Shape;
        var graph = new OnnxGraph(["x", "y"]);
        graph.Output("y", OLinearOnnx.Write(graph, network, graph.Input("x", OnnxType.Single, OnnxGraph.Rows, shape.WindowSize, shape.Channels)), OnnxType.Single, OnnxGraph.Rows, shape.Horizon, shape.Channels);
        using var stream = new MemoryStream();
        graph.ToModel("g", "p", "1").WriteTo(stream);
        using var file = new OnnxFile(stream.ToArray());
        var y = file.Run(_ => TimesNetOnnxTests.ToCells(x), Enumerable.Range(0, (int)x.size(0)))["y"];
        return tensor((float[])y.Values).view(-1, shape.Horizon, shape.Channels);
    }

    [TestMethod]
    [DynamicData(nameof(TrainRows))]
    public void Training(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "olinear.train");
        Train(golden, ScalarType.Float64, "f64", 1e-6);
        Train(golden, ScalarType.Float32, "f32", 1e-5);
    }

    private static void Train(GoldenCase golden, ScalarType dtype, string suffix, double tolerance)
    {
        var t = (int)golden.Shape("q_in")[0];
        var shape = ModelShape(golden, "init.", t, (int)golden.Shape("series")[1]);
        using var scope = NewDisposeScope();
        using var module = CreateModule(golden, "init.", shape, dtype);
        using var loss = Loss(golden, shape, dtype);
        using var optimizer = new Optimizer([.. module.Parameters.Items.Select(item => item.Value)],
            golden.Choose("optimizer", ("adam", OptimizerKind.Adam), ("adamw", OptimizerKind.AdamW), ("radam", OptimizerKind.RAdam)),
            golden.Number("beta1"), golden.Number("beta2"), golden.Number("eps"), golden.Number("weight_decay"));
        var clipNorm = golden.Number("clip_norm");
        var series = golden.Tensor("series", dtype);
        var starts = golden.Doubles("batch_starts");
        var steps = (int)golden.Shape("batch_starts")[0];
        Assert.AreEqual(golden.Integer("steps"), steps);
        var rates = golden.Doubles("lr");
        var losses = new double[steps];
        var norms = new double[steps];
        for (var k = 0; k < steps; k++)
        {
            using var step = NewDisposeScope();
            optimizer.ClearGradients();
            var cost = loss.Compute(module.Forward(Windows(k, 0, t)), Windows(k, t, shape.Horizon));
            cost.backward();
            losses[k] = cost.to(ScalarType.Float64).item<double>();
            norms[k] = Math.Sqrt(module.Parameters.Items.Where(item => item.Value.grad is not null).Sum(item => item.Value.grad!.to(ScalarType.Float64).pow(TensorOps.Constant(2)).sum().item<double>()));
            optimizer.ClipGradients(clipNorm);
            optimizer.Step(rates[k]);
        }
        golden.AssertValues($"losses_{suffix}", losses, tolerance);
        golden.AssertValues($"gradnorm_{suffix}", norms, tolerance);
        if (dtype == ScalarType.Float64)
        {
            foreach (var (name, parameter) in module.Parameters.Items.Where(item => golden.Has("final." + item.Key)))
            {
                golden.AssertClose("final." + name, parameter, tolerance);
            }
            golden.AssertClose("final_pred_f64", module.Forward(Windows(0, 0, t)), tolerance);
        }

        // [B, length, N]: the rows from `offset` on of the windows of a step.
        Tensor Windows(int step, int offset, int length)
        {
            var batch = starts.Length / steps;
            return stack([.. Enumerable.Range(0, batch).Select(j => series.narrow(0, (long)starts[step * batch + j] + offset, length))]);
        }
    }

    private static OLinearActivation Activation(GoldenCase golden, string key)
        => golden.Choose(key, ("gelu", OLinearActivation.Gelu), ("relu", OLinearActivation.Relu));

    private static OLinearShape ModelShape(GoldenCase golden, string prefix, int windowSize, int channels)
    {
        var embedding = golden.Shape(prefix + "ortho_trans.0.weight")[1] / windowSize;
        // phi is applied if and only if it has more than one entry.
        Assert.AreEqual(golden.Flag("embedding"), embedding > 1, "The option 'embedding' contradicts the shapes.");
        return new()
        {
            Channels = channels,
            WindowSize = windowSize,
            Horizon = (int)golden.Shape(prefix + "fc.2.weight")[0],
            EmbeddingSize = (int)embedding,
            Width = (int)golden.Shape(prefix + "ortho_trans.0.weight")[0],
            HiddenWidth = (int)golden.Shape(prefix + "fc.0.weight")[0],
            Layers = golden.Integer("layers"),
            Dropout = golden.Number("dropout"),
            Activation = Activation(golden, "activation"),
            HeadActivation = Activation(golden, "head_activation"),
            Mixing = golden.Choose("channel_mixing", ("learned", ChannelMixing.Learned), ("fixed_correlation", ChannelMixing.FixedCorrelation)),
        };
    }

    private static OLinearModule CreateModule(GoldenCase golden, string prefix, OLinearShape shape, ScalarType dtype)
    {
        Tensor? a = null;
        if (shape.Mixing == ChannelMixing.FixedCorrelation)
        {
            var weights = golden.Has("channel_corr") ? ChannelCorrelation.RowSoftmax(golden.Doubles("channel_corr"), shape.Channels) : golden.Doubles("A");
            if (golden.Has("A"))
            {
                golden.AssertValues("A", weights, 1e-7);
            }
            a = ConstantTensor.Create(weights, [shape.Channels, shape.Channels], ScalarType.Float64, CPU);
        }
        var module = new OLinearModule(shape, golden.Tensor("q_in"), golden.Tensor("q_out"), a, null, dtype, CPU);
        Load(golden, prefix, module.Parameters.Items);
        return module;
    }

    private static StepWeightedLoss Loss(GoldenCase golden, OLinearShape shape, ScalarType dtype)
        => new(shape.Horizon, golden.Scalar("alpha"), golden.Choose("loss", ("weighted_l1", ForecastLoss.AbsoluteError)), dtype, CPU);

    private static IEnumerable<(bool Fold, Func<Tensor, Tensor> Forward)> Ways(OLinearModule module)
        => [(false, x => module.ForwardPlain(x)), (false, x => module.Forward(x)), (true, x => module.Forward(x))];

    private static void Load(GoldenCase golden, string prefix, IEnumerable<KeyValuePair<string, Tensor>> parameters)
    {
        using var noGrad = no_grad();
        var known = new HashSet<string>();
        foreach (var (name, parameter) in parameters)
        {
            // A phi that is not applied may be absent.
            if (name == "embeddings" && parameter.size(1) == 1 && !golden.Has(prefix + name))
            {
                continue;
            }
            CollectionAssert.AreEqual(golden.Shape(prefix + name).ToArray(), parameter.shape, name);
            parameter.copy_(golden.Tensor(prefix + name));
            known.Add(prefix + name);
        }
        var own = golden.Entry.Length > 0 ? golden.Entry + "." : "";
        foreach (var name in golden.Names.Select(name => name.StartsWith(own, StringComparison.Ordinal) ? name[own.Length..] : name).Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            Assert.Contains(name, known, "A weight that the network does not have.");
        }
    }

    private static void AssertGradients(GoldenCase golden, IEnumerable<KeyValuePair<string, Tensor>> parameters)
    {
        foreach (var (name, parameter) in parameters)
        {
            if (golden.Has("grad." + name))
            {
                golden.AssertClose("grad." + name, parameter.grad ?? zeros_like(parameter), 1e-6);
            }
            else
            {
                // Only a phi that is not applied has none.
                Assert.AreEqual("embeddings", name);
                Assert.IsNull(parameter.grad);
            }
        }
    }

    private static void ClearGradients(OLinearModule module)
    {
        foreach (var (_, parameter) in module.Parameters.Items)
        {
            parameter.grad = null;
        }
    }

    /// <summary>Row by row, up to the sign where two entries compete for the largest.</summary>
    private static void AssertRows(GoldenCase golden, string name, OrthogonalBasis basis)
    {
        var expected = golden.Doubles(name);
        foreach (var k in SeparatedRows(basis, SmallestGap))
        {
            var row = expected.AsSpan(k * basis.Size, basis.Size).ToArray();
            var actual = basis.Matrix.AsSpan(k * basis.Size, basis.Size).ToArray();
            var magnitudes = row.Select(Math.Abs).OrderDescending().ToArray();
            if (magnitudes.Length > 1 && magnitudes[0] - magnitudes[1] < 1e-6 && Dot(row, actual) < 0)
            {
                actual = [.. actual.Select(value => -value)];
            }
            golden.AssertValues($"{name}[{k}]", row, actual, 1e-9);
        }
    }

    private static void AssertDirections(GoldenCase golden, string name, OrthogonalBasis basis)
    {
        var expected = golden.Doubles(name);
        Assert.HasCount(basis.Matrix.Length, expected, name);
        foreach (var k in SeparatedRows(basis, SmallestGapFloat32))
        {
            var row = expected.AsSpan(k * basis.Size, basis.Size).ToArray();
            var actual = basis.Matrix.AsSpan(k * basis.Size, basis.Size).ToArray();
            var cosine = Math.Abs(Dot(row, actual)) / Math.Sqrt(Dot(row, row));
            Assert.IsGreaterThan(0.999999, cosine, $"{name}, row {k}.");
        }
    }

    private static IEnumerable<int> SeparatedRows(OrthogonalBasis basis, double gap)
        => Enumerable.Range(0, basis.Size).Where(k
            => (k == 0 || basis.Eigenvalues[k - 1] - basis.Eigenvalues[k] > gap) && (k == basis.Size - 1 || basis.Eigenvalues[k] - basis.Eigenvalues[k + 1] > gap));

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
