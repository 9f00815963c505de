using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

/// <summary>What the anomaly detector promises beyond the conformance suite.</summary>
[TestClass]
public sealed class TimesNetAnomalyDetectionTests
{
    private const int Window = 24;

    private static readonly Lazy<TimesNetAnomalyDetectionTransformer> s_model = new(() => Fit(View(Daily(600)), options =>
    {
        options.ExpectedColumnName = "Expected";
        options.MaximumNumberOfEpochs = 6;
    }));

    /// <summary>A model that tests share: none of them may dispose it.</summary>
    private static TimesNetAnomalyDetectionTransformer Model => s_model.Value;

    private static TimesNetAnomalyDetectionTrainer.Options Small(Action<TimesNetAnomalyDetectionTrainer.Options>? set = null) => TimesNetReconstructionEntries.Tiny<TimesNetAnomalyDetectionTrainer.Options>(options =>
    {
        options.WindowSize = Window;
        (options.Network.Width, options.Network.NumberOfKernels) = (8, 3);
        options.BatchSize = 32;
        options.MaximumNumberOfEpochs = 2;
        set?.Invoke(options);
    });

    private static TimesNetAnomalyDetectionTransformer Fit(IDataView data, Action<TimesNetAnomalyDetectionTrainer.Options>? set = null, MLContext? ml = null)
        => (ml ?? new MLContext(1)).AnomalyDetection.Trainers.TimesNet(Small(set)).Fit(data);

    /// <summary>Two channels with a cycle of 12 rows and a little noise.</summary>
    private static float[][] Daily(int rows, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, rows).Select(row => new[]
        {
            MathF.Sin(MathF.Tau * row / 12) + 0.1f * random.NextSingle(),
            100 + 20 * MathF.Cos(MathF.Tau * row / 12 + 1) + 2 * random.NextSingle(),
        })];
    }

    private static TestView View(float[][] rows) => new TestView(rows.Length).AddVector("Values", NumberDataViewType.Single, 2, row => rows[row], annotations: TestView.SlotNames("c0", "c1"));

    private sealed class Scored
    {
        public float[] Values { get; set; } = [];

        public float Score { get; set; }

        public bool PredictedLabel { get; set; }

        public float Threshold { get; set; }
    }

    private static Scored[] Score(ITransformer model, IDataView data) => [.. new MLContext().Data.CreateEnumerable<Scored>(model.Transform(data), reuseRowObject: false, ignoreMissingColumns: true)];

    [TestMethod]
    public void ACancelledContextStillReturnsTheBestWithAThreshold()
    {
        var ml = new MLContext(1);
        using var model = Fit(View(Daily(100)), options => (options.OnCancellation, options.Progress) = (CancellationBehavior.ReturnBest, new ImmediateProgress(_ => ml.CancelExecution())), ml);
        Assert.IsTrue(float.IsFinite(model.Threshold));
    }

    // ---- Threshold ----

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void TheThresholdIsAPercentileOfTheTrainingScores(bool causal)
    {
        // The last window is shifted back.
        var rows = Daily(150);
        using var model = Fit(View(rows), options => (options.ValidationFraction, options.ThresholdPercentile, options.Causal) = (0, 90, causal));
        var scores = Score(model, View(rows)).Select(row => (double)row.Score).Where(score => !double.IsNaN(score)).ToArray();
        Assert.HasCount(causal ? 150 - Window + 1 : 150, scores);
        Assert.AreEqual(AnomalyScores.Percentile(scores, 90), model.Threshold, 1e-5);
        Assert.IsTrue(Score(model, View(rows)).All(row => row.Threshold == model.Threshold && row.PredictedLabel == row.Score > row.Threshold));
    }

    [TestMethod]
    public void TheThresholdMayComeFromTheValidationRows()
    {
        var rows = Daily(200);
        using var model = Fit(View(rows), options => (options.ValidationFraction, options.ThresholdPercentile, options.ThresholdSource) = (0.25, 100, ThresholdSource.Validation));
        Assert.AreEqual(Score(model, View(rows[150..])).Max(row => row.Score), model.Threshold, 1e-5);
        using var training = Fit(View(rows), options => (options.ValidationFraction, options.ThresholdPercentile) = (0.25, 100));
        Assert.AreEqual(Score(model, View(rows[..150])).Max(row => row.Score), training.Threshold, 1e-5);
    }

    // ---- Scores ----

    [TestMethod]
    public void AnInjectedAnomalyIsFound()
    {
        var rows = Daily(20 * Window, seed: 2);
        rows[100][0] += 3;
        rows[307][1] -= 60;
        var scored = Score(Model, View(rows));
        int[] top = [.. Enumerable.Range(0, rows.Length).OrderByDescending(row => scored[row].Score).Take(2).Order()];
        CollectionAssert.AreEqual(new[] { 100, 307 }, top);
        Assert.IsTrue(top.All(row => scored[row].PredictedLabel));
        Assert.IsLessThan(0.1 * rows.Length, scored.Count(row => row.PredictedLabel));
    }

    [TestMethod]
    public void TheScoreIsTheErrorOfWhatIsExpected()
    {
        var rows = Daily(100, seed: 3);
        var view = Model.Transform(View(rows));
        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 2), view.Schema["Expected"].Type);
        CollectionAssert.AreEqual(new[] { "c0", "c1" }, SlotNames.Of(view.Schema["Expected"]));
        var scaler = Model.Model.Scales.Common;
        foreach (var (expected, (row, score)) in view.GetColumn<float[]>("Expected").Zip(rows.Zip(view.GetColumn<float>("Score"))))
        {
            Assert.AreEqual(row.Select((value, c) => Math.Pow((value - expected[c]) / scaler.Deviations[c], 2)).Average(), score, 1e-4 * Math.Max(1, score));
        }
        // In the units of the data.
        Assert.AreEqual(100, view.GetColumn<float[]>("Expected").Average(row => row[1]), 5);
    }

    [TestMethod]
    public void AWindowIsScoredAloneAsAmongOthers()
    {
        var rows = Daily(100 * Window, seed: 4);
        var all = Score(Model, View(rows));
        foreach (var window in new[] { 0, 1, 63, 64, 99 })
        {
            AssertClose(all[(window * Window)..((window + 1) * Window)], Score(Model, View(rows[(window * Window)..((window + 1) * Window)])));
        }
        // Rows of the last window that the one before has already keep their score.
        AssertClose(all[..(3 * Window)], Score(Model, View(rows[..(3 * Window + 7)]))[..(3 * Window)]);
        AssertClose(Score(Model, View(rows[(2 * Window + 7)..(3 * Window + 7)]))[^7..], Score(Model, View(rows[..(3 * Window + 7)]))[^7..]);
    }

    [TestMethod]
    public void SeriesMayBeMixed()
    {
        var (a, b) = (Daily(61, seed: 5), Daily(61, seed: 6));
        TestView Mixed(Func<int, int> store) => new TestView(122).AddVector("Values", NumberDataViewType.Single, 2, row => (store(row) == 0 ? a : b)[row / 2]).Add("Store", TextDataViewType.Instance, row => $"s{store(row)}".AsMemory());
        using var model = Fit(Mixed(row => row % 2), options => (options.GroupColumnName, options.StandardizePerGroup) = ("Store", true));
        var mixed = Score(model, Mixed(row => row % 2));
        AssertClose(Score(model, View(a).Add("Store", TextDataViewType.Instance, row => "s0".AsMemory())), [.. mixed.Where((_, i) => i % 2 == 0)]);
        AssertClose(Score(model, View(b).Add("Store", TextDataViewType.Instance, row => "s1".AsMemory())), [.. mixed.Where((_, i) => i % 2 == 1)]);
        CollectionAssert.AreEqual(new[] { "s0", "s1" }, model.Model.Scales.Groups.ToArray());
    }

    [TestMethod]
    public void AMissingValueLeavesItsWindowWithoutScores()
    {
        var ml = new MLContext(1);
        using var model = Fit(View(Daily(120)), null, ml);
        var rows = Daily(4 * Window, seed: 7);
        rows[30][1] = float.NaN;
        rows[80][0] = float.PositiveInfinity;
        Scored[] scored = [];
        var warnings = Models.Warnings(ml, () => scored = Score(model, View(rows)));
        for (var row = 0; row < rows.Length; row++)
        {
            Assert.AreEqual(row / Window is 1 or 3, float.IsNaN(scored[row].Score), $"Row {row}");
            Assert.IsFalse(float.IsNaN(scored[row].Score) && scored[row].PredictedLabel);
        }
        Must.Contain(warnings.Single(warning => warning.Contains("score", StringComparison.Ordinal)), $"{2 * Window} of {4 * Window} rows");
        Assert.IsTrue(Score(model, View(Daily(Window - 1))).All(row => float.IsNaN(row.Score) && !row.PredictedLabel));
        Assert.IsTrue(float.IsNaN(Score(model, View(Daily(1))).Single().Score));
    }

    [TestMethod]
    public void AValueFarBeyondAllOthersIsAnAnomalyAndNotMissing()
    {
        var rows = Daily(Window, seed: 8);
        rows[10][0] = 1e30f;
        var scored = Score(Model, View(rows));
        Assert.IsTrue(scored[10].PredictedLabel && scored.All(row => float.IsFinite(row.Score)));
        var doubles = new TestView(Window).AddVector("Values", NumberDataViewType.Double, 2, row => new[] { row == 10 ? 1e200 : 0, 100 });
        Assert.AreEqual(float.MaxValue, Model.Transform(doubles).GetColumn<float>("Score").ElementAt(10));
    }

    [TestMethod]
    public void ConstantChannelsAreScoredFinitely()
    {
        var rows = Daily(120);
        foreach (var row in rows)
        {
            row[1] = -3;
        }
        using var model = Fit(View(rows));
        Assert.IsTrue(Score(model, View(rows)).All(row => float.IsFinite(row.Score)));
        foreach (var row in rows)
        {
            row[0] = 5;
        }
        using var still = Fit(View(rows));
        Assert.IsTrue(Score(still, View(rows)).All(row => float.IsFinite(row.Score)));
    }

    // ---- Evaluation ----

    [TestMethod]
    public void TheEvaluatorOfMLNetReadsTheColumns()
    {
        var ml = new MLContext(1);
        var rows = Daily(10 * Window, seed: 9);
        int[] anomalies = [20, 100, 200];
        foreach (var row in anomalies)
        {
            rows[row][0] += 3;
        }
        // A window without scores.
        rows[^1][1] = float.NaN;
        var data = View(rows).Add("Label", NumberDataViewType.Single, row => anomalies.Contains(row) ? 1f : 0)
            .Add("Key", new KeyDataViewType(typeof(uint), 2), row => anomalies.Contains(row) ? 2u : 1u);
        var scored = Model.Transform(data);
        foreach (var label in new[] { "Label", "Key" })
        {
            var metrics = ml.AnomalyDetection.Evaluate(scored, label);
            Assert.IsGreaterThan(0.99, metrics.AreaUnderRocCurve);
            var own = ml.AnomalyDetection.EvaluateTimeSeries(scored, label);
            Assert.AreEqual(own.AreaUnderRocCurve, metrics.AreaUnderRocCurve, 1e-6);
            Assert.AreEqual(1, own.EventRecall);
        }
    }

    [TestMethod]
    public void TheColumnsAreAnnotatedAsThoseOfMLNet()
    {
        var ml = new MLContext(1);
        var data = View(Daily(60));
        var own = Model.GetOutputSchema(data.Schema);
        var theirs = ml.AnomalyDetection.Trainers.RandomizedPca("Values", rank: 1).Fit(data).GetOutputSchema(data.Schema);
        foreach (var name in new[] { "Score", "PredictedLabel" })
        {
            Assert.AreEqual(theirs[name].Type, own[name].Type);
            foreach (var annotation in theirs[name].Annotations.Schema)
            {
                Assert.AreEqual(annotation.Type, own[name].Annotations.Schema[annotation.Name].Type, annotation.Name);
            }
            ReadOnlyMemory<char> kind = default;
            own[name].Annotations.GetValue("ScoreColumnKind", ref kind);
            Assert.AreEqual("AnomalyDetection", kind.ToString());
        }
    }

    // ---- What is refused ----

    private static IEnumerable<object[]> WrongOptions => new (Action<TimesNetAnomalyDetectionTrainer.Options> Set, string Name, string Must)[]
    {
        (options => options.InputColumnName = null, "InputColumnName", "empty"), (options => options.ThresholdPercentile = -1, "ThresholdPercentile", "[0, 100]"), (options => options.ThresholdPercentile = 101, "ThresholdPercentile", "[0, 100]"),
        (options => options.ThresholdPercentile = double.NaN, "ThresholdPercentile", "[0, 100]"), (options => options.ThresholdSource = (ThresholdSource)5, "ThresholdSource", "defined"),
        (options => (options.ThresholdSource, options.ValidationFraction) = (ThresholdSource.Validation, 0), "ThresholdSource", "ValidationFraction"),
        (options => options.ExpectedColumnName = "", "ExpectedColumnName", "empty"), (options => options.ExpectedColumnName = "Score", "ExpectedColumnName", "another output"), (options => options.WindowSize = -1, "WindowSize", "at least"),
    }.Select(row => new object[] { row.Set, row.Name, row.Must });

    [TestMethod]
    [DynamicData(nameof(WrongOptions))]
    public void AnOptionOutOfItsRangeIsNamed(Action<TimesNetAnomalyDetectionTrainer.Options> set, string name, string must)
    {
        var e = Must.Fail<ArgumentOutOfRangeException>(() => new MLContext(1).AnomalyDetection.Trainers.TimesNet(Small(set)));
        Assert.Contains(name, e.ParamName!);
        Assert.Contains(must, e.Message);
    }

    [TestMethod]
    public void ThePlainArgumentsAreChecked()
    {
        var trainers = new MLContext(1).AnomalyDetection.Trainers;
        Assert.Contains("ThresholdPercentile", Must.Fail<ArgumentOutOfRangeException>(() => trainers.TimesNet(thresholdPercentile: 200)).ParamName!);
        Assert.AreEqual("catalog", Must.Fail<ArgumentNullException>(() => AnomalyDetectionCatalogExtensions.TimesNet(null!)).ParamName);
        Assert.AreEqual("options", Must.Fail<ArgumentNullException>(() => trainers.TimesNet((TimesNetAnomalyDetectionTrainer.Options)null!)).ParamName);
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    public void TrainingNeedsFiniteValues(float value)
    {
        var rows = Daily(60);
        rows[17][1] = value;
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(View(rows))).Message, "'Values'", "row 17", "'c1'", "finite");
    }

    private static void AssertClose(Scored[] expected, Scored[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (var row = 0; row < expected.Length; row++)
        {
            Assert.AreEqual(expected[row].Score, actual[row].Score, 1e-5f * Math.Max(1, expected[row].Score), $"Row {row}");
        }
    }
}
