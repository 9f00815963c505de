using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tests.Golden;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class AnomalyEvaluatorTests
{
    private static IEnumerable<object[]> MetricRows => GoldenFiles.Rows("timesnet", "tasks").Where(row => row[1] is "" || GoldenFiles.Open((string)row[0], (string)row[1], "timesnet.tasks").Option("task") == "metric");

    [TestMethod]
    [TestCategory("Golden")]
    [DynamicData(nameof(MetricRows))]
    public void PointAdjustmentAndThresholds(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "timesnet.tasks");
        golden.Choose("task", ("metric", true));
        golden.Choose("percentile", ("linear", true));
        bool[] Flags(string name) => [.. golden.Doubles(name).Select(value => value != 0)];
        var (truth, flags) = (Flags("pa_truth"), Flags("pa_pred"));
        var adjusted = AnomalyScores.Adjust(truth, flags);
        golden.AssertValues("pa_adjusted", [.. adjusted.Select(flag => flag ? 1.0 : 0)], 0);
        var raw = AnomalyScores.Agreement(truth, flags);
        golden.AssertValues("prf_raw", [raw.Precision, raw.Recall, raw.F1], 1e-12);
        var flattered = AnomalyScores.Agreement(truth, adjusted);
        golden.AssertValues("prf_adjusted", [flattered.Precision, flattered.Recall, flattered.F1], 1e-12);
        var scores = golden.Doubles("scores");
        golden.AssertValues("thresholds", [.. golden.Doubles("percentiles").Select(percentile => AnomalyScores.Percentile(scores, percentile))], 1e-12);
    }

    [TestMethod]
    public void APercentileLiesBetweenNeighbours()
    {
        Assert.AreEqual(2.5, AnomalyScores.Percentile([4, 1, 3, 2], 50));
        Assert.AreEqual(1, AnomalyScores.Percentile([4, 1, 3, 2], 0));
        Assert.AreEqual(4, AnomalyScores.Percentile([4, 1, 3, 2], 100));
        Assert.AreEqual(7, AnomalyScores.Percentile([7], 99));
        Assert.AreEqual(double.PositiveInfinity, AnomalyScores.Percentile([1, double.PositiveInfinity, double.PositiveInfinity], 99));
    }

    private static readonly float[] s_labels = [0, 0, 1, 1, 1, 0, 0, 1, 0, 0];
    private static readonly float[] s_scores = [1, 2, 3, 9, 4, 8, 1, 2, 1, 1];
    private static readonly bool[] s_flags = [false, false, false, true, false, true, false, false, false, false];

    private static TestView View(Func<int, float>? score = null) => new TestView(s_labels.Length)
        .Add("Label", NumberDataViewType.Single, row => s_labels[row])
        .Add("Bool", BooleanDataViewType.Instance, row => s_labels[row] > 0)
        .Add("Key", new KeyDataViewType(typeof(uint), 2), row => (uint)s_labels[row] + 1)
        .Add("Score", NumberDataViewType.Single, score ?? (row => s_scores[row]))
        .Add("PredictedLabel", BooleanDataViewType.Instance, row => s_flags[row])
        .Add("Half", TextDataViewType.Instance, row => (row < 3 ? "first" : "second").AsMemory());

    [TestMethod]
    [DataRow("Label")]
    [DataRow("Bool")]
    [DataRow("Key")]
    public void RowsEventsAndRankings(string label)
    {
        var metrics = new MLContext().AnomalyDetection.EvaluateTimeSeries(View(), label);
        Assert.AreEqual(0.5, metrics.Precision);
        Assert.AreEqual(0.25, metrics.Recall);
        Assert.AreEqual(2 * 0.5 * 0.25 / 0.75, metrics.F1Score, 1e-15);
        Assert.AreEqual(0.5, metrics.EventRecall);
        Assert.AreEqual((10L, 4L, 2L, 2L, 1L, 0L), (metrics.NumberOfRows, metrics.NumberOfAnomalousRows, metrics.NumberOfEvents, metrics.NumberOfFlaggedRows, metrics.NumberOfFalseAlarms, metrics.NumberOfSkippedRows));
        // Of 24 pairs 9 wins 6, 4 wins 5, 3 wins 5, 2 wins 4 and ties 1.
        Assert.AreEqual(20.5 / 24, metrics.AreaUnderRocCurve, 1e-15);
        // In the order of the scores: hit, alarm, hit, hit, a hit and an alarm together.
        Assert.AreEqual((1 + 2 / 3.0 + 3 / 4.0 + 4 / 6.0) / 4, metrics.AveragePrecision, 1e-15);
        var adjusted = new MLContext().AnomalyDetection.EvaluateTimeSeries(View(), label, pointAdjustment: true);
        Assert.AreEqual((0.75, 0.75), (adjusted.Precision, adjusted.Recall));
        Assert.AreEqual((metrics.EventRecall, metrics.AreaUnderRocCurve, metrics.NumberOfFlaggedRows), (adjusted.EventRecall, adjusted.AreaUnderRocCurve, adjusted.NumberOfFlaggedRows));
        Assert.IsTrue(adjusted.PointAdjustment);
    }

    [TestMethod]
    public void AnEventEndsWithItsSeries()
    {
        var metrics = new MLContext().AnomalyDetection.EvaluateTimeSeries(View(), groupColumnName: "Half", pointAdjustment: true);
        Assert.AreEqual(3, metrics.NumberOfEvents);
        Assert.AreEqual(1 / 3.0, metrics.EventRecall, 1e-15);
        // The row of the first series is not found.
        Assert.AreEqual(0.5, metrics.Recall);
    }

    [TestMethod]
    public void RowsWithoutScoreOrLabelAreCounted()
    {
        var metrics = new MLContext().AnomalyDetection.EvaluateTimeSeries(View(row => row is 3 or 6 ? float.NaN : s_scores[row]));
        Assert.AreEqual((8L, 2L, 1L), (metrics.NumberOfRows, metrics.NumberOfSkippedRows, metrics.NumberOfFlaggedRows));
        Assert.AreEqual((0.0, 0.0, 0.0), (metrics.Precision, metrics.Recall, metrics.F1Score));
        Must.Contain(Must.Fail<InvalidOperationException>(() => new MLContext().AnomalyDetection.EvaluateTimeSeries(View(row => float.NaN))).Message, "None of the 10 rows");
    }

    [TestMethod]
    public void WithoutAnAnomalyMuchIsNotDefined()
    {
        var data = new TestView(3).Add("Label", NumberDataViewType.Single, row => 0f).Add("Score", NumberDataViewType.Single, row => (float)row).Add("PredictedLabel", BooleanDataViewType.Instance, row => false);
        var metrics = new MLContext().AnomalyDetection.EvaluateTimeSeries(data);
        Assert.AreEqual(0, metrics.Precision);
        Assert.IsTrue(new[] { metrics.Recall, metrics.F1Score, metrics.AreaUnderRocCurve, metrics.AveragePrecision, metrics.EventRecall }.All(double.IsNaN));
    }

    [TestMethod]
    public void TheTextIsTheSameInEveryCulture()
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            var text = new MLContext().AnomalyDetection.EvaluateTimeSeries(View()).ToString();
            Must.Contain(text, "precision 0.5", "recall 0.25", "2 found", "1 false alarms", "10 rows");
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("tr-TR");
            Assert.AreEqual(text, new MLContext().AnomalyDetection.EvaluateTimeSeries(View()).ToString());
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [TestMethod]
    public void ColumnsThatDoNotFitAreNamed()
    {
        var detection = new MLContext().AnomalyDetection;
        Refuse(() => detection.EvaluateTimeSeries(View(), "Half"), "label column 'Half'", "String");
        Refuse(() => detection.EvaluateTimeSeries(View(), "Nothing"), "label column 'Nothing'");
        Refuse(() => detection.EvaluateTimeSeries(View().Add("Many", new KeyDataViewType(typeof(uint), 3), row => 1u), "Many"), "label column 'Many'", "two values");
        Refuse(() => detection.EvaluateTimeSeries(View(), scoreColumnName: "Bool"), "score column 'Bool'", "Boolean");
        Refuse(() => detection.EvaluateTimeSeries(View(), predictedLabelColumnName: "Score"), "predicted label column 'Score'", "Single");
        Refuse(() => detection.EvaluateTimeSeries(View(), groupColumnName: "Score"), "group column 'Score'", "Single");
        Refuse(() => detection.EvaluateTimeSeries(View(), ""), "labelColumnName");
        Assert.AreEqual("data", Must.Fail<ArgumentNullException>(() => detection.EvaluateTimeSeries(null!)).ParamName);
        Assert.AreEqual("catalog", Must.Fail<ArgumentNullException>(() => AnomalyDetectionCatalogExtensions.EvaluateTimeSeries(null!, View())).ParamName);
    }

    private static void Refuse(Action action, params string[] parts) => Must.Contain(Must.Fail<ArgumentOutOfRangeException>(action).Message, parts);
}
