using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Classification;

[TestClass]
public sealed class EbvLossTests
{
    private const int Rows = 17;
    private const int Classes = 403;
    private const int Dimension = 20;

    [TestMethod]
    [DataRow(0.07, 0.0, false, false, false)]
    [DataRow(0.07, 0.1, false, false, false)]
    [DataRow(0.07, 0.1, true, false, false)]
    [DataRow(0.07, 0.1, false, true, false)]
    [DataRow(0.07, 0.1, true, true, true)]
    [DataRow(0.2, 0.0, false, true, true)]
    // Logits that must be shifted before they are exponentiated.
    [DataRow(0.002, 0.0, false, false, false)]
    [DataRow(0.002, 0.1, true, true, true)]
    public void EqualsTheLossWithAllLogits(double temperature, double smoothing, bool isSoft, bool isWeighted, bool hasPriors)
    {
        foreach (var (dtype, tolerance) in new[] { (ScalarType.Float64, 1e-12), (ScalarType.Float32, temperature < 0.01 ? 1e-4 : 1e-6) })
        {
            using var scope = NewDisposeScope();
            var vectors = Draw.Unit(1, dtype, Classes, Dimension);
            var targets = isSoft ? Draw.Normal(2, dtype, Rows, Classes).softmax(1) : Draw.Labels(2, Rows, Classes);
            var weights = isWeighted ? Draw.Normal(3, dtype, Rows).abs() : null;
            var priors = hasPriors ? Draw.Normal(4, dtype, Classes).log_softmax(0) : null;
            foreach (var size in new long?[] { null, 1, 7, 100, Classes })
            {
                using var loss = new EbvLoss(vectors, temperature, smoothing, priors) { ClassesPerChunk = size };
                var (expected, expectedGradient) = Run(loss.ComputePlain);
                var (actual, gradient) = Run(loss.Compute);
                Draw.AssertClose(expected, actual, tolerance, $"loss, {dtype}, {size}");
                Draw.AssertClose(expectedGradient, gradient, tolerance, $"gradient, {dtype}, {size}");
            }

            (Tensor, Tensor) Run(Func<Tensor, Tensor, Tensor?, Tensor> compute)
            {
                var raw = Draw.Normal(5, dtype, Rows, Dimension).requires_grad_();
                var value = compute(raw, targets, weights);
                value.backward();
                return (value, raw.grad!);
            }
        }
    }

    [TestMethod]
    public void TheGradientTurnsTheEmbeddingOnly()
    {
        using var scope = NewDisposeScope();
        using var loss = new EbvLoss(Draw.Unit(1, ScalarType.Float64, Classes, Dimension), 0.07, 0.1);
        var raw = Draw.Normal(2, ScalarType.Float64, Rows, Dimension).requires_grad_();
        loss.Compute(raw, Draw.Labels(3, Rows, Classes)).backward();
        Draw.AssertClose(zeros(Rows, dtype: ScalarType.Float64), raw.grad!.mul(raw.detach()).sum(1), 1e-15);
    }

    [TestMethod]
    public void LengthAndCommonRotationDoNotMatter()
    {
        using var scope = NewDisposeScope();
        var vectors = Draw.Unit(1, ScalarType.Float64, Classes, Dimension);
        var raw = Draw.Normal(2, ScalarType.Float64, Rows, Dimension);
        var labels = Draw.Labels(3, Rows, Classes);
        var (rotation, _) = linalg.qr(Draw.Normal(4, ScalarType.Float64, Dimension, Dimension));
        using var loss = new EbvLoss(vectors, 0.07, 0.1);
        using var rotated = new EbvLoss(vectors.mm(rotation), 0.07, 0.1);
        using var table = new ClassTable(new ClassBlock(vectors));
        using var rotatedTable = new ClassTable(new ClassBlock(vectors.mm(rotation)));
        var expected = loss.Compute(raw, labels);
        Draw.AssertClose(expected, loss.Compute(raw.Times(37.5), labels), 1e-12);
        Draw.AssertClose(expected, rotated.Compute(raw.mm(rotation), labels), 1e-12);
        var logits = table.Logits(EbvModule.Normalize(raw), 0.07);
        Draw.AssertClose(logits, table.Logits(EbvModule.Normalize(raw.Times(37.5)), 0.07), 1e-12);
        Draw.AssertClose(logits, rotatedTable.Logits(EbvModule.Normalize(raw.mm(rotation)), 0.07), 1e-12);
    }

    [TestMethod]
    public void AZeroEmbeddingHasAFiniteGradientAndEvenScores()
    {
        using var scope = NewDisposeScope();
        var vectors = Draw.Unit(1, ScalarType.Float32, Classes, Dimension);
        using var loss = new EbvLoss(vectors, 0.07);
        using var table = new ClassTable(new ClassBlock(vectors));
        var raw = Draw.Normal(2, ScalarType.Float32, Rows, Dimension);
        raw.select(0, 3).zero_();
        raw.requires_grad_();
        var value = loss.Compute(raw, Draw.Labels(3, Rows, Classes));
        value.backward();
        Assert.IsTrue(float.IsFinite(value.item<float>()));
        Assert.IsTrue(raw.grad!.isfinite().all().item<bool>());
        var embedding = EbvModule.Normalize(raw.detach());
        Draw.AssertBitEqual(zeros(Classes), table.Cosines(embedding).select(0, 3));
        Draw.AssertClose(ones(Classes).Times(1.0 / Classes), table.Probabilities(embedding, 0.07).select(0, 3), 1e-8);
        CollectionAssert.AreEqual(new[] { 0, 1, 2 }, table.Top(embedding, 0.07, 3).Classes[9..12], "of equal ones the first");
    }

    [TestMethod]
    public void OnlyTheProportionsOfWeightsMatter()
    {
        using var scope = NewDisposeScope();
        using var loss = new EbvLoss(Draw.Unit(1, ScalarType.Float64, Classes, Dimension), 0.07, 0.1);
        var raw = Draw.Normal(2, ScalarType.Float64, Rows, Dimension);
        var labels = Draw.Labels(3, Rows, Classes);
        var weights = Draw.Normal(4, ScalarType.Float64, Rows).abs();
        Draw.AssertClose(loss.Compute(raw, labels, weights), loss.Compute(raw, labels, weights.Times(12)), 1e-13);
        Draw.AssertClose(loss.Compute(raw, labels), loss.Compute(raw, labels, ones(Rows, dtype: ScalarType.Float64)), 1e-13);
        weights.narrow(0, 5, Rows - 5).zero_();
        Draw.AssertClose(loss.Compute(raw.narrow(0, 0, 5), labels.narrow(0, 0, 5), weights.narrow(0, 0, 5)), loss.Compute(raw, labels, weights), 1e-13);
        Assert.AreEqual(0, loss.Compute(raw, labels, zeros(Rows, dtype: ScalarType.Float64)).item<double>(), "nothing to learn");
    }

    [TestMethod]
    public void LeavesNoTensors()
    {
        using var scope = NewDisposeScope();
        var vectors = Draw.Unit(1, ScalarType.Float32, Classes, Dimension);
        var raw = Draw.Normal(2, ScalarType.Float32, Rows, Dimension);
        var labels = Draw.Labels(3, Rows, Classes);
        Tensors.AssertNoneLeft(() =>
        {
            using var loss = new EbvLoss(vectors, 0.07, 0.1, zeros(Classes).DetachFromDisposeScope()) { ClassesPerChunk = 10 };
            using var step = NewDisposeScope();
            loss.Compute(raw, labels);
        }, counted: 1);
    }

    [TestMethod]
    public void OptionsOutOfRangeAreRefused()
    {
        using var scope = NewDisposeScope();
        var vectors = Draw.Unit(1, ScalarType.Float32, 3, 3);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new EbvLoss(vectors, 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new EbvLoss(vectors, 0.07, -0.1));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new EbvLoss(vectors, 0.07, 1.1));
    }
}
