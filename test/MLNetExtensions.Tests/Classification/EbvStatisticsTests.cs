using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Classification;

/// <summary>Calibration, class means, thresholds, class balance and neural collapse.</summary>
[TestClass]
public sealed class EbvStatisticsTests
{
    private const ScalarType Double = ScalarType.Float64;

    [TestMethod]
    public void TheTemperatureIsTheMostLikely()
    {
        using var scope = NewDisposeScope();
        var logits = Draw.Normal(1, Double, 500, 7).Times(3);
        // Labels drawn from the probabilities at the temperature 2.5.
        using var generator = new Generator(2);
        var labels = logits.Times(1 / 2.5).softmax(1).multinomial(1, true, generator).squeeze(1);
        var temperature = TemperatureCalibration.Fit(logits, labels);
        Assert.AreEqual(2.5, temperature, 0.4);
        var best = TemperatureCalibration.NegativeLogLikelihood(logits, labels, temperature);
        foreach (var factor in new[] { 0.9, 0.999, 1.001, 1.1 })
        {
            Assert.IsGreaterThan(best, TemperatureCalibration.NegativeLogLikelihood(logits, labels, factor * temperature));
        }
        Assert.AreEqual(4 * temperature, TemperatureCalibration.Fit(logits.Times(4), labels), 1e-9);
        Assert.AreEqual(temperature, TemperatureCalibration.Fit(logits.to(ScalarType.Float32), labels), 1e-5);
    }

    [TestMethod]
    public void TheTemperatureStaysWithinBounds()
    {
        using var scope = NewDisposeScope();
        var logits = Draw.Normal(1, Double, 50, 7);
        var best = logits.argmax(1);
        Assert.AreEqual(0.01, TemperatureCalibration.Fit(logits, best), 1e-6, "all right");
        Assert.AreEqual(100, TemperatureCalibration.Fit(logits, logits.neg().argmax(1)), 1e-6, "all wrong");
        Assert.IsTrue(double.IsFinite(TemperatureCalibration.Fit(zeros(5, 3), zeros(5, dtype: ScalarType.Int64))), "no slope at all");
    }

    [TestMethod]
    public void ClassMeansOfAnyBatches()
    {
        using var scope = NewDisposeScope();
        var embedding = Draw.Unit(1, ScalarType.Float32, 60, 5);
        var labels = Draw.Labels(2, 60, 5);
        var vectors = Draw.Unit(3, ScalarType.Float32, 6, 5);
        using var whole = new ClassMeans(6, 5, CPU);
        using var parts = new ClassMeans(6, 5, CPU);
        whole.Add(embedding, labels);
        for (var start = 0; start < 60; start += 7)
        {
            var count = Math.Min(7, 60 - start);
            parts.Add(embedding.narrow(0, start, count), labels.narrow(0, start, count));
        }
        Draw.AssertClose(whole.Directions(), parts.Directions(), 1e-14);
        CollectionAssert.AreEqual(whole.Counts.ToArray(), parts.Counts.ToArray());
        Assert.AreEqual(60, whole.Counts.Sum());
        Draw.AssertBitEqual(zeros(5, dtype: Double), whole.Directions().select(0, 5));
        var toMean = OpenSet.OwnCosines(embedding.to(Double), labels, whole.Directions());
        var toVector = OpenSet.OwnCosines(embedding.to(Double), labels, vectors.to(Double));
        Assert.AreEqual(toMean.sub(toVector).mean().item<double>(), whole.Offset(vectors), 1e-12);
    }

    [TestMethod]
    [DataRow(new[] { 3.0 }, 0.05, 3.0)]
    [DataRow(new[] { 4.0, 1, 3, 2 }, 0.0, 1.0)]
    [DataRow(new[] { 4.0, 1, 3, 2 }, 1.0, 4.0)]
    [DataRow(new[] { 4.0, 1, 3, 2 }, 0.5, 2.5)]
    [DataRow(new[] { 5.0, 1, 4, 2, 3 }, 0.05, 1.2)]
    public void TheThresholdLiesBetweenNeighbours(double[] values, double quantile, double expected)
    {
        using var scope = NewDisposeScope();
        Assert.AreEqual(expected, OpenSet.Threshold(tensor(values), quantile), 1e-12);
    }

    [TestMethod]
    public void WeightsAndPriorsMakeUpForSizes()
    {
        long[] counts = [100, 20, 0, 5];
        foreach (var exponent in new[] { 0, 0.5, 1 })
        {
            var weights = ClassBalance.Weights(counts, exponent);
            Assert.AreEqual(1, weights.Zip(counts, (weight, count) => weight * count).Sum() / counts.Sum(), 1e-12, "the mean over the rows");
            Assert.AreEqual(Math.Pow(20, exponent), weights[3] / weights[0], 1e-12);
            Assert.AreEqual(0, weights[2]);
        }
        double[] expected = [100 / 125.0, 20 / 125.0, 1 / 125.0, 5 / 125.0];
        foreach (var (share, prior) in expected.Zip(ClassBalance.LogPriors(counts)))
        {
            Assert.AreEqual(Math.Log(share), prior, 1e-12);
        }
    }

    [TestMethod]
    public void FullCollapse()
    {
        const int Classes = 7;
        using var scope = NewDisposeScope();
        // A simplex, turned and moved, and class vectors that point the same way.
        var (rotation, _) = linalg.qr(Draw.Normal(1, Double, 9, 9));
        var simplex = eye(Classes, dtype: Double).Plus(-1.0 / Classes).mm(rotation.narrow(0, 0, Classes));
        var labels = Draw.Labels(2, 70, Classes);
        var features = simplex.index_select(0, labels).Plus(Draw.Normal(3, Double, 1, 9));
        var collapse = NeuralCollapse.Measure(features, labels, labels, Classes, simplex.Times(5));
        Assert.AreEqual(0, collapse.WithinClassVariability, 1e-12);
        Assert.AreEqual(0, collapse.SimplexDistance, 1e-6);
        Assert.AreEqual(0, collapse.LengthSpread, 1e-12);
        Assert.AreEqual(0, collapse.CosineSpread, 1e-12);
        Assert.AreEqual(0, collapse.CosineGap, 1e-12);
        Assert.AreEqual(0, collapse.Alignment!.Value, 1e-12);
        Assert.AreEqual(1, collapse.NearestMeanAgreement);
        Assert.AreEqual(0, NeuralCollapse.Measure(simplex, arange(Classes), arange(Classes), Classes, simplex).BasisDistance!.Value, 1e-6);
    }

    [TestMethod]
    public void NeuralCollapseAsItIsWritten()
    {
        const int All = 6, Features = 4;
        using var scope = NewDisposeScope();
        // Class 2 has no rows, class 5 has one.
        long[] labelsOf = [.. Enumerable.Range(0, 40).Select(i => new long[] { 0, 1, 3, 4 }[i * i % 7 % 4]), 5];
        var labels = tensor(labelsOf);
        var features = Draw.Normal(1, Double, labelsOf.Length, Features).Plus(Draw.Normal(2, Double, All, Features).index_select(0, labels));
        var vectors = Draw.Unit(3, Double, All, Features);
        var predicted = vectors.mm(features.t()).argmax(0);
        var actual = NeuralCollapse.Measure(features, labels, predicted, All, vectors);

        long[] present = [.. labelsOf.Distinct().Order()];
        var count = present.Length;
        var within = zeros(Features, Features, dtype: Double);
        var rows = new List<Tensor>();
        foreach (var label in present)
        {
            var own = features.index_select(0, labels.eq(tensor(label)).nonzero().squeeze(1));
            var mean = own.mean([0], keepdim: true);
            rows.Add(mean);
            var centred = own.sub(mean);
            within = within.Plus(centred.t().mm(centred).Times(1.0 / own.size(0) / count));
        }
        var means = cat([.. rows], 0);
        var d = means.sub(means.mean([0], keepdim: true));
        var between = d.t().mm(d).Times(1.0 / count);
        Assert.AreEqual(within.mm(linalg.pinv(between)).diagonal().sum().item<double>() / count, actual.WithinClassVariability, 1e-9);
        var regular = eye(count, dtype: Double).Plus(-1.0 / count).Times(1 / Math.Sqrt(count - 1));
        Assert.AreEqual(Scaled(d.mm(d.t())).sub(regular).norm().item<double>(), actual.SimplexDistance, 1e-9);
        var lengths = d.norm(1);
        Assert.AreEqual(lengths.std(unbiased: false).item<double>() / lengths.mean().item<double>(), actual.LengthSpread, 1e-9);
        var unit = EbvModule.Normalize(d);
        var cosines = unit.mm(unit.t()).masked_select(eye(count, dtype: Double).eq(tensor(0.0)));
        Assert.AreEqual(cosines.std(unbiased: false).item<double>(), actual.CosineSpread, 1e-9);
        Assert.AreEqual(cosines.Plus(1.0 / (count - 1)).abs().mean().item<double>(), actual.CosineGap, 1e-9);
        var w = vectors.index_select(0, tensor(present));
        Assert.AreEqual(Scaled(means.mm(means.t())).sub(Scaled(w.mm(w.t()))).norm().item<double>(), actual.BasisDistance!.Value, 1e-9);
        Assert.AreEqual(Scaled(w.sub(w.mean([0], keepdim: true))).sub(Scaled(d)).norm().item<double>(), actual.Alignment!.Value, 1e-9);
        var nearest = tensor(present).index_select(0, cdist(features, means).argmin(1));
        Assert.AreEqual(nearest.eq(predicted).to(Double).mean().item<double>(), actual.NearestMeanAgreement, 1e-12);
        Assert.IsNull(NeuralCollapse.Measure(features, labels, predicted, All, null).Alignment);
        Assert.IsNull(NeuralCollapse.Measure(features, labels, predicted, All, Draw.Unit(4, Double, All, 9)).BasisDistance);

        static Tensor Scaled(Tensor matrix) => matrix.div(matrix.norm());
    }

    [TestMethod]
    public void OneClassHasNoCollapse()
    {
        using var scope = NewDisposeScope();
        var labels = ones(5, dtype: ScalarType.Int64);
        var collapse = NeuralCollapse.Measure(Draw.Normal(1, Double, 5, 3), labels, labels, 4, null);
        Assert.IsTrue(double.IsNaN(collapse.WithinClassVariability) && double.IsNaN(collapse.SimplexDistance) && double.IsNaN(collapse.NearestMeanAgreement));
    }
}
