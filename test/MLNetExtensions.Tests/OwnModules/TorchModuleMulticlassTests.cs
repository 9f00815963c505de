using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using MLNetExtensions.Torch;
using TorchSharp;
using static MLNetExtensions.Tests.OwnModules.Rows;

namespace MLNetExtensions.Tests.OwnModules;

[TestClass]
public sealed class TorchModuleMulticlassTests
{
    private static TorchModuleMulticlassTrainer.Options Options(TorchModuleFactory? factory = null, Action<TorchModuleMulticlassTrainer.Options>? change = null)
    {
        var options = new TorchModuleMulticlassTrainer.Options { ModuleFactory = factory ?? new Perceptron(), MaximumNumberOfEpochs = 20, LearningRate = 0.01, Seed = 3, NumberOfThreads = 1 };
        change?.Invoke(options);
        return options;
    }

    private static IEstimator<ITransformer> Keys(MLContext ml) => ml.Transforms.Conversion.MapValueToKey("Label", "Class", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue);

    private static IDataView Rings(MLContext ml, int count, int seed = 1)
    {
        var all = Keys(ml).Fit(ml.Data.LoadFromEnumerable(Points(100)));
        return all.Transform(ml.Data.LoadFromEnumerable(Points(count, seed)));
    }

    [TestMethod]
    public void TellsRingsApartAndSavesTheWholePipeline()
    {
        var ml = new MLContext(1);
        var train = ml.Data.LoadFromEnumerable(Points(1000));
        var test = ml.Data.LoadFromEnumerable(Points(400, seed: 2));
        var pipeline = Keys(ml).Append(ml.MulticlassClassification.Trainers.TorchModule(Options(change: o => o.MaximumNumberOfEpochs = 40))).Append(ml.Transforms.Conversion.MapKeyToValue("Named", "PredictedLabel"));
        using var model = pipeline.Fit(train);
        var scored = model.Transform(test);
        var metrics = ml.MulticlassClassification.Evaluate(scored);
        Console.WriteLine(metrics.MicroAccuracy);
        var most = Points(400, seed: 2).GroupBy(point => point.Class).Max(group => group.Count()) / 400.0;
        Assert.IsGreaterThan(most + 0.3, metrics.MicroAccuracy);
        Assert.IsLessThan(0.4, metrics.LogLoss);
        using var loaded = (IDisposable)Reload(ml, model, train.Schema);
        var again = ((ITransformer)loaded).Transform(test);
        CollectionAssert.AreEqual(Flat(scored, "Score"), Flat(again, "Score"));
        CollectionAssert.AreEqual(scored.GetColumn<string>("Named").ToArray(), again.GetColumn<string>("Named").ToArray());
        CollectionAssert.AreEqual(scored.GetColumn<uint>("PredictedLabel").ToArray(), again.GetColumn<uint>("PredictedLabel").ToArray());
        Assert.AreEqual(metrics.MicroAccuracy, scored.GetColumn<string>("Named").Zip(scored.GetColumn<string>("Class")).Average(pair => pair.First == pair.Second ? 1.0 : 0), 1e-9);
        foreach (var row in scored.GetColumn<float[]>("Score"))
        {
            Assert.AreEqual(1, row.Sum(), 1e-5f);
        }
    }

    [TestMethod]
    public void ConvolutionsReadDigits()
    {
        var ml = new MLContext(1);
        var (train, test) = Digits(ml);
        var keys = ml.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue);
        using var model = keys.Append(ml.MulticlassClassification.Trainers.TorchModule(Options(new Convolutions { Size = 8 }, o =>
        {
            o.MaximumNumberOfEpochs = 12;
            o.LearningRate = 3e-3;
            o.LearningRateSchedule = LearningRateSchedule.Cosine;
        }))).Fit(train);
        var accuracy = ml.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy;
        // The class with the nearest mean.
        var means = ml.Data.CreateEnumerable<Digit>(train, false).GroupBy(digit => digit.Label).ToDictionary(group => group.Key, group => Enumerable.Range(0, 64).Select(i => group.Average(digit => digit.Features[i])).ToArray());
        var nearest = ml.Data.CreateEnumerable<Digit>(test, false).Average(digit => means.MinBy(mean => mean.Value.Zip(digit.Features).Sum(pair => (pair.First - pair.Second) * (pair.First - pair.Second))).Key == digit.Label ? 1.0 : 0);
        Console.WriteLine($"{accuracy} {nearest}");
        Assert.IsGreaterThan(nearest + 0.05, accuracy);
        Assert.IsGreaterThan(0.96, accuracy);
        using var loaded = (IDisposable)Reload(ml, model, train.Schema);
        CollectionAssert.AreEqual(Flat(model.Transform(test), "Score"), Flat(((ITransformer)loaded).Transform(test), "Score"));
    }

    [TestMethod]
    public void AnnotationsAreThoseOfATrainer()
    {
        var ml = new MLContext(1);
        var data = Rings(ml, 200);
        var estimator = ml.MulticlassClassification.Trainers.TorchModule(Options());
        using var model = estimator.Fit(data);
        var own = ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(maximumNumberOfIterations: 2).Fit(data);
        var (expected, schema) = (own.Transform(data).Schema, model.Transform(data).Schema);
        CollectionAssert.AreEqual(expected.Select(column => column.Name).ToArray(), schema.Select(column => column.Name).ToArray());
        foreach (var name in new[] { "Score", "PredictedLabel" })
        {
            Assert.AreEqual(expected[name].Type, schema[name].Type);
            var kinds = expected[name].Annotations.Schema.ToDictionary(kind => kind.Name, kind => kind.Type);
            var found = schema[name].Annotations.Schema.ToDictionary(kind => kind.Name, kind => kind.Type);
            CollectionAssert.AreEquivalent(kinds.Keys, found.Keys, name);
            foreach (var kind in kinds.Keys)
            {
                Assert.AreEqual(kinds[kind], found[kind], kind);
            }
        }
        foreach (var (column, kind) in new[] { ("Score", "SlotNames"), ("Score", "TrainingLabelValues"), ("PredictedLabel", "KeyValues") })
        {
            VBuffer<ReadOnlyMemory<char>> names = default;
            schema[column].Annotations.GetValue(kind, ref names);
            CollectionAssert.AreEqual(new[] { "inner", "middle", "outer" }, names.DenseValues().Select(value => value.ToString()).ToArray());
        }
        uint first = 0, second = 0;
        schema["Score"].Annotations.GetValue("ScoreColumnSetId", ref first);
        model.Transform(model.Transform(data)).Schema["Score"].Annotations.GetValue("ScoreColumnSetId", ref second);
        Assert.AreEqual(first + 1, second);
        foreach (var promised in estimator.GetOutputSchema(SchemaShapeOf(data)))
        {
            CollectionAssert.AreEquivalent(schema[promised.Name].Annotations.Schema.Select(kind => kind.Name).ToArray(), promised.Annotations.Select(kind => kind.Name).ToArray(), promised.Name);
        }
    }

    // By the public way: a chain checks its estimators against the shape.
    private static SchemaShape SchemaShapeOf(IDataView data) => SchemaShapes.Of(data.Schema);

    [TestMethod]
    public void KeysWithoutOrWithNumericValues()
    {
        var ml = new MLContext(1);
        var random = new Random(1);
        var rows = Enumerable.Range(0, 120).Select(i => new Numbered { Features = [i % 3 + (float)random.NextDouble() / 4, 1], Number = 10 * (i % 3), Bare = (uint)(i % 3) }).ToArray();
        var data = ml.Transforms.Conversion.MapValueToKey("Label", "Number").Fit(ml.Data.LoadFromEnumerable(rows)).Transform(ml.Data.LoadFromEnumerable(rows));
        using var numeric = ml.MulticlassClassification.Trainers.TorchModule(Options()).Fit(data);
        using var loaded = (IDisposable)Reload(ml, numeric, data.Schema);
        var schema = ((ITransformer)loaded).GetOutputSchema(data.Schema);
        VBuffer<int> values = default;
        schema["PredictedLabel"].Annotations.GetValue("KeyValues", ref values);
        CollectionAssert.AreEqual(new[] { 0, 10, 20 }, values.DenseValues().ToArray());
        Assert.IsFalse(schema["Score"].Annotations.Schema.Any(kind => kind.Name == "SlotNames"));
        Assert.IsGreaterThan(0.95, ml.MulticlassClassification.Evaluate(numeric.Transform(data)).MicroAccuracy);
        // The type of a bare key says five: two classes are never seen.
        using var bare = ml.MulticlassClassification.Trainers.TorchModule(Options(change: o => o.LabelColumnName = "Bare")).Fit(data);
        Assert.AreEqual(5, ((VectorDataViewType)bare.GetOutputSchema(data.Schema)["Score"].Type).Size);
        Assert.IsGreaterThan(0.95, ml.MulticlassClassification.Evaluate(bare.Transform(data), "Bare").MicroAccuracy);
    }

    private sealed class Numbered
    {
        [VectorType(2)]
        public float[] Features { get; set; } = [];

        public int Number { get; set; }

        [KeyType(5)]
        public uint Bare { get; set; }
    }

    [TestMethod]
    public void MissingLabelsAndFeatures()
    {
        var ml = new MLContext(1);
        var warnings = new List<string>();
        ml.Log += (_, e) =>
        {
            if (e.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
            {
                warnings.Add(e.Message);
            }
        };
        var keys = Keys(ml).Fit(ml.Data.LoadFromEnumerable(Points(100)));
        var points = Points(150);
        points[0].Class = "unknown";
        points[1].Class = "unknown";
        using var model = ml.MulticlassClassification.Trainers.TorchModule(Options()).Fit(keys.Transform(ml.Data.LoadFromEnumerable(points)));
        Assert.AreEqual(1, warnings.Count(warning => warning.Contains("2 of 150 rows are not trained on")));
        points[5].Features[1] = float.NaN;
        points[6].Features[1] = float.PositiveInfinity;
        var rows = ml.Data.CreateEnumerable<Classified>(model.Transform(keys.Transform(ml.Data.LoadFromEnumerable(points))), false).ToArray();
        for (var i = 0; i < rows.Length; i++)
        {
            var isBad = i is 5 or 6;
            Assert.AreEqual(isBad, rows[i].PredictedLabel == 0);
            Assert.AreEqual(isBad, rows[i].Score.All(float.IsNaN));
        }
        foreach (var point in points)
        {
            point.Class = "unknown";
        }
        Throws<InvalidOperationException>(() => ml.MulticlassClassification.Trainers.TorchModule(Options()).Fit(keys.Transform(ml.Data.LoadFromEnumerable(points))), "'Label'", "all 150 rows");
        foreach (var point in points)
        {
            point.Class = "inner";
        }
        points[5].Features[1] = points[6].Features[1] = 0;
        Throws<InvalidOperationException>(() => ml.MulticlassClassification.Trainers.TorchModule(Options()).Fit(keys.Transform(ml.Data.LoadFromEnumerable(points))), "same class");
        Throws<ArgumentOutOfRangeException>(() => ml.MulticlassClassification.Trainers.TorchModule(Options(change: o => o.LabelColumnName = "Class")).Fit(ml.Data.LoadFromEnumerable(points)), "label", "'Class'", "Key", "String");
    }

    [TestMethod]
    public void EnginesThreadsEvaluatorsAndLossesOfOnesOwn()
    {
        var ml = new MLContext(1);
        var data = ml.Data.Cache(Rings(ml, 400));
        var estimator = ml.MulticlassClassification.Trainers.TorchModule(Options(change: o => o.CustomLoss = (logits, classes) => torch.nn.functional.multi_margin_loss(logits, classes)));
        using var model = estimator.Fit(data);
        var scores = Flat(model.Transform(data), "Score");
        using (var engine = ml.Model.CreatePredictionEngine<Point, Classified>(Keys(ml).Fit(ml.Data.LoadFromEnumerable(Points(100))).Append(model), new PredictionEngineOptions { OwnsTransformer = false }))
        {
            var labels = model.Transform(data).GetColumn<uint>("PredictedLabel").ToArray();
            var points = Points(400);
            for (var i = 0; i < points.Length; i++)
            {
                var row = engine.Predict(points[i]);
                Assert.AreEqual(labels[i], row.PredictedLabel);
                for (var k = 0; k < 3; k++)
                {
                    Assert.AreEqual(scores[3 * i + k], row.Score[k], 1e-5f);
                }
            }
        }
        Parallel.For(0, 8, _ => CollectionAssert.AreEqual(scores, Flat(model.Transform(data), "Score")));
        var folds = ml.MulticlassClassification.CrossValidate(data, estimator, numberOfFolds: 3);
        Assert.IsTrue(folds.All(fold => fold.Metrics.MicroAccuracy > 0.7));
        var importance = ml.MulticlassClassification.PermutationFeatureImportance(model, data);
        Assert.HasCount(4, importance);
        Assert.IsLessThan(importance[3].MicroAccuracy.Mean - 0.1, importance[0].MicroAccuracy.Mean);
        foreach (var fold in folds)
        {
            ((IDisposable)fold.Model).Dispose();
        }
    }

    [TestMethod]
    public void PermutationFeatureImportanceOfALoadedModel()
    {
        var ml = new MLContext(1);
        var data = Rings(ml, 200);
        var named = ml.Transforms.Concatenate("Features", "Features").Fit(data).Transform(data);
        using var model = ml.MulticlassClassification.Trainers.TorchModule(Options()).Fit(named);
        using var loaded = (IDisposable)Reload(ml, model, named.Schema);
        var wide = ml.Data.LoadFromEnumerable(Points(200).Select(point => new { A = point.Features[0], B = point.Features[1], C = point.Features[2], D = point.Features[3], point.Class }));
        var chain = ml.Transforms.Concatenate("Features", "A", "B", "C", "D").Append(Keys(ml)).Fit(wide).Append((ITransformer)loaded);
        var importance = ml.MulticlassClassification.PermutationFeatureImportance(chain, chain.Transform(wide));
        CollectionAssert.AreEquivalent(new[] { "A", "B", "C", "D" }, importance.Keys.ToArray());
        Assert.IsLessThan(importance["D"].MicroAccuracy.Mean - 0.1, importance["A"].MicroAccuracy.Mean);
    }
}
