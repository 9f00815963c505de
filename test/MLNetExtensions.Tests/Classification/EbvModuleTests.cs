using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Classification;

[TestClass]
public sealed class EbvModuleTests
{
    private static readonly MlpShape s_mlp = new() { Inputs = 12, Widths = [32, 16] };
    private static readonly ConvShape s_conv = new() { Channels = 2, Height = 9, Width = 13, StemWidth = 4, Blocks = ConvShape.DefaultBlocks(4) };

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void TheSeedDecidesAndSavedWeightsAreAllOfIt(bool isConv)
    {
        using var scope = NewDisposeScope();
        using var module = Create(isConv, 1);
        using var same = Create(isConv, 1);
        using var other = Create(isConv, 2);
        var x = Inputs(isConv, 20);
        Train(module, x, 3);
        Train(same, x, 3);
        Train(other, x, 3);
        Draw.AssertBitEqual(module.Embed(x), same.Embed(x));
        Assert.IsGreaterThan(1e-3, Draw.Difference(module.Embed(x), other.Embed(x)));
        var saved = module.Weights.ToDictionary(weight => weight.Key, weight => weight.Value);
        using var loaded = Create(isConv, null);
        loaded.CopyFrom(saved);
        Draw.AssertBitEqual(module.Embed(x), loaded.Embed(x));
        saved.Remove("head.bias");
        Assert.Contains("head.bias", Assert.ThrowsExactly<FormatException>(() => loaded.CopyFrom(saved)).Message);
        saved["head.bias"] = zeros(3);
        Assert.ThrowsExactly<FormatException>(() => loaded.CopyFrom(saved));
        saved["head.bias"] = zeros(10);
        saved["more"] = zeros(10);
        Assert.Contains("more", Assert.ThrowsExactly<FormatException>(() => loaded.CopyFrom(saved)).Message);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void EmbeddingsDoNotDependOnNeighbours(bool isConv)
    {
        using var scope = NewDisposeScope();
        using var module = Create(isConv, 1);
        var x = Inputs(isConv, 20);
        Train(module, x, 3);
        var all = module.Embed(x);
        foreach (var size in new[] { 1, 2, 7 })
        {
            for (var start = 0; start + size <= 20; start += size)
            {
                Draw.AssertClose(all.narrow(0, start, size), module.Embed(x.narrow(0, start, size)), 1e-6);
            }
        }
    }

    [TestMethod]
    public void TheStartingValuesFollowTheNotes()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var module = new EbvModule(new MlpTrunk(new() { Inputs = 100, Widths = [256] }, generator, ScalarType.Float32, CPU), 64, generator, ScalarType.Float32);
        using var images = new ConvTrunk(new() { Channels = 3, Height = 8, Width = 8, Blocks = ConvShape.DefaultBlocks(16) }, generator, ScalarType.Float32, CPU);
        AssertUniform("hidden0.weight", 100);
        AssertUniform("head.weight", 256);
        AssertUniform("head.bias", 256);
        Draw.AssertBitEqual(ones(256), Weight("hidden0.bn.weight"));
        Draw.AssertBitEqual(zeros(256), Weight("hidden0.bn.bias"));
        Draw.AssertBitEqual(zeros(256), Weight("hidden0.bn.running_mean"));
        Draw.AssertBitEqual(ones(256), Weight("hidden0.bn.running_var"));
        var convolution = images.Parameters.Single(weight => weight.Key == "block2.conv2.weight").Value;
        Assert.AreEqual(Math.Sqrt(2.0 / (9 * 64)), convolution.std().item<float>(), 1e-3);
        CollectionAssert.AreEqual(new[] { "stem.conv.weight", "block0.conv1.weight", "block0.conv2.weight", "block1.conv1.weight", "block1.conv2.weight", "block1.short.conv.weight",
            "block2.conv1.weight", "block2.conv2.weight", "block2.short.conv.weight" }, images.Parameters.Select(weight => weight.Key).Where(name => name.Contains("conv")).ToArray());

        Tensor Weight(string name) => module.Weights.Single(weight => weight.Key == name).Value;

        void AssertUniform(string name, int inputs)
        {
            var bound = 1 / Math.Sqrt(inputs);
            var weight = Weight(name);
            Assert.IsLessThanOrEqualTo(bound, weight.abs().max().item<float>());
            Assert.AreEqual(bound / Math.Sqrt(3), weight.std().item<float>(), 0.1 * bound, name);
        }
    }

    [TestMethod]
    [DataRow(8, 8, 2)]
    [DataRow(9, 13, 2)]
    [DataRow(28, 28, 0)]
    [DataRow(15, 8, 3)]
    public void AnySizeOfImageFromEightOn(int height, int width, int pool)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var trunk = new ConvTrunk(s_conv with { Height = height, Width = width, MaxPool = pool }, generator, ScalarType.Float32, CPU);
        var x = Draw.Normal(1, ScalarType.Float32, 3, 2, height, width);
        var features = trunk.Forward(x, training: false);
        CollectionAssert.AreEqual(new long[] { 3, 16 }, features.shape);
        Draw.AssertBitEqual(features, trunk.Forward(x.flatten(1), training: false));
        Assert.IsTrue(features.isfinite().all().item<bool>());
    }

    [TestMethod]
    public void ShapesOutOfRangeAreRefused()
    {
        foreach (var shape in new[] { s_conv with { Channels = 0 }, s_conv with { Height = 7 }, s_conv with { Width = 7 }, s_conv with { StemWidth = 0 }, s_conv with { StemStride = 0 }, s_conv with { MaxPool = -1 },
            s_conv with { MaxPool = 10 }, s_conv with { Blocks = [] }, s_conv with { Blocks = [new(0, 1)] }, s_conv with { Blocks = [new(4, 0)] } })
        {
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(shape.Check);
        }
        foreach (var shape in new[] { s_mlp with { Inputs = 0 }, s_mlp with { Widths = [] }, s_mlp with { Widths = [3, 0] } })
        {
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(shape.Check);
        }
    }

    [TestMethod]
    public void LearnsToTellClustersApart()
    {
        const int Classes = 6;
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var module = new EbvModule(new MlpTrunk(s_mlp, generator, ScalarType.Float32, CPU), Classes, generator, ScalarType.Float32);
        var centres = Draw.Normal(1, ScalarType.Float32, Classes, s_mlp.Inputs);
        var labels = Draw.Labels(2, 600, Classes);
        var x = centres.index_select(0, labels).Plus(Draw.Normal(3, ScalarType.Float32, 600, s_mlp.Inputs).Times(0.3));
        using var loss = new EbvLoss(eye(Classes), 0.07, 0.1);
        using var table = new ClassTable(new ClassBlock(eye(Classes)));
        var learner = new EbvLearner(module, loss);
        var outcome = TrainingLoop.Run(learner, new Rows(x.narrow(0, 0, 500), labels.narrow(0, 0, 500)), new Rows(x.narrow(0, 500, 100), labels.narrow(0, 500, 100)), Settings with { MaximumNumberOfEpochs = 10 });
        Assert.IsLessThan(outcome.History[0].ValidationLoss!.Value, outcome.History[^1].ValidationLoss!.Value);
        Assert.IsGreaterThan(0, learner.MeanRawNorm);
        var right = table.Cosines(module.Embed(x.narrow(0, 500, 100))).argmax(1).eq(labels.narrow(0, 500, 100)).sum().item<long>();
        Assert.IsGreaterThanOrEqualTo(97, right);
    }

    private static TrainingSettings Settings => new()
    {
        MaximumNumberOfEpochs = 3,
        BatchSize = 8,
        LearningRate = 0.3,
        Schedule = LearningRateSchedule.WarmupCosine,
        Optimizer = OptimizerKind.Sgd,
        WeightDecay = 5e-4,
        ClipNorm = 1,
        FullBatchesOnly = true,
        NumberOfThreads = 1,
        Seed = 1,
    };

    private static EbvModule Create(bool isConv, int? seed)
    {
        using var generator = seed is { } number ? new Generator((ulong)number) : null;
        ITrunk trunk = isConv ? new ConvTrunk(s_conv, generator, ScalarType.Float32, CPU) : new MlpTrunk(s_mlp, generator, ScalarType.Float32, CPU);
        return new(trunk, 10, generator, ScalarType.Float32);
    }

    private static Tensor Inputs(bool isConv, int rows)
        => isConv ? Draw.Normal(7, ScalarType.Float32, rows, s_conv.Channels, s_conv.Height, s_conv.Width) : Draw.Normal(7, ScalarType.Float32, rows, s_mlp.Inputs);

    private static void Train(EbvModule module, Tensor x, int epochs)
    {
        using var loss = new EbvLoss(Draw.Unit(8, ScalarType.Float32, 4, module.Dimension), 0.07);
        var augmentation = x.dim() == 4 ? new ImageAugmentation(s_conv, 2, flip: true) : null;
        TrainingLoop.Run(new EbvLearner(module, loss, augmentation: augmentation), new Rows(x, Draw.Labels(9, (int)x.size(0), 4)), null, Settings with { MaximumNumberOfEpochs = epochs });
    }

    private sealed class Rows(Tensor x, Tensor labels) : IBatchSource
    {
        public int Count => (int)x.size(0);

        public Batch Take(ReadOnlySpan<int> indices)
        {
            var index = tensor(indices.ToArray().Select(i => (long)i).ToArray());
            return new(indices.Length) { [EbvLearner.Input] = x.index_select(0, index), [EbvLearner.Target] = labels.index_select(0, index) };
        }
    }
}
