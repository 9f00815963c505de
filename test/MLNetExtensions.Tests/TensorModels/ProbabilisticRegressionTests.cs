using System.Xml.Linq;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;

namespace MLNetExtensions.Tests.TensorModels;

[TestClass]
public sealed class ProbabilisticRegressionTests
{
    private const double Tolerance = 1e-9;

    private static readonly (double Label, double Score, double Deviation)[] s_rows = [(1, 1.5, 0.5), (2, 2, 1), (4, 3, 2), (-3, 3, 1.5)];

    private readonly MLContext _ml = new(1);

    private static TestView View((double Label, double Score, double Deviation)[] rows, double? level = null) => new TestView(rows.Length)
        .Add("Label", NumberDataViewType.Single, row => (float)rows[row].Label)
        .Add("Score", NumberDataViewType.Double, row => rows[row].Score)
        .Add("ScoreStdDev", NumberDataViewType.Double, row => rows[row].Deviation)
        .Add("Low", NumberDataViewType.Double, row => rows[row].Score - 1, Level(level))
        .Add("High", NumberDataViewType.Double, row => rows[row].Score + 1.5, Level(level));

    private static DataViewSchema.Annotations? Level(double? level)
    {
        if (level is not { } stated)
        {
            return null;
        }
        var annotations = new DataViewSchema.Annotations.Builder();
        ConfidenceLevels.AddTo(annotations, stated);
        return annotations.ToAnnotations();
    }

    [TestMethod]
    public void MetricsAreThoseByHand()
    {
        var metrics = _ml.Regression.EvaluateProbabilistic(View(s_rows));
        // Errors -0.5, 0, 1, -6; the mean label is 1, the squared distances from it 0, 1, 9, 16.
        Assert.AreEqual((0.25 + 0 + 1 + 36) / 4, metrics.MeanSquaredError, Tolerance);
        Assert.AreEqual(Math.Sqrt(37.25 / 4), metrics.RootMeanSquaredError, Tolerance);
        Assert.AreEqual((0.5 + 0 + 1 + 6) / 4, metrics.MeanAbsoluteError, Tolerance);
        Assert.AreEqual(1 - 37.25 / 26, metrics.RSquared, Tolerance);
        // -ln(sqrt(2 pi) sd) - z² / 2 with z = -1, 0, 0.5, -4.
        var expected = s_rows.Average(row => -0.5 * Math.Log(2 * Math.PI) - Math.Log(row.Deviation)) - (1 + 0 + 0.25 + 16) / 8;
        Assert.AreEqual(expected, metrics.MeanLogLikelihood, Tolerance);
        Assert.AreEqual(s_rows.Average(row => Integral(row.Label, row.Score, row.Deviation)), metrics.ContinuousRankedProbabilityScore, 1e-6);
        // 1.96 deviations hold all but the last.
        Assert.AreEqual(0.95, metrics.ConfidenceLevel);
        Assert.AreEqual(0.75, metrics.Coverage, Tolerance);
        Assert.AreEqual(2 * 1.959963984540054 * 1.25, metrics.MeanIntervalWidth, Tolerance);
        Assert.AreEqual(4, metrics.NumberOfRows);
        Assert.AreEqual(0, metrics.NumberOfSkippedRows);
    }

    /// <summary>The integral of (F(x) - [x >= label])² by small steps.</summary>
    private static double Integral(double label, double mean, double deviation)
    {
        const double Step = 1e-3;
        double sum = 0, below = 0;
        for (var x = mean - 12 * deviation; x < mean + 12 * deviation; x += Step)
        {
            var z = (x + Step / 2 - mean) / deviation;
            var density = Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI) / deviation * Step;
            var middle = below + density / 2;
            sum += Step * Math.Pow(middle - (x + Step / 2 >= label ? 1 : 0), 2);
            below += density;
        }
        return sum;
    }

    [TestMethod]
    public void BoundColumnsCount()
    {
        var metrics = _ml.Regression.EvaluateProbabilistic(View(s_rows, 0.8), lowerColumnName: "Low", upperColumnName: "High");
        Assert.AreEqual(0.8, metrics.ConfidenceLevel);
        Assert.AreEqual(0.75, metrics.Coverage, Tolerance);
        Assert.AreEqual(2.5, metrics.MeanIntervalWidth, Tolerance);
        Assert.AreEqual(double.NaN, _ml.Regression.EvaluateProbabilistic(View(s_rows), lowerColumnName: "Low", upperColumnName: "High").ConfidenceLevel);
        Assert.AreEqual(0.5, _ml.Regression.EvaluateProbabilistic(View(s_rows), confidenceLevel: 0.5).Coverage, Tolerance);
    }

    [TestMethod]
    public void RowsWithoutAllValuesAreLeftOutAndCounted()
    {
        var rows = s_rows.Append((double.NaN, 1, 1)).Append((1, double.NaN, 1)).Append((1, 1, double.PositiveInfinity)).ToArray();
        var metrics = _ml.Regression.EvaluateProbabilistic(View(rows));
        Assert.AreEqual(4, metrics.NumberOfRows);
        Assert.AreEqual(3, metrics.NumberOfSkippedRows);
        Assert.AreEqual(37.25 / 4, metrics.MeanSquaredError, Tolerance);
        Must.Contain(Must.Fail<InvalidOperationException>(() => _ml.Regression.EvaluateProbabilistic(View(rows[^3..]))).Message, "None of the 3 rows", "'Label'", "'ScoreStdDev'");
    }

    [TestMethod]
    public void WhatCannotBeComparedIsRefused()
    {
        Must.Contain(Must.Fail<InvalidOperationException>(() => _ml.Regression.EvaluateProbabilistic(View([.. s_rows, (1, 1, 0)]))).Message, "'ScoreStdDev'", "row 4", "positive");
        Must.Fail<ArgumentOutOfRangeException>(() => _ml.Regression.EvaluateProbabilistic(View(s_rows), "Nothing"));
        Must.Fail<ArgumentOutOfRangeException>(() => _ml.Regression.EvaluateProbabilistic(View(s_rows), lowerColumnName: "Low"));
        Must.Fail<ArgumentOutOfRangeException>(() => _ml.Regression.EvaluateProbabilistic(View(s_rows), confidenceLevel: 1));
        Must.Fail<ArgumentNullException>(() => _ml.Regression.EvaluateProbabilistic(null!));
        Must.Fail<ArgumentNullException>(() => ((RegressionCatalog)null!).EvaluateProbabilistic(View(s_rows)));
        var mixed = new TestView(2).Add("Label", NumberDataViewType.Single, row => 1f).Add("Score", NumberDataViewType.Single, row => 1f).Add("ScoreStdDev", NumberDataViewType.Single, row => 1f)
            .Add("Low", NumberDataViewType.Single, row => 0f, Level(0.8)).Add("High", NumberDataViewType.Single, row => 2f, Level(0.9));
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => _ml.Regression.EvaluateProbabilistic(mixed, lowerColumnName: "Low", upperColumnName: "High")).Message, "0.8", "0.9");
    }

    [TestMethod]
    public void ReportsAreWellFormed()
    {
        var metrics = _ml.Regression.EvaluateProbabilistic(View(s_rows));
        var html = XElement.Parse(metrics.ToHtml());
        Assert.AreEqual("section", html.Name.LocalName);
        Must.Contain(html.Value, "CRPS", "coverage", "4 rows compared");
        Must.Contain(metrics.ToString(), "RMSE 3.0516", "CRPS", "coverage 0.75 of 0.95", "over 4 rows; 0 rows skipped");
    }

    [TestMethod]
    public void TheNormalDistributionIsThatOfTheTables()
    {
        (double Z, double Probability)[] table = [(0, 0.5), (1, 0.8413447460685429), (-1.959963984540054, 0.025), (2.575829303548901, 0.995), (-6, 9.865876450376981e-10), (3.5, 0.9997673709209645)];
        foreach (var (z, probability) in table)
        {
            Assert.AreEqual(probability, NormalDistribution.Cumulative(z), 1e-15);
            Assert.AreEqual(z, NormalDistribution.Quantile(probability), 1e-6);
        }
        Assert.AreEqual(1.959963984540054, NormalDistribution.Quantile(0.975), 1e-13);
        Assert.AreEqual(0, NormalDistribution.Cumulative(double.NegativeInfinity));
        Assert.AreEqual(1, NormalDistribution.Cumulative(40));
        Assert.AreEqual(double.NaN, NormalDistribution.Cumulative(double.NaN));
        // Far off, the score is the distance.
        Assert.AreEqual(1e6, NormalDistribution.RankedProbabilityScore(-1e6), 1);
        Assert.AreEqual(0.23369497725510915, NormalDistribution.RankedProbabilityScore(0), 1e-12);
    }
}
