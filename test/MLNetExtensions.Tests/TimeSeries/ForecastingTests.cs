using Microsoft.Data.Analysis;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests;

/// <summary>What is the same for every forecaster: split, evaluation, and how rows are forecast.</summary>
[TestClass]
public sealed class ForecastingTests
{
    private const int Window = 8;
    private const int Horizon = 3;

    private static OLinearEstimator.Options Tiny(Action<OLinearEstimator.Options>? change = null)
    {
        var options = new OLinearEstimator.Options { InputColumnName = "Values", WindowSize = Window, Horizon = Horizon, Width = 8, EmbeddingSize = 2, NumberOfLayers = 1, MaximumNumberOfEpochs = 2, Seed = 1, NumberOfThreads = 1 };
        change?.Invoke(options);
        return options;
    }

    private static float[] Waves(int row) => [MathF.Sin(row / 3f), 10 + 3 * MathF.Cos(row / 5f)];

    private static TestView Series(int rows, Func<int, float[]>? values = null) => new TestView(rows).AddVector("Values", NumberDataViewType.Single, 2, values ?? Waves);

    private static OLinearTransformer Fit(IDataView data, Action<OLinearEstimator.Options>? change = null, MLContext? ml = null) => (ml ?? new MLContext(1)).Forecasting.ForecastByOLinear(Tiny(change)).Fit(data);

    private static float[][] Forecasts(ITransformer model, IDataView data) => [.. model.Transform(data).GetColumn<float[]>("Forecast")];

    private static void AssertEqual(float[][] expected, float[][] actual, double tolerance = 1e-5)
        => Snapshot.AssertSame(expected, actual, tolerance, "Forecast");

    // ---- Split ----

    [TestMethod]
    [DataRow(100, 0.2, 80)]
    [DataRow(101, 0.25, 76)]
    [DataRow(10, 0.1, 9)]
    public void TheTestSetBeginsAWindowEarly(int rows, double fraction, int trainingRows)
    {
        var ml = new MLContext(1);
        foreach (var known in new[] { true, false })
        {
            var data = new TestView(rows) { KnowsItsRows = known }.Add("Row", NumberDataViewType.Int32, row => row);
            var split = ml.Forecasting.TrainTestSplit(data, fraction, Window);
            CollectionAssert.AreEqual(Enumerable.Range(0, trainingRows).ToArray(), split.TrainSet.GetColumn<int>("Row").ToArray());
            CollectionAssert.AreEqual(Enumerable.Range(trainingRows - Window, rows - trainingRows + Window).ToArray(), split.TestSet.GetColumn<int>("Row").ToArray());
            SchemaAssert.AreEqual(data.Schema, split.TestSet.Schema);
        }
    }

    [TestMethod]
    public void TheFirstForecastOfTheTestSetIsForItsFirstNewRow()
    {
        var ml = new MLContext(1);
        var data = Series(100);
        var split = ml.Forecasting.TrainTestSplit(data, 0.2, Window);
        using var model = Fit(split.TrainSet);
        var (all, test) = (Forecasts(model, data), Forecasts(model, split.TestSet));
        // Row 79, the last one of the training set, forecasts row 80.
        Assert.AreEqual(Window - 1, Array.FindIndex(test, forecast => !float.IsNaN(forecast[0])));
        AssertEqual(all[79..], test[(Window - 1)..]);
    }

    // ---- Evaluation ----

    // One channel (slot 1 of the label) forecast two steps ahead.
    private static TestView Scored(double[] labels, float[][] forecasts)
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add("ChannelIndices", new VectorDataViewType(NumberDataViewType.Int32, 1), (ref VBuffer<int> value) => new VBuffer<int>(1, [1]).CopyTo(ref value));
        return new TestView(labels.Length)
            .AddVector("Label", NumberDataViewType.Double, 2, row => new[] { -99, labels[row] })
            .AddVector("Forecast", NumberDataViewType.Single, 2, row => forecasts[row], annotations: annotations.ToAnnotations());
    }

    [TestMethod]
    public void TheMetricsAreThoseComputedByHand()
    {
        var data = Scored([1, 2, 4, 7, 11, 16], [[0, 0], [3, 8], [7, 10], [11, 18], [0, 0], [0, 0]]);
        // Season of two rows: row 0 has none before, rows 4 and 5 have not two rows after them. Row 1 forecasts 4 and 7 by 3 and 8, row 2 7 and 11 by 7 and 10, row 3 11 and 16 by 11 and 18.
        var metrics = new MLContext(1).Forecasting.Evaluate(data, "Label", "Forecast", 2);
        Assert.AreEqual(3, metrics.NumberOfForecasts);
        Assert.AreEqual(3, metrics.NumberOfSkippedRows);
        Assert.AreEqual((1 + 1 + 0 + 1 + 0 + 4) / 6.0, metrics.MeanSquaredError, 1e-12);
        Assert.AreEqual((1 + 1 + 0 + 1 + 0 + 2) / 6.0, metrics.MeanAbsoluteError, 1e-12);
        Assert.AreEqual(Math.Sqrt(7 / 6.0), metrics.RootMeanSquaredError, 1e-12);
        Assert.IsTrue(double.IsNaN(metrics.MeanAbsoluteScaledError));
        Assert.HasCount(2, metrics.PerStep);
        Assert.AreEqual(1 / 3.0, metrics.PerStep[0].MeanAbsoluteError, 1e-12);
        Assert.AreEqual(6 / 3.0, metrics.PerStep[1].MeanSquaredError, 1e-12);
        // Naive: the value two rows before: 4, 7 by 1, 2; 7, 11 by 2, 4; 11, 16 by 4, 7.
        Assert.AreEqual((9 + 25 + 25 + 49 + 49 + 81) / 6.0, metrics.SeasonalNaive.MeanSquaredError, 1e-12);
        Assert.AreEqual((3 + 5 + 7) / 3.0, metrics.SeasonalNaivePerStep[0].MeanAbsoluteError, 1e-12);
        Assert.AreEqual((5 + 7 + 9) / 3.0, metrics.SeasonalNaivePerStep[1].MeanAbsoluteError, 1e-12);
    }

    [TestMethod]
    public void StepsBeyondASeasonAreForecastNaivelyByTheLastKnownOne()
    {
        // Season of one row: both steps by the row itself.
        var metrics = new MLContext(1).Forecasting.Evaluate(Scored([1, 2, 4, 7], [[2, 4], [4, 7], [0, 0], [0, 0]]), "Label", "Forecast", 1);
        Assert.AreEqual(2, metrics.NumberOfForecasts);
        Assert.AreEqual(0, metrics.MeanSquaredError);
        Assert.AreEqual((1 + 2) / 2.0, metrics.SeasonalNaivePerStep[0].MeanAbsoluteError, 1e-12);
        Assert.AreEqual((3 + 5) / 2.0, metrics.SeasonalNaivePerStep[1].MeanAbsoluteError, 1e-12);
    }

    [TestMethod]
    public void TheScaledErrorIsInUnitsOfTheNaiveErrorOfTheTrainingData()
    {
        var ml = new MLContext(1);
        var data = Scored([1, 2, 4, 7, 11, 16], [[0, 0], [3, 8], [7, 10], [11, 18], [0, 0], [0, 0]]);
        // Differences two rows apart: 3, 5 and 7.
        var training = Scored([0, 0, 3, 5, 10], new float[5][]);
        var metrics = ml.Forecasting.Evaluate(data, "Label", "Forecast", 2, trainingData: training);
        Assert.AreEqual(5 / 6.0 / 5, metrics.MeanAbsoluteScaledError, 1e-12);
        Assert.AreEqual(1 / 3.0 / 5, metrics.PerStep[0].MeanAbsoluteScaledError, 1e-12);
        Assert.AreEqual(metrics.SeasonalNaive.MeanAbsoluteError / 5, metrics.SeasonalNaive.MeanAbsoluteScaledError, 1e-12);
        // A channel that repeats exactly has no scale.
        Assert.IsTrue(double.IsNaN(ml.Forecasting.Evaluate(data, "Label", "Forecast", 2, trainingData: Scored([1, 2, 1, 2, 1, 2], new float[6][])).MeanAbsoluteScaledError));
    }

    [TestMethod]
    public void RowsWithoutForecastOrTruthAreSkippedAndCounted()
    {
        var ml = new MLContext(1);
        float[][] forecasts = [[float.NaN, float.NaN], [3, 8], [7, float.PositiveInfinity], [11, 18], [16, 22], [0, 0], [0, 0]];
        var metrics = ml.Forecasting.Evaluate(Scored([1, 2, 4, 7, 11, 16, 22], forecasts), "Label", "Forecast", 1);
        Assert.AreEqual(3, metrics.NumberOfForecasts);
        Assert.AreEqual(4, metrics.NumberOfSkippedRows);
        // A missing label takes every row whose forecast or naive forecast it touches: here 1 to 3.
        metrics = ml.Forecasting.Evaluate(Scored([1, 2, 4, double.NaN, 11, 16, 22], forecasts), "Label", "Forecast", 1);
        Assert.AreEqual(1, metrics.NumberOfForecasts);
        Assert.AreEqual(0, metrics.MeanSquaredError);
        Must.Contain(metrics.ToString()!, "0");
    }

    [TestMethod]
    public void TheMetricsOfAForecasterAreThoseOfItsForecasts()
    {
        var ml = new MLContext(1);
        using var model = Fit(Series(60));
        var data = Series(60);
        var metrics = ml.Forecasting.Evaluate(model.Transform(data), "Values", "Forecast", 1, trainingData: data);
        Assert.AreEqual(60 - Window + 1 - Horizon, metrics.NumberOfForecasts);
        var forecasts = Forecasts(model, data);
        double sum = 0;
        for (var row = Window - 1; row + Horizon < 60; row++)
        {
            for (var i = 0; i < 2 * Horizon; i++)
            {
                sum += Math.Abs((double)forecasts[row][i] - Waves(row + 1 + i / 2)[i % 2]);
            }
        }
        Assert.AreEqual(sum / metrics.NumberOfForecasts / (2 * Horizon), metrics.MeanAbsoluteError, 1e-9);
    }

    // ---- Nothing of the future ----

    [TestMethod]
    public void AForecastDependsOnNoRowAfterIt()
    {
        using var model = Fit(Series(100));
        var clean = Forecasts(model, Series(100));
        foreach (var from in new[] { 7, 8, 50, 99 })
        {
            foreach (var poison in new[] { 1e6f, float.NaN })
            {
                var poisoned = Forecasts(model, Series(100, row => row >= from ? [poison, -poison] : Waves(row)));
                AssertEqual(clean[..from], poisoned[..from]);
            }
        }
    }

    [TestMethod]
    public void AForecastDependsOnNoRowBeforeItsWindow()
    {
        using var model = Fit(Series(100));
        var clean = Forecasts(model, Series(100));
        var poisoned = Forecasts(model, Series(100, row => row < 50 ? [1e6f, -1e6f] : Waves(row)));
        AssertEqual(clean[(50 + Window - 1)..], poisoned[(50 + Window - 1)..]);
    }

    [TestMethod]
    public void TheValidationRowsDoNotReachScalingBasesOrCorrelation()
    {
        // 10 of 100 rows are for validation.
        foreach (var mixing in Enum.GetValues<ChannelMixing>())
        {
            using var clean = Fit(Series(100), options => options.ChannelMixing = mixing);
            using var poisoned = Fit(Series(100, row => row >= 90 ? [1000 * row, -7] : Waves(row)), options => options.ChannelMixing = mixing);
            CollectionAssert.AreEqual(clean.Model.Options.Means.ToArray(), poisoned.Model.Options.Means.ToArray());
            CollectionAssert.AreEqual(clean.Model.Options.Deviations.ToArray(), poisoned.Model.Options.Deviations.ToArray());
            CollectionAssert.AreEqual(Values(clean.Module.QIn), Values(poisoned.Module.QIn));
            CollectionAssert.AreEqual(Values(clean.Module.QOut), Values(poisoned.Module.QOut));
            CollectionAssert.AreEqual(Values(clean.Module.ChannelWeights), Values(poisoned.Module.ChannelWeights));
            // It is the training rows that count.
            using var other = Fit(Series(100, row => row == 80 ? [1000, -7] : Waves(row)), options => options.ChannelMixing = mixing);
            CollectionAssert.AreNotEqual(clean.Model.Options.Means.ToArray(), other.Model.Options.Means.ToArray());
            CollectionAssert.AreNotEqual(Values(clean.Module.QIn), Values(other.Module.QIn));
        }

        static float[] Values(Tensor? tensor)
        {
            using var scope = NewDisposeScope();
            return tensor is null ? [] : tensor.contiguous().data<float>().ToArray();
        }
    }

    [TestMethod]
    public void TheWeightsOfAnEpochDoNotDependOnTheValidationRows()
    {
        using var clean = Fit(Series(100), options => options.MaximumNumberOfEpochs = 1);
        using var poisoned = Fit(Series(100, row => row >= 90 ? [5 * row, -7] : Waves(row)), options => options.MaximumNumberOfEpochs = 1);
        AssertEqual(Forecasts(clean, Series(100)), Forecasts(poisoned, Series(100)), tolerance: 0);
    }

    // ---- Missing values ----

    [TestMethod]
    public void AMissingValueTakesAWindowOfForecasts()
    {
        var ml = new MLContext(1);
        using var model = Fit(Series(120), ml: ml);
        var clean = Forecasts(model, Series(120));
        float[][] forecasts = [];
        var warnings = Models.Warnings(ml, () => forecasts = Forecasts(model, Series(120, row => row is 40 or 99 ? [Waves(row)[0], float.NaN] : Waves(row))));
        for (var row = 0; row < 120; row++)
        {
            var missing = row < Window - 1 || row is >= 40 and < 40 + Window or >= 99 and < 99 + Window;
            Assert.IsTrue(missing ? forecasts[row].All(float.IsNaN) : forecasts[row].All(float.IsFinite), $"Row {row}");
            if (!missing)
            {
                Snapshot.AssertSame(clean[row], forecasts[row], 1e-5, $"Row {row}");
            }
        }
        Assert.HasCount(1, warnings);
        Must.Contain(warnings[0], $"{Window - 1 + 2 * Window} of 120 rows", $"{Window}");
    }

    [TestMethod]
    public void ThereIsOneWarningForEachReadingAndNoneWithoutForecasts()
    {
        var ml = new MLContext(1);
        using var model = Fit(Series(60), ml: ml);
        var view = model.Transform(Series(60));
        Assert.IsEmpty(Models.Warnings(ml, () => Snapshot.Of(view, column => column.Name == "Values")));
        Assert.HasCount(1, Models.Warnings(ml, () => Snapshot.Of(view)));
        Assert.HasCount(2, Models.Warnings(ml, () => { Snapshot.Of(view); Snapshot.Of(view); }));
    }

    // ---- Batches and sources ----

    [TestMethod]
    public void RowByRowTheForecastsAreTheSame()
    {
        using var model = Fit(Series(300));
        var batched = Forecasts(model, Series(300));
        // A column that cannot be copied makes every batch a single row.
        var data = Series(300).Add("Handle", HandleType.Instance, row => new HandleType.Handle(row));
        var view = model.Transform(data);
        var single = Snapshot.Of(view).Rows.Select(row => (float[])row.Values[^1]!).ToArray();
        AssertEqual(batched, single);
        // A view that begins elsewhere cuts the batches elsewhere.
        AssertEqual(batched[(100 + Window - 1)..], Forecasts(model, Series(200, row => Waves(row + 100)))[(Window - 1)..]);
    }

    private sealed class Row
    {
        [VectorType(2)]
        public float[] Values { get; set; } = [];
    }

    [TestMethod]
    public void EverySourceGivesTheSameForecasts()
    {
        var ml = new MLContext(1);
        var expected = Fit(Series(80), ml: ml);
        var forecasts = Forecasts(expected, Series(80));
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            File.WriteAllLines(path, Enumerable.Range(0, 80).Select(row => string.Join(';', Waves(row).Select(value => value.ToString("R", System.Globalization.CultureInfo.InvariantCulture)))));
            var frame = new DataFrame(new SingleDataFrameColumn("Sine", Enumerable.Range(0, 80).Select(row => Waves(row)[0])), new SingleDataFrameColumn("Cosine", Enumerable.Range(0, 80).Select(row => Waves(row)[1])));
            foreach (var (source, data) in new (string, IDataView)[]
            {
                ("objects", ml.Data.LoadFromEnumerable(Enumerable.Range(0, 80).Select(row => new Row { Values = Waves(row) }))),
                ("text", ml.Data.LoadFromTextFile(path, [new TextLoader.Column("Values", DataKind.Single, 0, 1)], separatorChar: ';')),
                ("data frame", ml.Transforms.Concatenate("Values", "Sine", "Cosine").Fit(frame).Transform(frame)),
                ("cache", ml.Data.Cache(Series(80))),
            })
            {
                using var model = Fit(data, ml: ml);
                AssertEqual(forecasts, Forecasts(model, data), tolerance: 0);
                Assert.AreEqual(80 - Window + 1 - Horizon, ml.Forecasting.Evaluate(model.Transform(data), "Values", "Forecast", 1).NumberOfForecasts, source);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void SingleAndDoubleColumnsGiveTheSame()
    {
        TestView Doubles() => new TestView(80).AddVector("Values", NumberDataViewType.Double, 2, row => Waves(row).Select(value => (double)value).ToArray());
        using var single = Fit(Series(80));
        using var fromDoubles = Fit(Doubles());
        AssertEqual(Forecasts(single, Series(80)), Forecasts(fromDoubles, Doubles()), tolerance: 0);
        // Each scores the data of the other, sparse or dense.
        AssertEqual(Forecasts(single, Series(80)), Forecasts(single, Doubles()), tolerance: 0);
        // A scalar column is a series of one channel, as is a vector of one slot.
        TestView Scalar() => new TestView(80).Add("Values", NumberDataViewType.Single, row => Waves(row)[0]);
        TestView Vector() => new TestView(80).AddVector("Values", NumberDataViewType.Single, 1, row => Waves(row)[..1], row => row % 2 == 0);
        using var one = Fit(Scalar());
        AssertEqual(Forecasts(one, Scalar()), Forecasts(one, Vector()), tolerance: 0);
    }

    [TestMethod]
    public void TheForecastColumnSaysWhatItsSlotsAre()
    {
        using var model = Fit(new TestView(60).AddVector("Values", NumberDataViewType.Single, 2, Waves, annotations: TestView.SlotNames("sine", "")));
        var column = model.Transform(Series(60)).Schema["Forecast"];
        Assert.IsTrue(new VectorDataViewType(NumberDataViewType.Single, Horizon, 2).Equals(column.Type));
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.GetSlotNames(ref names);
        CollectionAssert.AreEqual(new[] { "sine@+1", "Values1@+1", "sine@+2", "Values1@+2", "sine@+3", "Values1@+3" }, names.DenseValues().Select(name => name.ToString()).ToArray());
        CollectionAssert.AreEqual(new[] { "sine", "Values1" }, model.ChannelNames.ToArray());
        Assert.AreEqual((Window, Horizon), (model.WindowSize, model.Horizon));
    }

    // ---- Training ----

    [TestMethod]
    public void EveryEpochIsReportedAndLogged()
    {
        var ml = new MLContext(1);
        var (log, reports) = (new List<string>(), new List<TrainingProgress>());
        ml.Log += (_, e) => log.Add(e.Message);
        using var model = Fit(Series(100), options =>
        {
            options.MaximumNumberOfEpochs = 4;
            options.Patience = 100;
            options.Progress = new ImmediateProgress(reports.Add);
        }, ml);
        CollectionAssert.AreEqual(new[] { 1, 2, 3, 4 }, reports.Select(report => report.Epoch).ToArray());
        Assert.IsTrue(reports.All(report => report.MaximumNumberOfEpochs == 4 && double.IsFinite(report.TrainingLoss) && report.ValidationLoss is { } loss && double.IsFinite(loss) && report.LearningRate > 0 && report.BestEpoch <= report.Epoch));
        foreach (var report in reports)
        {
            Assert.IsTrue(log.Any(line => line.Contains(report.ToString(), StringComparison.Ordinal)), report.ToString());
        }
        reports.Clear();
        using var unvalidated = Fit(Series(100), options =>
        {
            options.ValidationFraction = 0;
            options.Progress = new ImmediateProgress(reports.Add);
        });
        Assert.IsTrue(reports.Count == 2 && reports.All(report => report.ValidationLoss is null));
    }

    [TestMethod]
    public void TheModelIsThatOfTheBestEpoch()
    {
        var reports = new List<TrainingProgress>();
        // A rate so high that the losses jump.
        void Wild(OLinearEstimator.Options options, int epochs)
        {
            options.LearningRate = 0.05;
            options.LearningRateSchedule = LearningRateSchedule.Constant;
            options.MaximumNumberOfEpochs = epochs;
            options.Patience = 3;
            options.Progress = new ImmediateProgress(reports.Add);
        }
        using var model = Fit(Series(100), options => Wild(options, 40));
        var best = reports[^1].BestEpoch;
        Assert.AreEqual(reports.Min(report => report.ValidationLoss), reports[best - 1].ValidationLoss);
        Assert.IsTrue(reports.Count == 40 || reports.Count == best + 3, "Patience.");
        using var stopped = Fit(Series(100), options => Wild(options, best));
        AssertEqual(Forecasts(model, Series(100)), Forecasts(stopped, Series(100)), tolerance: 0);
    }

    [TestMethod]
    public void AnInterruptedTrainingResumesToTheSameModel()
    {
        const int Epochs = 5;
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using var whole = Fit(Series(100), options => options.MaximumNumberOfEpochs = Epochs);
            for (var stop = 1; stop < Epochs; stop += 2)
            {
                using var source = new CancellationTokenSource();
                Assert.Throws<OperationCanceledException>(() => Fit(Series(100), options =>
                {
                    (options.MaximumNumberOfEpochs, options.CheckpointPath, options.CancellationToken) = (Epochs, path, source.Token);
                    options.Progress = new ImmediateProgress(progress =>
                    {
                        if (progress.Epoch == stop)
                        {
                            source.Cancel();
                        }
                    });
                }));
                Assert.IsTrue(File.Exists(path));
                var epochs = new List<int>();
                using var resumed = Fit(Series(100), options =>
                {
                    (options.MaximumNumberOfEpochs, options.CheckpointPath) = (Epochs, path);
                    options.Progress = new ImmediateProgress(progress => epochs.Add(progress.Epoch));
                });
                CollectionAssert.AreEqual(Enumerable.Range(stop + 1, Epochs - stop).ToArray(), epochs);
                AssertEqual(Forecasts(whole, Series(100)), Forecasts(resumed, Series(100)), tolerance: 0);
                Assert.IsFalse(File.Exists(path), "The checkpoint of a finished training is there.");
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void ACancelledTrainingThatReturnsItsBestEqualsAShorterOne()
    {
        using var source = new CancellationTokenSource();
        using var cancelled = Fit(Series(100), options =>
        {
            (options.MaximumNumberOfEpochs, options.OnCancellation, options.CancellationToken, options.LearningRateSchedule) = (50, CancellationBehavior.ReturnBest, source.Token, LearningRateSchedule.Constant);
            options.Progress = new ImmediateProgress(progress =>
            {
                if (progress.Epoch == 2)
                {
                    source.Cancel();
                }
            });
        });
        using var shorter = Fit(Series(100), options => (options.MaximumNumberOfEpochs, options.LearningRateSchedule) = (2, LearningRateSchedule.Constant));
        AssertEqual(Forecasts(shorter, Series(100)), Forecasts(cancelled, Series(100)), tolerance: 0);
    }

    [TestMethod]
    public void ACancelledContextStillReturnsTheBestWithItsBounds()
    {
        var ml = new MLContext(1);
        using var model = Fit(Series(100), options =>
        {
            (options.OnCancellation, options.ConfidenceLowerBoundColumnName, options.ConfidenceUpperBoundColumnName, options.ConfidenceLevel) = (CancellationBehavior.ReturnBest, "Low", "High", 0.5);
            options.Progress = new ImmediateProgress(_ => ml.CancelExecution());
        }, ml);
        Assert.IsTrue(new MLContext().Data.CreateEnumerable<Bounds>(model.Transform(Series(100)), reuseRowObject: false).Last().Low.All(float.IsFinite));
    }

    private sealed class Bounds
    {
        public float[] Low { get; set; } = [];
    }

    [TestMethod]
    [DynamicData(nameof(Forecasters))]
    public void AForecastThatIsTooLargeIsMissing(string name)
    {
        var entry = ConformanceEntries.Find(name);
        using var model = (ForecastingTransformer)entry.Create(new MLContext(1)).Fit(entry.Data(entry.Rows));
        var column = entry.Data(1).Schema[entry.Inputs[0]].Index;
        foreach (var kind in new[] { Faults.ViewChangeKind.Huge, Faults.ViewChangeKind.MinusHuge, Faults.ViewChangeKind.Largest })
        {
            var data = Faults.ChangedView.Of(entry.Data(60), 60, [new(column, kind, 30)]);
            var scores = Snapshot.Of(model.Transform(data)).Rows.Select(row => (float[])row.Values[data.Schema.Count]!).ToArray();
            Assert.IsTrue(scores.All(score => !score.Any(float.IsInfinity)), $"{kind}");
            // Behind the window that holds it, all is as usual.
            Assert.IsTrue(scores[29 + model.WindowSize].All(float.IsFinite), $"{kind}");
        }
    }

    private static IEnumerable<object[]> Forecasters => ConformanceEntries.Entries.Where(entry => entry.Outputs[0] == "Forecast" && !entry.Name.Contains("many", StringComparison.Ordinal)).Select(entry => new object[] { entry.Name });

    [TestMethod]
    public void TheSimpleCallForecastsASeasonBetterThanItsNaiveForecast()
    {
        var ml = new MLContext(1);
        // Two seasons that do not divide each other.
        var data = new TestView(600).AddVector("Values", NumberDataViewType.Single, 2, row => new[] { MathF.Sin(row / 4f) + MathF.Sin(row / 7f), 5 * MathF.Cos(row / 4f) });
        var split = ml.Forecasting.TrainTestSplit(data, 0.2, 36);
        using var model = Fit(split.TrainSet, options => (options.WindowSize, options.Horizon, options.Width, options.MaximumNumberOfEpochs, options.LearningRate) = (36, 12, 16, 25, 5e-3), ml);
        var metrics = ml.Forecasting.Evaluate(model.Transform(split.TestSet), "Values", "Forecast", 25, trainingData: split.TrainSet);
        Assert.IsLessThan(metrics.SeasonalNaive.MeanSquaredError / 2, metrics.MeanSquaredError, $"{metrics}");
    }
}
