using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Classification;

[TestClass]
public sealed class ClassTableTests
{
    private const double Temperature = 0.07;

    [TestMethod]
    // More classes than a chunk of the search holds for so many rows; and fewer than a vector of the machine.
    [DataRow(300, 9001, 5)]
    [DataRow(7, 3, 3)]
    [DataRow(7, 100, 1)]
    [DataRow(7, 100, 100)]
    public void TheBestAreThoseOfAll(int rows, int classes, int k)
    {
        using var scope = NewDisposeScope();
        var embedding = Draw.Unit(1, ScalarType.Float32, rows, 8);
        var vectors = Draw.Unit(2, ScalarType.Float32, classes, 8);
        using var table = new ClassTable(new ClassBlock(vectors), new ClassBlock(Draw.Unit(3, ScalarType.Float32, 2, 8), tensor([0.1f, 0.2f])));
        Assert.AreEqual(classes + 2, table.Count);
        var all = table.Cosines(embedding);
        var probabilities = table.Probabilities(embedding, Temperature);
        var (values, indices) = all.topk(k, 1);
        var top = table.Top(embedding, Temperature, k);
        CollectionAssert.AreEqual(indices.to(ScalarType.Int32).contiguous().data<int>().ToArray(), top.Classes);
        Draw.AssertClose(values, tensor(top.Cosines, [rows, k]), 1e-6);
        Draw.AssertClose(probabilities.gather(1, indices), tensor(top.Probabilities, [rows, k]), 1e-5);
    }

    [TestMethod]
    public void OfEqualClassesTheFirstWins()
    {
        using var scope = NewDisposeScope();
        var one = Draw.Unit(1, ScalarType.Float32, 1, 8);
        var vectors = cat([one.neg(), one.expand(40, 8)], 0);
        using var table = new ClassTable(new ClassBlock(vectors), new ClassBlock(vectors));
        CollectionAssert.AreEqual(new[] { 1, 2, 3, 4, 5 }, table.Top(one, Temperature, 5).Classes);
    }

    [TestMethod]
    public void ANotFiniteEmbeddingHasNoBest()
    {
        using var scope = NewDisposeScope();
        var embedding = Draw.Unit(1, ScalarType.Float32, 3, 8);
        embedding.select(0, 1).fill_(TensorOps.Constant(double.NaN));
        using var table = new ClassTable(new ClassBlock(Draw.Unit(2, ScalarType.Float32, 30, 8)));
        var top = table.Top(embedding, Temperature, 2);
        CollectionAssert.AreEqual(new[] { -1, -1 }, top.Classes[2..4]);
        Assert.IsTrue(top.Cosines[2..4].Concat(top.Probabilities[2..4]).All(float.IsNaN));
        Assert.IsTrue(top.Classes[..2].Concat(top.Classes[4..]).All(c => c >= 0));
    }

    [TestMethod]
    [DataRow(10, 64)]
    [DataRow(1000, 100)]
    public void AppendedClassesLeaveOldLogitsBitEqual(int classes, int dimension)
    {
        using var scope = NewDisposeScope();
        var embedding = Draw.Unit(1, ScalarType.Float32, 33, dimension);
        using var old = new ClassTable(new ClassBlock(Draw.Unit(2, ScalarType.Float32, classes, dimension)));
        using var more = old.Append(new(Draw.Unit(3, ScalarType.Float32, 5, dimension), full([5], TensorOps.Constant(0.25))));
        using var most = more.Append(new(Draw.Unit(4, ScalarType.Float32, 3, dimension)));
        Draw.AssertBitEqual(old.Logits(embedding, Temperature), more.Logits(embedding, Temperature).narrow(1, 0, classes));
        Draw.AssertBitEqual(more.Logits(embedding, Temperature), most.Logits(embedding, Temperature).narrow(1, 0, classes + 5));
        Draw.AssertClose(ones(33), most.Probabilities(embedding, Temperature).sum(1), 1e-6);
        var single = nn.functional.linear(embedding, more.Blocks[1].Vectors).Minus(tensor(0.25f));
        Draw.AssertBitEqual(single, more.Cosines(embedding).narrow(1, classes, 5));
    }

    [TestMethod]
    public void AClassWithAnInfiniteOffsetNeverWins()
    {
        using var scope = NewDisposeScope();
        var vectors = Draw.Unit(1, ScalarType.Float32, 4, 8);
        using var table = new ClassTable(new ClassBlock(vectors, tensor([0, float.PositiveInfinity, 0, 0])));
        var top = table.Top(vectors, Temperature, 4);
        CollectionAssert.DoesNotContain(new[] { top.Classes[0], top.Classes[4], top.Classes[8], top.Classes[12] }, 1);
        Assert.AreEqual(1, top.Classes[7]);
        Assert.AreEqual(0f, top.Probabilities[7]);
        Draw.AssertBitEqual(zeros(4), table.Probabilities(vectors, Temperature).select(1, 1));
    }

    [TestMethod]
    public void AnglesOfRoundedCosines()
    {
        using var scope = NewDisposeScope();
        Draw.AssertClose(tensor([0f, MathF.PI, MathF.PI / 2]), ClassTable.Angles(tensor([1.0000001f, -1.0000001f, 0])), 1e-6);
    }

    [TestMethod]
    public void LeavesNoTensors()
    {
        using var scope = NewDisposeScope();
        var vectors = Draw.Unit(1, ScalarType.Float32, 4, 8);
        Tensors.AssertNoneLeft(() =>
        {
            using var table = new ClassTable(new ClassBlock(vectors));
            using var more = table.Append(new(vectors));
            more.Top(vectors, Temperature, 2);
        });
    }
}
