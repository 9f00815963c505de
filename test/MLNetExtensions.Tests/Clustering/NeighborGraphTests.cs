using System.Diagnostics;
using MLNetExtensions.Tests.Classification;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Clustering;

[TestClass]
public sealed class NeighborGraphTests
{
    private static readonly NeighborSearch s_exact = new();

    private static readonly NeighborSearch s_cells = new() { ExactRows = 0 };

    private static Neighbors Build(Tensor x, int k, NeighborSearch search, ulong seed = 1) => NeighborGraph.Build(x, k, search, seed, () => { });

    /// <summary>All pairs by differences in double precision, sorted by distance, then by number.</summary>
    private static (long[] Index, double[] Distance) BruteForce(Tensor x, int k)
    {
        var values = x.to(ScalarType.Float64).data<double>().ToArray();
        int rows = (int)x.size(0), dimension = (int)x.size(1);
        var index = new List<long>();
        var distance = new List<double>();
        for (var p = 0; p < rows; p++)
        {
            var others = new List<(double Distance, int Row)>(rows);
            for (var q = 0; q < rows; q++)
            {
                var sum = 0.0;
                for (var d = 0; d < dimension; d++)
                {
                    var difference = values[p * dimension + d] - values[q * dimension + d];
                    sum += difference * difference;
                }
                if (q != p)
                {
                    others.Add((sum, q));
                }
            }
            others.Sort();
            index.AddRange(others.Take(k).Select(other => (long)other.Row));
            distance.AddRange(others.Take(k).Select(other => other.Distance));
        }
        return ([.. index], [.. distance]);
    }

    private static void AssertExact(Tensor x, int k, Neighbors found, double tolerance)
    {
        k = Math.Min(k, (int)x.size(0) - 1);
        var (index, distance) = BruteForce(x, k);
        CollectionAssert.AreEqual(new long[] { x.size(0), k }, found.Index.shape);
        CollectionAssert.AreEqual(new long[] { x.size(0), k }, found.SquaredDistance.shape);
        Assert.AreEqual(x.dtype, found.SquaredDistance.dtype);
        if (k == 0)
        {
            return;
        }
        CollectionAssert.AreEqual(index, found.Index.data<long>().ToArray());
        var actual = found.SquaredDistance.to(ScalarType.Float64).data<double>().ToArray();
        for (var i = 0; i < actual.Length; i++)
        {
            Assert.AreEqual(distance[i], actual[i], tolerance * Math.Max(1, distance[i]));
        }
    }

    /// <summary>Whole numbers, so that equal distances are equal whatever the order of the sums.</summary>
    private static Tensor Grid(int seed, int rows, int dimension, int values, ScalarType dtype)
    {
        var random = new Random(seed);
        return tensor(Enumerable.Range(0, rows * dimension).Select(_ => (double)random.Next(values)).ToArray(), rows, dimension).to(dtype);
    }

    /// <summary>Rows near planes of a few dimensions, each around a centre of its own: what embeddings look like.</summary>
    private static Tensor Clusters(int rows, int dimension, int clusters, int planes)
    {
        var centers = Draw.Normal(1, ScalarType.Float32, clusters, dimension).mul(3.ToScalar());
        var bases = Draw.Normal(2, ScalarType.Float32, clusters, planes, dimension);
        var labels = Draw.Labels(3, rows, clusters);
        var inside = Draw.Normal(4, ScalarType.Float32, rows, 1, planes);
        var noise = Draw.Normal(5, ScalarType.Float32, rows, dimension).mul(0.02.ToScalar());
        return centers.index_select(0, labels).add(bmm(inside, bases.index_select(0, labels)).squeeze(1)).add(noise);
    }

    [TestMethod]
    [DataRow(1, 3, 4)]
    [DataRow(2, 3, 4)]
    [DataRow(5, 3, 4)]
    [DataRow(300, 7, 1)]
    [DataRow(700, 20, 5)]
    [DataRow(1100, 3, 12)]
    public void EqualToAllPairs(int rows, int dimension, int k)
    {
        foreach (var dtype in (ScalarType[])[ScalarType.Float32, ScalarType.Float64])
        {
            using var scope = NewDisposeScope();
            var x = Draw.Normal(rows, dtype, rows, dimension);
            var tolerance = dtype == ScalarType.Float32 ? 1e-6 : 1e-12;
            AssertExact(x, k, Build(x, k, s_exact), tolerance);
            AssertExact(x, k, Build(x, k, s_exact with { UseTensorOperations = true }), tolerance);
            // As many cells to look at as there are: nothing is missed.
            AssertExact(x, k, Build(x, k, s_cells with { Cells = Math.Min(rows, 5), Probes = 5 }), tolerance);
        }
    }

    [TestMethod]
    public void EquallyFarRowsInTheOrderOfTheirNumbers()
    {
        foreach (var dtype in (ScalarType[])[ScalarType.Float32, ScalarType.Float64])
        {
            using var scope = NewDisposeScope();
            var x = Grid(1, 1100, 3, 6, dtype);
            AssertExact(x, 4, Build(x, 4, s_exact), 0);
            AssertExact(x, 30, Build(x, 30, s_exact), 0);
        }
    }

    [TestMethod]
    [DataRow(37)]
    [DataRow(1100)]
    public void DuplicatesAreNeighboursAndTheRowItselfIsNone(int rows)
    {
        using var scope = NewDisposeScope();
        // Numbers that rounding touches, in few different rows.
        var different = Draw.Normal(1, ScalarType.Float32, 3, 19);
        var x = different.index_select(0, Draw.Labels(2, rows, 3));
        AssertExact(x, 4, Build(x, 4, s_exact), 1e-6);
        var same = Draw.Normal(1, ScalarType.Float32, 1, 19).repeat(rows, 1);
        AssertExact(same, 4, Build(same, 4, s_exact), 0);
        // In cells the numbers may be others, but not the distances.
        foreach (var search in (NeighborSearch[])[s_cells, s_exact with { UseTensorOperations = true }])
        {
            foreach (var table in (Tensor[])[x, same])
            {
                var found = Build(table, 4, search);
                Assert.AreEqual(0, found.SquaredDistance.abs().max().item<float>());
                Assert.IsFalse(found.Index.eq(arange(rows).unsqueeze(1)).any().item<bool>());
                Assert.AreEqual(search.ExactRows == 0 ? 1 : null, found.Recall);
            }
        }
    }

    [TestMethod]
    public void MoreNeighboursThanRowsAreAllOtherRows()
    {
        using var scope = NewDisposeScope();
        var x = Draw.Normal(1, ScalarType.Float32, 6, 2);
        foreach (var search in (NeighborSearch[])[s_exact, s_exact with { UseTensorOperations = true }, s_cells])
        {
            AssertExact(x, 5, Build(x, 5, search), 1e-6);
            AssertExact(x, 6, Build(x, 6, search), 1e-6);
            AssertExact(x, 100, Build(x, 100, search), 1e-6);
        }
    }

    [TestMethod]
    public void NoNeighbours()
    {
        using var scope = NewDisposeScope();
        foreach (var (rows, k) in ((int, int)[])[(1, 4), (8, 0)])
        {
            var found = Build(Draw.Normal(1, ScalarType.Float32, rows, 2), k, s_exact);
            CollectionAssert.AreEqual(new long[] { rows, 0 }, found.Index.shape);
            CollectionAssert.AreEqual(new long[] { rows, 0 }, found.SquaredDistance.shape);
            Assert.IsNull(found.Recall);
        }
    }

    [TestMethod]
    public void CellsFindNearlyAllNeighboursAndSayHowMany()
    {
        using var scope = NewDisposeScope();
        var x = Clusters(20_000, 32, 10, 4);
        var truth = Build(x, 4, s_exact);
        var found = Build(x, 4, s_cells);
        Assert.IsNull(truth.Recall);
        var limit = truth.SquaredDistance.narrow(1, 3, 1).mul((1 + 1e-6).ToScalar());
        var recall = found.SquaredDistance.le(limit).to(ScalarType.Float64).mean().item<double>();
        Assert.IsGreaterThanOrEqualTo(0.95, recall);
        Assert.AreEqual(recall, found.Recall!.Value, 0.02);
        var few = Build(x, 4, s_cells with { Probes = 1 });
        Assert.AreEqual(few.SquaredDistance.le(limit).to(ScalarType.Float64).mean().item<double>(), few.Recall!.Value, 0.04);
        Assert.IsLessThan(recall, few.Recall!.Value);
    }

    [TestMethod]
    public void TheSeedDecidesTheCells()
    {
        using var scope = NewDisposeScope();
        var x = Draw.Normal(1, ScalarType.Float32, 4000, 16);
        var search = s_cells with { Probes = 4 };
        var first = Build(x, 4, search, 7);
        Draw.AssertBitEqual(first.Index, Build(x, 4, search, 7).Index);
        Assert.IsFalse(first.Index.eq(Build(x, 4, search, 8).Index).all().item<bool>());
    }

    /// <summary>Nearly all rows fall into one cell, which is cut; rows that meet too few others in their cells are compared with all.</summary>
    [TestMethod]
    public void UnevenCells()
    {
        using var scope = NewDisposeScope();
        var dense = Draw.Normal(1, ScalarType.Float32, 2900, 6).mul(1e-3.ToScalar());
        var scattered = Draw.Normal(2, ScalarType.Float32, 100, 6).mul(50.ToScalar());
        var x = cat([dense, scattered]);
        var found = Build(x, 5, s_cells with { Probes = 1, RecallRows = 3000 });
        Assert.IsTrue(found.SquaredDistance.isfinite().all().item<bool>());
        Assert.IsGreaterThanOrEqualTo(0, found.Index.min().item<long>());
        Assert.IsLessThan(3000, found.Index.max().item<long>());
        Draw.AssertBitEqual(Build(x, 5, s_exact).Index, Build(x, 5, s_cells with { Probes = 1000 }).Index);
    }

    [TestMethod]
    public void NoMemoryForAllPairs()
    {
        const int rows = 16_000;
        using var scope = NewDisposeScope();
        var x = Draw.Normal(1, ScalarType.Float32, rows, 4);
        var process = Process.GetCurrentProcess();
        var allowed = Math.Max(process.PeakWorkingSet64, process.WorkingSet64 + rows * (long)rows / 2);
        Build(x, 4, s_exact);
        process.Refresh();
        Assert.IsLessThanOrEqualTo(allowed, process.PeakWorkingSet64);
    }

    [TestMethod]
    public void TheCheckEndsTheSearch()
    {
        using var scope = NewDisposeScope();
        var x = Draw.Normal(1, ScalarType.Float32, 3000, 4);
        foreach (var search in (NeighborSearch[])[s_exact, s_exact with { UseTensorOperations = true }, s_cells])
        {
            Assert.ThrowsExactly<OperationCanceledException>(() => NeighborGraph.Build(x, 4, search, 1, () => throw new OperationCanceledException()));
        }
    }
}
