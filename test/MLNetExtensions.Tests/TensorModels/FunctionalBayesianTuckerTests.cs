using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;

namespace MLNetExtensions.Tests.TensorModels;

[TestClass]
public sealed class FunctionalBayesianTuckerTests
{
    private const double Noise = 0.3;

    private static readonly (double Least, double Most)[] s_ranges = [(20, 70), (-1000, 1000)];

    private readonly MLContext _ml = new(1);

    internal sealed class Entry
    {
        [VectorType(2)]
        public double[] Features { get; set; } = [];

        public float Label { get; set; }
    }

    private sealed class SingleEntry
    {
        [VectorType(2)]
        public float[] Features { get; set; } = [];

        public float Label { get; set; }
    }

    private sealed class Scored
    {
        public float Score { get; set; }

        public float ScoreStdDev { get; set; }

        public float LatentStdDev { get; set; }

        [ColumnName("Low")]
        public float Low { get; set; }

        [ColumnName("High")]
        public float High { get; set; }
    }

    private static double Truth(double x, double t)
    {
        var (a, b) = ((x - s_ranges[0].Least) / 50, (t - s_ranges[1].Least) / 2000);
        return 10 + 3 * Math.Sin(4 * a) * Math.Cos(5 * b) + 2 * (1 - a) * b;
    }

    /// <summary>A smooth field of two coordinates, with noise; the corners are there, so that every set has the same ranges.</summary>
    private static Entry[] Field(int count, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            double[] place = i < 2 ? [s_ranges[0].Least + i * 50, s_ranges[1].Least + i * 2000] : [s_ranges[0].Least + 50 * random.NextDouble(), s_ranges[1].Least + 2000 * random.NextDouble()];
            var noise = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            return new Entry { Features = place, Label = (float)(Truth(place[0], place[1]) + Noise * noise) };
        })];
    }

    private static FunctionalBayesianTuckerTrainer.Options Options(Action<FunctionalBayesianTuckerTrainer.Options>? change = null)
    {
        var options = new FunctionalBayesianTuckerTrainer.Options
        {
            // Two products, and what the mean of the labels leaves.
            Rank = 3,
            LengthScales = [0.5],
            MaximumNumberOfIterations = 40,
            NumberOfRestarts = 2,
            NumberOfRestartIterations = 5,
            ConfidenceLowerBoundColumnName = "Low",
            ConfidenceUpperBoundColumnName = "High",
            Seed = 3,
        };
        change?.Invoke(options);
        return options;
    }

    private IDataView View(Entry[] entries) => _ml.Data.LoadFromEnumerable(entries);

    private FunctionalBayesianTuckerTransformer Fit(Entry[] entries, Action<FunctionalBayesianTuckerTrainer.Options>? change = null) => _ml.Regression.Trainers.FunctionalBayesianTucker(Options(change)).Fit(View(entries));

    private Scored[] Score(ITransformer model, Entry[] entries) => [.. _ml.Data.CreateEnumerable<Scored>(model.Transform(View(entries)), reuseRowObject: false)];

    private double Error(ITransformer model, Entry[] entries) => Math.Sqrt(Score(model, entries).Zip(entries, (row, entry) => Math.Pow(row.Score - Truth(entry.Features[0], entry.Features[1]), 2)).Average());

    private static void AssertSound(IEnumerable<Scored> rows)
    {
        foreach (var row in rows)
        {
            Assert.IsTrue(float.IsFinite(row.Score) && float.IsFinite(row.Low) && float.IsFinite(row.High), $"{row.Score} in {row.Low} … {row.High}");
            Assert.IsTrue(row.ScoreStdDev > 0 && float.IsFinite(row.ScoreStdDev), $"{row.ScoreStdDev}");
            Assert.IsTrue(row.LatentStdDev > 0 && row.LatentStdDev <= row.ScoreStdDev, $"{row.LatentStdDev} of {row.ScoreStdDev}");
        }
    }

    // ---- What is learned ----

    [TestMethod]
    [DataRow(TuckerForm.Cp, MaternSmoothness.Matern12)]
    [DataRow(TuckerForm.Cp, MaternSmoothness.Matern32)]
    [DataRow(TuckerForm.Cp, MaternSmoothness.Matern52)]
    [DataRow(TuckerForm.Tucker, MaternSmoothness.Matern32)]
    public void AFieldIsLearnedAndItsUncertainty(TuckerForm form, MaternSmoothness smoothness)
    {
        var test = Field(300, seed: 2);
        using var model = Fit(Field(500), o => (o.Form, o.Smoothness) = (form, smoothness));
        Console.WriteLine($"{Error(model, test):F4} {model.NoiseStandardDeviation:F4}");
        Assert.IsLessThan(smoothness == MaternSmoothness.Matern12 ? 0.25 : 0.15, Error(model, test));
        Assert.AreEqual(Noise, model.NoiseStandardDeviation, Noise / 4);
        var metrics = _ml.Regression.EvaluateProbabilistic(model.Transform(View(test)), lowerColumnName: "Low", upperColumnName: "High");
        Assert.AreEqual(0.95, metrics.ConfidenceLevel);
        Assert.AreEqual(0.95, metrics.Coverage, 0.05);
        Assert.AreEqual(metrics.RootMeanSquaredError, _ml.Regression.Evaluate(model.Transform(View(test))).RootMeanSquaredError, 1e-6);
        AssertSound(Score(model, test));
    }

    [TestMethod]
    public void SinglesAreLearnedAsDoublesAre()
    {
        var entries = Field(300);
        var singles = entries.Select(entry => new SingleEntry { Features = Array.ConvertAll(entry.Features, value => (float)value), Label = entry.Label }).ToArray();
        using var ofDoubles = Fit(entries);
        using var ofSingles = _ml.Regression.Trainers.FunctionalBayesianTucker(Options()).Fit(_ml.Data.LoadFromEnumerable(singles));
        var expected = Score(ofDoubles, entries);
        var actual = ofSingles.Transform(_ml.Data.LoadFromEnumerable(singles)).GetColumn<float>("Score").ToArray();
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i].Score, actual[i], 1e-2f);
        }
    }

    [TestMethod]
    public void LengthScalesAreChosenByTheBound()
    {
        var entries = Field(300);
        using var chosen = Fit(entries, o => (o.SelectLengthScales, o.LengthScaleGrid, o.NumberOfSelectionIterations) = (true, [0.003, 0.03, 0.5], 10));
        CollectionAssert.AreEqual(new[] { 0.5, 0.5 }, chosen.LengthScales.ToArray());
        using var given = Fit(entries, o => o.LengthScales = [0.003, 0.03]);
        CollectionAssert.AreEqual(new[] { 0.003, 0.03 }, given.LengthScales.ToArray());
        Assert.IsGreaterThan(given.EvidenceLowerBound, chosen.EvidenceLowerBound);
    }

    [TestMethod]
    public void VariancesAreChosenByTheBound()
    {
        var entries = Field(300);
        using var given = Fit(entries, o => o.Variances = [1, 1e-3]);
        CollectionAssert.AreEqual(new[] { 1, 1e-3 }, given.Variances.ToArray());
        using var chosen = Fit(entries, o => (o.Variances, o.SelectVariances) = ([1, 1e-3], true));
        // Only their product counts.
        Assert.IsGreaterThan(10 * given.Variances[0] * given.Variances[1], chosen.Variances[0] * chosen.Variances[1]);
        Assert.IsGreaterThan(given.EvidenceLowerBound, chosen.EvidenceLowerBound);
        using var loaded = (FunctionalBayesianTuckerTransformer)Models.Load(Models.Save(_ml, chosen));
        CollectionAssert.AreEqual(chosen.Variances.ToArray(), loaded.Variances.ToArray());
        AssertSound(Score(loaded, Field(50, seed: 2)));
    }

    [TestMethod]
    public void CrossValidationAndFeatureImportanceWork()
    {
        var random = new Random(5);
        var view = _ml.Data.LoadFromEnumerable(Field(400).Select(entry => new SingleEntry { Features = [(float)entry.Features[0], (float)entry.Features[1]], Label = entry.Label }));
        var estimator = _ml.Regression.Trainers.FunctionalBayesianTucker(Options());
        var folds = _ml.Regression.CrossValidate(view, estimator, numberOfFolds: 3);
        Assert.IsTrue(folds.All(fold => fold.Metrics.RSquared > 0.9));
        // A label that does not depend on the second coordinate.
        var flat = _ml.Data.Cache(_ml.Data.LoadFromEnumerable(Field(200).Select(entry => new SingleEntry { Features = [(float)entry.Features[0], (float)entry.Features[1]], Label = (float)(Math.Sin(entry.Features[0] / 10) + 0.05 * random.NextDouble()) })));
        using var model = estimator.Fit(flat);
        var importance = _ml.Regression.PermutationFeatureImportance(model, flat);
        Assert.IsLessThan(-0.5, importance[0].RSquared.Mean);
        Assert.IsGreaterThan(-0.05, importance[1].RSquared.Mean);
    }

    [TestMethod]
    public void FarAwayTheScoreIsTheMeanOfTheLabels()
    {
        var entries = Field(200);
        using var model = Fit(entries);
        Entry At(double x, double t) => new() { Features = [x, t] };
        var rows = Score(model, [At(45, 0), At(1e5, 0), At(45, -1e30), At(-1e300, 1e300), At(double.MaxValue, double.MinValue)]);
        AssertSound(rows);
        var mean = entries.Average(entry => entry.Label);
        foreach (var row in rows[1..])
        {
            Assert.AreEqual(mean, row.Score, 1e-3);
            Assert.IsGreaterThan(2 * rows[0].LatentStdDev, row.LatentStdDev);
        }
    }

    // ---- Functions of the modes ----

    [TestMethod]
    public void TheProductOfTheFunctionsIsTheScore()
    {
        var entries = Field(200);
        using var model = Fit(entries);
        var test = Field(20, seed: 9);
        var functions = Enumerable.Range(0, 2).Select(mode => model.GetModeFunction(mode, [.. test.Select(entry => entry.Features[mode])])).ToArray();
        var mean = entries.Average(entry => (double)entry.Label);
        var deviation = Math.Sqrt(entries.Average(entry => Math.Pow(entry.Label - mean, 2)));
        var scores = Score(model, test);
        for (var i = 0; i < test.Length; i++)
        {
            var sum = Enumerable.Range(0, 3).Sum(r => functions[0].Means[i, r] * functions[1].Means[i, r]);
            Assert.AreEqual(mean + deviation * sum, scores[i].Score, 1e-4);
        }
        Assert.AreEqual(3, functions[1].Rank);
        Assert.AreEqual(1, functions[1].Mode);
        Assert.IsTrue(functions.All(function => function.Variances.Cast<double>().All(variance => variance > 0)));
        Assert.AreEqual(0, model.GetModeFunction(0, []).Means.Length);
    }

    [TestMethod]
    public void WhatIsNoFunctionIsRefused()
    {
        using var model = Fit(Field(50));
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => model.GetModeFunction(2, [0.0])).Message, "2 modes");
        Must.Fail<ArgumentOutOfRangeException>(() => model.GetModeFunction(-1, [0.0]));
        Must.Fail<ArgumentOutOfRangeException>(() => model.GetModeFunction(0, [double.NaN]));
        Must.Fail<ArgumentNullException>(() => model.GetModeFunction(0, null!));
        Must.Fail<ArgumentNullException>(() => ((ITransformer)null!).GetModeFunction(0, [1.0]));
        var other = _ml.Transforms.CopyColumns("Copy", "Label").Fit(View(Field(5)));
        Must.Contain(Must.Fail<InvalidOperationException>(() => other.GetModeFunction(0, [1.0])).Message, nameof(FunctionalBayesianTuckerTransformer));
        Must.Fail<InvalidOperationException>(() => other.Update(_ml, View(Field(5))));
        Must.Fail<InvalidOperationException>(() => new TransformerChain<ITransformer>(model, model).GetModeFunction(0, [1.0]));
        model.Dispose();
        Must.Fail<ObjectDisposedException>(() => model.GetModeFunction(0, [1.0]));
        Must.Fail<ObjectDisposedException>(() => model.Update(_ml, View(Field(5))));
    }

    // ---- More rows ----

    [TestMethod]
    [DataRow(TuckerForm.Cp)]
    [DataRow(TuckerForm.Tucker)]
    public void AnUpdateKnowsWhatATrainingOnAllRowsWouldKnow(TuckerForm form)
    {
        var (first, more, test) = (Field(150), Field(350, seed: 7), Field(300, seed: 2));
        var pipeline = _ml.Transforms.CopyColumns("Place", "Features").Append(_ml.Regression.Trainers.FunctionalBayesianTucker(Options(o => (o.FeatureColumnName, o.Form) = ("Place", form))));
        ITransformer old = pipeline.Fit(View(first));
        var before = Score(old, test);
        var updated = old.Update(_ml, View(more));
        using var full = pipeline.Fit(View([.. first, .. more]));
        var (errorBefore, errorAfter, errorFull) = (Error(old, test), Error(updated, test), Error(full, test));
        Console.WriteLine($"{errorBefore:F4} {errorAfter:F4} {errorFull:F4}");
        Assert.IsLessThan(0.8 * errorBefore, errorAfter);
        Assert.IsLessThan(1.5 * errorFull, errorAfter);
        Assert.IsLessThan(before.Average(row => row.LatentStdDev), Score(updated, test).Average(row => row.LatentStdDev));
        Assert.AreEqual(500, ((FunctionalBayesianTuckerTransformer)((TransformerChain<ITransformer>)updated).LastTransformer).NumberOfRows);
        // The old model is as it was, and the new one does not need it.
        CollectionAssert.AreEqual(Array.ConvertAll(before, row => row.Score), Array.ConvertAll(Score(old, test), row => row.Score));
        ((IDisposable)old).Dispose();
        AssertSound(Score(updated, test));
    }

    [TestMethod]
    public void UpdatesReachNewCoordinatesAndComeOutOfAFileAsTheyWentIn()
    {
        using var old = Fit(Field(150));
        Entry[] beyond = [.. Field(60, seed: 8).Select(entry => new Entry { Features = [entry.Features[0] + 30, entry.Features[1]], Label = (float)Truth(entry.Features[0] + 30, entry.Features[1]) })];
        var updated = old.Update(_ml, View(beyond));
        Assert.IsLessThan(Error(old, beyond) / 2, Error(updated, beyond));
        var loaded = Models.Load(Models.Save(_ml, old)).Update(_ml, View(beyond));
        CollectionAssert.AreEqual(Array.ConvertAll(Score(updated, beyond), row => row.ScoreStdDev), Array.ConvertAll(Score(loaded, beyond), row => row.ScoreStdDev));
        // Once more, row by row.
        var model = updated;
        foreach (var entry in Field(3, seed: 11))
        {
            model = model.Update(_ml, View([entry]));
        }
        AssertSound(Score(model, beyond));
    }

    [TestMethod]
    public void UpdatesRefuseWhatTrainingRefuses()
    {
        using var model = Fit(Field(50));
        Must.Contain(Must.Fail<InvalidOperationException>(() => model.Update(_ml, View([]))).Message, "no rows");
        Must.Contain(Must.Fail<InvalidOperationException>(() => model.Update(_ml, View([new() { Features = [1, double.NaN], Label = 1 }]))).Message, "row 0, slot 1");
        Must.Contain(Must.Fail<InvalidOperationException>(() => model.Update(_ml, View([new() { Features = [1, 1], Label = float.PositiveInfinity }]))).Message, "'Label'");
        Must.Fail<ArgumentOutOfRangeException>(() => model.Update(_ml, _ml.Transforms.SelectColumns("Features").Fit(View(Field(5))).Transform(View(Field(5)))));
        Must.Fail<ArgumentNullException>(() => model.Update(_ml, null!));
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.ThrowsExactly<OperationCanceledException>(() => model.Update(_ml, View(Field(50)), source.Token));
    }

    // ---- Files and threads ----

    [TestMethod]
    [DataRow(TuckerForm.Cp, MaternSmoothness.Matern12)]
    [DataRow(TuckerForm.Tucker, MaternSmoothness.Matern32)]
    [DataRow(TuckerForm.Tucker, MaternSmoothness.Matern52)]
    public void ALoadedModelIsTheSameBitForBit(TuckerForm form, MaternSmoothness smoothness)
    {
        using var model = Fit(Field(120), o => (o.Form, o.Smoothness, o.MaximumNumberOfIterations) = (form, smoothness, 10));
        using var loaded = (FunctionalBayesianTuckerTransformer)Models.Load(Models.Save(_ml, model));
        var test = Field(200, seed: 2);
        test[5].Features[0] = 500;
        Snapshot.AssertEqual(Snapshot.Of(model.Transform(View(test))), Snapshot.Of(loaded.Transform(View(test))), tolerance: 0);
        double[] points = [.. Enumerable.Range(0, 50).Select(i => 10.0 + 2 * i)];
        CollectionAssert.AreEqual(model.GetModeFunction(0, points).Means, loaded.GetModeFunction(0, points).Means);
        CollectionAssert.AreEqual(model.GetModeFunction(1, points).Variances, loaded.GetModeFunction(1, points).Variances);
        Assert.AreEqual(model.EvidenceLowerBound, loaded.EvidenceLowerBound);
        Assert.AreEqual(model.NoiseStandardDeviation, loaded.NoiseStandardDeviation);
        Assert.AreEqual(form, loaded.Form);
        CollectionAssert.AreEqual(model.Ranks.ToArray(), loaded.Ranks.ToArray());
        CollectionAssert.AreEqual(model.LengthScales.ToArray(), loaded.LengthScales.ToArray());
    }

    [TestMethod]
    public void AFileThatDoesNotFitTogetherIsRefused()
    {
        using var model = Fit(Field(60), o => (o.Form, o.MaximumNumberOfIterations) = (TuckerForm.Tucker, 2));
        var file = Models.Save(_ml, model);
        void Refused(string old, string @new)
        {
            var zip = new ModelZip(file);
            Assert.Contains(old, zip.Options);
            zip.Options = zip.Options.Replace(old, @new);
            Assert.IsInstanceOfType<FormatException>(Must.Innermost(Must.Catch(() => Models.Load(zip.ToArray()))), @new);
        }
        Refused("\"Form\": \"Tucker\"", "\"Form\": \"Cp\"");
        Refused("\"Form\": \"Tucker\"", "\"Form\": \"Parafac\"");
        Refused("\"Smoothness\": \"Matern32\"", "\"Smoothness\": \"Matern52\"");
        Refused("\"Ranks\": [", "\"Ranks\": [ 1,");
        Refused("\"LengthScales\": [", "\"LengthScales\": [ 1,");
        Refused("\"Ranges\": [", "\"Ranges\": [ 1,");
        Refused("\"LabelDeviation\": ", "\"LabelDeviation\": -");
        Refused("\"ConfidenceLevel\": 0.95", "\"ConfidenceLevel\": 1.5");
        Refused("\"UpperBound\": \"High\"", "\"UpperBound\": null");
        Refused("\"UpperBound\": \"High\"", "\"UpperBound\": \"Low\"");
        Refused("\"FeatureColumnName\": \"Features\"", "\"FeatureColumnName\": \"\"");
        Refused("\"MaximumNumberOfIterations\": 2", "\"MaximumNumberOfIterations\": 0");
        var cut = new ModelZip(file);
        cut["weights.safetensors"] = cut["weights.safetensors"][..^8];
        Assert.IsInstanceOfType<FormatException>(Must.Innermost(Must.Catch(() => Models.Load(cut.ToArray()))));
    }

    [TestMethod]
    public void APredictionEngineAndThreadsScoreTheSame()
    {
        var entries = Field(300);
        using var model = Fit(entries, o => o.MaximumNumberOfIterations = 10);
        var expected = Score(model, entries);
        using var engine = _ml.Model.CreatePredictionEngine<Entry, Scored>(model, new PredictionEngineOptions { OwnsTransformer = false });
        for (var i = 0; i < entries.Length; i++)
        {
            var row = engine.Predict(entries[i]);
            Assert.AreEqual(expected[i].Score, row.Score);
            Assert.AreEqual(expected[i].High, row.High);
        }
        var all = new float[6][];
        var threads = all.Select((_, i) => new Thread(() => all[i] = [.. model.Transform(View(entries)).GetColumn<float>("Score")])).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        foreach (var scores in all)
        {
            CollectionAssert.AreEqual(Array.ConvertAll(expected, row => row.Score), scores);
        }
    }

    [TestMethod]
    public void TheSeedDecidesAndIsDrawnOnce()
    {
        var view = View(Field(100));
        float[] Of(FunctionalBayesianTuckerTrainer trainer) => [.. trainer.Fit(view).Transform(view).GetColumn<float>("Score")];
        FunctionalBayesianTuckerTrainer Trainer(MLContext ml, int? seed) => ml.Regression.Trainers.FunctionalBayesianTucker(Options(o => (o.Seed, o.MaximumNumberOfIterations, o.NumberOfRestarts) = (seed, 3, 1)));
        CollectionAssert.AreEqual(Of(Trainer(new(1), 5)), Of(Trainer(new(2), 5)));
        CollectionAssert.AreNotEqual(Of(Trainer(new(1), 5)), Of(Trainer(new(1), 6)));
        var drawn = Trainer(new(7), null);
        var first = Of(drawn);
        CollectionAssert.AreEqual(first, Of(drawn));
        CollectionAssert.AreEqual(first, Of(Trainer(new(7), null)));
        CollectionAssert.AreNotEqual(first, Of(Trainer(new(8), null)));
    }

    [TestMethod]
    public void TheNumberOfThreadsChangesNothing()
    {
        var entries = Field(300);
        using var one = Fit(entries, o => o.MaximumNumberOfIterations = 5);
        using var two = Fit(entries, o => (o.MaximumNumberOfIterations, o.NumberOfThreads) = (5, 2));
        var (expected, actual) = (Score(one, entries), Score(two, entries));
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i].Score, actual[i].Score, 1e-5f);
        }
    }

    [TestMethod]
    public void OptionsAreCopied()
    {
        var view = View(Field(100));
        var options = Options(o => (o.Ranks, o.MaximumNumberOfIterations) = (new List<int> { 2, 2 }, 3));
        var trainer = _ml.Regression.Trainers.FunctionalBayesianTucker(options);
        var expected = trainer.Fit(view).Transform(view).GetColumn<float>("Score").ToArray();
        ((List<int>)options.Ranks!)[0] = 9;
        (options.LabelColumnName, options.Seed, options.LengthScales, options.MaximumNumberOfIterations) = ("Nothing", 9, [0.001], 1);
        CollectionAssert.AreEqual(expected, trainer.Fit(view).Transform(view).GetColumn<float>("Score").ToArray());
    }

    [TestMethod]
    public void TrainingReportsAndCanBeCancelled()
    {
        var messages = new List<string>();
        _ml.Log += (_, e) => messages.Add(e.Message);
        var told = new List<TuckerTrainingProgress>();
        using (Fit(Field(100), o => (o.MaximumNumberOfIterations, o.Progress) = (3, new Told<TuckerTrainingProgress>(told.Add))))
        {
            Assert.IsNotEmpty(told);
            Assert.IsTrue(messages.Any(message => message.Contains(told[^1].ToString()!, StringComparison.Ordinal)));
            Assert.IsTrue(messages.Any(message => message.Contains("length scales 0.5 0.5", StringComparison.Ordinal)));
        }
        using var source = new CancellationTokenSource();
        var reports = 0;
        Assert.ThrowsExactly<OperationCanceledException>(() => Fit(Field(100), o => (o.CancellationToken, o.Progress) = (source.Token, new Told<TuckerTrainingProgress>(_ =>
        {
            reports++;
            source.Cancel();
        }))));
        Assert.AreEqual(1, reports);
        using var selecting = new CancellationTokenSource();
        Assert.ThrowsExactly<OperationCanceledException>(() => Fit(Field(100), o => (o.SelectLengthScales, o.CancellationToken, o.Progress) = (true, selecting.Token, new Told<TuckerTrainingProgress>(progress =>
        {
            // After the starts, while scales are compared.
            if (progress.LengthScales[0] != 0.5)
            {
                selecting.Cancel();
            }
        }))));
        var mine = Must.Innermost(Must.Catch(() => Fit(Field(100), o => o.Progress = new Told<TuckerTrainingProgress>(_ => throw new NotImplementedException("mine")))));
        Assert.AreEqual("mine", mine.Message);
    }

    // ---- Data that is odd, and data that will not do ----

    [TestMethod]
    public void RowsWithoutALabelAreLeftOutAndRowsWithoutACoordinateHaveNoScore()
    {
        var entries = Field(100);
        using var expected = Fit(entries, o => o.MaximumNumberOfIterations = 3);
        Entry[] more = [.. entries, new() { Features = [1e9, double.NaN], Label = float.NaN }];
        FunctionalBayesianTuckerTransformer? actual = null;
        var warnings = Models.Warnings(_ml, () => actual = Fit(more, o => o.MaximumNumberOfIterations = 3));
        Assert.IsTrue(warnings.Any(warning => warning.Contains("1 of 101 rows are not trained on", StringComparison.Ordinal)));
        Scored[] rows = [];
        warnings = Models.Warnings(_ml, () => rows = Score(actual!, more));
        Assert.HasCount(1, warnings);
        Must.Contain(warnings[0], "1 of 101 rows have no score", "'Features'");
        Assert.IsTrue(float.IsNaN(rows[^1].Score) && float.IsNaN(rows[^1].ScoreStdDev) && float.IsNaN(rows[^1].LatentStdDev) && float.IsNaN(rows[^1].Low) && float.IsNaN(rows[^1].High));
        CollectionAssert.AreEqual(Array.ConvertAll(Score(expected, entries), row => row.Score), Array.ConvertAll(rows[..^1], row => row.Score));
    }

    [TestMethod]
    [DataRow(TuckerForm.Cp)]
    [DataRow(TuckerForm.Tucker)]
    public void OddDataGivesSoundScores(TuckerForm form)
    {
        var odd = new Dictionary<string, Entry[]>
        {
            ["constant label"] = [.. Field(60).Select(entry => new Entry { Features = entry.Features, Label = 7 })],
            ["duplicates"] = [.. Field(20), .. Field(20), .. Field(20).Select(entry => new Entry { Features = entry.Features, Label = -entry.Label })],
            ["few rows"] = Field(3),
            ["few values"] = [.. Field(60).Select((entry, i) => new Entry { Features = [i % 3, i % 4], Label = entry.Label })],
            ["neighbours"] = [.. Field(60).Select((entry, i) => new Entry { Features = [i == 0 ? 1 : i * 1e-13, double.BitIncrement(1 + i % 3)], Label = entry.Label })],
            ["tiny labels"] = [.. Field(60).Select(entry => new Entry { Features = entry.Features, Label = entry.Label * 1e-42f })],
            ["huge labels"] = [.. Field(60).Select(entry => new Entry { Features = entry.Features, Label = (entry.Label - 10) * 1e37f })],
            ["tiny coordinates"] = [.. Field(60).Select(entry => new Entry { Features = [entry.Features[0] * 1e-310, entry.Features[1]], Label = entry.Label })],
        };
        foreach (var (name, entries) in odd)
        {
            using var model = Fit(entries, o => (o.Form, o.MaximumNumberOfIterations) = (form, 15));
            Console.WriteLine(name);
            AssertSound(Score(model, [.. entries, .. Field(40, seed: 6)]));
            if (name == "constant label")
            {
                Assert.IsTrue(Score(model, entries).All(row => Math.Abs(row.Score - 7) < 0.1));
            }
        }
    }

    [TestMethod]
    public void ExtremeLengthScalesAndVariancesGiveSoundScores()
    {
        foreach (var smoothness in Enum.GetValues<MaternSmoothness>())
        {
            foreach (var scale in new[] { 1e-6, 1e-3, 30, 1e3, 1e6 })
            {
                foreach (var variance in new[] { 1e-6, 1, 1e6 })
                {
                    using var model = Fit(Field(60), o => (o.Smoothness, o.LengthScales, o.Variances, o.MaximumNumberOfIterations, o.NumberOfRestarts) = (smoothness, [scale, 0.3], [variance, 1], 8, 1));
                    var test = Field(60, seed: 2);
                    (test[2].Features[0], test[3].Features[1]) = (1e5, -1e7);
                    Console.WriteLine($"{smoothness} {scale} {variance}");
                    AssertSound(Score(model, [.. Field(60), .. test]));
                    Assert.IsTrue(model.GetModeFunction(0, [.. test.Select(entry => entry.Features[0])]).Variances.Cast<double>().All(value => value > 0));
                }
            }
        }
    }

    [TestMethod]
    public void DataThatWillNotDoIsRefusedByName()
    {
        void Refuse(Entry[] entries, params string[] parts) => Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(entries)).Message, parts);
        Refuse([], "no rows");
        Refuse([.. Field(5).Select(entry => new Entry { Features = entry.Features, Label = float.NaN })], "'Label'", "5 rows");
        Refuse([.. Field(5), new() { Features = [1, double.NaN], Label = 1 }], "'Features'", "NaN", "row 5, slot 1");
        Refuse([.. Field(5), new() { Features = [double.NegativeInfinity, 1], Label = 1 }], "'Features'", "row 5, slot 0");
        Refuse([.. Field(5), new() { Features = [1, 1], Label = float.NegativeInfinity }], "'Label'", "row 5");
        Refuse([.. Field(5).Select(entry => new Entry { Features = [entry.Features[0], 4], Label = entry.Label })], "Slot 1", "'Features'", "one distinct value, 4");
        Refuse([new() { Features = [double.MaxValue, 1], Label = 1 }, new() { Features = [double.MinValue, 2], Label = 1 }], "Slot 0", "'Features'", "no finite number");
        var e = Must.Fail<InvalidOperationException>(() => Fit([.. Field(9).Select((entry, i) => new Entry { Features = [entry.Features[0], i % 3], Label = entry.Label })], o => o.Rank = 4));
        Must.Contain(e.Message, "Slot 1", "3 distinct coordinates", "rank 4");
    }

    [TestMethod]
    public void OneModeOrOptionsForOtherModesAreRefused()
    {
        var one = new TestView(20).Add("Label", NumberDataViewType.Single, row => (float)row).AddVector("Features", NumberDataViewType.Single, 1, row => new float[] { row });
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => _ml.Regression.Trainers.FunctionalBayesianTucker().Fit(one)).Message, "Features", "at least 2", "Vector<Single, 1>");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Fit(Field(20), o => o.Ranks = [2, 2, 2])).Message, "Ranks", "2 modes");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Fit(Field(20), o => o.LengthScales = [1, 1, 1])).Message, "LengthScales", "2 modes");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Fit(Field(20), o => o.Variances = [1, 1, 1])).Message, "Variances", "2 modes");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Fit(Field(20), o => (o.Form, o.Rank) = (TuckerForm.Tucker, 45))).Message, "Rank", "2000");
    }

    public static IEnumerable<object[]> BadOptions =>
    [
        .. new (string Name, Action<FunctionalBayesianTuckerTrainer.Options> Change)[]
        {
            ("LabelColumnName", o => o.LabelColumnName = ""),
            ("FeatureColumnName", o => o.FeatureColumnName = null!),
            ("Form", o => o.Form = (TuckerForm)7),
            ("Rank", o => o.Rank = 0),
            ("Ranks", o => o.Ranks = []),
            ("Ranks", o => o.Ranks = [2, 0]),
            ("Ranks", o => o.Ranks = [2, 3]),
            ("Smoothness", o => o.Smoothness = (MaternSmoothness)9),
            ("LengthScales", o => o.LengthScales = []),
            ("LengthScales", o => o.LengthScales = [1, 0]),
            ("LengthScales", o => o.LengthScales = [1, double.NaN]),
            ("LengthScales", o => o.LengthScales = [1, 1e7]),
            ("Variances", o => o.Variances = [-1]),
            ("LengthScaleGrid", o => o.LengthScaleGrid = []),
            ("LengthScaleGrid", o => o.LengthScaleGrid = null!),
            ("LengthScaleGrid", o => o.LengthScaleGrid = [0.1, double.PositiveInfinity]),
            ("NumberOfSelectionIterations", o => o.NumberOfSelectionIterations = 0),
            ("NoisePriorShape", o => o.NoisePriorShape = 0),
            ("NoisePriorRate", o => o.NoisePriorRate = double.NaN),
            ("FunctionDamping", o => o.FunctionDamping = 1),
            ("CoreDamping", o => o.CoreDamping = -0.1),
            ("NoiseDamping", o => o.NoiseDamping = double.NaN),
            ("SelectLengthScales", o => (o.SelectLengthScales, o.FunctionDamping) = (true, 0.5)),
            ("SelectVariances", o => (o.SelectVariances, o.NoiseDamping) = (true, 0.5)),
            ("NumberOfRestarts", o => o.NumberOfRestarts = 0),
            ("NumberOfRestartIterations", o => o.NumberOfRestartIterations = 0),
            ("MaximumNumberOfIterations", o => o.MaximumNumberOfIterations = 0),
            ("Tolerance", o => o.Tolerance = -1),
            ("NumberOfThreads", o => o.NumberOfThreads = 0),
            ("ConfidenceLevel", o => o.ConfidenceLevel = 1),
            ("ConfidenceUpperBoundColumnName", o => o.ConfidenceUpperBoundColumnName = null),
            ("ConfidenceLowerBoundColumnName", o => o.ConfidenceLowerBoundColumnName = ""),
            ("Score", o => o.ConfidenceLowerBoundColumnName = "Score"),
            ("Low", o => o.ConfidenceUpperBoundColumnName = "Low"),
        }.Select(bad => new object[] { bad.Name, bad.Change }),
    ];

    [TestMethod]
    [DynamicData(nameof(BadOptions))]
    public void BadOptionsAreRefusedByName(string name, Action<FunctionalBayesianTuckerTrainer.Options> change)
        => Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => _ml.Regression.Trainers.FunctionalBayesianTucker(Options(change))).Message, name);

    [TestMethod]
    public void NullsAreRefused()
    {
        Must.Fail<ArgumentNullException>(() => _ml.Regression.Trainers.FunctionalBayesianTucker((FunctionalBayesianTuckerTrainer.Options)null!));
        Must.Fail<ArgumentNullException>(() => ((RegressionCatalog.RegressionTrainers)null!).FunctionalBayesianTucker());
        Must.Fail<ArgumentNullException>(() => _ml.Regression.Trainers.FunctionalBayesianTucker().Fit(null!));
        Must.Fail<ArgumentNullException>(() => _ml.Regression.Trainers.FunctionalBayesianTucker().GetOutputSchema(null!));
    }

    private sealed class Told<T>(Action<T> told) : IProgress<T>
    {
        public void Report(T value) => told(value);
    }
}
