using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class OLinearModuleTests
{
    private static IEnumerable<object[]> Shapes =>
        from channels in new[] { 1, 2, 7, 40 }
        from embedding in new[] { 1, 4 }
        from mixing in new[] { ChannelMixing.Learned, ChannelMixing.FixedCorrelation }
        select new object[] { channels, embedding, mixing };

    [TestMethod]
    [DynamicData(nameof(Shapes))]
    public void ForwardEqualsPlain(int channels, int embedding, ChannelMixing mixing)
    {
        foreach (var (dtype, tolerance) in new[] { (ScalarType.Float64, 1e-10), (ScalarType.Float32, 1e-5) })
        {
            using var scope = NewDisposeScope();
            using var module = Create(Shape(channels, embedding, mixing), dtype);
            var x = Numbers([5, module.Shape.WindowSize, channels], 1, dtype);
            var probe = Numbers([5, module.Shape.Horizon, channels], 2, dtype);
            var (plain, plainGradients) = Differentiate(module, x, probe, input => module.ForwardPlain(input));
            foreach (var (output, values) in new bool?[] { null, false, true }.SelectMany(output => new[] { false, true }.Select(values => (output, values))))
            {
                module.FoldOutput = output;
                module.FoldValues = values;
                var (fast, gradients) = Differentiate(module, x, probe, input => module.Forward(input));
                AssertEqual(plain, fast, tolerance, "forecast");
                CollectionAssert.AreEquivalent(plainGradients.Keys, gradients.Keys);
                foreach (var (name, gradient) in plainGradients)
                {
                    AssertEqual(gradient, gradients[name], tolerance, name);
                }
            }
            using var folded = new FoldedOLinear(module);
            AssertEqual(plain, folded.Score(x), tolerance, "folded");
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void ForwardEqualsPlainWithDropout(bool fold)
    {
        // With one window the masks of both orders of the tokens agree.
        using var scope = NewDisposeScope();
        using var module = Create(Shape(3, 4, ChannelMixing.Learned) with { Dropout = 0.3 }, ScalarType.Float64);
        module.FoldOutput = module.FoldValues = fold;
        var x = Numbers([1, module.Shape.WindowSize, 3], 1, ScalarType.Float64);
        var probe = Numbers([1, module.Shape.Horizon, 3], 2, ScalarType.Float64);
        using var first = new StepRandom(1, 2, 3);
        using var second = new StepRandom(1, 2, 3);
        var (plain, plainGradients) = Differentiate(module, x, probe, input => module.ForwardPlain(input, first));
        var (fast, gradients) = Differentiate(module, x, probe, input => module.Forward(input, second));
        AssertEqual(plain, fast, 1e-10, "forecast");
        foreach (var (name, gradient) in plainGradients)
        {
            AssertEqual(gradient, gradients[name], 1e-10, name);
        }
        Assert.IsGreaterThan(1e-3, plain.Minus(module.ForwardPlain(x)).abs().max().item<double>(), "Dropout had no effect.");
    }

    [TestMethod]
    public void ForwardReadsStridedWindows()
    {
        using var scope = NewDisposeScope();
        using var module = Create(Shape(3, 4, ChannelMixing.Learned), ScalarType.Float32);
        using var folded = new FoldedOLinear(module);
        var series = Numbers([3, 40], 1, ScalarType.Float32);
        var windows = series.unfold(1, module.Shape.WindowSize, 1).permute(1, 2, 0); // [B, T, N]
        var expected = module.ForwardPlain(windows.contiguous());
        AssertEqual(expected, module.Forward(windows), 1e-5, "forward");
        AssertEqual(expected, folded.Score(windows), 1e-5, "folded");
        // A window's forecast does not depend on the others, nor on the order in memory.
        AssertEqual(expected.narrow(0, 4, 1), folded.Score(windows.narrow(0, 4, 1)), 1e-5, "one window");
    }

    [TestMethod]
    public void FoldedIsIndependentOfTheModuleAndSafeForThreads()
    {
        using var scope = NewDisposeScope();
        var module = Create(Shape(7, 4, ChannelMixing.Learned), ScalarType.Float32);
        using var folded = new FoldedOLinear(module);
        var x = Numbers([9, module.Shape.WindowSize, 7], 1, ScalarType.Float32);
        var expected = folded.Score(x);
        module.Dispose();
        Parallel.For(0, 8, _ =>
        {
            for (var i = 0; i < 20; i++)
            {
                using var inner = NewDisposeScope();
                AssertEqual(expected, folded.Score(x), 0, "concurrent");
            }
        });
    }

    [TestMethod]
    public void ConstantWindowGivesAForecastNearTheConstant()
    {
        using var scope = NewDisposeScope();
        using var module = Create(Shape(2, 4, ChannelMixing.Learned), ScalarType.Float32);
        using var folded = new FoldedOLinear(module);
        var x = Numbers([1, module.Shape.WindowSize, 2], 1, ScalarType.Float32).zero_().add_(TensorOps.Constant(5), TensorOps.One);
        foreach (var forecast in new[] { module.Forward(x), folded.Score(x) })
        {
            foreach (var value in forecast.contiguous().data<float>())
            {
                Assert.AreEqual(5, value, 0.05f);
            }
        }
    }

    [TestMethod]
    public void WeightsFollowTheSeedAndNothingElse()
    {
        using var scope = NewDisposeScope();
        var shape = Shape(3, 4, ChannelMixing.Learned);
        using var fresh = Fresh(1, ScalarType.Float32);
        using var same = Fresh(1, ScalarType.Float64);
        using var other = Fresh(2, ScalarType.Float32);
        foreach (var (name, parameter) in fresh.Parameters.Items)
        {
            AssertEqual(parameter.to(ScalarType.Float64), same.Parameters[name], 0, name);
        }
        Assert.AreNotEqual(fresh.Parameters["fc.0.bias"].sum().item<float>(), other.Parameters["fc.0.bias"].sum().item<float>());
        var weight = fresh.Parameters["ortho_trans.0.weight"];
        var bound = 1 / Math.Sqrt(weight.size(1));
        Assert.IsLessThanOrEqualTo(bound, weight.abs().max().item<float>());
        Assert.AreEqual(bound / Math.Sqrt(3), weight.std().item<float>(), 0.1 * bound);
        Assert.AreEqual(1f, fresh.Parameters["encoder.norm.weight"].min().item<float>());
        Assert.AreEqual(1f, fresh.Parameters["revin_layer.affine_weight"].min().item<float>());
        Assert.AreEqual(0f, fresh.Parameters["delta1"].abs().max().item<float>());

        OLinearModule Fresh(ulong seed, ScalarType dtype)
        {
            using var generator = new Generator(seed);
            return new(shape, eye(shape.WindowSize), eye(shape.Horizon), null, generator, dtype, CPU);
        }
    }

    [TestMethod]
    public void ParameterCount()
    {
        var etth1 = new OLinearShape { Channels = 7, WindowSize = 96, Horizon = 96 };
        Assert.AreEqual(4_518_944, etth1.ParameterCount);
        Assert.AreEqual(880_572, new OLinearShape { Channels = 7, WindowSize = 36, Horizon = 24, Width = 256, HiddenWidth = 256 }.ParameterCount);
        Assert.AreEqual(4_518_944 - 2 * 49, (etth1 with { Mixing = ChannelMixing.FixedCorrelation }).ParameterCount);
        using var scope = NewDisposeScope();
        foreach (var mixing in Enum.GetValues<ChannelMixing>())
        {
            using var module = Create(Shape(3, 4, mixing), ScalarType.Float32);
            Assert.AreEqual(module.Shape.ParameterCount, module.Parameters.Items.Sum(item => item.Value.NumberOfElements));
        }
    }

    [TestMethod]
    public void OutputSideIsFoldedWhereItPays()
    {
        var shape = new OLinearShape { Channels = 7, WindowSize = 96, Horizon = 96 };
        Assert.IsFalse(OLinearModule.PaysToFoldOutput(shape, 7 * 32));
        Assert.IsTrue(OLinearModule.PaysToFoldOutput(shape, 321 * 32));
    }

    [TestMethod]
    public void ParametersSurviveTheScopeAndWrongMatricesAreRefused()
    {
        OLinearModule module;
        var shape = Shape(2, 4, ChannelMixing.Learned);
        using (NewDisposeScope())
        {
            module = Create(shape, ScalarType.Float32);
        }
        using (module)
        using (NewDisposeScope())
        {
            Assert.IsTrue(module.Forward(zeros(1, shape.WindowSize, 2)).isfinite().all().item<bool>());
            Assert.ThrowsExactly<ArgumentException>(() => new OLinearModule(shape, eye(3), eye(shape.Horizon), null, null, ScalarType.Float32, CPU));
            Assert.ThrowsExactly<ArgumentException>(() => new OLinearModule(shape, eye(shape.WindowSize), eye(shape.Horizon), eye(2), null, ScalarType.Float32, CPU));
        }
    }

    [TestMethod]
    public void Losses()
    {
        using var scope = NewDisposeScope();
        var forecast = ConstantTensor.Create([1, 2, 3, 4], [1, 2, 2], ScalarType.Float64, CPU);
        var target = ConstantTensor.Create([1, 0, 0, 8], [1, 2, 2], ScalarType.Float64, CPU);
        // Errors 0, 2 at step 1 and 3, 4 at step 2.
        var second = (double)(float)Math.Pow(2, -0.5);
        Assert.AreEqual((2 + 7 * second) / 4, Compute(ForecastLoss.AbsoluteError, 0.5), 1e-12);
        Assert.AreEqual((4 + 25 * second) / 4, Compute(ForecastLoss.SquaredError, 0.5), 1e-12);
        Assert.AreEqual((6 + 32 * second) / 4, Compute(ForecastLoss.AbsoluteAndSquaredError, 0.5), 1e-12);
        Assert.AreEqual(9.0 / 4, Compute(ForecastLoss.AbsoluteError, 0), 1e-12);

        double Compute(ForecastLoss kind, double alpha)
        {
            using var loss = new StepWeightedLoss(2, alpha, kind, ScalarType.Float64, CPU);
            return loss.Compute(forecast, target).item<double>();
        }
    }

    private static OLinearShape Shape(int channels, int embedding, ChannelMixing mixing) => new()
    {
        Channels = channels,
        WindowSize = 9,
        Horizon = 6,
        EmbeddingSize = embedding,
        Width = 12,
        HiddenWidth = 10,
        Layers = 2,
        Mixing = mixing,
        Activation = embedding == 1 ? OLinearActivation.Relu : OLinearActivation.Gelu,
    };

    /// <summary>A network in which no parameter is trivial.</summary>
    private static OLinearModule Create(OLinearShape shape, ScalarType dtype)
    {
        using var generator = new Generator(7);
        var a = shape.Mixing == ChannelMixing.FixedCorrelation ? Numbers([shape.Channels, shape.Channels], 3, ScalarType.Float64).softmax(1) : null;
        var module = new OLinearModule(shape, Rotation(shape.WindowSize), Rotation(shape.Horizon), a, generator, dtype, CPU);
        using var noGrad = no_grad();
        foreach (var name in module.Parameters.Items.Select(item => item.Key).Where(name => name.StartsWith("delta", StringComparison.Ordinal) || name.Contains("norm", StringComparison.Ordinal) || name.StartsWith("revin", StringComparison.Ordinal)))
        {
            var parameter = module.Parameters[name];
            parameter.add_(Numbers(parameter.shape, 4, dtype).mul_(TensorOps.Constant(0.3)), TensorOps.One);
        }
        return module;
    }

    private static Tensor Rotation(int size)
    {
        var random = new Random(size);
        double[] walk = new double[400];
        for (var i = 1; i < walk.Length; i++)
        {
            walk[i] = 0.9 * walk[i - 1] + random.NextDouble() - 0.5;
        }
        return OrthogonalBasis.Compute(walk, 1, walk.Length, size, LagCorrelation.ColumnNormalizedCovariance).ToTensor(ScalarType.Float64, CPU);
    }

    private static Tensor Numbers(long[] shape, int seed, ScalarType dtype)
    {
        using var generator = new Generator((ulong)seed);
        return zeros(shape, dtype: ScalarType.Float32).normal_(0, 1, generator).to(dtype);
    }

    private static (Tensor Forecast, Dictionary<string, Tensor> Gradients) Differentiate(OLinearModule module, Tensor x, Tensor probe, Func<Tensor, Tensor> forward)
    {
        foreach (var (_, parameter) in module.Parameters.Items)
        {
            parameter.grad = null;
        }
        var input = x.clone().requires_grad_();
        var forecast = forward(input);
        forecast.Times(probe).sum().backward();
        var gradients = module.Parameters.Items.Where(item => item.Value.grad is not null).ToDictionary(item => item.Key, item => item.Value.grad!.clone());
        gradients.Add("x", input.grad!.clone());
        return (forecast.detach(), gradients);
    }

    private static void AssertEqual(Tensor expected, Tensor actual, double tolerance, string name)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape, name);
        using var scope = NewDisposeScope();
        var largest = Math.Max(1, expected.abs().max().to(ScalarType.Float64).item<double>());
        var deviation = expected.Minus(actual).abs().max().to(ScalarType.Float64).item<double>();
        Assert.IsLessThanOrEqualTo(tolerance, deviation / largest, name);
    }
}
