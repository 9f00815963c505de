using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Classification;

[TestClass]
public sealed class AddClassesTests
{
    private const int Known = 6;
    private const int All = 8;
    private const double Noise = 0.4;

    private static readonly MLContext s_ml = new(1);

    private static IDataView Rows(int seed, int first, int last, int each)
        => s_ml.Data.LoadFromEnumerable(Blobs.Make(seed, Noise, [.. Enumerable.Range(0, All).Select(c => c >= first && c < last ? each : 0)]));

    /// <summary>Trained on <see cref="Known"/> classes, in a chain that maps their names to keys and back.</summary>
    private static TransformerChain<ITransformer> Train(Action<EquiangularBasisVectorsTrainer.Options>? change = null, bool inPlace = false)
    {
        var options = new EquiangularBasisVectorsTrainer.Options { MaximumNumberOfEpochs = 10, HiddenWidths = [32], Dimension = 16, Seed = 3, NumberOfThreads = 1, AngleColumnName = "Angle" };
        change?.Invoke(options);
        options.LabelColumnName = inPlace ? "Class" : "Label";
        IEstimator<ITransformer> keys = inPlace ? s_ml.Transforms.Conversion.MapValueToKey("Class") : Blobs.Keys(s_ml, Known);
        var pipeline = keys.Append(s_ml.MulticlassClassification.Trainers.EquiangularBasisVectors(options)).Append(s_ml.Transforms.Conversion.MapKeyToValue("Named", "PredictedLabel"));
        return new TransformerChain<ITransformer>([.. pipeline.Fit(Rows(1, 0, Known, 60))]);
    }

    private static EquiangularBasisVectorsTransformer Classifier(ITransformer model) => TransformerTree.Leaves(model).OfType<EquiangularBasisVectorsTransformer>().Single();

    /// <summary>The part of the rows of the known and of the new classes that are named rightly, by a model without a threshold.</summary>
    private static (double Old, double New) Accuracy(ITransformer model)
    {
        double Of(int first, int last)
        {
            var scored = model.Transform(Rows(9, first, last, 60));
            return scored.GetColumn<string>("Named").Zip(scored.GetColumn<string>("Class")).Average(pair => pair.First == pair.Second ? 1.0 : 0);
        }
        return (Of(0, Known), Of(Known, All));
    }

    private static float[][] Column(ITransformer model, string name, IDataView data) => [.. model.Transform(data).GetColumn<float[]>(name)];

    private static bool Same(Tensor a, Tensor b) => a.eq(b).all().item<bool>();

    [TestMethod]
    public void ByOffsetOldLogitsStayAndNewClassesAreFound()
    {
        var data = Rows(5, 0, All, 20);
        var model = Train();
        float[][] angles = Column(model, "Angle", data), scores = Column(model, "Score", data);
        var before = Accuracy(model);
        var added = model.AddClasses(s_ml, Rows(4, Known, All, 5), labelColumnName: "Class");
        using var owner = (IDisposable)added;
        // The old model is not needed any more.
        CollectionAssert.AreEqual(angles[3], Column(model, "Angle", data)[3]);
        model.Dispose();
        var (newAngles, newScores) = (Column(added, "Angle", data), Column(added, "Score", data));
        for (var row = 0; row < angles.Length; row++)
        {
            Assert.HasCount(All, newScores[row]);
            Assert.AreEqual(1, newScores[row].Sum(), 1e-5f);
            CollectionAssert.AreEqual(angles[row], newAngles[row][..Known], $"Row {row}");
            // Renormalised.
            Assert.AreEqual(scores[row][2] / (scores[row][2] + scores[row][4]), newScores[row][2] / (newScores[row][2] + newScores[row][4]), 1e-4f, $"Row {row}");
            Assert.IsLessThanOrEqualTo(scores[row][2], newScores[row][2]);
        }
        var after = Accuracy(added);
        Console.WriteLine($"{before} {after}");
        Assert.IsGreaterThan(before.Old - 0.15, after.Old);
        Assert.IsGreaterThan(0.7, after.New);
        VBuffer<ReadOnlyMemory<char>> names = default;
        added.GetOutputSchema(data.Schema)["PredictedLabel"].Annotations.GetValue("KeyValues", ref names);
        CollectionAssert.AreEqual(Enumerable.Range(0, All).Select(c => $"c{c}").ToArray(), names.DenseValues().Select(name => name.ToString()).ToArray());
        using var loaded = (IDisposable)Models.Load(Models.Save(s_ml, added, data.Schema));
        Assert.IsTrue(newScores.SelectMany(row => row).SequenceEqual(Column((ITransformer)loaded, "Score", data).SelectMany(row => row)));
    }

    /// <summary>An old class scores by the cosine to its vector, a new one by that to its own mean, which is far higher.</summary>
    [TestMethod]
    public void PlainMeansBesideOldVectorsWouldSwallowOldClasses()
    {
        using var model = Train();
        using var byOffset = (IDisposable)model.AddClasses(s_ml, Rows(4, Known, All, 5), labelColumnName: "Class");
        var trained = Classifier((ITransformer)byOffset);
        Assert.IsGreaterThan(0.2, trained.Model.Fit.Offset);
        using var scope = NewDisposeScope();
        var blocks = trained.Model.Table.Blocks;
        Assert.HasCount(2, blocks);
        double OldAccuracy(ClassTable table)
        {
            using (table)
            {
                var rows = Blobs.Make(9, Noise, Blobs.Each(Known, 60));
                var x = empty(rows.Length, Blob.Size);
                foreach (var (i, row) in rows.Index())
                {
                    trained.Input.Write(row.Features, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(x.bytes).Slice(i * Blob.Size, Blob.Size));
                }
                using var noGrad = no_grad();
                var best = table.Cosines(trained.Model.Network.Embed(x)).argmax(1).data<long>().ToArray();
                return best.Zip(rows).Average(pair => $"c{pair.First}" == pair.Second.Class ? 1.0 : 0);
            }
        }
        var (withOffset, plain) = (OldAccuracy(new(blocks)), OldAccuracy(new(blocks[0], new(blocks[1].Vectors))));
        Console.WriteLine($"{withOffset} {plain}");
        Assert.AreEqual(Accuracy((ITransformer)byOffset).Old, withOffset, 1e-9);
        Assert.IsGreaterThan(0.8, withOffset);
        Assert.IsLessThan(withOffset - 0.3, plain);
    }

    [TestMethod]
    public void ByMeansAllClassesScoreAlike()
    {
        using var model = Train();
        var added = model.AddClasses(s_ml, Rows(4, Known, All, 5), AddClassesMode.Means, "Class");
        using var owner = (IDisposable)added;
        var (old, @new) = Accuracy(added);
        Console.WriteLine($"{old} {@new}");
        Assert.IsGreaterThan(0.85, old);
        Assert.IsGreaterThan(0.5, @new);
        Assert.AreEqual(0, Classifier(added).Model.Fit.Offset);
        var data = Rows(5, 0, All, 10);
        using var loaded = (IDisposable)Models.Load(Models.Save(s_ml, added, data.Schema));
        Assert.IsTrue(Column(added, "Score", data).SelectMany(row => row).SequenceEqual(Column((ITransformer)loaded, "Score", data).SelectMany(row => row)));
    }

    [TestMethod]
    [DataRow(0, 16)]
    [DataRow(2, 16)]
    [DataRow(0, 5)]
    public void RetrainedOnAllClasses(int spare, int dimension)
    {
        using var model = Train(o => (o.NumberOfSpareVectors, o.Dimension) = (spare, dimension));
        var data = Rows(5, 0, All, 10);
        var before = Column(model, "Score", data);
        var vectors = Classifier(model).Model.Basis.clone();
        var options = new AddClassesOptions { Mode = AddClassesMode.Retrain, LabelColumnName = "Class", Seed = 1, NumberOfThreads = 1, MaximumNumberOfEpochs = 5 };
        var added = model.AddClasses(s_ml, Rows(4, 0, All, 60), options);
        using var owner = (IDisposable)added;
        var (old, @new) = Accuracy(added);
        Console.WriteLine($"{old} {@new}");
        Assert.IsGreaterThan(0.9, old);
        Assert.IsGreaterThan(0.9, @new);
        Assert.IsTrue(before.SelectMany(row => row).SequenceEqual(Column(model, "Score", data).SelectMany(row => row)), "The old model was trained too.");
        // The vectors of the old classes are those of before.
        using var scope = NewDisposeScope();
        var basis = Classifier(added).Model.Basis;
        Assert.AreEqual(All, basis.size(0));
        Assert.IsTrue(Same(basis.narrow(0, 0, vectors.size(0)), vectors));
        vectors.Dispose();
        var cosines = basis.mm(basis.t()).Minus(eye(All)).abs().max().item<float>();
        Assert.IsTrue(dimension == 16 ? cosines < 1e-6 : cosines < 0.7, $"{cosines}");
        // Again the same.
        using var again = (IDisposable)model.AddClasses(s_ml, Rows(4, 0, All, 60), options);
        Assert.IsTrue(Column(added, "Score", data).SelectMany(row => row).SequenceEqual(Column((ITransformer)again, "Score", data).SelectMany(row => row)));
    }

    [TestMethod]
    [DataRow(AddClassesMode.Offset)]
    [DataRow(AddClassesMode.Means)]
    public void TheThresholdIsFittedAnewAndClassesMayBeAddedTwice(AddClassesMode mode)
    {
        var model = Train(o => (o.UnknownQuantile, o.LabelSmoothing) = (0.1, 0));
        var first = model.AddClasses(s_ml, Rows(4, Known, Known + 1, 8), mode, "Class");
        var second = first.AddClasses(s_ml, Rows(4, Known + 1, All, 8), mode, "Class");
        Assert.HasCount(mode == AddClassesMode.Offset ? 3 : 1, Classifier(second).Model.Table.Blocks);
        Assert.AreNotEqual(Classifier(model).UnknownThreshold, Classifier(second).UnknownThreshold);
        Assert.AreEqual(Classifier(model).Model.HeldOut!.size(1) + 16, Classifier(second).Model.HeldOut!.size(1));
        model.Dispose();
        ((IDisposable)first).Dispose();
        using (var owner = (IDisposable)second)
        {
            var kept = second.Transform(Rows(9, 0, All, 40)).GetColumn<uint>("PredictedLabel").Average(label => label > 0 ? 1.0 : 0);
            Console.WriteLine($"{Classifier(second).UnknownThreshold} {kept}");
            Assert.IsTrue(kept is > 0.6 and < 0.99);
            using var loaded = (IDisposable)Models.Load(Models.Save(s_ml, second, Rows(9, 0, All, 1).Schema));
            Assert.AreEqual(Classifier(second).UnknownThreshold, Classifier((ITransformer)loaded).UnknownThreshold);
        }
        Tensors.AssertNoneLeft(() =>
        {
            using var trained = Train(o => (o.UnknownQuantile, o.MaximumNumberOfEpochs) = (0.1, 1));
            ((IDisposable)trained.AddClasses(s_ml, Rows(4, Known, All, 5), mode, "Class")).Dispose();
        });
    }

    [TestMethod]
    public void NamesHiddenByAMappingAreReadBeforeIt()
    {
        using var model = Train(inPlace: true);
        using var added = (IDisposable)model.AddClasses(s_ml, Rows(4, Known, All, 5));
        Assert.AreEqual(All, Classifier((ITransformer)added).NumberOfClasses);
        var scored = ((ITransformer)added).Transform(Rows(9, Known, All, 40)).GetColumn<string>("Named").ToArray();
        Assert.IsGreaterThan(0.7, scored.Where((name, i) => name == $"c{Known + i / 40}").Count() / (double)scored.Length);
    }

    [TestMethod]
    public void ClassesWithoutNamesGoByNumber()
    {
        var rows = Blobs.Make(1, Noise, Blobs.Each(All, 20));
        TestView Data(int first, int last, int keys)
        {
            var part = rows[(20 * first)..(20 * last)];
            return new TestView(part.Length).Add("Label", new KeyDataViewType(typeof(uint), keys), row => (uint)(first + row / 20 + 1)).AddVector("Features", NumberDataViewType.Single, Blob.Size, row => part[row].Features);
        }
        var trainer = s_ml.MulticlassClassification.Trainers.EquiangularBasisVectors(new EquiangularBasisVectorsTrainer.Options { MaximumNumberOfEpochs = 6, HiddenWidths = [32], Dimension = 16, Seed = 3, NumberOfThreads = 1 });
        using var model = trainer.Fit(Data(0, 5, 5));
        // Class 5 stays without rows: it has a place and is never predicted.
        using var added = (EquiangularBasisVectorsTransformer)model.AddClasses(s_ml, Data(6, All, All));
        Assert.AreEqual(All, added.NumberOfClasses);
        var scored = Blobs.Score(added, Data(0, All, All));
        Assert.IsTrue(scored.All(row => row.Score[5] == 0 && row.PredictedLabel != 6));
        Assert.IsGreaterThan(30, scored.Skip(120).Where((row, i) => row.PredictedLabel == i / 20 + 7).Count());
        using var loaded = (IDisposable)Models.Load(Models.Save(s_ml, added));
        Assert.IsTrue(scored.SelectMany(row => row.Score).SequenceEqual(Blobs.Score((ITransformer)loaded, Data(0, All, All)).SelectMany(row => row.Score)));
    }

    [TestMethod]
    public void WhatCannotBeAddedIsNamed()
    {
        using var model = Train(o => o.MaximumNumberOfEpochs = 1);
        void Bad(IDataView data, AddClassesMode mode, string? column, params string[] parts) => Must.Contain(Must.Fail<InvalidOperationException>(() => model.AddClasses(s_ml, data, mode, column)).Message, parts);
        Bad(Rows(4, 5, All, 3), AddClassesMode.Offset, "Class", "'Class'", "'c5'", "Retrain");
        Bad(Rows(4, 5, All, 3), AddClassesMode.Means, "Class", "'c5'");
        Bad(Rows(4, 1, All, 3), AddClassesMode.Retrain, "Class", "'c0'", "forgotten");
        Bad(Rows(4, 0, 3, 3), AddClassesMode.Offset, "Class", "no class that the model does not have");
        // The mapping before the classifier does not know the new names.
        Bad(Rows(4, Known, All, 3), AddClassesMode.Offset, null, "'Label'", "mapping");
        var rows = Blobs.Make(4, Noise, 0, 0, 0, 0, 0, 0, 3);
        rows[1].Features[2] = float.NaN;
        Bad(s_ml.Data.LoadFromEnumerable(rows), AddClassesMode.Offset, "Class", "'Features'", "NaN in row 1");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => model.AddClasses(s_ml, Rows(4, Known, All, 3), labelColumnName: "Weight")).Message, "'Weight'", "Single");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => model.AddClasses(s_ml, Rows(4, Known, All, 3), labelColumnName: "Nothing")).Message, "'Nothing'");
        Must.Fail<ArgumentOutOfRangeException>(() => model.AddClasses(s_ml, Rows(4, Known, All, 3), (AddClassesMode)9, "Class"));
        Must.Fail<ArgumentOutOfRangeException>(() => model.AddClasses(s_ml, Rows(4, Known, All, 3), new AddClassesOptions { LabelColumnName = "" }));
        Must.Fail<ArgumentOutOfRangeException>(() => model.AddClasses(s_ml, Rows(4, Known, All, 3), new AddClassesOptions { LearningRate = -1 }));
        Must.Fail<ArgumentNullException>(() => model.AddClasses(s_ml, null!));
        Must.Fail<ArgumentNullException>(() => model.AddClasses(s_ml, Rows(4, 0, 1, 1), (AddClassesOptions)null!));
        var other = Blobs.Keys(s_ml, 3).Fit(Rows(1, 0, 3, 1));
        Must.Contain(Must.Fail<InvalidOperationException>(() => other.AddClasses(s_ml, Rows(4, Known, All, 3))).Message, "EquiangularBasisVectorsTransformer");
        var two = new TransformerChain<ITransformer>(model, model);
        Must.Contain(Must.Fail<InvalidOperationException>(() => two.AddClasses(s_ml, Rows(4, Known, All, 3))).Message, "2 of EquiangularBasisVectorsTransformer");
    }

    [TestMethod]
    public void NeuralCollapseGrowsWithTraining()
    {
        using var @short = Train(o => o.MaximumNumberOfEpochs = 1);
        using var @long = Train(o => o.MaximumNumberOfEpochs = 30);
        var data = Rows(1, 0, Known, 60);
        var (first, last) = (@short.MeasureNeuralCollapse(s_ml, data), @long.MeasureNeuralCollapse(s_ml, data));
        Console.WriteLine($"{first}\n\n{last}");
        Assert.IsLessThan(first.WithinClassVariability / 2, last.WithinClassVariability);
        Assert.IsGreaterThan(0.97, last.NearestMeanAgreement);
        Assert.IsNotNull(last.Alignment);
        Must.Contain(last.ToString(), "NC1", "NC2", "NC2b", "NC3", "NC4");
        var ofTrunk = @long.MeasureNeuralCollapse(s_ml, data, ofTrunkFeatures: true);
        Assert.IsNull(ofTrunk.Alignment);
        Assert.DoesNotContain("NC3", ofTrunk.ToString());
        Assert.AreEqual(last, @long.MeasureNeuralCollapse(s_ml, data, labelColumnName: "Class"));
        Must.Contain(Must.Fail<InvalidOperationException>(() => @long.MeasureNeuralCollapse(s_ml, Rows(1, Known, All, 3))).Message, "missing in all 6 rows");
    }

    [TestMethod]
    public void FurtherVectorsLeaveTheOthersAlone()
    {
        using var scope = NewDisposeScope();
        using var basis = EquiangularBasis.Create(new() { Count = 12, Dimension = 8, Seed = 1, NumberOfThreads = 1 });
        var further = BasisExtension.Make(basis.Vectors, 4, seed: 2);
        var all = cat([basis.Vectors, further], 0);
        var largest = all.mm(all.t()).Minus(eye(16)).abs().max().item<float>();
        Console.WriteLine($"{basis.MaxAbsCosine} {largest} {BasisBounds.Best(16, 8)}");
        Assert.IsLessThan(0.6, largest);
        Assert.IsTrue(further.norm(1).Minus(ones(4)).abs().max().item<float>() < 1e-6);
        Assert.IsTrue(Same(BasisExtension.Make(basis.Vectors, 4, seed: 2), further));
        Assert.IsFalse(Same(BasisExtension.Make(basis.Vectors, 4, seed: 3), further));
        // Beside very many, random directions do.
        using var many = EquiangularBasis.Create(new() { Count = 16384, Dimension = 256, Seed = 1, Generator = EquiangularBasisGenerator.Gold, NumberOfThreads = 1 });
        var random = BasisExtension.Make(many.Vectors, 3, seed: 2);
        Assert.IsTrue(random.norm(1).Minus(ones(3)).abs().max().item<float>() < 1e-6);
        Assert.IsLessThan(0.6, random.mm(many.Vectors.t()).abs().max().item<float>());
    }
}
