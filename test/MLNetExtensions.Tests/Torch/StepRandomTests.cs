using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Torch;

[TestClass]
public sealed class StepRandomTests
{
    [TestMethod]
    public void DropoutKeepsTheMeanAndScalesWhatStays()
    {
        using var scope = NewDisposeScope();
        using var random = new StepRandom(1, 2, 3);
        var values = random.Dropout(ones(1_000_000), 0.3).data<float>().ToArray();
        float kept = (float)(1 / 0.7);
        Assert.IsTrue(values.All(value => value == 0 || value == kept));
        Assert.AreEqual(0.3, values.Count(value => value == 0) / 1e6, 0.003);
    }

    [TestMethod]
    public void DropoutFollowsFromSeedEpochAndStep()
    {
        using var scope = NewDisposeScope();
        var x = ones(100, 10);
        string Mask(int seed, int epoch, int step)
        {
            using var random = new StepRandom(seed, epoch, step);
            return string.Concat(random.Dropout(x, 0.5).data<float>().ToArray().Select(value => value == 0 ? '0' : '1'));
        }
        string[] masks = [Mask(1, 1, 1), Mask(1, 1, 2), Mask(1, 2, 1), Mask(2, 1, 1), Mask(-1, 1, 1)];
        Assert.AreEqual(masks.Length, masks.Distinct().Count());
        Assert.AreEqual(masks[0], Mask(1, 1, 1));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(7)]
    [DataRow(64)]
    [DataRow(1003)]
    public void MaskDoesNotDependOnTheVectorsOfTheMachine(int length)
    {
        using var scope = NewDisposeScope();
        using var all = new StepRandom(1, 2, 3);
        using var part = new StepRandom(1, 2, 3);
        // The tail of a mask goes through other code than its whole vectors.
        var whole = all.Dropout(ones(2048), 0.4).data<float>().ToArray();
        CollectionAssert.AreEqual(whole[..length], part.Dropout(ones(length), 0.4).data<float>().ToArray());
        Assert.IsFalse(whole.SequenceEqual(all.Dropout(ones(2048), 0.4).data<float>().ToArray()));
    }

    [TestMethod]
    public void NeighboursInAMaskAreIndependent()
    {
        using var scope = NewDisposeScope();
        using var random = new StepRandom(5, 1, 1);
        var zero = random.Dropout(ones(1_000_000, ScalarType.Float64), 0.3).data<double>().ToArray().Select(value => value == 0).ToArray();
        foreach (var lag in new[] { 1, 2, 8, 16, 512 })
        {
            Assert.AreEqual(0.09, Enumerable.Range(0, zero.Length - lag).Count(i => zero[i] && zero[i + lag]) / (double)(zero.Length - lag), 0.002);
        }
    }

    [TestMethod]
    public void DropoutOfNothingIsTheTensorItself()
    {
        using var scope = NewDisposeScope();
        using var random = new StepRandom(1, 1, 1);
        var x = ones(3);
        Assert.AreSame(x, random.Dropout(x, 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => random.Dropout(x, 1));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => random.Dropout(x, -0.1));
    }

    [TestMethod]
    public void GradientFlowsThroughWhatStays()
    {
        using var scope = NewDisposeScope();
        using var random = new StepRandom(1, 1, 1);
        var x = ones(50).requires_grad_(true);
        var y = random.Dropout(x, 0.5);
        y.sum().backward();
        CollectionAssert.AreEqual(y.data<float>().ToArray(), x.grad!.data<float>().ToArray());
    }

    [TestMethod]
    public void SeedsDiffer()
    {
        var seeds = from seed in Enumerable.Range(-3, 7) from epoch in Enumerable.Range(0, 60) from step in Enumerable.Range(-1, 200) select StepRandom.Derive(seed, epoch, step);
        // libtorch looks at the lower half only: there a few pairs of 84,000 may meet.
        Assert.AreEqual(7 * 60 * 200, seeds.Distinct().Count());
        Assert.IsGreaterThan(7 * 60 * 200 - 10, seeds.Select(seed => (uint)seed).Distinct().Count());
    }

    [TestMethod]
    public void PermutationsHoldEveryNumberAndDifferByEpoch()
    {
        var first = StepRandom.Permutation(100, 7, 1);
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 100).ToArray(), first);
        CollectionAssert.AreEqual(first, StepRandom.Permutation(100, 7, 1));
        CollectionAssert.AreNotEqual(first, StepRandom.Permutation(100, 7, 2));
        CollectionAssert.AreNotEqual(first, StepRandom.Permutation(100, 8, 1));
    }

    [TestMethod]
    public void InitialWeightsComeFromTheGeneratorOnly()
    {
        using var scope = NewDisposeScope();
        var before = random.get_rng_state().bytes.ToArray();
        using var first = new StepRandom(1, 0, 0);
        using var second = new StepRandom(1, 0, 0);
        var uniform = Initialization.Uniform(empty(100_000).requires_grad_(true), 0.5, first.Generator);
        var normal = Initialization.Normal(empty(100_000, ScalarType.Float64), 2, first.Generator);
        CollectionAssert.AreEqual(uniform.data<float>().ToArray(), Initialization.Uniform(empty(100_000), 0.5, second.Generator).data<float>().ToArray());
        CollectionAssert.AreEqual(normal.data<double>().ToArray(), Initialization.Normal(empty(100_000, ScalarType.Float64), 2, second.Generator).data<double>().ToArray());
        Assert.IsTrue(uniform.requires_grad);
        Assert.IsTrue(uniform.data<float>().ToArray().All(value => value is >= -0.5f and < 0.5f));
        Assert.AreEqual(0, uniform.mean().item<float>(), 0.005);
        Assert.AreEqual(2, normal.std().item<double>(), 0.03);
        CollectionAssert.AreEqual(before, random.get_rng_state().bytes.ToArray());
    }
}
