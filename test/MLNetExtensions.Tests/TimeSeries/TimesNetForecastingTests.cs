using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tests.Golden;
using MLNetExtensions.TimeSeries;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.TimeSeries;

/// <summary>What TimesNet adds to a forecaster: options, time features, periods, how well it learns.</summary>
[TestClass]
public sealed class TimesNetForecastingTests
{
    private const int Window = 12;
    private const int Horizon = 4;

    private sealed class Point
    {
        public string Store { get; set; } = "";

        public DateTime Time { get; set; }

        [VectorType(2)]
        public float[] Values { get; set; } = [];
    }

    private sealed class Next
    {
        public float[] Forecast { get; set; } = [];
    }

    private static TimesNetForecastingEstimator.Options Tiny(Action<TimesNetForecastingEstimator.Options>? change = null)
    {
        var options = new TimesNetForecastingEstimator.Options
        {
            InputColumnName = "Values",
            WindowSize = Window,
            Horizon = Horizon,
            Network = { Width = 4, NumberOfLayers = 1, TopPeriods = 2, NumberOfKernels = 2 },
            LearningRate = 1e-3,
            MaximumNumberOfEpochs = 2,
            Seed = 1,
            NumberOfThreads = 1,
        };
        change?.Invoke(options);
        return options;
    }

    private static void InTime(TimesNetForecastingEstimator.Options options)
        => (options.TimeColumnName, options.TimeFeatures) = ("Time", TimeFeatures.Hour | TimeFeatures.Weekday | TimeFeatures.DayOfMonth);

    private static DateTime Hour(int t) => new DateTime(2024, 2, 28, 7, 0, 0).AddHours(t);

    private static Point[] Points(int count, int stores = 1, int first = 0, Func<int, DateTime>? time = null)
        => [.. Enumerable.Range(first, count).SelectMany(t => Enumerable.Range(0, stores).Select(s => new Point
        {
            Store = "s" + s,
            Time = (time ?? Hour)(t),
            Values = [100 * (s + 1) + 10 * MathF.Sin(t / 3f + s) + t * 7 % 5, 20 + 5 * MathF.Cos(t / 3f + s)],
        }))];

    private static TestView Series(int rows, Func<int, float[]>? values = null)
        => new TestView(rows).AddVector("Values", NumberDataViewType.Single, 2, values ?? (row => new[] { MathF.Sin(row / 2f), row % 5 }), annotations: TestView.SlotNames("first", "second"));

    private static TimesNetForecastingTransformer Fit(IDataView data, Action<TimesNetForecastingEstimator.Options>? change = null)
        => new MLContext(1).Forecasting.ForecastByTimesNet(Tiny(change)).Fit(data);

    private static TimesNetForecastingTransformer Fit(Point[] points, Action<TimesNetForecastingEstimator.Options>? change = null) => Fit(new MLContext().Data.LoadFromEnumerable(points), change);

    private static float[][] Forecasts(ITransformer model, IDataView data) => [.. model.Transform(data).GetColumn<float[]>("Forecast")];

    private static float[][] Forecasts(ITransformer model, Point[] points) => Forecasts(model, new MLContext().Data.LoadFromEnumerable(points));

    private static void AssertEqual(float[][] expected, float[][] actual, double tolerance = 1e-5) => Snapshot.AssertSame(expected, actual, tolerance, "Forecast");

    // ---- Options ----

    public static IEnumerable<object[]> WrongOptions => new (string Name, Action<TimesNetForecastingEstimator.Options> Change, string Must)[]
    {
        ("WindowSize", options => options.WindowSize = 3, "at least 4"),
        ("WindowSize", options => options.WindowSize = int.MinValue, "at least 2"),
        ("Horizon", options => options.Horizon = 0, "positive"),
        ("Width", options => options.Network.Width = 5, "even"),
        ("Width", options => options.Network.Width = 0, "even"),
        ("HiddenWidth", options => options.Network.HiddenWidth = 0, "positive"),
        ("NumberOfLayers", options => options.Network.NumberOfLayers = 0, "positive"),
        ("TopPeriods", options => options.Network.TopPeriods = 0, "positive"),
        ("TopPeriods", options => options.Network.TopPeriods = (Window + Horizon) / 2 + 1, "half of the 16 steps"),
        ("NumberOfKernels", options => options.Network.NumberOfKernels = 0, "positive"),
        ("DropoutRate", options => options.Network.DropoutRate = 1, "[0, 1)"),
        ("TrainPeriods", options => options.Network.TrainPeriods = PeriodSelection.Frozen, "Batch or PerRow"),
        ("InferencePeriods", options => options.Network.InferencePeriods = (PeriodSelection)7, "defined"),
        ("SkipWeightBelow", options => options.Network.SkipWeightBelow = double.NaN, "[0, 1)"),
        ("TimeFeatures", options => options.TimeFeatures = TimeFeatures.Hour, "TimeColumnName"),
        ("TimeFeatures", options => (options.TimeFeatures, options.TimeColumnName) = ((TimeFeatures)256, "Time"), "defined"),
        ("TimeFeatures", options => (options.TimeFeatures, options.TimeColumnName, options.TimeEmbedding) = (TimeFeatures.Hour, "Time", TimeEmbedding.Fixed), "Hour, Weekday, DayOfMonth, Month"),
        ("TimeEmbedding", options => options.TimeEmbedding = (TimeEmbedding)7, "defined"),
        ("Loss", options => options.Loss = (ForecastLoss)7, "defined"),
        ("Standardize", options => options.Loss = ForecastLoss.SymmetricAbsolutePercentageError, "false"),
        ("LearningRateSchedule", options => options.LearningRateSchedule = (LearningRateSchedule)7, "defined"),
        ("GradientClipNorm", options => options.GradientClipNorm = double.PositiveInfinity, "negative"),
        ("Patience", options => options.Patience = 0, "positive"),
    }.Select((row, i) => new object[] { $"{i} {row.Name}", row.Name, row.Change, row.Must });

    [TestMethod]
    [DynamicData(nameof(WrongOptions))]
    public void AnOptionOutOfItsRangeIsNamed(string display, string name, Delegate change, string must)
    {
        var options = Tiny((Action<TimesNetForecastingEstimator.Options>)change);
        var e = Must.Fail<ArgumentOutOfRangeException>(() => new MLContext(1).Forecasting.ForecastByTimesNet(options));
        Assert.Contains(name, e.ParamName!, display);
        Assert.Contains(must, e.Message, display);
    }

    [TestMethod]
    public void ThePlainArgumentsAreCheckedAsTheOptionsAre()
    {
        var forecasting = new MLContext(1).Forecasting;
        Assert.Contains("WindowSize", Must.Fail<ArgumentOutOfRangeException>(() => forecasting.ForecastByTimesNet("F", windowSize: 3)).ParamName!);
        Assert.Contains("TimeFeatures", Must.Fail<ArgumentOutOfRangeException>(() => forecasting.ForecastByTimesNet("F", timeFeatures: TimeFeatures.Hour)).ParamName!);
        Assert.Contains("TopPeriods", Must.Fail<ArgumentOutOfRangeException>(() => forecasting.ForecastByTimesNet("F", windowSize: 4, horizon: 1)).ParamName!);
        Assert.AreEqual("options", Must.Fail<ArgumentNullException>(() => forecasting.ForecastByTimesNet((TimesNetForecastingEstimator.Options)null!)).ParamName);
        Assert.AreEqual("catalog", Must.Fail<ArgumentNullException>(() => ForecastingCatalogExtensions.ForecastByTimesNet(null!, "F")).ParamName);
        forecasting.ForecastByTimesNet("F", windowSize: int.MaxValue, horizon: int.MaxValue);
    }

    [TestMethod]
    public void LaterChangesOfTheOptionsHaveNoEffect()
    {
        var options = Tiny(options => options.Network.Width = null);
        var estimator = new MLContext(1).Forecasting.ForecastByTimesNet(options);
        (options.Network.NumberOfLayers, options.WindowSize, options.Network.Width) = (3, 20, 7);
        using var model = estimator.Fit(Series(60));
        // The width follows from the rule of the paper.
        Assert.AreEqual((1, Window, 32, 32), (model.Network.Module.Shape.Layers, model.WindowSize, model.Network.Module.Shape.Width, model.Network.Module.Shape.HiddenWidth));
    }

    // ---- Time features ----

    [TestMethod]
    [DataRow(TimeEmbedding.Linear)]
    [DataRow(TimeEmbedding.Fixed)]
    public void TheTimeChangesTheForecastOnlyOfANetworkThatIsToldOfIt(TimeEmbedding embedding)
    {
        var points = Points(80);
        var later = Points(80, time: t => Hour(t + 9));
        using var told = Fit(points, options =>
        {
            InTime(options);
            (options.TimeFeatures, options.TimeEmbedding) = (TimeMarks.FixedFeatures, embedding);
        });
        Assert.AreEqual(4, told.Network.Module.Shape.Marks);
        var (forecasts, moved) = (Forecasts(told, points)[Window..], Forecasts(told, later)[Window..]);
        Assert.IsTrue(forecasts.Zip(moved).All(pair => pair.First.Zip(pair.Second).Any(values => Math.Abs(values.First - values.Second) > 1e-3)));
        using var untold = Fit(points, options => options.TimeColumnName = "Time");
        AssertEqual(Forecasts(untold, points), Forecasts(untold, later), tolerance: 0);
        // Only what it is told of is read.
        using var hourly = Fit(points, options => (options.TimeColumnName, options.TimeFeatures) = ("Time", TimeFeatures.Hour));
        AssertEqual(Forecasts(hourly, points), Forecasts(hourly, Points(80, time: t => Hour(t + 24 * 100))), tolerance: 0);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void WhatTheTimeAloneTellsIsLearned()
    {
        // From noon on the values are higher: half of the windows of six hours hold no change, and do not tell when the next one comes.
        static float Noise(int row) => (uint)(row * 2654435761) % 1000 / 1000f;
        var data = new TestView(1000).Add("Time", DateTimeDataViewType.Instance, Hour).Add("Values", NumberDataViewType.Single, row => Noise(row) + (Hour(row).Hour >= 12 ? 2 : 0));
        double Error(Action<TimesNetForecastingEstimator.Options> change)
        {
            var ml = new MLContext(1);
            var split = ml.Forecasting.TrainTestSplit(data, 0.2, 6);
            using var model = Fit(split.TrainSet, options =>
            {
                (options.WindowSize, options.Horizon, options.TimeColumnName) = (6, 6, "Time");
                (options.LearningRate, options.LearningRateSchedule, options.MaximumNumberOfEpochs, options.BatchSize) = (2e-2, LearningRateSchedule.Constant, 6, 16);
                change(options);
            });
            return ml.Forecasting.Evaluate(model.Transform(split.TestSet), "Values", "Forecast", 24).MeanSquaredError;
        }
        var (told, untold) = (Error(options => options.TimeFeatures = TimeFeatures.Hour), Error(options => { }));
        Assert.IsLessThan(0.6 * untold, told, $"{told} with the hour, {untold} without");
    }

    [TestMethod]
    public void EngineEqualsTransformRowByRow()
    {
        var ml = new MLContext(1);
        using var model = Fit(Points(100, 3), options =>
        {
            InTime(options);
            options.GroupColumnName = "Store";
        });
        var rows = Points(30, 3, first: 100);
        var expected = Forecasts(model, rows);
        using var engine = model.CreateForecastEngine<Point, Next>(ml);
        for (var i = 0; i < rows.Length; i++)
        {
            engine.Update(rows[i]);
            // Until then the engine still remembers the training rows, which the view does not hold.
            if (i >= (Window - 1) * 3)
            {
                Snapshot.AssertSame(expected[i], engine.Predict().Forecast, 1e-5, $"Row {i}");
            }
        }
    }

    [TestMethod]
    public void TheEngineGoesOnInTimeFromTheEndOfTheTrainingData()
    {
        var ml = new MLContext(1);
        var points = Points(100, time: t => Hour(3 * t));
        using var model = Fit(points, InTime);
        var file = Models.Save(ml, model);
        using var loaded = (TimesNetForecastingTransformer)Models.Load(file);
        AssertEqual(Forecasts(model, points), Forecasts(loaded, points), tolerance: 0);
        using var engine = loaded.CreateForecastEngine<Point, Next>(ml);
        Snapshot.AssertSame(Forecasts(model, points)[^1], engine.Predict().Forecast, 1e-5, "First");
        // Rolled by hand: the forecast as rows, three hours apart.
        var rolled = engine.Predict(2 * Horizon).Forecast;
        CollectionAssert.AreEqual(engine.Predict().Forecast, rolled[..(2 * Horizon)]);
        float[] Second(int hours)
        {
            using var other = model.CreateForecastEngine<Point, Next>(ml);
            for (var step = 0; step < Horizon; step++)
            {
                other.Update(new() { Time = Hour(3 * 99 + hours * (step + 1)), Values = [rolled[2 * step], rolled[2 * step + 1]] });
            }
            return other.Predict().Forecast;
        }
        Snapshot.AssertSame(Second(3), rolled[(2 * Horizon)..], 1e-5, "Second");
        CollectionAssert.AreNotEqual(Second(1), rolled[(2 * Horizon)..]);
        // A checkpoint keeps the times too.
        engine.Update(Points(1, first: 100, time: t => Hour(3 * t))[0]);
        using var stream = new MemoryStream();
        engine.CheckPoint(stream);
        using var saved = (TimesNetForecastingTransformer)Models.Load(stream.ToArray());
        using var resumed = saved.CreateForecastEngine<Point, Next>(ml);
        CollectionAssert.AreEqual(engine.Predict(3 * Horizon).Forecast, resumed.Predict(3 * Horizon).Forecast);
    }

    [TestMethod]
    public void BoundsAndValidationSeeTheTime()
    {
        var points = Points(120, 2);
        Action<TimesNetForecastingEstimator.Options> Change(Func<int, DateTime>? time) => options =>
        {
            InTime(options);
            (options.GroupColumnName, options.ConfidenceLowerBoundColumnName, options.ConfidenceUpperBoundColumnName, options.ConfidenceLevel) = ("Store", "Low", "High", 0.8);
        };
        using var model = Fit(points, Change(null));
        var view = model.Transform(new MLContext().Data.LoadFromEnumerable(points));
        var (low, high) = (view.GetColumn<float[]>("Low").ToArray(), view.GetColumn<float[]>("High").ToArray());
        Assert.IsTrue(low.Zip(high).Skip(2 * Window).All(pair => pair.First.Zip(pair.Second).All(bounds => bounds.First < bounds.Second)));
        // The times of the calibration rows alone are others: the weights stay, the bounds do not.
        using var other = Fit(Points(120, 2, time: t => t < 108 ? Hour(t) : Hour(t + 7)), Change(null));
        CollectionAssert.AreNotEqual(model.Model.Quantiles, other.Model.Quantiles);
    }

    [TestMethod]
    public void TheValidationLossIsTheErrorOfTheForecastsOfThoseRows()
    {
        const int Rows = 120, Validation = 30;
        TrainingProgress? last = null;
        using var model = Fit(Points(Rows), options =>
        {
            InTime(options);
            (options.Standardize, options.ValidationFraction, options.MaximumNumberOfEpochs) = (false, (double)Validation / Rows, 1);
            options.Progress = new ImmediateProgress(progress => last = progress);
        });
        var ml = new MLContext(1);
        var rows = Points(Rows)[(Rows - Validation - Window)..];
        var metrics = ml.Forecasting.Evaluate(model.Transform(ml.Data.LoadFromEnumerable(rows)), "Values", "Forecast", 1);
        Assert.AreEqual(Validation - Horizon + 1, metrics.NumberOfForecasts);
        Assert.AreEqual(last!.ValidationLoss!.Value, metrics.MeanSquaredError, 1e-5 * metrics.MeanSquaredError);
    }

    // ---- Model files ----

    [TestMethod]
    public void OptionsThatDoNotFitAreRefused()
    {
        using var model = Fit(Points(60), InTime);
        var good = new ModelZip(Models.Save(new MLContext(), model));
        Must.Contain(good.Options, "\"ColumnName\": \"Time\"", "\"Features\": \"Hour, Weekday, DayOfMonth\"", "\"Embedding\": \"Linear\"");
        foreach (var (before, after) in new[]
        {
            ("\"Marks\": 3", "\"Marks\": 2"), ("\"Features\": \"Hour, Weekday, DayOfMonth\"", "\"Features\": \"Hour\""), ("\"Features\": \"Hour, Weekday, DayOfMonth\"", "\"Features\": \"Hour, Moon\""),
            ("\"Features\": \"Hour, Weekday, DayOfMonth\"", "\"Features\": \"None\""), ("\"ColumnName\": \"Time\"", "\"ColumnName\": \"\""), ("\"Embedding\": \"Linear\"", "\"Embedding\": \"Fixed\""),
            ("\"WindowSize\": 12", "\"WindowSize\": 13"), ("\"WindowSize\": 12", "\"WindowSize\": 2147483647"), ("\"Horizon\": 4", "\"Horizon\": 5"), ("\"Channels\": 2", "\"Channels\": 3"),
            ("\"Classes\": 0", "\"Classes\": 2"), ("\"Width\": 4", "\"Width\": 6"), ("\"Layers\": 1", "\"Layers\": 2"), ("\"TopPeriods\": 2", "\"TopPeriods\": 9"), ("\"Periods\": \"PerRow\"", "\"Periods\": \"Other\""),
        })
        {
            var zip = new ModelZip(good.ToArray());
            Assert.Contains(before, zip.Options);
            zip.Options = zip.Options.Replace(before, after, StringComparison.Ordinal);
            Tensors.AssertNoneLeft(() => Assert.IsInstanceOfType<FormatException>(Must.Innermost(Must.Catch(() => Models.Load(zip.ToArray()))), $"{before} {after}"));
        }
    }

    [TestMethod]
    public void AForecasterThatIsNotToldOfTheTimeHasAFileWithoutIt()
    {
        using var model = Fit(Points(60), options => options.TimeColumnName = "Time");
        Assert.DoesNotContain("\"Time\"", new ModelZip(Models.Save(new MLContext(), model)).Options);
    }

    // ---- Neighbours ----

    [TestMethod]
    [DataRow(PeriodSelection.PerRow)]
    [DataRow(PeriodSelection.Frozen)]
    public void AForecastDoesNotDependOnTheRowsScoredWithIt(PeriodSelection selection)
    {
        // Weights of little training choose different periods for different windows.
        using var model = Fit(Points(60), options =>
        {
            InTime(options);
            (options.Network.InferencePeriods, options.Network.NumberOfLayers, options.Network.TopPeriods) = (selection, 2, 3);
        });
        using var scope = NewDisposeScope();
        var random = new Random(5);
        var windows = tensor(Enumerable.Range(0, 300 * Window * 2).Select(_ => (float)random.NextDouble()).ToArray(), [300, Window, 2]);
        var marks = tensor(Enumerable.Range(0, 300 * Window * 3).Select(_ => (float)random.NextDouble() - 0.5f).ToArray(), [300, Window, 3]);
        float[][] Score(Func<Tensor, Tensor, Tensor> forecast, IEnumerable<int[]> batches)
        {
            var forecasts = new float[300][];
            foreach (var batch in batches)
            {
                using var inner = NewDisposeScope();
                var rows = tensor(batch.Select(row => (long)row).ToArray());
                var result = forecast(windows.index_select(0, rows), marks.index_select(0, rows)).data<float>().ToArray();
                for (var i = 0; i < batch.Length; i++)
                {
                    forecasts[batch[i]] = result[(i * 2 * Horizon)..][..(2 * Horizon)];
                }
            }
            return forecasts;
        }
        int[] all = [.. Enumerable.Range(0, 300)];
        var shuffled = (int[])all.Clone();
        random.Shuffle(shuffled);
        Tensor Trained(Tensor x, Tensor marks) => model.Network.Score(x, marks);
        var alone = Score(Trained, all.Chunk(1));
        AssertEqual(alone, Score(Trained, all.Chunk(7)));
        AssertEqual(alone, Score(Trained, all.Chunk(256)));
        AssertEqual(alone, Score(Trained, shuffled.Chunk(256)));
        AssertEqual(alone, Score(Trained, shuffled.Chunk(7)));
        // Periods chosen for batches, as published, do depend on them.
        using var noGrad = no_grad();
        var published = model.Network.Module.BeginEvaluation(new(PeriodSelection.Batch));
        Tensor Batched(Tensor x, Tensor marks) => published(x, marks, null).contiguous();
        Assert.IsGreaterThan(1e-3, Score(Batched, all.Chunk(7)).Zip(Score(Batched, shuffled.Chunk(7))).Max(pair => pair.First.Zip(pair.Second).Max(values => Math.Abs(values.First - values.Second))));
        // And through the view, whatever its batches.
        var points = Points(300);
        AssertEqual(Forecasts(model, points)[(100 + Window)..], Forecasts(model, points[100..])[Window..]);
    }

    [TestMethod]
    public void FrozenPeriodsComeFromTheTrainingRowsAlone()
    {
        // Twice in each window and horizon: 24 rows, period 12.
        static float[] Twice(int row) => [MathF.Sin(2 * MathF.PI * row / 12), MathF.Cos(2 * MathF.PI * row / 12)];
        using var model = Fit(Series(200, Twice), Change);
        using var poisoned = Fit(Series(200, row => row >= 180 ? [row % 3, row % 3] : Twice(row)), Change);
        var frequencies = model.Network.Periods.Frequencies!;
        Assert.HasCount(1, frequencies);
        Assert.HasCount(2, frequencies[0]);
        CollectionAssert.AreEqual(frequencies[0].ToArray(), poisoned.Network.Periods.Frequencies![0].ToArray());

        static void Change(TimesNetForecastingEstimator.Options options)
        {
            (options.Horizon, options.ValidationFraction, options.MaximumNumberOfEpochs, options.Network.InferencePeriods) = (12, 0.1, 1, PeriodSelection.Frozen);
        }
    }

    // ---- Data ----

    [TestMethod]
    public void ConstantChannelsAreForecastFinitely()
    {
        foreach (var constant in new[] { 0f, 7f, -1e20f })
        {
            foreach (var data in new[] { Series(60, row => [constant, row % 5]), Series(60, row => [constant, constant]) })
            {
                using var model = Fit(data);
                Assert.IsTrue(Forecasts(model, data).Skip(Window - 1).All(forecast => forecast.All(float.IsFinite)), $"{constant}");
            }
        }
    }

    [TestMethod]
    public void AWindowShorterThanAPeriodAndAHorizonLongerThanTheWindowAreNoTrouble()
    {
        var slow = Series(200, row => [MathF.Sin(row / 40f), row]);
        using var model = Fit(slow, options => (options.WindowSize, options.Horizon) = (4, 30));
        var forecasts = Forecasts(model, slow);
        Assert.IsTrue(forecasts[..3].All(forecast => forecast.All(float.IsNaN)));
        Assert.IsTrue(forecasts[3..].All(forecast => forecast.Length == 60 && forecast.All(float.IsFinite)));
    }

    [TestMethod]
    public void TooFewRowsAreRefused()
    {
        foreach (var rows in new[] { 0, 1, Window + Horizon - 1 })
        {
            Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Series(rows))).Message, "'Values'", $"{rows} rows", "windowSize + horizon = 16");
        }
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Series(60, row => row == 30 ? [1, float.NaN] : [1, 2]))).Message, "row 30", "'second'");
    }

    [TestMethod]
    public void RowsWithoutAWindowOfFiniteValuesHaveNoForecast()
    {
        using var model = Fit(Series(60));
        Assert.IsTrue(Forecasts(model, Series(1)).Single().All(float.IsNaN));
        Assert.IsTrue(Forecasts(model, Series(40, row => [float.NaN, float.NaN])).All(forecast => forecast.All(float.IsNaN)));
        var forecasts = Forecasts(model, Series(60, row => row == 30 ? [float.NaN, 1] : [row % 3, row % 4]));
        for (var row = 0; row < 60; row++)
        {
            Assert.IsTrue(forecasts[row].All(row < Window - 1 || row is >= 30 and < 30 + Window ? float.IsNaN : float.IsFinite), $"Row {row}");
        }
    }

    // ---- How well it learns ----

    [TestMethod]
    public void ThePercentageErrorLearnsShortSeriesBetterThanTheirLastValue()
    {
        // 30 series of 40 to 59 rows, of sizes from 10 to 10,000, with a trend and a season of their own.
        var points = Enumerable.Range(0, 30).SelectMany(s => Enumerable.Range(0, 40 + s % 20).Select(t => new Point
        {
            Store = $"{s}",
            Values = [MathF.Pow(10, 1 + s % 4) * (2 + t * 0.03f + MathF.Sin(2 * MathF.PI * (t + s) / 6) + 0.2f * ((31 * s + 17 * t) % 13 / 13f)), 1],
        })).ToArray();
        var ml = new MLContext(1);
        var split = ml.Forecasting.TrainTestSplit(ml.Data.LoadFromEnumerable(points), 0.2, Window, "Store");
        using var model = Fit(split.TrainSet, options =>
        {
            (options.GroupColumnName, options.TargetChannels, options.Loss, options.Standardize) = ("Store", ["0"], ForecastLoss.SymmetricAbsolutePercentageError, false);
            (options.Network.Width, options.LearningRate, options.MaximumNumberOfEpochs, options.BatchSize) = (8, 5e-3, 8, 16);
        });
        var metrics = ml.Forecasting.Evaluate(model.Transform(split.TestSet), "Values", "Forecast", 1, "Store");
        Assert.IsLessThan(0.3 * metrics.SeasonalNaive.SymmetricMeanAbsolutePercentageError, metrics.SymmetricMeanAbsolutePercentageError, $"{metrics}");
    }

    /// <summary>A small network, few rows: 2400 hours of ETTh1, 48 hours to 24. Its squared error must be a fifth below that of seasonal naive, its scaled one a twentieth.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void ASmallTrainingOnEtth1BeatsSeasonalNaiveByAFifth()
    {
        const int Rows = 3000;
        if (!File.Exists(Path.Combine(GoldenFiles.SharedFolder, "data", "ETTh1.csv")))
        {
            Assert.Inconclusive("No file 'data/ETTh1.csv' in the shared folder.");
        }
        var (values, channels) = GoldenFiles.ReadTable("data/ETTh1.csv", Rows);
        var ml = new MLContext(1);
        var data = new TestView(Rows).AddVector("Values", NumberDataViewType.Double, channels, row => values[(row * channels)..][..channels]);
        var split = ml.Forecasting.TrainTestSplit(data, 0.2, 48);
        using var model = Fit(split.TrainSet, options =>
        {
            (options.WindowSize, options.Horizon, options.LearningRate, options.BatchSize, options.MaximumNumberOfEpochs) = (48, 24, 3e-3, 32, 3);
            (options.Network.Width, options.Network.NumberOfKernels, options.Network.TopPeriods, options.Network.NumberOfLayers) = (8, 3, 3, 1);
        });
        var metrics = ml.Forecasting.Evaluate(model.Transform(split.TestSet), "Values", "Forecast", 24, trainingData: split.TrainSet);
        Assert.IsLessThan(0.8 * metrics.SeasonalNaive.MeanSquaredError, metrics.MeanSquaredError, $"{metrics}");
        Assert.IsLessThan(0.95 * metrics.SeasonalNaive.MeanAbsoluteScaledError, metrics.MeanAbsoluteScaledError, $"{metrics}");
    }
}
