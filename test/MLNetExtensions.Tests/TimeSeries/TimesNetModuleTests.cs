using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class TimesNetModuleTests
{
    private const double Rounding = 1e-12;

    private static readonly TimesNetShape s_forecast = new() { Channels = 3, WindowSize = 24, Horizon = 12, Width = 8, HiddenWidth = 6, Layers = 2, TopPeriods = 4, Kernels = 6 };

    [TestMethod]
    [DataRow(1, 36)]
    [DataRow(36, 1)]
    [DataRow(2, 18)]
    [DataRow(18, 2)]
    [DataRow(5, 8)]
    [DataRow(12, 13)]
    public void OneFusedAndCroppedKernelEqualsTheMeanOfTheKernels(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        using var module = Create(s_forecast, ScalarType.Float64);
        var block = module.BlockOf(0);
        foreach (var count in (int[])[1, 4])
        {
            var grid = Draw(ScalarType.Float64, count, s_forecast.Width, rows, columns);
            var hidden = block.First.Plain(grid);
            AssertClose(hidden, block.First.Fuse().Apply(grid), Rounding);
            AssertClose(block.Second.Plain(hidden), block.Second.Fuse().Apply(hidden), Rounding);
        }
    }

    [TestMethod]
    [DataRow(PeriodSelection.Batch)]
    [DataRow(PeriodSelection.PerRow)]
    [DataRow(PeriodSelection.Frozen)]
    public void FoldingTogetherEqualsThePlainForm(PeriodSelection selection)
    {
        using var scope = NewDisposeScope();
        using var module = Create(s_forecast, ScalarType.Float64);
        var x = Draw(ScalarType.Float64, 9, 24, 3);
        // 13 to 18 all give the period 2.
        var periods = new TimesNetPeriods(selection, 0, selection == PeriodSelection.Frozen ? [[13, 3, 18, 15], [1, 2, 17, 12]] : null);
        AssertClose(module.ForwardPlain(x, null, null, periods), module.Forward(x, null, null, periods, null), Rounding);
        var target = Draw(ScalarType.Float64, 9, 12, 3);
        nn.functional.mse_loss(module.ForwardPlain(x, null, null, periods), target).backward();
        var expected = module.Parameters.Items.Select(item => item.Value.grad!.clone()).ToArray();
        foreach (var (_, parameter) in module.Parameters.Items)
        {
            parameter.grad = null;
        }
        nn.functional.mse_loss(module.Forward(x, null, null, periods, null), target).backward();
        foreach (var (gradient, (name, parameter)) in expected.Zip(module.Parameters.Items))
        {
            AssertClose(gradient, parameter.grad!, Rounding, name);
        }
    }

    [TestMethod]
    public void EqualPeriodsAreConvolvedOnce()
    {
        // 36 steps: the frequencies 13 to 18 have the period 2, 7 and 8 the periods 5 and 4.
        var groups = PeriodFinder.Group([13, 7, 18, 8, 13, 18, 15, 16], Flat(2, 19), 2, 36, 0);
        CollectionAssert.AreEqual(new[] { 2, 4, 5 }, groups.Select(group => group.Period).ToArray());
        CollectionAssert.AreEqual(new long[] { 0, 1 }, groups[0].Rows);
        CollectionAssert.AreEqual(new long[] { 0 }, groups[1].Rows);
    }

    [TestMethod]
    public void PeriodsOfSmallWeightAreLeftOutRowByRow()
    {
        // The first row has all its amplitude at the frequency 2, the second at 3.
        double[] amplitudes = [0, 0, 50, 0, 0, 0, 0, 0, 50, 0];
        int[] frequencies = [2, 3, 3, 2];
        var groups = PeriodFinder.Group(frequencies, amplitudes, 2, 8, 1e-7);
        CollectionAssert.AreEqual(new[] { 2, 4 }, groups.Select(group => group.Period).ToArray());
        CollectionAssert.AreEqual(new long[] { 1 }, groups[0].Rows);
        CollectionAssert.AreEqual(new long[] { 0 }, groups[1].Rows);
        Assert.IsTrue(PeriodFinder.Group(frequencies, amplitudes, 2, 8, 0).All(group => group.Rows.Length == 2));
    }

    [TestMethod]
    [DataRow(1e-7, 1e-6)]
    [DataRow(1e-3, 1e-2)]
    public void LeavingOutChangesNoMoreThanTheWeightsLeftOut(double threshold, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var module = Create(s_forecast with { WindowSize = 64, Horizon = 32 }, ScalarType.Float64);
        // Strong waves of two periods, as after training: most weights are tiny.
        var x = Draw(ScalarType.Float64, 16, 64, 3);
        using (var noGrad = no_grad())
        {
            module.Parameters["token.weight"].mul_(TensorOps.Constant(4));
        }
        var exact = module.Forward(x, null, null, new(PeriodSelection.PerRow), null);
        AssertClose(exact, module.Forward(x, null, null, new(PeriodSelection.PerRow, threshold), null), tolerance);
        AssertClose(module.Forward(x, null, null, new(PeriodSelection.Batch), null), module.Forward(x, null, null, new(PeriodSelection.Batch, threshold), null), tolerance);
    }

    [TestMethod]
    [DataRow(PeriodSelection.PerRow)]
    [DataRow(PeriodSelection.Frozen)]
    public void AScoreDoesNotDependOnItsNeighbours(PeriodSelection selection)
    {
        const int Rows = 256;
        using var scope = NewDisposeScope();
        var module = Create(s_forecast with { WindowSize = 48, Horizon = 16 }, ScalarType.Float32);
        var x = Draw(ScalarType.Float32, Rows, 48, 3);
        using var network = new TimesNetNetwork(module, module.Freeze(new(selection, 1e-7), [(x, null, null)]));
        var all = network.Score(x);
        foreach (var size in (int[])[1, 7, 100])
        {
            AssertClose(all, cat([.. Enumerable.Range(0, (Rows + size - 1) / size).Select(i => network.Score(x.narrow(0, i * size, Math.Min(size, Rows - i * size))))], 0), 1e-5);
        }
        var order = StepRandom.Permutation(Rows, 1, 1).Select(row => (long)row).ToArray();
        AssertClose(all.index_select(0, tensor(order)), network.Score(x.index_select(0, tensor(order))), 1e-5);
    }

    [TestMethod]
    public void PeriodsOfABatchDependOnNeighbours()
    {
        using var scope = NewDisposeScope();
        using var network = new TimesNetNetwork(Create(s_forecast, ScalarType.Float32), new(PeriodSelection.Batch));
        var x = Draw(ScalarType.Float32, 32, 24, 3);
        var difference = network.Score(x).narrow(0, 0, 1).Minus(network.Score(x.narrow(0, 0, 1))).abs().max().item<float>();
        Assert.IsGreaterThan(1e-3f, difference, "The published way is expected to differ: otherwise the tests of independence show nothing.");
    }

    [TestMethod]
    public void FrozenPeriodsAreThoseOfTheMeanSpectrumLayerByLayer()
    {
        using var scope = NewDisposeScope();
        using var module = Create(s_forecast, ScalarType.Float64);
        var x = Draw(ScalarType.Float64, 12, 24, 3);
        var frozen = module.Freeze(new(PeriodSelection.Frozen), [(x.narrow(0, 0, 5), null, null), (x.narrow(0, 5, 7), null, null)]);
        // All windows as one batch: the mean spectrum of a batch is that of all.
        var z = module.Extend(module.Embed(TimesNetModule.NormalizeWindow(x, null).Z, null, null));
        for (var layer = 0; layer < 2; layer++)
        {
            var expected = module.Frequencies(layer, TimesNetModule.ToHost(TimesNetModule.Amplitudes(z)), 12, new(PeriodSelection.Batch))[..4];
            CollectionAssert.AreEqual(expected, frozen.Frequencies![layer].ToArray());
            z = nn.functional.layer_norm(module.Block(layer, z, module.Fuse(), new(PeriodSelection.Batch)), [8], module.Parameters["layer_norm.weight"], module.Parameters["layer_norm.bias"]);
        }
        Assert.AreEqual(PeriodSelection.PerRow, module.Freeze(new(PeriodSelection.PerRow), []).Selection);
    }

    [TestMethod]
    public void AmongEqualAmplitudesTheLowerFrequencyComesFirstAndTheMeanNever()
    {
        var frequencies = new int[3];
        PeriodFinder.Top([9, 1, 2, 2, 0, 2], frequencies);
        CollectionAssert.AreEqual(new[] { 2, 3, 5 }, frequencies);
        PeriodFinder.Top([9, double.NaN, double.NaN, double.NaN], frequencies);
        CollectionAssert.AreEqual(new[] { 1, 2, 3 }, frequencies);
    }

    [TestMethod]
    public void AReconstructionDoesNotSeeWhatIsMasked()
    {
        using var scope = NewDisposeScope();
        using var module = Create(new() { Channels = 2, WindowSize = 20, Width = 8, HiddenWidth = 8, TopPeriods = 3 }, ScalarType.Float64);
        var x = Draw(ScalarType.Float64, 3, 20, 2);
        var mask = Draw(ScalarType.Float64, 3, 20, 2).gt(TensorOps.Constant(0)).to(ScalarType.Float64);
        mask.select(0, 2).select(1, 1).zero_(); // a channel without any value
        var y = module.Forward(x.Times(mask), null, mask, new(PeriodSelection.PerRow), null);
        Assert.IsTrue(y.isfinite().all().item<bool>());
        var other = x.Times(mask).Plus(Draw(ScalarType.Float64, 3, 20, 2).Times(ones_like(mask).Minus(mask)));
        AssertClose(y, module.Forward(other, null, mask, new(PeriodSelection.PerRow), null), Rounding);
        // Its mean is that of the training data, 0 after standardisation, and its deviation the least there is.
        Assert.IsLessThan(0.1, y.select(0, 2).select(1, 1).abs().max().item<double>());
    }

    [TestMethod]
    public void PaddingReachesAClassifierOnlyThroughTheNetworkItself()
    {
        using var scope = NewDisposeScope();
        using var module = Create(new() { Channels = 2, WindowSize = 12, Classes = 3, Width = 8, HiddenWidth = 8, TopPeriods = 3 }, ScalarType.Float64);
        var x = Draw(ScalarType.Float64, 2, 12, 2);
        var logits = module.Forward(x, null, ones(2, 12, dtype: ScalarType.Float64), new(PeriodSelection.PerRow), null);
        AssertClose(logits, module.Forward(x, null, null, new(PeriodSelection.PerRow), null), Rounding);
        var masked = module.Forward(x, null, zeros(2, 12, dtype: ScalarType.Float64), new(PeriodSelection.PerRow), null);
        AssertClose(module.Parameters["projection.bias"].expand(2, 3), masked, Rounding);
    }

    [TestMethod]
    public void ConstantWindowsAndOneRowOfPeriodsGiveFiniteNumbers()
    {
        using var scope = NewDisposeScope();
        // 4 steps are the fewest; k = 2 takes the periods 4 and 2.
        using var module = Create(new() { Channels = 1, WindowSize = 4, Width = 2, HiddenWidth = 1, Layers = 1, TopPeriods = 2, Kernels = 1 }, ScalarType.Float32);
        Assert.IsTrue(module.Forward(ones(1, 4, 1), null, null, new(PeriodSelection.Batch), null).isfinite().all().item<bool>());
        var forecast = Create(s_forecast, ScalarType.Float32);
        using var network = new TimesNetNetwork(forecast, new(PeriodSelection.PerRow));
        Assert.IsTrue(network.Score(full([2, 24, 3], 7f)).isfinite().all().item<bool>());
        // One window with a NaN leaves the others as they are.
        var x = Draw(ScalarType.Float32, 3, 24, 3);
        var expected = network.Score(x);
        x.select(0, 1).select(0, 3).fill_(TensorOps.Constant(double.NaN));
        var y = network.Score(x);
        AssertClose(expected.select(0, 0), y.select(0, 0), 1e-5);
        AssertClose(expected.select(0, 2), y.select(0, 2), 1e-5);
        Assert.IsTrue(y.select(0, 1).isnan().all().item<bool>());
    }

    [TestMethod]
    public void TheParameterCountIsThatOfThePaper()
    {
        var shape = new TimesNetShape { Channels = 7, WindowSize = 96, Horizon = 96, Marks = 4, Width = 16, HiddenWidth = 32 };
        Assert.AreEqual(605_479, shape.ParameterCount);
        foreach (var one in (TimesNetShape[])[shape, s_forecast, new() { Channels = 2, WindowSize = 12, Classes = 3, Width = 8, HiddenWidth = 8, TopPeriods = 3 }, new() { Channels = 2, WindowSize = 20, Width = 8, HiddenWidth = 4, TopPeriods = 3, Marks = 4, Embedding = TimeEmbedding.Fixed }])
        {
            using var module = Create(one, ScalarType.Float32);
            Assert.AreEqual(one.ParameterCount, module.Parameters.Items.Sum(item => item.Value.NumberOfElements));
        }
    }

    [TestMethod]
    public void ShapesThatCannotBeAreRefused()
    {
        foreach (var shape in (TimesNetShape[])
        [
            s_forecast with { Width = 7 }, s_forecast with { WindowSize = 3 }, s_forecast with { TopPeriods = 19 }, s_forecast with { TopPeriods = 0 }, s_forecast with { Layers = 0 },
            s_forecast with { Kernels = 0 }, s_forecast with { Dropout = 1 }, s_forecast with { Classes = 2 }, s_forecast with { Marks = 3, Embedding = TimeEmbedding.Fixed }, s_forecast with { Channels = 0 },
        ])
        {
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new TimesNetModule(shape, null, ScalarType.Float32, CPU), shape.ToString());
        }
    }

    [TestMethod]
    public void ANetworkIsLoadedAsItWasSavedOrNotAtAll()
    {
        using var scope = NewDisposeScope();
        var module = Create(s_forecast, ScalarType.Float32);
        var x = Draw(ScalarType.Float32, 5, 24, 3);
        using var network = new TimesNetNetwork(module, module.Freeze(new(PeriodSelection.Frozen, 1e-7), [(x, null, null)]));
        var weights = network.Weights.ToDictionary(item => item.Key, item => item.Value);
        using (var loaded = TimesNetNetwork.Load(network.Saved, weights, CPU))
        {
            AssertClose(network.Score(x), loaded.Score(x), 0);
        }
        var saved = network.Saved;
        foreach (var damaged in (SavedTimesNet[])
        [
            saved with { Shape = saved.Shape with { Width = 6 } }, saved with { Shape = saved.Shape with { Width = int.MaxValue - 1 } }, saved with { Shape = saved.Shape with { Layers = int.MaxValue } },
            saved with { Frequencies = null }, saved with { Frequencies = [[1, 2, 3, 4]] }, saved with { Frequencies = [[1, 2, 3, 4], [1, 2, 3, 19]] },
            saved with { Frequencies = [[1, 2, 3, 4], [0, 2, 3, 4]] }, saved with { Frequencies = [[1, 2, 3, 4], [2, 2, 3, 4]] }, saved with { SkipWeightBelow = double.NaN }, saved with { Periods = (PeriodSelection)7 },
        ])
        {
            Assert.ThrowsExactly<FormatException>(() => TimesNetNetwork.Load(damaged, weights, CPU), damaged.ToString());
        }
        weights.Remove("predict_linear.bias");
        Assert.ThrowsExactly<FormatException>(() => TimesNetNetwork.Load(saved, weights, CPU));
    }

    private static TimesNetModule Create(TimesNetShape shape, ScalarType dtype)
    {
        using var generator = new Generator(1);
        return new(shape, generator, dtype, CPU);
    }

    private static Tensor Draw(ScalarType dtype, params long[] size)
    {
        using var generator = new Generator(2);
        return empty(size, dtype: ScalarType.Float32).normal_(0, 1, generator).to(dtype);
    }

    private static double[] Flat(int rows, int bins) => [.. Enumerable.Repeat(1.0, rows * bins)];

    private static void AssertClose(Tensor expected, Tensor actual, double tolerance, string message = "")
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape, message);
        Assert.IsLessThanOrEqualTo(tolerance, expected.Minus(actual).abs().max().to(ScalarType.Float64).item<double>(), message);
    }
}
