using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tests.Golden;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using TorchSharp;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class TimesNetClassificationTests
{
    private static TimesNetClassificationTrainer.Options Options(Action<TimesNetClassificationTrainer.Options>? change = null)
    {
        var options = new TimesNetClassificationTrainer.Options
        {
            NumberOfChannels = 2,
            MaximumNumberOfEpochs = 6,
            LearningRate = 1e-2,
            Seed = 3,
            NumberOfThreads = 1,
            Network = { Width = 8, HiddenWidth = 8, NumberOfLayers = 1, NumberOfKernels = 2, TopPeriods = 2 },
        };
        change?.Invoke(options);
        return options;
    }

    private static TimesNetClassificationTransformer Fit(IDataView data, Action<TimesNetClassificationTrainer.Options>? change = null)
        => ((IEstimator<TimesNetClassificationTransformer>)new MLContext(1).MulticlassClassification.Trainers.TimesNet(Options(change))).Fit(data);

    private static Scored[] Score(ITransformer model, IDataView data) => [.. new MLContext().Data.CreateEnumerable<Scored>(model.Transform(data), reuseRowObject: false)];

    private static void AssertEqual(Scored[] expected, Scored[] actual, float tolerance = 1e-5f)
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

    private static void AssertNotScored(Scored row)
    {
        Assert.AreEqual(0u, row.PredictedLabel);
        Assert.IsTrue(row.Score.All(float.IsNaN));
    }

    [TestMethod]
    public void TellsGesturesApartAndSavesTheWholePipeline()
    {
        var ml = new MLContext(1);
        var (train, test) = (Gesture.View(ml, Gesture.Make(180)), Gesture.View(ml, Gesture.Make(120, seed: 2)));
        using var model = ml.MulticlassClassification.Trainers.TimesNet(Options(o => o.MaximumNumberOfEpochs = 8)).Append(ml.Transforms.Conversion.MapKeyToValue("Named", "PredictedLabel")).Fit(train);
        var scored = model.Transform(test);
        var metrics = ml.MulticlassClassification.Evaluate(scored);
        Console.WriteLine($"{metrics.MicroAccuracy} {metrics.LogLoss}");
        // A third of the rows is of each class.
        Assert.IsGreaterThan(0.95, metrics.MicroAccuracy);
        Assert.IsLessThan(0.5, metrics.LogLoss);
        using var loaded = (IDisposable)Models.Load(Models.Save(ml, model, train.Schema));
        var again = ((ITransformer)loaded).Transform(test);
        AssertEqual(Score(model, test), Score((ITransformer)loaded, test), tolerance: 0);
        CollectionAssert.AreEqual(scored.GetColumn<string>("Named").ToArray(), again.GetColumn<string>("Named").ToArray());
        Assert.AreEqual(metrics.MicroAccuracy, scored.GetColumn<string>("Named").Zip(scored.GetColumn<string>("Class")).Average(pair => pair.First == pair.Second ? 1.0 : 0), 1e-9);
    }

    [TestMethod]
    [DataRow(PeriodSelection.PerRow)]
    [DataRow(PeriodSelection.Frozen)]
    public void ARowsScoresDoNotDependOnTheRowsBesideIt(PeriodSelection periods)
    {
        var ml = new MLContext(1);
        using var model = Fit(Gesture.View(ml, Gesture.Make(60)), o => (o.Network.InferencePeriods, o.MaximumNumberOfEpochs) = (periods, 2));
        var rows = Gesture.Make(270, seed: 2);
        // Alone.
        var expected = rows.Select(row => Score(model, Gesture.View(ml, [row]))[0]).ToArray();
        foreach (var size in new[] { 7, 256 })
        {
            AssertEqual(expected, [.. rows.Chunk(size).SelectMany(part => Score(model, Gesture.View(ml, part)))]);
        }
        int[] order = [.. Enumerable.Range(0, rows.Length)];
        new Random(4).Shuffle(order);
        AssertEqual([.. order.Select(i => expected[i])], Score(model, Gesture.View(ml, [.. order.Select(i => rows[i])])));
    }

    [TestMethod]
    public void SeriesOfKnownSizeAreScoredAsThoseOfVariableLength()
    {
        var ml = new MLContext(1);
        const int Size = 2 * Gesture.LongestSteps;
        var rows = Gesture.Make(90, equallyLong: true);
        var known = Gesture.View(ml, rows, Size);
        using var ofKnown = Fit(known);
        using var ofVariable = Fit(Gesture.View(ml, rows));
        Assert.AreEqual(Gesture.LongestSteps, ofKnown.WindowSize);
        Assert.AreEqual(2, ofKnown.NumberOfChannels);
        AssertEqual(Score(ofKnown, known), Score(ofVariable, Gesture.View(ml, rows)), tolerance: 0);
        // A model of variable length takes known sizes too, shorter ones as well.
        AssertEqual(Score(ofKnown, known), Score(ofVariable, known), tolerance: 0);
        foreach (var row in rows)
        {
            row.Features = row.Features[..20];
        }
        AssertEqual(Score(ofVariable, Gesture.View(ml, rows)), Score(ofVariable, Gesture.View(ml, rows, 20)), tolerance: 0);
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => ofKnown.Transform(Gesture.View(ml, rows, 20))).Message, "Features", "Vector<Single, 20>", "Vector<Single, 48>");
    }

    [TestMethod]
    public void TheMaskHidesPaddingFromTheLastMapAlone()
    {
        const int Steps = 24, Real = 15, Width = 8;
        var windows = new SeriesWindows(new ColumnScaler([20, -0.5], [2, 0.7]), Steps);
        // Steps at the channels' means are zeros once standardised, as padding is: only the mask tells them apart.
        var shorter = Gesture.Make(2)[1].Features[..(2 * Real)];
        float[] filled = [.. shorter, .. Enumerable.Repeat(new[] { 20, -0.5f }, Steps - Real).SelectMany(step => step)];
        var (values, mask) = (new float[2 * 2 * Steps], new float[2 * Steps]);
        foreach (var (i, series) in new[] { shorter, filled }.Index())
        {
            windows.Write(series, values.AsSpan(i * 2 * Steps, 2 * Steps));
            windows.WriteMask(series, mask.AsSpan(i * Steps, Steps));
        }
        CollectionAssert.AreEqual(values[..(2 * Steps)], values[(2 * Steps)..]);
        CollectionAssert.AreEqual(Enumerable.Range(0, 2 * Steps).Select(t => t is < Real or >= Steps ? 1f : 0).ToArray(), mask);

        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var random = new StepRandom(1, 0, 0);
        using var module = new TimesNetModule(new() { Channels = 2, WindowSize = Steps, Classes = 3, Width = Width, HiddenWidth = 4, TopPeriods = 2 }, random.Generator, torch.ScalarType.Float32, torch.CPU);
        float[] Logits() => module.Forward(torch.tensor(values).view(2, Steps, 2), null, torch.tensor(mask).view(2, Steps), new(PeriodSelection.PerRow), null).data<float>().ToArray();
        var before = Logits();
        module.Parameters["projection.weight"].narrow(1, Real * Width, (Steps - Real) * Width).zero_();
        var after = Logits();
        CollectionAssert.AreEqual(before[..3], after[..3]);
        CollectionAssert.AreNotEqual(before[3..], after[3..]);
        // What is left of the second is the first: padding is seen as steps everywhere else.
        for (var i = 0; i < 3; i++)
        {
            Assert.AreEqual(after[i], after[3 + i], 1e-5f);
        }
    }

    [TestMethod]
    public void LongerSeriesAreCutWithOneWarning()
    {
        var ml = new MLContext(1);
        using var model = Fit(Gesture.View(ml, Gesture.Make(60)), o => o.MaximumNumberOfEpochs = 1);
        using var loaded = (IDisposable)Models.Load(Models.Save(ml, model), ml);
        var rows = Gesture.Make(20, seed: 2);
        var data = Gesture.View(ml, rows);
        IReadOnlyList<string> Warnings(Action action) => [.. Models.Warnings(ml, action).Where(warning => warning.Contains("longer"))];
        Scored[] whole = [];
        Assert.IsEmpty(Warnings(() => whole = Score((ITransformer)loaded, data)));
        foreach (var row in rows.Where(row => row.Features.Length == 2 * Gesture.LongestSteps))
        {
            row.Features = [.. row.Features, 7, 7, 7, 7];
        }
        var count = rows.Count(row => row.Features.Length > 2 * Gesture.LongestSteps);
        Assert.IsGreaterThan(0, count);
        Scored[] cut = [];
        var warning = Warnings(() => cut = Score((ITransformer)loaded, Gesture.View(ml, rows))).Single();
        Must.Contain(warning, $"{count} of 20 series", "24 steps");
        AssertEqual(whole, cut, tolerance: 0);
    }

    [TestMethod]
    public void WhatCannotBeScoredHasNoLabelAndLeavesTheOthersAlone()
    {
        var ml = new MLContext(1);
        using var model = Fit(Gesture.View(ml, Gesture.Make(60)), o => o.MaximumNumberOfEpochs = 1);
        var rows = Gesture.Make(40, seed: 2);
        var expected = Score(model, Gesture.View(ml, rows));
        rows[3].Features = [];
        rows[9].Features = [1, 2, 3];
        rows[11].Features[4] = float.NaN;
        rows[20].Features[^1] = float.NegativeInfinity;
        var scored = Score(model, Gesture.View(ml, rows));
        foreach (var i in new[] { 3, 9, 11, 20 })
        {
            AssertNotScored(scored[i]);
            scored[i] = expected[i];
        }
        AssertEqual(expected, scored);
        foreach (var row in rows)
        {
            row.Features = [];
        }
        Array.ForEach(Score(model, Gesture.View(ml, rows)), AssertNotScored);
    }

    [TestMethod]
    public void SparseSeriesEqualDenseOnes()
    {
        static float[] Values(int row) => [.. Enumerable.Range(0, 16 + 2 * (row % 3)).Select(i => (i + row) % 3 == 0 ? row % 5 + 1f : 0)];
        static TestView Data(Func<int, bool>? sparse) => new TestView(60).Add("Label", new KeyDataViewType(typeof(uint), 3), row => (uint)(row % 3 + 1)).AddVector("Features", NumberDataViewType.Single, 0, Values, sparse);
        using var model = Fit(Data(row => row % 2 == 0), o => o.MaximumNumberOfEpochs = 1);
        using var dense = Fit(Data(null), o => o.MaximumNumberOfEpochs = 1);
        AssertEqual(Score(dense, Data(null)), Score(model, Data(row => row % 3 != 0)), tolerance: 0);
    }

    [TestMethod]
    public void LabelsByNumberAndMissingOnes()
    {
        var ml = new MLContext(1);
        var rows = Gesture.Make(90);
        // A bare key of five, two of which are never seen; each tenth label is missing.
        TestView Data() => new TestView(90).Add("Label", new KeyDataViewType(typeof(ushort), 5), row => (ushort)(row % 10 == 9 ? 0 : row % 3 + 2)).AddVector("Features", NumberDataViewType.Single, 0, row => rows[row].Features);
        TimesNetClassificationTransformer? model = null;
        var trainer = (IEstimator<TimesNetClassificationTransformer>)ml.MulticlassClassification.Trainers.TimesNet(Options(o => o.MaximumNumberOfEpochs = 12));
        var warnings = Models.Warnings(ml, () => model = trainer.Fit(Data()));
        Assert.AreEqual(1, warnings.Count(warning => warning.Contains("9 of 90 rows are not trained on")));
        using (model)
        {
            var scored = Score(model!, Data());
            Assert.IsTrue(scored.All(row => row.Score.Length == 5 && Math.Abs(row.Score.Sum() - 1) < 1e-5));
            Assert.IsGreaterThan(70, scored.Where((row, i) => row.PredictedLabel == i % 3 + 2).Count());
            Assert.IsFalse(model!.Transform(Data()).Schema["PredictedLabel"].Annotations.Schema.Any(kind => kind.Name == "KeyValues"));
        }
        var named = Gesture.View(ml, rows);
        using var ofText = trainer.Fit(named);
        VBuffer<ReadOnlyMemory<char>> slots = default;
        ofText.Transform(named).Schema["Score"].GetSlotNames(ref slots);
        CollectionAssert.AreEqual(Gesture.Classes, slots.DenseValues().Select(name => name.ToString()).ToArray());
    }

    [TestMethod]
    public void ChannelsAreStandardisedByTheStepsOfTheTrainingSeries()
    {
        var ml = new MLContext(1);
        Gesture[] rows = [.. Gesture.Make(30)];
        foreach (var row in rows)
        {
            for (var i = 1; i < row.Features.Length; i += 2)
            {
                row.Features[i] = 7;
            }
        }
        using var model = Fit(Gesture.View(ml, rows), o => (o.ValidationFraction, o.MaximumNumberOfEpochs) = (0, 1));
        var options = new ModelZip(Models.Save(ml, model)).Options;
        using var json = System.Text.Json.JsonDocument.Parse(options);
        double[] first = [.. rows.SelectMany(row => row.Features.Where((_, i) => i % 2 == 0)).Select(value => (double)value)];
        var mean = first.Average();
        double[] Numbers(string name) => [.. json.RootElement.GetProperty(name).EnumerateArray().Select(value => value.GetDouble())];
        Assert.AreEqual(mean, Numbers("Means")[0], 1e-9);
        // The sample deviation; a constant channel is only moved.
        Assert.AreEqual(Math.Sqrt(first.Sum(value => (value - mean) * (value - mean)) / (first.Length - 1)), Numbers("Deviations")[0], 1e-9);
        Assert.AreEqual(7, Numbers("Means")[1], 1e-12);
        Assert.AreEqual(1, Numbers("Deviations")[1]);
        // Then the scale of the data does not matter; without it, it does.
        var scores = Score(model, Gesture.View(ml, rows));
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Features.Length; i++)
            {
                row.Features[i] *= 1024;
            }
        }
        using var scaled = Fit(Gesture.View(ml, rows), o => (o.ValidationFraction, o.MaximumNumberOfEpochs) = (0, 1));
        AssertEqual(scores, Score(scaled, Gesture.View(ml, rows)), 1e-4f);
        using var raw = Fit(Gesture.View(ml, rows), o => (o.ValidationFraction, o.MaximumNumberOfEpochs, o.Standardize) = (0, 1, false));
        CollectionAssert.AreEqual(new double[2], System.Text.Json.JsonDocument.Parse(new ModelZip(Models.Save(ml, raw)).Options).RootElement.GetProperty("Means").EnumerateArray().Select(value => value.GetDouble()).ToArray());
    }

    [TestMethod]
    public void TheSeedDecidesAndTheRefitIsATrainingOnAllRows()
    {
        var ml = new MLContext(1);
        var data = Gesture.View(ml, Gesture.Make(60));
        byte[] Weights(Action<TimesNetClassificationTrainer.Options> change)
        {
            using var model = Fit(data, change);
            return new ModelZip(Models.Save(ml, model))["weights.safetensors"];
        }
        var epochs = new List<TrainingProgress>();
        void Told(TimesNetClassificationTrainer.Options options) => options.Progress = new ImmediateProgress(epochs.Add);
        var refitted = Weights(Told);
        var best = epochs.First(progress => progress.Epoch == 6).BestEpoch;
        // Validated epochs, then as many without validation as were best.
        Assert.HasCount(6 + best, epochs);
        Assert.AreEqual(6, epochs.Count(progress => progress.ValidationLoss is not null));
        Assert.IsTrue(epochs.Skip(6).All(progress => progress.ValidationLoss is null && progress.MaximumNumberOfEpochs == best));
        CollectionAssert.AreEqual(refitted, Weights(_ => { }));
        CollectionAssert.AreNotEqual(refitted, Weights(o => o.Seed = 4));
        epochs.Clear();
        CollectionAssert.AreNotEqual(refitted, Weights(o => (o.RefitOnAllRows, o.Progress) = (false, new ImmediateProgress(epochs.Add))));
        Assert.HasCount(6, epochs);
        epochs.Clear();
        Weights(o => (o.ValidationFraction, o.Progress) = (0, new ImmediateProgress(epochs.Add)));
        Assert.HasCount(6, epochs);
    }

    [TestMethod]
    public void AnInterruptedTrainingGoesOnWhereverItWas()
    {
        var ml = new MLContext(1);
        var data = Gesture.View(ml, Gesture.Make(60));
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var path = Path.Combine(folder.FullName, "checkpoint");
            (string Weights, int Epochs) Train(int interruptions)
            {
                var seen = 0;
                for (var left = interruptions; ; left--)
                {
                    using var source = new CancellationTokenSource();
                    try
                    {
                        // After every second epoch: four of them are in the second training.
                        var told = 0;
                        using var model = Fit(data, o =>
                        {
                            (o.MaximumNumberOfEpochs, o.CheckpointPath, o.CancellationToken) = (4, path, source.Token);
                            o.Progress = new ImmediateProgress(_ =>
                            {
                                seen++;
                                if (++told == 2 && left > 0)
                                {
                                    source.Cancel();
                                }
                            });
                        });
                        Assert.IsFalse(folder.EnumerateFiles().Any());
                        return (Convert.ToHexString(new ModelZip(Models.Save(ml, model))["weights.safetensors"]), seen);
                    }
                    catch (OperationCanceledException)
                    {
                        Assert.IsTrue(folder.EnumerateFiles().Any());
                    }
                }
            }
            var expected = Train(0);
            // No epoch is trained twice either.
            Assert.AreEqual(8, expected.Epochs);
            Assert.AreEqual(expected, Train(1));
            Assert.AreEqual(expected, Train(2));
            Assert.AreEqual(expected, Train(3));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [TestMethod]
    public void CancelledInTheRefitTheValidatedWeightsCount()
    {
        var ml = new MLContext(1);
        var data = Gesture.View(ml, Gesture.Make(60));
        using var expected = Fit(data, o => o.RefitOnAllRows = false);
        using var source = new CancellationTokenSource();
        Tensors.AssertNoneLeft(() =>
        {
            using var model = Fit(data, o =>
            {
                (o.CancellationToken, o.OnCancellation) = (source.Token, CancellationBehavior.ReturnBest);
                o.Progress = new ImmediateProgress(progress =>
                {
                    if (progress.ValidationLoss is null)
                    {
                        source.Cancel();
                    }
                });
            });
            AssertEqual(Score(expected, data), Score(model, data), tolerance: 0);
        });
    }

    [TestMethod]
    public void EnginesThreadsEvaluatorsAndImportance()
    {
        var ml = new MLContext(1);
        const int Size = 24;
        var rows = Gesture.Make(120, equallyLong: true);
        foreach (var row in rows)
        {
            row.Features = row.Features[..Size];
        }
        var data = ml.Data.Cache(Gesture.View(ml, rows, Size));
        var trainer = ml.MulticlassClassification.Trainers.TimesNet(Options(o => o.MaximumNumberOfEpochs = 10));
        using var model = trainer.Fit(data);
        var scores = Score(model, data);
        Parallel.For(0, 4, _ => AssertEqual(scores, Score(model, data)));
        var schema = SchemaDefinition.Create(typeof(Gesture));
        schema[nameof(Gesture.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, Size);
        using (var engine = ml.Model.CreatePredictionEngine<Gesture, Scored>(model, new PredictionEngineOptions { OwnsTransformer = false, InputSchemaDefinition = schema }))
        {
            AssertEqual(scores, [.. rows.Select(row => engine.Predict(row)).Select(row => new Scored { PredictedLabel = row.PredictedLabel, Score = row.Score })]);
        }
        var folds = ml.MulticlassClassification.CrossValidate(data, trainer, numberOfFolds: 2);
        Console.WriteLine(string.Join(" ", folds.Select(fold => fold.Metrics.MicroAccuracy)));
        Assert.IsTrue(folds.All(fold => fold.Metrics.MicroAccuracy > 0.5));
        foreach (var fold in folds)
        {
            ((IDisposable)fold.Model).Dispose();
        }
        using var loaded = (IDisposable)Models.Load(Models.Save(ml, model, data.Schema));
        var importance = ml.MulticlassClassification.PermutationFeatureImportance((ISingleFeaturePredictionTransformer<object>)loaded, data, permutationCount: 1);
        Assert.HasCount(Size, importance);
        Assert.IsTrue(importance.All(slot => double.IsFinite(slot.MicroAccuracy.Mean)));
    }

    [TestMethod]
    public void BadDataIsNamed()
    {
        var ml = new MLContext(1);
        Gesture[] Rows(Action<Gesture[]> change)
        {
            var rows = Gesture.Make(30);
            change(rows);
            return rows;
        }
        void Bad(Action<Gesture[]> change, params string[] parts) => Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Gesture.View(ml, Rows(change)))).Message, parts);
        Bad(rows => rows[7].Features = [], "'Features'", "0 values in row 7");
        Bad(rows => rows[7].Features = [1, 2, 3], "'Features'", "3 values in row 7", "2 channels");
        Bad(rows => rows[8].Features[5] = float.NaN, "'Features'", "NaN in row 8, slot 5");
        Bad(rows => rows[8].Features[5] = float.PositiveInfinity, "Infinity in row 8, slot 5");
        Bad(rows => Array.ForEach(rows, row => row.Class = "fast"), "'Label'", "same class in all 30 rows");
        Bad(rows => Array.ForEach(rows, row => row.Class = "?"), "'Label'", "missing in all 30 rows");
        Bad(rows => Array.ForEach(rows, row => row.Features = row.Features[..6]), "'Features'", "3 steps", "at least 4");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Gesture.View(ml, Gesture.Make(30)), o => o.Network.TopPeriods = 13)).Message, "24 steps", "at least 26", "TopPeriods");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Fit(Gesture.View(ml, Gesture.Make(30, equallyLong: true), 48), o => o.NumberOfChannels = 5)).Message, "'Features'", "multiple of the 5 channels", "Vector<Single, 48>");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Gesture.View(ml, Gesture.Make(3)))).Message, "3 classes");
        // Rows without a label may hold what they will, and as many steps.
        using var model = Fit(Gesture.View(ml, Rows(rows => (rows[4].Class, rows[4].Features) = ("?", new float[99]))), o => o.MaximumNumberOfEpochs = 1);
        Assert.AreEqual(Gesture.LongestSteps, model.WindowSize);
    }

    [TestMethod]
    public void BadOptionsAreNamed()
    {
        var ml = new MLContext(1);
        void Bad(Action<TimesNetClassificationTrainer.Options> change, string name)
            => Assert.Contains(name, Must.Fail<ArgumentOutOfRangeException>(() => ml.MulticlassClassification.Trainers.TimesNet(Options(change))).ParamName!);
        Bad(o => o.LabelColumnName = "", "LabelColumnName");
        Bad(o => o.FeatureColumnName = "", "FeatureColumnName");
        Bad(o => o.NumberOfChannels = 0, "NumberOfChannels");
        Bad(o => o.ValidationFraction = 1, "ValidationFraction");
        Bad(o => o.ValidationFraction = double.NaN, "ValidationFraction");
        Bad(o => o.Patience = 0, "Patience");
        Bad(o => o.Optimizer = (OptimizerKind)9, "Optimizer");
        Bad(o => o.GradientClipNorm = -1, "GradientClipNorm");
        Bad(o => o.BatchSize = 0, "BatchSize");
        Bad(o => o.LearningRate = double.NaN, "LearningRate");
        Bad(o => o.MaximumNumberOfEpochs = 0, "MaximumNumberOfEpochs");
        Bad(o => o.Network.Width = 7, "Width");
        Bad(o => o.Network.TopPeriods = 0, "TopPeriods");
        Bad(o => o.Network.TrainPeriods = PeriodSelection.Frozen, "TrainPeriods");
        Must.Fail<ArgumentNullException>(() => ml.MulticlassClassification.Trainers.TimesNet((TimesNetClassificationTrainer.Options)null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => ((MulticlassClassificationCatalog.MulticlassClassificationTrainers)null!).TimesNet());
        // Options of the network are copied too.
        var options = Options(o => o.MaximumNumberOfEpochs = 1);
        var trainer = ml.MulticlassClassification.Trainers.TimesNet(options);
        options.Network.TopPeriods = 999;
        trainer.Fit(Gesture.View(ml, Gesture.Make(30))).Dispose();
    }

    [TestMethod]
    public void FilesThatDoNotFitTogetherAreRefused()
    {
        var ml = new MLContext(1);
        using var model = Fit(Gesture.View(ml, Gesture.Make(30)), o => o.MaximumNumberOfEpochs = 1);
        var file = Models.Save(ml, model);
        void Refused(string old, string @new)
        {
            var zip = new ModelZip(file);
            Assert.Contains(old, zip.Options);
            zip.Options = zip.Options.Replace(old, @new);
            Assert.IsInstanceOfType<FormatException>(Must.Innermost(Must.Catch(() => Models.Load(zip.ToArray()))), @new);
        }
        Refused("\"Channels\": 2", "\"Channels\": 3");
        Refused("\"Channels\": 2", "\"Channels\": -2");
        Refused("\"WindowSize\": 24", "\"WindowSize\": 2147483647");
        Refused("\"Classes\": 3", "\"Classes\": 4");
        Refused("\"Classes\": 3", "\"Classes\": 0");
        Refused("\"Horizon\": 0", "\"Horizon\": 2");
        Refused("\"FeatureColumnName\": \"Features\"", "\"FeatureColumnName\": \"\"");
        Refused("\"FeatureColumnName\": \"Features\"", "\"FeatureColumnName\": null");
        Refused("\"Deviations\": [", "\"Deviations\": [ 1,");
    }

    [TestMethod]
    public void JapaneseVowels()
    {
        var ml = new MLContext(1);
        var train = Vowels("train");
        var test = Vowels("test");
        var keys = ml.Transforms.Conversion.MapValueToKey("Label", nameof(Gesture.Class));
        using var model = keys.Append(ml.MulticlassClassification.Trainers.TimesNet(Options(o =>
        {
            (o.NumberOfChannels, o.MaximumNumberOfEpochs, o.LearningRate, o.RefitOnAllRows) = (12, 10, 4e-3, false);
            (o.Network.Width, o.Network.HiddenWidth, o.Network.NumberOfKernels) = (16, 16, 3);
        }))).Fit(ml.Data.LoadFromEnumerable(train));
        var accuracy = ml.MulticlassClassification.Evaluate(model.Transform(ml.Data.LoadFromEnumerable(test))).MicroAccuracy;
        // The class whose mean over all steps is nearest.
        static double[] Mean(IEnumerable<Gesture> series) => [.. Enumerable.Range(0, 12).Select(c => series.SelectMany(one => one.Features.Where((_, i) => i % 12 == c)).Average(value => (double)value))];
        var means = train.GroupBy(series => series.Class).ToDictionary(group => group.Key, Mean);
        var nearest = test.Average(series => means.MinBy(mean => mean.Value.Zip(Mean([series])).Sum(pair => (pair.First - pair.Second) * (pair.First - pair.Second))).Key == series.Class ? 1.0 : 0);
        Console.WriteLine($"{accuracy} {nearest}");
        Assert.IsGreaterThan(nearest + 0.01, accuracy);
        Assert.IsGreaterThan(0.93, accuracy);
    }

    private static Gesture[] Vowels(string part)
    {
        var path = Path.Combine(GoldenFiles.SharedFolder, "data", "japanese-vowels", $"{part}.csv.gz");
        if (!File.Exists(path))
        {
            Assert.Inconclusive($"{path} is not there.");
        }
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        reader.ReadLine();
        var lines = new List<string[]>();
        while (reader.ReadLine() is { } line)
        {
            lines.Add(line.Split(','));
        }
        return [.. lines.GroupBy(fields => fields[0]).Select(series => new Gesture
        {
            Class = series.First()[2],
            Features = [.. series.SelectMany(fields => fields.Skip(3)).Select(field => float.Parse(field, System.Globalization.CultureInfo.InvariantCulture))],
        })];
    }

    private sealed class Scored
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }
}
