using MLNetExtensions.Tests.Classification;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Clustering;

[TestClass]
public sealed class SeedingTests
{
    /// <summary>Far clusters of equally many rows, one after the other.</summary>
    private static (Tensor Rows, Tensor Centers) Clusters(int clusters, int rowsOfCluster, ScalarType dtype)
    {
        var centers = Draw.Normal(1, dtype, clusters, 8).mul(100.ToScalar());
        return (centers.repeat_interleave(rowsOfCluster, 0).add(Draw.Normal(2, dtype, clusters * (long)rowsOfCluster, 8)), centers);
    }

    private static long[] NearestCenters(Tensor prototypes, Tensor centers) => [.. cdist(prototypes, centers).argmin(1).data<long>()];

    [TestMethod]
    public void OnePrototypeInEachFarCluster()
    {
        foreach (var dtype in (ScalarType[])[ScalarType.Float32, ScalarType.Float64])
        {
            using var scope = NewDisposeScope();
            var (rows, centers) = Clusters(12, 30, dtype);
            for (var seed = 0UL; seed < 10; seed++)
            {
                var prototypes = Seeding.KMeansPlusPlus(rows, null, 12, seed);
                CollectionAssert.AreEqual(new long[] { 12, 8 }, prototypes.shape);
                Assert.AreEqual(dtype, prototypes.dtype);
                CollectionAssert.AreEquivalent(Enumerable.Range(0, 12).Select(i => (long)i).ToArray(), NearestCenters(prototypes, centers));
                // Each is one of the rows.
                Assert.AreEqual(0, cdist(prototypes, rows, compute_mode: compute_mode.donot_use_mm_for_euclid_dist).min(1).values.max().to(ScalarType.Float64).item<double>());
            }
        }
    }

    [TestMethod]
    public void ContinuesFromFixedPrototypes()
    {
        using var scope = NewDisposeScope();
        var (rows, centers) = Clusters(9, 30, ScalarType.Float32);
        var known = centers.index_select(0, tensor(new long[] { 4, 0, 7 }));
        var prototypes = Seeding.KMeansPlusPlus(rows, known, 9, 5);
        Draw.AssertBitEqual(known, prototypes.narrow(0, 0, 3));
        CollectionAssert.AreEquivalent(new long[] { 1, 2, 3, 5, 6, 8 }, NearestCenters(prototypes.narrow(0, 3, 6), centers));
        Draw.AssertBitEqual(known, Seeding.KMeansPlusPlus(rows, known, 3, 5));
    }

    [TestMethod]
    public void TheSeedDecides()
    {
        using var scope = NewDisposeScope();
        var rows = Draw.Normal(1, ScalarType.Float32, 500, 5);
        var first = Seeding.KMeansPlusPlus(rows, null, 6, 1);
        Draw.AssertBitEqual(first, Seeding.KMeansPlusPlus(rows, null, 6, 1));
        Assert.IsGreaterThan(0, Draw.Difference(first, Seeding.KMeansPlusPlus(rows, null, 6, 2)));
        Assert.IsGreaterThan(0, Draw.Difference(first, Seeding.KMeansPlusPlus(rows, null, 6, 1UL << 40)));
    }

    [TestMethod]
    public void ManyRowsAreRepresentedByASample()
    {
        using var scope = NewDisposeScope();
        var (rows, centers) = Clusters(10, 4000, ScalarType.Float32);
        var prototypes = Seeding.KMeansPlusPlus(rows, null, 10, 3);
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 10).Select(i => (long)i).ToArray(), NearestCenters(prototypes, centers));
        Draw.AssertBitEqual(prototypes, Seeding.KMeansPlusPlus(rows, null, 10, 3));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(7)]
    public void FewerDifferentRowsThanPrototypes(int count)
    {
        using var scope = NewDisposeScope();
        var row = Draw.Normal(1, ScalarType.Float32, 1, 5);
        var prototypes = Seeding.KMeansPlusPlus(row.repeat(count, 1), null, 3, 1);
        Draw.AssertBitEqual(row.repeat(3, 1), prototypes);
    }

    [TestMethod]
    public void SamplesAreSortedDifferentAndEven()
    {
        var counts = new int[50];
        for (var seed = 0UL; seed < 400; seed++)
        {
            var drawn = RowSample.Draw(50, 20, RowSample.Random(seed, 0));
            Assert.HasCount(20, drawn);
            CollectionAssert.AreEqual(drawn.Order().Distinct().ToArray(), drawn);
            foreach (var row in drawn)
            {
                counts[row]++;
            }
        }
        // 160 each, with a deviation of 10.
        Assert.IsGreaterThan(110, counts.Min());
        Assert.IsLessThan(210, counts.Max());
        CollectionAssert.AreEqual(new[] { 0, 1, 2 }, RowSample.Draw(3, 5, RowSample.Random(1, 0)));
    }
}
