using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using MLNetExtensions.Tests.OwnModules;

namespace MLNetExtensions.Tests.Classification;

[TestClass]
public sealed class EquiangularBasisVectorsTests
{
    private static EquiangularBasisVectorsTrainer.Options Options(Action<EquiangularBasisVectorsTrainer.Options>? change = null)
    {
        var options = new EquiangularBasisVectorsTrainer.Options { MaximumNumberOfEpochs = 8, HiddenWidths = [32], Dimension = 16, Seed = 3, NumberOfThreads = 1 };
        change?.Invoke(options);
        return options;
    }

    private static EquiangularBasisVectorsTransformer Fit(IDataView data, Action<EquiangularBasisVectorsTrainer.Options>? change = null, MLContext? ml = null)
        => ((IEstimator<EquiangularBasisVectorsTransformer>)(ml ?? new MLContext(1)).MulticlassClassification.Trainers.EquiangularBasisVectors(Options(change))).Fit(data);

    private static void AssertEqual(Blobs.Scored[] expected, Blobs.Scored[] actual, float tolerance = 0)
    {
        Assert.HasCount(expected.Length, actual);
        for (var row = 0; row < expected.Length; row++)
        {
            Assert.AreEqual(expected[row].PredictedLabel, actual[row].PredictedLabel, $"Row {row}");
            for (var i = 0; i < expected[row].Score.Length; i++)
            {
                Assert.AreEqual(expected[row].Score[i], actual[row].Score[i], tolerance, $"Row {row}");
            }
        }
    }

    private static MulticlassClassificationMetrics Evaluate(ITransformer model, IDataView data) => new MLContext().MulticlassClassification.Evaluate(model.Transform(data));

    [TestMethod]
    public void TellsClassesApartAndSavesTheWholePipeline()
    {
        var ml = new MLContext(1);
        var train = ml.Data.LoadFromEnumerable(Blobs.Make(1, 0.4, Blobs.Each(6, 60)));
        var test = ml.Data.LoadFromEnumerable(Blobs.Make(2, 0.4, Blobs.Each(6, 40)));
        var pipeline = Blobs.Keys(ml, 6).Append(ml.MulticlassClassification.Trainers.EquiangularBasisVectors(Options(o => o.MaximumNumberOfEpochs = 15))).Append(ml.Transforms.Conversion.MapKeyToValue("Named", "PredictedLabel"));
        using var model = pipeline.Fit(train);
        var metrics = Evaluate(model, test);
        Console.WriteLine($"{metrics.MicroAccuracy} {metrics.LogLoss}");
        Assert.IsGreaterThan(0.95, metrics.MicroAccuracy);
        Assert.IsLessThan(0.4, metrics.LogLoss);
        using var loaded = (IDisposable)Models.Load(Models.Save(ml, model, train.Schema));
        AssertEqual(Blobs.Score(model, test), Blobs.Score((ITransformer)loaded, test));
        var named = ((ITransformer)loaded).Transform(test);
        Assert.AreEqual(metrics.MicroAccuracy, named.GetColumn<string>("Named").Zip(named.GetColumn<string>("Class")).Average(pair => pair.First == pair.Second ? 1.0 : 0), 1e-9);
        // The defaults, by the plain overload.
        using var plain = Blobs.Keys(ml, 6).Append(ml.MulticlassClassification.Trainers.EquiangularBasisVectors(maximumNumberOfEpochs: 2)).Fit(train);
        Assert.AreEqual(64, ((EquiangularBasisVectorsTransformer)plain.LastTransformer).Dimension);
        Assert.IsGreaterThan(0.8, Evaluate(plain, test).MicroAccuracy);
    }

    [TestMethod]
    public void Digits()
    {
        var ml = new MLContext(1);
        var (train, test) = Rows.Digits(ml);
        var keys = ml.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue);
        using var model = keys.Append(ml.MulticlassClassification.Trainers.EquiangularBasisVectors(Options(o => (o.HiddenWidths, o.Dimension, o.Scaling, o.MaximumNumberOfEpochs) = ([128, 128], 64, FeatureScaling.Global, 12)))).Fit(train);
        var metrics = Evaluate(model, test);
        Console.WriteLine($"{metrics.MicroAccuracy} {metrics.LogLoss}");
        Assert.IsGreaterThan(0.97, metrics.MicroAccuracy);
    }

    [TestMethod]
    [DataRow(EquiangularBasisTrunk.Mlp)]
    [DataRow(EquiangularBasisTrunk.ConvNet)]
    [DataRow(EquiangularBasisTrunk.OwnModule)]
    public void ARowsScoresDoNotDependOnTheRowsBesideIt(EquiangularBasisTrunk trunk)
    {
        const int Pixels = 64;
        var random = new Random(5);
        var rows = Enumerable.Range(0, 300).Select(i => new Image { Features = [.. Enumerable.Range(0, Pixels).Select(p => (float)(random.NextDouble() + (p / 8 == i % 4 ? 1 : 0)))], Label = (uint)(i % 4) }).ToArray();
        IDataView View(IReadOnlyList<Image> part) => new MLContext().Data.LoadFromEnumerable(part);
        using var model = Fit(View(rows[..120]), o =>
        {
            (o.Trunk, o.ImageHeight, o.ImageWidth, o.ConvNetWidth, o.MaximumNumberOfEpochs) = (trunk, 8, 8, 2, 3);
            if (trunk == EquiangularBasisTrunk.OwnModule)
            {
                o.ModuleFactory = new Normalised();
            }
        });
        var expected = rows.Select(row => Blobs.Score(model, View([row]))[0]).ToArray();
        foreach (var size in new[] { 7, 256 })
        {
            AssertEqual(expected, [.. rows.Chunk(size).SelectMany(part => Blobs.Score(model, View(part)))], 1e-5f);
        }
        using var loaded = (IDisposable)Models.Load(Models.Save(new MLContext(), model));
        Parallel.For(0, 4, _ => AssertEqual(expected, Blobs.Score((ITransformer)loaded, View(rows)), 1e-5f));
    }

    [TestMethod]
    public void ImagesInEitherOrderAndOfEitherType()
    {
        const int Pixels = 10 * 8, Channels = 3;
        static byte[] Planar(int row) => [.. Enumerable.Range(0, Channels * Pixels).Select(i => (byte)((i * (1 + row % 3) + 31 * row) % 97))];
        static byte[] Interleaved(int row)
        {
            var planar = Planar(row);
            return [.. Enumerable.Range(0, planar.Length).Select(i => planar[i % Channels * Pixels + i / Channels])];
        }
        static TestView Data<T>(PrimitiveDataViewType type, Func<int, T[]> features) => new TestView(48).Add("Label", new KeyDataViewType(typeof(uint), 3), row => (uint)(row % 3 + 1)).AddVector("Features", type, Channels * Pixels, features);
        static void Images(EquiangularBasisVectorsTrainer.Options options)
            => (options.Trunk, options.ImageHeight, options.ImageWidth, options.ImageChannels, options.ConvNetWidth, options.MaximumNumberOfEpochs, options.ImageFlip) = (EquiangularBasisTrunk.ConvNet, 10, 8, Channels, 2, 2, true);
        var planar = Data(NumberDataViewType.Single, row => Array.ConvertAll(Planar(row), value => (float)value));
        using var model = Fit(planar, Images);
        var expected = Blobs.Score(model, planar);
        foreach (var scaling in new FeatureScaling?[] { null, FeatureScaling.PerColumn })
        {
            using var first = Fit(planar, o =>
            {
                Images(o);
                o.Scaling = scaling;
            });
            var interleaved = Data(NumberDataViewType.Byte, Interleaved);
            using var second = Fit(interleaved, o =>
            {
                Images(o);
                (o.Scaling, o.InterleavedPixels) = (scaling, true);
            });
            AssertEqual(Blobs.Score(first, planar), Blobs.Score(second, interleaved));
        }
        // Pixels of 0 to 1 instead of 0 to 255.
        var small = Data(NumberDataViewType.Single, row => Array.ConvertAll(Planar(row), value => value / 256f));
        using var ofSmall = Fit(small, Images);
        AssertEqual(expected, Blobs.Score(ofSmall, small), 1e-4f);
        var wrong = new TestView(9).Add("Label", new KeyDataViewType(typeof(uint), 3), row => 1u).AddVector("Features", NumberDataViewType.Single, 784, row => new float[784]);
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Fit(wrong, Images)).Message, "'Features'", "10 x 8 x 3", "240", "Vector<Single, 784>");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => model.Transform(wrong)).Message, "'Features'", "10 x 8 x 3", "Vector<Single, 784>");
        // Where the dimensions tell the order, the wrong one is seen.
        var layout = new ImageLayout(10, 8, 3, Interleaved: false);
        Assert.IsTrue(layout.Fits(new VectorDataViewType(NumberDataViewType.Single, 3, 10, 8)));
        Assert.IsFalse(layout.Fits(new VectorDataViewType(NumberDataViewType.Single, 10, 8, 3)));
        Assert.IsTrue((layout with { Interleaved = true }).Fits(new VectorDataViewType(NumberDataViewType.Single, 10, 8, 3)));
    }

    [TestMethod]
    public void RowsWithoutWeightTeachNothingAndClassesMayWeigh()
    {
        var ml = new MLContext(1);
        var rows = Blobs.Make(1, 1, 120, 40, 20);
        foreach (var (i, row) in rows.Index())
        {
            row.Weight = i % 5 == 0 ? 0 : 1 + i % 3;
        }
        var test = Blobs.View(ml, Blobs.Make(2, 1, 20, 20, 20), 3);
        Blobs.Scored[] Scores(Action<EquiangularBasisVectorsTrainer.Options> change)
        {
            using var model = Fit(Blobs.View(ml, rows, 3), o =>
            {
                (o.MaximumNumberOfEpochs, o.ExampleWeightColumnName) = (3, "Weight");
                change(o);
            });
            return Blobs.Score(model, test);
        }
        var expected = Scores(_ => { });
        foreach (var row in rows.Where(row => row.Weight == 0))
        {
            row.Class = row.Class == "c0" ? "c1" : "c0";
        }
        AssertEqual(expected, Scores(_ => { }));
        Assert.Throws<AssertFailedException>(() => AssertEqual(expected, Scores(o => o.ExampleWeightColumnName = null)));
        foreach (var row in rows)
        {
            row.Weight = 1;
        }
        var counts = rows.CountBy(row => row.Class).ToDictionary();
        foreach (var (weighting, exponent) in new[] { (ClassWeighting.Balanced, 1.0), (ClassWeighting.SquareRoot, 0.5) })
        {
            var balanced = Scores(o => o.ClassWeights = weighting);
            var mean = rows.Average(row => Math.Pow(counts[row.Class], -exponent));
            foreach (var row in rows)
            {
                row.Weight = (float)(Math.Pow(counts[row.Class], -exponent) / mean);
            }
            AssertEqual(balanced, Scores(_ => { }), 1e-4f);
            Array.ForEach(rows, row => row.Weight = 1);
        }
        rows[7].Weight = -1;
        Must.Contain(Must.Fail<InvalidOperationException>(() => Scores(_ => { })).Message, "'Weight'", "-1 in row 7");
        rows[7].Weight = float.NaN;
        Must.Contain(Must.Fail<InvalidOperationException>(() => Scores(_ => { })).Message, "'Weight'", "NaN in row 7");
        Array.ForEach(rows, row => row.Weight = 0);
        Must.Contain(Must.Fail<InvalidOperationException>(() => Scores(_ => { })).Message, "'Weight'", "0 in all 180 rows");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Scores(o => o.ExampleWeightColumnName = "Class")).Message, "'Class'", "example weight");
    }

    [TestMethod]
    public void ThePriorShiftHelpsRareClasses()
    {
        var ml = new MLContext(1);
        var train = Blobs.View(ml, Blobs.Make(1, 1.5, 600, 600, 20, 20), 4);
        var test = Blobs.View(ml, Blobs.Make(2, 1.5, Blobs.Each(4, 200)), 4);
        double Recall(bool shift)
        {
            using var model = Fit(train, o => (o.PriorShift, o.LabelSmoothing) = (shift, 0));
            var metrics = Evaluate(model, test);
            Console.WriteLine($"{shift}: {metrics.MacroAccuracy} {string.Join(" ", metrics.ConfusionMatrix.PerClassRecall)}");
            return metrics.ConfusionMatrix.PerClassRecall.Skip(2).Average();
        }
        Assert.IsGreaterThan(Recall(false) + 0.1, Recall(true));
    }

    [TestMethod]
    public void CalibrationMakesProbabilitiesLikelierAndChangesNoClass()
    {
        var ml = new MLContext(1);
        var train = Blobs.View(ml, Blobs.Make(1, 0.8, Blobs.Each(5, 420)), 5);
        var test = Blobs.View(ml, Blobs.Make(2, 0.8, Blobs.Each(5, 200)), 5);
        // The rows held out choose the epoch too, so that both are the same network.
        using var plain = Fit(train, o => (o.Patience, o.Calibrate) = (9, false));
        using var calibrated = Fit(train, o => o.Patience = 9);
        Assert.AreEqual(0.07, plain.Temperature);
        Assert.IsLessThan(0.07, calibrated.Temperature, "Smoothing leaves it under-confident.");
        var (before, after) = (Evaluate(plain, test), Evaluate(calibrated, test));
        Console.WriteLine($"{plain.Temperature} {before.LogLoss} {calibrated.Temperature} {after.LogLoss}");
        Assert.IsLessThan(before.LogLoss - 0.02, after.LogLoss);
        CollectionAssert.AreEqual(Blobs.Score(plain, test).Select(row => row.PredictedLabel).ToArray(), Blobs.Score(calibrated, test).Select(row => row.PredictedLabel).ToArray());
        using var loaded = (EquiangularBasisVectorsTransformer)Models.Load(Models.Save(ml, calibrated));
        Assert.AreEqual(calibrated.Temperature, loaded.Temperature);
        // Too few rows to fit a temperature to: none is held out.
        using var few = Fit(Blobs.View(ml, Blobs.Make(1, 0.8, Blobs.Each(5, 40)), 5), o => o.MaximumNumberOfEpochs = 1);
        Assert.AreEqual(0.07, few.Temperature);
        Assert.IsNull(few.Model.HeldOut);
    }

    [TestMethod]
    public void UnknownRowsHaveNoLabel()
    {
        var ml = new MLContext(1);
        var train = Blobs.View(ml, Blobs.Make(1, 0.4, Blobs.Each(5, 200)), 5);
        using var model = Fit(train, o => (o.UnknownQuantile, o.AngleColumnName, o.LabelSmoothing) = (0.1, "Angle", 0));
        Assert.IsNotNull(model.UnknownThreshold);
        // Those of classes 5 to 7 were never seen.
        var test = Blobs.View(ml, Blobs.Make(2, 0.4, Blobs.Each(8, 100)), 5);
        var scored = model.Transform(test);
        uint[] labels = [.. scored.GetColumn<uint>("PredictedLabel")];
        float[][] angles = [.. scored.GetColumn<float[]>("Angle")];
        for (var row = 0; row < labels.Length; row++)
        {
            var cosine = Math.Cos(angles[row].Min());
            if (Math.Abs(cosine - model.UnknownThreshold.Value) > 1e-5)
            {
                Assert.AreEqual(cosine < model.UnknownThreshold, labels[row] == 0, $"Row {row}");
            }
        }
        var kept = labels.Take(500).Average(label => label > 0 ? 1.0 : 0);
        var rejected = labels.Skip(500).Average(label => label == 0 ? 1.0 : 0);
        Console.WriteLine($"{model.UnknownThreshold} {kept} {rejected}");
        Assert.IsTrue(kept is > 0.75 and < 0.98);
        Assert.IsGreaterThan(2 * (1 - kept), rejected);
        using var loaded = (EquiangularBasisVectorsTransformer)Models.Load(Models.Save(ml, model));
        CollectionAssert.AreEqual(labels, loaded.Transform(test).GetColumn<uint>("PredictedLabel").ToArray());
    }

    [TestMethod]
    public void TheBestClassesAreThoseOfTheScores()
    {
        var ml = new MLContext(1);
        var train = Blobs.View(ml, Blobs.Make(1, 1, Blobs.Each(7, 40)), 7);
        void With(EquiangularBasisVectorsTrainer.Options options) => (options.NumberOfTopClasses, options.EmbeddingColumnName, options.TrunkFeaturesColumnName, options.AngleColumnName) = (3, "E", "F", "A");
        using var model = Fit(train, With);
        using var without = Fit(train, o =>
        {
            With(o);
            o.OutputScores = false;
        });
        var (rows, rowsWithout) = (Top<VectorsRow>(model, train), Top<VectorsRow>(without, train));
        float[][] scores = [.. Blobs.Score(model, train).Select(row => row.Score)];
        foreach (var (i, row) in rows.Index())
        {
            int[] order = [.. Enumerable.Range(0, 7).OrderByDescending(c => scores[i][c])];
            CollectionAssert.AreEqual(order.Take(3).Select(c => (uint)c + 1).ToArray(), row.TopLabels);
            CollectionAssert.AreEqual(order.Take(3).Select(c => scores[i][c]).ToArray(), row.TopScores);
            Assert.AreEqual(row.TopLabels[0], row.PredictedLabel);
            Assert.AreEqual(1, Length(row.E), 1e-5);
            Assert.AreEqual(1, Length(row.F), 1e-5);
            Assert.HasCount(16, row.E);
            Assert.HasCount(32, row.F);
            // The scores are the softmax of the cosines.
            var total = row.A.Sum(angle => Math.Exp(Math.Cos(angle) / model.Temperature));
            Assert.AreEqual(Math.Exp(Math.Cos(row.A[2]) / model.Temperature) / total, scores[i][2], 1e-4);
            CollectionAssert.AreEqual(row.TopLabels, rowsWithout[i].TopLabels);
            for (var j = 0; j < 3; j++)
            {
                Assert.AreEqual(row.TopScores[j], rowsWithout[i].TopScores[j], 1e-6f);
            }
        }
        var schema = without.GetOutputSchema(train.Schema);
        Assert.IsNull(schema.GetColumnOrNull("Score"));
        VBuffer<ReadOnlyMemory<char>> names = default;
        schema["TopLabels"].Annotations.GetValue("KeyValues", ref names);
        CollectionAssert.AreEqual(Enumerable.Range(0, 7).Select(c => $"c{c}").ToArray(), names.DenseValues().Select(name => name.ToString()).ToArray());
        schema["A"].GetSlotNames(ref names);
        Assert.AreEqual("c6", names.GetItemOrDefault(6).ToString());
        // The evaluator needs the scores.
        Must.Contain(Must.Fail(() => ml.MulticlassClassification.Evaluate(without.Transform(train))).Message, "Score");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Fit(train, o => o.NumberOfTopClasses = 8)).Message, "number of classes, 7");
    }

    private static T[] Top<T>(ITransformer model, IDataView data)
        where T : TopRow, new()
        => [.. new MLContext().Data.CreateEnumerable<T>(model.Transform(data), reuseRowObject: false)];

    private static double Length(float[] values) => Math.Sqrt(values.Sum(value => (double)value * value));

    [TestMethod]
    public void ManyClassesAreTrainedInChunks()
    {
        const int Classes = 1500;
        var random = new Random(1);
        float[][] centres = [.. Enumerable.Range(0, Classes).Select(_ => Enumerable.Range(0, 16).Select(_ => (float)random.NextDouble()).ToArray())];
        TestView Data(int each, int seed)
        {
            var noise = new Random(seed);
            float[][] rows = [.. Enumerable.Range(0, each * Classes).Select(i => Array.ConvertAll(centres[i % Classes], value => value + (float)(0.04 * noise.NextDouble())))];
            return new TestView(rows.Length).Add("Label", new KeyDataViewType(typeof(uint), Classes), row => (uint)(row % Classes + 1)).AddVector("Features", NumberDataViewType.Single, 16, row => rows[row]);
        }
        using var model = Fit(Data(5, 2), o => (o.Basis, o.Dimension, o.HiddenWidths, o.MaximumNumberOfEpochs, o.OutputScores, o.NumberOfTopClasses, o.Calibrate) = (EquiangularBasisGenerator.Gold, 128, [128], 6, false, 5, false));
        var rows = Top<TopRow>(model, Data(1, 3));
        var (first, five) = (rows.Where((row, i) => row.PredictedLabel == i + 1).Count() / (double)Classes, rows.Where((row, i) => row.TopLabels.Contains((uint)i + 1)).Count() / (double)Classes);
        Console.WriteLine($"{first} {five}");
        Assert.IsGreaterThan(0.4, first);
        Assert.IsGreaterThan(0.7, five);
    }

    [TestMethod]
    public void CrossValidationImportanceAndEngines()
    {
        var ml = new MLContext(1);
        var rows = Blobs.Make(1, 0.3, Blobs.Each(4, 60));
        Array.ForEach(rows, row => row.Features[5] = row.Features[4] = 0.1f);
        var data = ml.Data.Cache(Blobs.View(ml, rows, 4));
        var trainer = ml.MulticlassClassification.Trainers.EquiangularBasisVectors(Options());
        var folds = ml.MulticlassClassification.CrossValidate(data, trainer, numberOfFolds: 2);
        Assert.IsTrue(folds.All(fold => fold.Metrics.MicroAccuracy > 0.9));
        foreach (var fold in folds)
        {
            ((IDisposable)fold.Model).Dispose();
        }
        using var model = trainer.Fit(data);
        using var loaded = (IDisposable)Models.Load(Models.Save(ml, model, data.Schema));
        var importance = ml.MulticlassClassification.PermutationFeatureImportance((ISingleFeaturePredictionTransformer<object>)loaded, data, permutationCount: 1);
        Assert.HasCount(Blob.Size, importance);
        Assert.IsTrue(importance.Take(4).Any(slot => slot.MicroAccuracy.Mean < -0.05));
        Assert.AreEqual(0, importance[5].MicroAccuracy.Mean);
        // The overload for any model wants slot names.
        var named = ml.Transforms.Concatenate("Features", "A", "B").Append(ml.MulticlassClassification.Trainers.EquiangularBasisVectors(Options()));
        var parts = ml.Data.LoadFromEnumerable(rows.Select((row, i) => new Parts { A = row.Features[0], B = row.Features[1], Label = (uint)(i / 60) }));
        using var ofParts = named.Fit(parts);
        var byName = ml.MulticlassClassification.PermutationFeatureImportance(ofParts, ofParts.Transform(parts), permutationCount: 1);
        CollectionAssert.AreEquivalent(new[] { "A", "B" }, byName.Keys.ToArray());
    }

    [TestMethod]
    public void BadDataIsNamed()
    {
        var ml = new MLContext(1);
        void Bad(Action<Blob[]> change, params string[] parts)
        {
            var rows = Blobs.Make(1, 1, 10, 10);
            change(rows);
            Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Blobs.View(ml, rows, 2))).Message, parts);
        }
        Bad(rows => rows[7].Features[3] = float.NaN, "'Features'", "NaN in row 7, slot 3");
        Bad(rows => Array.ForEach(rows, row => row.Class = "c1"), "'Label'", "same class in all 20 rows");
        Bad(rows => Array.ForEach(rows, row => row.Class = "?"), "'Label'", "missing in all 20 rows");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Blobs.View(ml, Blobs.Make(1, 1, 1), 2))).Message, "same class in all 1 rows");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Blobs.View(ml, [], 2))).Message, "no rows");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Blobs.View(ml, Blobs.Make(1, 1, 1, 1, 1), 3), o => o.UnknownQuantile = 0.05)).Message, "3 classes");
        var three = Blobs.View(ml, Blobs.Make(1, 1, Blobs.Each(3, 10)), 3);
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Fit(three, o => (o.Basis, o.Dimension) = (EquiangularBasisGenerator.Simplex, 1))).Message, "Dimension");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Fit(three, o => (o.Basis, o.Dimension) = (EquiangularBasisGenerator.Orthonormal, 2))).Message, "2 orthonormal");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Fit(three, o => (o.Basis, o.Dimension) = (EquiangularBasisGenerator.Gold, 7))).Message, "Gold");
        // Two rows suffice; a missing label and a class without rows are warned of.
        EquiangularBasisVectorsTransformer? model = null;
        var few = Blobs.Make(1, 1, 1, 1, 1);
        few[2].Class = "?";
        var warnings = Models.Warnings(ml, () => model = Fit(Blobs.View(ml, few, 4), ml: ml));
        using (model)
        {
            Assert.IsTrue(warnings.Any(warning => warning.Contains("1 of 3 rows are not trained on")));
            Assert.IsTrue(warnings.Any(warning => warning.Contains("2 of the 4 classes") && warning.Contains("'Label'")));
            few[0].Features[0] = float.PositiveInfinity;
            var scored = Blobs.Score(model!, Blobs.View(ml, few, 4));
            Assert.AreEqual(0u, scored[0].PredictedLabel);
            Assert.IsTrue(scored[0].Score.All(float.IsNaN));
            Assert.HasCount(4, scored[1].Score);
            Assert.AreEqual(1, scored[1].Score.Sum(), 1e-5f);
        }
    }

    [TestMethod]
    public void TheLogTellsOfTheBasisAndOfLongEmbeddings()
    {
        var ml = new MLContext(1);
        var messages = new List<string>();
        ml.Log += (_, e) => messages.Add(e.Message);
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var data = Blobs.View(ml, Blobs.Make(1, 0.5, Blobs.Each(6, 30)), 6);
            void Stormy(EquiangularBasisVectorsTrainer.Options options)
            {
                (options.Dimension, options.BasisSteps, options.BasisCacheFolder) = (4, 50, folder.FullName);
                (options.LearningRate, options.GradientClipNorm, options.WeightDecay, options.LabelSmoothing) = (20, 0, 0, 0);
            }
            using var first = Fit(data, Stormy, ml);
            Assert.HasCount(1, folder.GetFiles());
            Assert.IsTrue(messages.Any(message => message.Contains("6 vectors in 4 dimensions (SmoothMaximum)") && message.Contains("smaller one than 0.3162")));
            Assert.IsTrue(messages.Any(message => message.Contains("GradientClipNorm")));
            // From the folder, the same vectors.
            using var second = Fit(data, Stormy, ml);
            AssertEqual(Blobs.Score(first, data), Blobs.Score(second, data));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [TestMethod]
    public void ACheckpointBelongsToTheVectorsOfItsClasses()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var data = Blobs.View(new MLContext(), Blobs.Make(1, 0.5, Blobs.Each(4, 30)), 4);
            var path = Path.Combine(folder.FullName, "checkpoint");
            using var source = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => Fit(data, o => (o.CheckpointPath, o.CancellationToken, o.Progress) = (path, source.Token, new ImmediateProgress(_ => source.Cancel()))));
            Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(data, o => (o.CheckpointPath, o.Basis) = (path, EquiangularBasisGenerator.Simplex))).Message, "other options");
            using var resumed = Fit(data, o => o.CheckpointPath = path);
            using var whole = Fit(data);
            AssertEqual(Blobs.Score(whole, data), Blobs.Score(resumed, data));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [TestMethod]
    public void BadOptionsAreNamed()
    {
        var ml = new MLContext(1);
        void Bad(Action<EquiangularBasisVectorsTrainer.Options> change, string name)
            => Assert.Contains(name, Must.Fail<ArgumentOutOfRangeException>(() => ml.MulticlassClassification.Trainers.EquiangularBasisVectors(Options(change))).ParamName!);
        Bad(o => o.LabelColumnName = "", "LabelColumnName");
        Bad(o => o.FeatureColumnName = "", "FeatureColumnName");
        Bad(o => o.ExampleWeightColumnName = "", "ExampleWeightColumnName");
        Bad(o => o.Trunk = (EquiangularBasisTrunk)9, "Trunk");
        Bad(o => o.HiddenWidths = [], "HiddenWidths");
        Bad(o => o.HiddenWidths = [4, 0], "HiddenWidths");
        Bad(o => o.HiddenWidths = null!, "HiddenWidths");
        Bad(o => o.Trunk = EquiangularBasisTrunk.ConvNet, "ImageHeight");
        Bad(o => (o.Trunk, o.ImageHeight, o.ImageWidth) = (EquiangularBasisTrunk.ConvNet, 8, 7), "ImageWidth");
        Bad(o => (o.Trunk, o.ImageHeight, o.ImageWidth, o.ImageChannels) = (EquiangularBasisTrunk.ConvNet, 8, 8, 0), "ImageChannels");
        Bad(o => (o.Trunk, o.ImageHeight, o.ImageWidth, o.ImageShift) = (EquiangularBasisTrunk.ConvNet, 8, 8, 8), "ImageShift");
        Bad(o => o.ConvNetWidth = 0, "ConvNetWidth");
        Bad(o => o.NumberOfFeatures = 0, "NumberOfFeatures");
        Bad(o => o.Scaling = (FeatureScaling)9, "Scaling");
        Bad(o => o.Basis = (EquiangularBasisGenerator)9, "Basis");
        Bad(o => o.Dimension = 0, "Dimension");
        Bad(o => o.NumberOfSpareVectors = -1, "NumberOfSpareVectors");
        Bad(o => o.BasisSteps = -1, "BasisSteps");
        Bad(o => o.BasisCacheFolder = "", "BasisCacheFolder");
        Bad(o => o.Temperature = 0, "Temperature");
        Bad(o => o.LabelSmoothing = 1, "LabelSmoothing");
        Bad(o => o.ClassWeights = (ClassWeighting)9, "ClassWeights");
        Bad(o => o.Momentum = 1, "Momentum");
        Bad(o => o.WeightDecay = -1, "WeightDecay");
        Bad(o => o.GradientClipNorm = double.NaN, "GradientClipNorm");
        Bad(o => o.NumberOfWarmupEpochs = -1, "NumberOfWarmupEpochs");
        Bad(o => o.HeldOutFraction = 1, "HeldOutFraction");
        Bad(o => (o.HeldOutFraction, o.UnknownQuantile) = (0, 0.05), "HeldOutFraction");
        Bad(o => o.Patience = 0, "Patience");
        Bad(o => o.UnknownQuantile = 1, "UnknownQuantile");
        Bad(o => o.NumberOfTopClasses = -1, "NumberOfTopClasses");
        Bad(o => o.EmbeddingColumnName = "", "EmbeddingColumnName");
        Bad(o => (o.EmbeddingColumnName, o.AngleColumnName) = ("X", "X"), "options");
        Bad(o => o.EmbeddingColumnName = "Score", "options");
        Bad(o => o.BatchSize = 1, "BatchSize");
        Bad(o => o.BatchSize = -1, "BatchSize");
        Bad(o => o.MaximumNumberOfEpochs = -1, "MaximumNumberOfEpochs");
        Bad(o => o.LearningRate = 0, "LearningRate");
        Must.Fail<ArgumentNullException>(() => ml.MulticlassClassification.Trainers.EquiangularBasisVectors(Options(o => o.Trunk = EquiangularBasisTrunk.OwnModule)));
        Must.Fail<ArgumentNullException>(() => ml.MulticlassClassification.Trainers.EquiangularBasisVectors((EquiangularBasisVectorsTrainer.Options)null!));
        // Options are copied.
        int[] widths = [4];
        var trainer = ml.MulticlassClassification.Trainers.EquiangularBasisVectors(Options(o => (o.HiddenWidths, o.MaximumNumberOfEpochs) = (widths, 1)));
        widths[0] = -1;
        trainer.Fit(Blobs.View(ml, Blobs.Make(1, 1, 10, 10), 2)).Dispose();
    }

    [TestMethod]
    public void FilesThatDoNotFitTogetherAreRefused()
    {
        var ml = new MLContext(1);
        using var model = Fit(Blobs.View(ml, Blobs.Make(1, 1, Blobs.Each(3, 20)), 3), o => (o.MaximumNumberOfEpochs, o.UnknownQuantile, o.NumberOfTopClasses) = (1, 0.1, 2));
        var file = Models.Save(ml, model);
        void Refused(string old, string @new)
        {
            var zip = new ModelZip(file);
            Assert.Contains(old, zip.Options);
            zip.Options = zip.Options.Replace(old, @new);
            Assert.IsInstanceOfType<FormatException>(Must.Innermost(Must.Catch(() => Models.Load(zip.ToArray()))), @new);
        }
        Refused("\"Inputs\": 6", "\"Inputs\": 7");
        Refused("\"Inputs\": 6", "\"Inputs\": 2147483647");
        Refused("\"Dimension\": 16", "\"Dimension\": 8");
        Refused("\"Features\": 32", "\"Features\": 16");
        Refused("\"Mlp\": {", "\"Mlp\": null, \"Other\": {");
        Refused("\"Factory\": null", "\"Factory\": {}");
        Refused("\"Count\": 3", "\"Count\": 2");
        Refused("\"BasisVectors\": 3", "\"BasisVectors\": 2");
        Refused("\"IsBasis\": true", "\"IsBasis\": false");
        Refused("\"HasOffsets\": false", "\"HasOffsets\": true");
        Refused("\"HeldOutRows\": 6", "\"HeldOutRows\": 5");
        Refused("\"Temperature\": 0.07", "\"Temperature\": 0");
        Refused("\"Temperature\": 0.07", "\"Temperature\": \"NaN\"");
        Refused("\"Top\": 2", "\"Top\": 4");
        Refused("\"Image\": null", "\"Image\": { \"Height\": 2, \"Width\": 3, \"Channels\": 1, \"Interleaved\": false }");
        Refused("\"FeatureColumnName\": \"Features\"", "\"FeatureColumnName\": \"\"");
        Refused("\"Deviations\": [", "\"Deviations\": [ 1,");
    }

    private sealed class Image
    {
        [VectorType(64)]
        public float[] Features { get; set; } = [];

        [KeyType(4)]
        public uint Label { get; set; }
    }

    private sealed class Parts
    {
        public float A { get; set; }

        public float B { get; set; }

        [KeyType(4)]
        public uint Label { get; set; }
    }

    private class TopRow
    {
        public uint PredictedLabel { get; set; }

        public uint[] TopLabels { get; set; } = [];

        public float[] TopScores { get; set; } = [];

    }

    private sealed class VectorsRow : TopRow
    {
        public float[] E { get; set; } = [];

        public float[] F { get; set; } = [];

        public float[] A { get; set; } = [];
    }
}
