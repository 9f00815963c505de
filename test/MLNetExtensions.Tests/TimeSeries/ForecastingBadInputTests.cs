using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests;

/// <summary>What a forecaster says to options, columns and data that it cannot use.</summary>
[TestClass]
public sealed class ForecastingBadInputTests
{
    private static OLinearEstimator.Options Tiny(Action<OLinearEstimator.Options>? change = null)
    {
        var options = new OLinearEstimator.Options { InputColumnName = "Values", WindowSize = 8, Horizon = 3, Width = 4, EmbeddingSize = 2, NumberOfLayers = 1, MaximumNumberOfEpochs = 1, Seed = 1, NumberOfThreads = 1 };
        change?.Invoke(options);
        return options;
    }

    private static TestView Series(int rows, Func<int, float[]>? values = null)
        => new TestView(rows).AddVector("Values", NumberDataViewType.Single, 2, values ?? (row => new[] { MathF.Sin(row), row % 5 }), annotations: TestView.SlotNames("first", "second"));

    private static OLinearTransformer Fit(IDataView data, Action<OLinearEstimator.Options>? change = null) => new MLContext(1).Forecasting.ForecastByOLinear(Tiny(change)).Fit(data);

    private static string Refuse<T>(Action action, params string[] parts)
        where T : Exception
    {
        string message = "";
        Tensors.AssertNoneLeft(() =>
        {
            message = Must.Fail<T>(action).Message;
        });
        Must.Contain(message, parts);
        return message;
    }

    // ---- Options ----

    public static IEnumerable<object[]> WrongOptions => new (string Name, object? Value, string Must)[]
    {
        ("OutputColumnName", "", "null or empty"), ("OutputColumnName", null, "null or empty"), ("InputColumnName", "", "null or empty"), ("TimeColumnName", "", "cannot be empty"),
        ("WindowSize", 1, "at least 2"), ("WindowSize", -8, "at least 2"), ("Horizon", 0, "positive"), ("Horizon", int.MinValue, "positive"),
        ("ValidationFraction", -0.1, "[0, 1)"), ("ValidationFraction", 1.0, "[0, 1)"), ("ValidationFraction", double.NaN, "[0, 1)"), ("Patience", 0, "positive"),
        ("EmbeddingSize", 0, "positive"), ("Width", 0, "positive"), ("HiddenWidth", 0, "positive"), ("NumberOfLayers", 0, "positive"),
        ("DropoutRate", -0.1, "[0, 1)"), ("DropoutRate", 1.0, "[0, 1)"), ("DropoutRate", double.NaN, "[0, 1)"),
        ("Activation", (OLinearActivation)7, "defined"), ("ChannelMixing", (ChannelMixing)7, "defined"), ("LagCorrelation", (LagCorrelation)7, "defined"),
        ("Loss", (ForecastLoss)7, "defined"), ("LearningRateSchedule", (LearningRateSchedule)7, "defined"), ("OnCancellation", (CancellationBehavior)7, "defined"),
        ("NumberOfCorrelationRows", 8, "greater than"), ("NumberOfCorrelationRows", -1, "greater than"),
        ("LossDecay", -1.0, "negative"), ("LossDecay", double.NaN, "negative"), ("LossDecay", double.PositiveInfinity, "negative"),
        ("Beta1", 1.0, "[0, 1)"), ("Beta1", -0.1, "[0, 1)"), ("Beta2", 1.0, "[0, 1)"), ("Beta2", double.NaN, "[0, 1)"),
        ("Epsilon", 0.0, "positive"), ("Epsilon", double.NaN, "positive"), ("Epsilon", double.PositiveInfinity, "positive"),
        ("WeightDecay", -1.0, "negative"), ("WeightDecay", double.PositiveInfinity, "negative"), ("GradientClipNorm", -1.0, "negative"), ("GradientClipNorm", double.NaN, "negative"),
        ("MaximumNumberOfEpochs", 0, "positive"), ("BatchSize", 0, "positive"), ("LearningRate", 0.0, "positive"), ("LearningRate", double.PositiveInfinity, "finite"), ("LearningRate", double.NaN, "positive"),
        ("NumberOfThreads", 0, "positive"), ("NumberOfThreads", -1, "positive"), ("CheckpointPath", "", "path"),
    }.Select(row => new object[] { row.Name, row.Value!, row.Must });

    [TestMethod]
    [DynamicData(nameof(WrongOptions))]
    public void AnOptionOutOfItsRangeIsNamed(string name, object? value, string must)
    {
        var ml = new MLContext(1);
        var options = Tiny(options => typeof(OLinearEstimator.Options).GetProperty(name)!.SetValue(options, value));
        var e = Must.Fail<ArgumentOutOfRangeException>(() => ml.Forecasting.ForecastByOLinear(options));
        Assert.Contains(name, e.ParamName!);
        Assert.Contains(must, e.Message);
    }

    [TestMethod]
    public void ThePercentageErrorNeedsValuesInTheirOwnUnits()
    {
        var forecasting = new MLContext(1).Forecasting;
        var e = Must.Fail<ArgumentOutOfRangeException>(() => forecasting.ForecastByOLinear(Tiny(options => options.Loss = ForecastLoss.SymmetricAbsolutePercentageError)));
        Assert.AreEqual("Standardize", e.ParamName);
        forecasting.ForecastByOLinear(Tiny(options => (options.Loss, options.Standardize) = (ForecastLoss.SymmetricAbsolutePercentageError, false)));
    }

    [TestMethod]
    public void ThePlainArgumentsAreCheckedAsTheOptionsAre()
    {
        var forecasting = new MLContext(1).Forecasting;
        foreach (var (action, name) in new (Action, string)[]
        {
            (() => forecasting.ForecastByOLinear(""), "OutputColumnName"),
            (() => forecasting.ForecastByOLinear("F", ""), "InputColumnName"),
            (() => forecasting.ForecastByOLinear("F", windowSize: 1), "WindowSize"),
            (() => forecasting.ForecastByOLinear("F", horizon: 0), "Horizon"),
            (() => forecasting.ForecastByOLinear("F", timeColumnName: ""), "TimeColumnName"),
            (() => forecasting.ForecastByOLinear("F", maximumNumberOfEpochs: 0), "MaximumNumberOfEpochs"),
            (() => forecasting.ForecastByOLinear("F", learningRate: -1), "LearningRate"),
        })
        {
            Assert.Contains(name, Must.Fail<ArgumentOutOfRangeException>(action).ParamName!);
        }
    }

    [TestMethod]
    public void NullArgumentsAreNamed()
    {
        var ml = new MLContext(1);
        Assert.AreEqual("options", Must.Fail<ArgumentNullException>(() => ml.Forecasting.ForecastByOLinear((OLinearEstimator.Options)null!)).ParamName);
        Assert.AreEqual("catalog", Must.Fail<ArgumentNullException>(() => ForecastingCatalogExtensions.ForecastByOLinear(null!, "F")).ParamName);
        Assert.AreEqual("catalog", Must.Fail<ArgumentNullException>(() => ForecastingCatalogExtensions.ForecastByOLinear(null!, Tiny())).ParamName);
        Assert.AreEqual("data", Must.Fail<ArgumentNullException>(() => ml.Forecasting.TrainTestSplit(null!, 0.1, 8)).ParamName);
        Assert.AreEqual("data", Must.Fail<ArgumentNullException>(() => ml.Forecasting.Evaluate(null!, "Values", "Forecast", 1)).ParamName);
        Must.Fail<ArgumentNullException>(() => ml.Forecasting.ForecastByOLinear(Tiny()).Fit(null!));
    }

    // ---- Columns ----

    [TestMethod]
    public void ColumnsThatAreMissingOrOfAnotherTypeAreNamed()
    {
        Refuse<ArgumentOutOfRangeException>(() => Fit(new TestView(99).Add("values", NumberDataViewType.Single, row => 1f)), "Could not find series column 'Values'");
        Refuse<ArgumentOutOfRangeException>(() => Fit(new TestView(99).Add("Values", NumberDataViewType.Int32, row => 1)), "series column 'Values'", "expected Single or Double or Vector<Single> or Vector<Double>", "got Int32");
        Refuse<ArgumentOutOfRangeException>(() => Fit(Series(99), options => options.TimeColumnName = "Time"), "Could not find time column 'Time'");
        Refuse<ArgumentOutOfRangeException>(() => Fit(Series(99).Add("Time", TextDataViewType.Instance, row => "now".AsMemory()), options => options.TimeColumnName = "Time"), "time column 'Time'", "expected DateTime", "got String");
        Refuse<ArgumentOutOfRangeException>(() => Fit(Series(99).AddVector("Time", DateTimeDataViewType.Instance, 2, row => new DateTime[2]), options => options.TimeColumnName = "Time"), "time column 'Time'", "expected DateTime", "got Vector<DateTime");
    }

    // ---- Data ----

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(10)]
    public void TooFewRowsAreRefused(int rows) => Refuse<InvalidOperationException>(() => Fit(Series(rows)), "'Values'", $"{rows} rows", "windowSize + horizon = 11");

    [TestMethod]
    public void TheValidationRowsAreCountedApart()
    {
        // 3 rows, one horizon, are for validation.
        Refuse<InvalidOperationException>(() => Fit(Series(13)), "13 rows, 3 of them for validation");
        Fit(Series(14)).Dispose();
        Refuse<InvalidOperationException>(() => Fit(Series(10), options => options.ValidationFraction = 0), "10 rows");
        Fit(Series(11), options => options.ValidationFraction = 0).Dispose();
    }

    [TestMethod]
    public void AWindowLargerThanAnyDataIsRefused()
    {
        Refuse<InvalidOperationException>(() => Fit(Series(99), options =>
        {
            options.WindowSize = int.MaxValue;
            options.Horizon = int.MaxValue;
        }), "99 rows", "windowSize + horizon = 4294967294");
        Refuse<InvalidOperationException>(() => Fit(Series(99), options =>
        {
            options.WindowSize = int.MaxValue;
            options.Horizon = int.MaxValue;
            options.ValidationFraction = 0;
        }), "99 rows", "windowSize + horizon = 4294967294");
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    [DataRow(float.NegativeInfinity)]
    public void AValueThatIsNotFiniteIsNamedByRowAndChannel(float value)
    {
        foreach (var row in new[] { 0, 20, 98 })
        {
            Refuse<InvalidOperationException>(() => Fit(Series(99, r => new[] { r % 3, r == row ? value : 1 })), "'Values'", $"row {row}", "'second'", "finite");
        }
    }

    [TestMethod]
    public void TimeThatGoesBackwardsIsRefusedAndEqualTimesAreNot()
    {
        static DateTime Day(int day) => new DateTime(2024, 1, 1).AddDays(day);
        IDataView Timed(Func<int, DateTime> time) => Series(60).Add("Time", DateTimeDataViewType.Instance, time);
        Refuse<InvalidOperationException>(() => Fit(Timed(row => Day(row == 30 ? 28 : row)), options => options.TimeColumnName = "Time"), "'Time'", "row 29", "row 30", "2024-01-29", "sort");
        Fit(Timed(row => Day(row / 3 * 7)), options => options.TimeColumnName = "Time").Dispose();
        // Who names no time column has said that the rows are in order.
        Fit(Timed(row => Day(-row))).Dispose();
    }

    [TestMethod]
    public void AConstantChannelIsForecastFinitely()
    {
        foreach (var constant in new[] { 0f, 7f, 0.1f, -1e20f })
        {
            foreach (var mixing in Enum.GetValues<ChannelMixing>())
            {
                foreach (var correlation in Enum.GetValues<LagCorrelation>())
                {
                    var data = Series(60, row => new[] { constant, row % 5 });
                    using var model = Fit(data, options => (options.ChannelMixing, options.LagCorrelation) = (mixing, correlation));
                    var forecasts = model.Transform(data).GetColumn<float[]>("Forecast").Skip(7).ToArray();
                    Assert.IsTrue(forecasts.All(forecast => forecast.All(float.IsFinite)), $"{constant} {mixing} {correlation}");
                }
            }
        }
        var all = Series(60, row => new[] { 3f, 4f });
        using var still = Fit(all);
        Assert.IsTrue(still.Transform(all).GetColumn<float[]>("Forecast").Skip(7).All(forecast => forecast.All(float.IsFinite)));
    }

    [TestMethod]
    public void ValuesTooLargeOrTooSmallToSquareAreForecastOrRefused()
    {
        foreach (var scale in new[] { 1e-200, 1e-160, 1e150, 1e200, 1e307 })
        {
            var data = new TestView(60).Add("Values", NumberDataViewType.Double, row => scale * (row % 5 - 2));
            OLinearTransformer model;
            try
            {
                model = Fit(data);
            }
            catch (InvalidOperationException e) when (e.IsMarked())
            {
                Assert.IsGreaterThan(1e100, scale, $"{scale}: {e.Message}");
                continue;
            }
            // A model that was trained can be saved and loaded.
            using var loaded = (OLinearTransformer)Models.Load(Models.Save(new MLContext(), model));
            CollectionAssert.AreEqual(model.Model.Options.Deviations.ToArray(), loaded.Model.Options.Deviations.ToArray());
            Assert.IsTrue(model.Transform(data).GetColumn<float[]>("Forecast").Skip(7).All(forecast => forecast.All(value => !float.IsNaN(value))), $"{scale}");
            model.Dispose();
        }
    }

    [TestMethod]
    public void ATrainingThatDivergesSaysSo()
        => Refuse<InvalidOperationException>(() => Fit(Series(60, row => new[] { row % 5, 1e30f * (row % 3) }), options =>
        {
            options.Standardize = false;
            options.Loss = ForecastLoss.SquaredError;
        }), "diverged", "learning rate");

    // ---- Split ----

    [TestMethod]
    public void ASplitThatCannotBeIsRefused()
    {
        var ml = new MLContext(1);
        foreach (var fraction in new[] { 0, 1, -0.1, 1.1, double.NaN })
        {
            Assert.AreEqual("testFraction", Must.Fail<ArgumentOutOfRangeException>(() => ml.Forecasting.TrainTestSplit(Series(50), fraction, 8)).ParamName);
        }
        Assert.AreEqual("windowSize", Must.Fail<ArgumentOutOfRangeException>(() => ml.Forecasting.TrainTestSplit(Series(50), 0.2, 0)).ParamName);
        Refuse<InvalidOperationException>(() => ml.Forecasting.TrainTestSplit(Series(0), 0.2, 8), "0 rows");
        Refuse<InvalidOperationException>(() => ml.Forecasting.TrainTestSplit(Series(9), 0.2, 8), "9 rows", "8");
        Refuse<InvalidOperationException>(() => ml.Forecasting.TrainTestSplit(Series(50), 0.001, 8), "50 rows");
    }

    // ---- Evaluation ----

    [TestMethod]
    public void AnEvaluationThatCannotBeIsRefused()
    {
        var ml = new MLContext(1);
        using var model = Fit(Series(60));
        var scored = model.Transform(Series(60).Add("Note", TextDataViewType.Instance, row => "".AsMemory()).AddVector("Other", NumberDataViewType.Single, 6, row => new float[6]).Add("One", NumberDataViewType.Single, row => 1f));
        Refuse<ArgumentOutOfRangeException>(() => ml.Forecasting.Evaluate(scored, "", "Forecast", 1), "labelColumnName");
        Refuse<ArgumentOutOfRangeException>(() => ml.Forecasting.Evaluate(scored, "Values", null!, 1), "forecastColumnName");
        Refuse<ArgumentOutOfRangeException>(() => ml.Forecasting.Evaluate(scored, "Values", "Forecast", 0), "seasonality", "positive");
        Refuse<ArgumentOutOfRangeException>(() => ml.Forecasting.Evaluate(scored, "Nothing", "Forecast", 1), "label column 'Nothing'");
        Refuse<ArgumentOutOfRangeException>(() => ml.Forecasting.Evaluate(scored, "Note", "Forecast", 1), "label column 'Note'", "got String");
        Refuse<ArgumentOutOfRangeException>(() => ml.Forecasting.Evaluate(scored, "Values", "Nothing", 1), "forecast column 'Nothing'");
        Refuse<ArgumentOutOfRangeException>(() => ml.Forecasting.Evaluate(scored, "Values", "Other", 1), "forecast column 'Other'", "ChannelIndices", "got Vector<Single, 6>");
        Refuse<ArgumentOutOfRangeException>(() => ml.Forecasting.Evaluate(scored, "One", "Forecast", 1), "label column 'One'", "2 channels", "got Single");
        Refuse<InvalidOperationException>(() => ml.Forecasting.Evaluate(model.Transform(Series(10)), "Values", "Forecast", 1), "None of the 10 rows");
        Refuse<InvalidOperationException>(() => ml.Forecasting.Evaluate(model.Transform(Series(0)), "Values", "Forecast", 1), "None of the 0 rows");
        Refuse<InvalidOperationException>(() => ml.Forecasting.Evaluate(scored, "Values", "Forecast", 100), "100 rows");
        Refuse<InvalidOperationException>(() => ml.Forecasting.Evaluate(scored, "Values", "Forecast", 5, trainingData: Series(5)), "training data", "5 rows");
        Refuse<ArgumentOutOfRangeException>(() => ml.Forecasting.Evaluate(scored, "Values", "Forecast", 5, trainingData: new TestView(50).Add("Else", NumberDataViewType.Single, row => 1f)), "label column 'Values'");
        Refuse<ArgumentOutOfRangeException>(() => ml.Forecasting.Evaluate(scored, "Values", "Forecast", 5, trainingData: new TestView(50).Add("Values", NumberDataViewType.Single, row => 1f)), "label column 'Values'", "got Single");
    }

    [TestMethod]
    public void ACheckpointThatCannotBeWrittenIsRefusedBeforeTheTraining()
    {
        var epochs = 0;
        var folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        Refuse<InvalidOperationException>(() => Fit(Series(60), options =>
        {
            options.CheckpointPath = Path.Combine(folder, "checkpoint");
            options.Progress = new ImmediateProgress(_ => epochs++);
        }), folder, "CheckpointPath");
        Refuse<InvalidOperationException>(() => Fit(Series(60), options =>
        {
            options.CheckpointPath = Path.GetTempPath();
            options.Progress = new ImmediateProgress(_ => epochs++);
        }), "CheckpointPath");
        Assert.AreEqual(0, epochs);
    }

    [TestMethod]
    public void ACheckpointOfAnotherTrainingIsRefused()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using var source = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => Fit(Series(60), options =>
            {
                (options.CheckpointPath, options.MaximumNumberOfEpochs, options.CancellationToken) = (path, 5, source.Token);
                options.Progress = new ImmediateProgress(_ => source.Cancel());
            }));
            Assert.IsTrue(File.Exists(path));
            var bytes = File.ReadAllBytes(path);
            Refuse<InvalidOperationException>(() => Fit(Series(60, row => new[] { row, 1f }), options => (options.CheckpointPath, options.MaximumNumberOfEpochs) = (path, 5)), path, "other options or data");
            Refuse<InvalidOperationException>(() => Fit(Series(60), options => (options.CheckpointPath, options.MaximumNumberOfEpochs, options.Width) = (path, 5, 6)), path, "other options or data");
            CollectionAssert.AreEqual(bytes, File.ReadAllBytes(path), "A refused checkpoint was changed.");
            bytes[^40] ^= 1;
            File.WriteAllBytes(path, bytes);
            Refuse<InvalidOperationException>(() => Fit(Series(60), options => (options.CheckpointPath, options.MaximumNumberOfEpochs) = (path, 5)), path, "damaged");
        }
        finally
        {
            File.Delete(path);
        }
    }
}
