using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class ForecastEvaluatorTests
{
    private const double Tolerance = 1e-12;

    private readonly MLContext _ml = new(1);

    private static readonly float[][] s_forecasts = [[2, 5], [4, 9], [7, 16], [1, 1], [1, 1]];

    private static ForecastRow[] Doubling() => [.. new float[] { 1, 2, 4, 8, 16 }.Select((value, i) => new ForecastRow { Series = [value], Forecast = s_forecasts[i] })];

    [TestMethod]
    public void PointErrorsAreThoseComputedByHand()
    {
        // Errors of the forecast 0 1 | 0 1 | 1 0, of the last value 1 3 | 2 6 | 4 12; the last two rows have no two rows ahead.
        var metrics = _ml.Forecasting.Evaluate(ForecastView.Create(_ml, Doubling(), 2, [0]), "Series", "Forecast", 1, trainingData: ForecastView.Training(_ml, 0, 3, 1));
        Assert.AreEqual(3, metrics.NumberOfForecasts);
        Assert.AreEqual(2, metrics.NumberOfSkippedRows);
        Assert.AreEqual(0.5, metrics.MeanAbsoluteError, Tolerance);
        Assert.AreEqual(0.5, metrics.MeanSquaredError, Tolerance);
        Assert.AreEqual(Math.Sqrt(0.5), metrics.RootMeanSquaredError, Tolerance);
        Assert.AreEqual(200 * (1 / 9.0 + 1 / 17.0 + 1 / 15.0) / 6, metrics.SymmetricMeanAbsolutePercentageError, Tolerance);
        // The scale: (3 + 2) / 2.
        Assert.AreEqual(0.2, metrics.MeanAbsoluteScaledError, Tolerance);
        Assert.AreEqual(28 / 6.0, metrics.SeasonalNaive.MeanAbsoluteError, Tolerance);
        Assert.AreEqual(35, metrics.SeasonalNaive.MeanSquaredError, Tolerance);
        Assert.AreEqual(28 / 6.0 / 2.5, metrics.SeasonalNaive.MeanAbsoluteScaledError, Tolerance);
        CollectionAssert.AreEqual(new[] { 1 / 3.0, 2 / 3.0 }, metrics.PerStep.Select(step => step.MeanAbsoluteError).ToArray());
        CollectionAssert.AreEqual(new[] { 7 / 3.0, 7 }, metrics.SeasonalNaivePerStep.Select(step => step.MeanAbsoluteError).ToArray());
        Assert.AreEqual("c0", metrics.PerChannel.Single().Name);
        Assert.AreEqual(0.5, metrics.PerChannel["c0"].Errors.MeanAbsoluteError, Tolerance);
        Assert.IsEmpty(metrics.PerGroup);
        Assert.IsNull(metrics.Interval);
        Assert.IsEmpty(metrics.IntervalPerStep);
        Assert.ThrowsExactly<KeyNotFoundException>(() => metrics.PerChannel["c1"]);
    }

    [TestMethod]
    public void SymmetricErrorIsWithin0And200()
    {
        ForecastRow[] rows = [new() { Series = [1], Forecast = [0] }, new() { Series = [0], Forecast = [5] }, new() { Series = [0], Forecast = [-3] }, new() { Series = [3] }];
        // Right, where both are zero; wrong by a sign or with a zero: 200 %.
        var metrics = _ml.Forecasting.Evaluate(ForecastView.Create(_ml, rows, 1, [0]), "Series", "Forecast", 1);
        Assert.AreEqual((0 + 200 + 200) / 3.0, metrics.SymmetricMeanAbsolutePercentageError, Tolerance);
        Assert.AreEqual(double.NaN, metrics.MeanAbsoluteScaledError);
    }

    [TestMethod]
    public void SeasonalNaiveReachesBackWholeSeasons()
    {
        // Season 2, three steps ahead: step 3 is two seasons after the same phase.
        var rows = new float[] { 10, 20, 11, 21, 12 }.Select(value => new ForecastRow { Series = [value], Forecast = [0, 0, 0] }).ToArray();
        var metrics = _ml.Forecasting.Evaluate(ForecastView.Create(_ml, rows, 3, [0]), "Series", "Forecast", 2);
        // Row 0 has no season behind it; row 1 forecasts 11 21 12 by 10 20 10; rows 2 to 4 have fewer than three rows ahead.
        Assert.AreEqual(1, metrics.NumberOfForecasts);
        Assert.AreEqual(4, metrics.NumberOfSkippedRows);
        CollectionAssert.AreEqual(new[] { 1.0, 1.0, 2.0 }, metrics.SeasonalNaivePerStep.Select(step => step.MeanAbsoluteError).ToArray());
    }

    [TestMethod]
    public void MissingValuesLeaveOutTheRowForBoth()
    {
        var rows = Doubling();
        rows[1].Forecast = [4, float.NaN];
        var metrics = _ml.Forecasting.Evaluate(ForecastView.Create(_ml, rows, 2, [0]), "Series", "Forecast", 1);
        Assert.AreEqual(2, metrics.NumberOfForecasts);
        Assert.AreEqual(3, metrics.NumberOfSkippedRows);
        Assert.AreEqual((1 + 3 + 4 + 12) / 4.0, metrics.SeasonalNaive.MeanAbsoluteError, Tolerance);
        // A label that is missing is missing ahead of two rows and behind one.
        rows = [.. Doubling(), new() { Series = [32] }, new() { Series = [64] }];
        rows[4].Forecast = [32, 64];
        rows[3].Series = [float.NaN];
        metrics = _ml.Forecasting.Evaluate(ForecastView.Create(_ml, rows, 2, [0]), "Series", "Forecast", 1);
        Assert.AreEqual(2, metrics.NumberOfForecasts);
        Assert.AreEqual(0.25, metrics.MeanAbsoluteError, Tolerance);
        Assert.AreEqual((1 + 3 + 16 + 48) / 4.0, metrics.SeasonalNaive.MeanAbsoluteError, Tolerance);
    }

    // Group a: (1, 10) (2, 20) (4, 30); group b: (5, 0) (5, 0) (8, 0), the rows mixed. Forecast is channel 1 before channel 0.
    private static ForecastRow[] Mixed() =>
    [
        new() { Group = "a", Series = [1, 10], Forecast = [21, 2] },
        new() { Group = "b", Series = [5, 0], Forecast = [1, 7] },
        new() { Group = "b", Series = [5, 0], Forecast = [0, 4] },
        new() { Group = "a", Series = [2, 20], Forecast = [27, 3] },
        new() { Group = "b", Series = [8, 0] },
        new() { Group = "a", Series = [4, 30] },
    ];

    [TestMethod]
    public void GroupsAreComparedWithTheirOwnRows()
    {
        var view = ForecastView.Create(_ml, Mixed(), 1, [1, 0], 2);
        // Scales: a, 4 and 5; b, 2 in channel 0, none in channel 1, which repeats. Rows of c are of no use.
        ForecastRow[] training =
        [
            new() { Group = "c", Series = [100, 100] }, new() { Group = "a", Series = [0, 0] }, new() { Group = "b", Series = [0, 3] }, new() { Group = "a", Series = [4, 5] },
            new() { Group = "b", Series = [2, 3] }, new() { Group = "c", Series = [0, 0] },
        ];
        var metrics = _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, "Group", trainingData: ForecastView.Create(_ml, training, 1, [0], 2));
        // Errors (channel 1, channel 0): a 1 0, 3 1; b 1 2, 0 4. Last value: a 10 1, 10 2; b 0 0, 0 3.
        Assert.AreEqual(4, metrics.NumberOfForecasts);
        Assert.AreEqual(2, metrics.NumberOfSkippedRows);
        Assert.AreEqual(12 / 8.0, metrics.MeanAbsoluteError, Tolerance);
        Assert.AreEqual(26 / 8.0, metrics.SeasonalNaive.MeanAbsoluteError, Tolerance);
        Assert.AreEqual((1 / 5.0 + 0 + 3 / 5.0 + 1 / 4.0 + 2 / 2.0 + 4 / 2.0) / 6, metrics.MeanAbsoluteScaledError, Tolerance);
        CollectionAssert.AreEqual(new[] { "c1", "c0" }, metrics.PerChannel.Select(part => part.Name).ToArray());
        Assert.AreEqual(5 / 4.0, metrics.PerChannel["c1"].Errors.MeanAbsoluteError, Tolerance);
        Assert.AreEqual(7 / 4.0, metrics.PerChannel["c0"].Errors.MeanAbsoluteError, Tolerance);
        CollectionAssert.AreEqual(new[] { "a", "b" }, metrics.PerGroup.Select(part => part.Name).ToArray());
        var (a, b) = (metrics.PerGroup["a"], metrics.PerGroup["b"]);
        Assert.AreEqual(5 / 4.0, a.Errors.MeanAbsoluteError, Tolerance);
        Assert.AreEqual(23 / 4.0, a.SeasonalNaive.MeanAbsoluteError, Tolerance);
        Assert.AreEqual(7 / 4.0, b.Errors.MeanAbsoluteError, Tolerance);
        Assert.AreEqual((1.0 + 2.0) / 2, b.Errors.MeanAbsoluteScaledError, Tolerance);
        Assert.AreEqual(2, a.NumberOfForecasts);
        Assert.AreEqual(1, a.NumberOfSkippedRows);

        // Without groups the rows that follow are of other series.
        Assert.AreNotEqual(metrics.MeanAbsoluteError, _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1).MeanAbsoluteError);
    }

    [TestMethod]
    public void UnseenGroupsHaveNoScaledError()
    {
        var view = ForecastView.Create(_ml, Mixed(), 1, [1, 0], 2);
        ForecastRow[] training = [new() { Group = "b", Series = [0, 3] }, new() { Group = "b", Series = [2, 3] }, new() { Group = "a", Series = [2, 3] }];
        var metrics = _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, "Group", trainingData: ForecastView.Create(_ml, training, 1, [0], 2));
        Assert.AreEqual(double.NaN, metrics.PerGroup["a"].Errors.MeanAbsoluteScaledError);
        Assert.AreEqual(1.5, metrics.PerGroup["b"].Errors.MeanAbsoluteScaledError, Tolerance);
        Assert.AreEqual(1.5, metrics.MeanAbsoluteScaledError, Tolerance);
        Assert.AreEqual(double.NaN, metrics.PerChannel["c1"].Errors.MeanAbsoluteScaledError);
    }

    [TestMethod]
    public void KeysMatchByTheirValues()
    {
        var view = ForecastView.Create(_ml, Mixed(), 1, [1, 0], 2);
        ForecastRow[] training = [new() { Group = "b", Series = [0, 3] }, new() { Group = "b", Series = [2, 3] }, new() { Group = "z", Series = [9, 9] }, new() { Group = "a", Series = [0, 0] }, new() { Group = "a", Series = [4, 5] }];
        var trainingView = ForecastView.Create(_ml, training, 1, [0], 2);
        var expected = _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, "Group", trainingData: trainingView);
        // In the training data b is the first key, in the data the second.
        var keyed = _ml.Transforms.Conversion.MapValueToKey("Group").Fit(view).Transform(view);
        var keyedTraining = _ml.Transforms.Conversion.MapValueToKey("Group").Fit(trainingView).Transform(trainingView);
        foreach (var (data, other) in new[] { (keyed, keyedTraining), (keyed, trainingView), (view, keyedTraining) })
        {
            var metrics = _ml.Forecasting.Evaluate(data, "Series", "Forecast", 1, "Group", trainingData: other);
            Assert.AreEqual(expected.MeanAbsoluteScaledError, metrics.MeanAbsoluteScaledError, Tolerance);
            CollectionAssert.AreEqual(new[] { "a", "b" }, metrics.PerGroup.Select(part => part.Name).ToArray());
        }
    }

    [TestMethod]
    public void AMissingKeyIsAGroupOfItsOwn()
    {
        var view = ForecastView.Create(_ml, Mixed(), 1, [1, 0], 2);
        var onlyA = _ml.Data.TakeRows(view, 1);
        var keyed = _ml.Transforms.Conversion.MapValueToKey("Group").Fit(onlyA).Transform(view);
        var metrics = _ml.Forecasting.Evaluate(keyed, "Series", "Forecast", 1, "Group");
        CollectionAssert.AreEqual(new[] { "a", "" }, metrics.PerGroup.Select(part => part.Name).ToArray());
        Assert.AreEqual(7 / 4.0, metrics.PerGroup[""].Errors.MeanAbsoluteError, Tolerance);
    }

    [TestMethod]
    public void AGroupWithoutForecastsIsReported()
    {
        var view = ForecastView.Create(_ml, [.. Mixed(), new() { Group = "lone", Series = [1, 1], Forecast = [1, 1] }], 1, [1, 0], 2);
        var metrics = _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, "Group", "Lower", "Upper");
        Assert.AreEqual(4, metrics.NumberOfForecasts);
        Assert.AreEqual(0, metrics.PerGroup["lone"].NumberOfForecasts);
        Assert.AreEqual(1, metrics.PerGroup["lone"].NumberOfSkippedRows);
        Assert.AreEqual(double.NaN, metrics.PerGroup["lone"].Errors.MeanAbsoluteError);
    }

    // One step ahead. Within; above by 2; below by 1; on the bound; a missing bound.
    private static ForecastRow[] Bounded() =>
    [
        new() { Series = [0], Forecast = [1], Lower = [0], Upper = [4] },
        new() { Series = [1], Forecast = [2], Lower = [1], Upper = [3] },
        new() { Series = [5], Forecast = [4], Lower = [3], Upper = [6] },
        new() { Series = [2], Forecast = [4], Lower = [1], Upper = [7] },
        new() { Series = [7], Forecast = [4], Lower = [float.NaN], Upper = [7] },
        new() { Series = [0] },
    ];

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void IntervalMetricsAreThoseComputedByHand(bool single)
    {
        var view = ForecastView.Create(_ml, Bounded(), 1, [0], level: single ? (object)0.8f : 0.8);
        var metrics = _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, lowerColumnName: "Lower", upperColumnName: "Upper");
        var interval = metrics.Interval!;
        Assert.AreEqual(5, metrics.NumberOfForecasts);
        Assert.AreEqual(4, interval.NumberOfForecasts);
        Assert.AreEqual(1, interval.NumberOfSkippedForecasts);
        Assert.AreEqual(0.8, interval.ConfidenceLevel, Tolerance);
        Assert.AreEqual(0.5, interval.Coverage, Tolerance);
        Assert.AreEqual((4 + 2 + 3 + 6) / 4.0, interval.MeanWidth, Tolerance);
        // Actual 1 5 2 7. Lower bounds 0 1 3 1 at 0.1, upper bounds 4 3 6 7 at 0.9.
        Assert.AreEqual((0.1 * 1 + 0.1 * 4 + 0.9 * 1 + 0.1 * 6) / 4, interval.LowerQuantileLoss, Tolerance);
        Assert.AreEqual((0.1 * 3 + 0.9 * 2 + 0.1 * 4 + 0) / 4, interval.UpperQuantileLoss, Tolerance);
        Assert.AreEqual((interval.LowerQuantileLoss + interval.UpperQuantileLoss) / 2, interval.QuantileLoss, Tolerance);
        Assert.AreEqual((4 + (2 + 10 * 2) + (3 + 10 * 1) + 6) / 4.0, interval.IntervalScore, 1e-9);
        Assert.AreEqual(interval.Coverage, metrics.IntervalPerStep.Single().Coverage);
        Assert.AreEqual(interval.MeanWidth, metrics.PerChannel[0].Interval!.MeanWidth);
        StringAssert.Contains(metrics.ToString(), "coverage 0.5 of 0.8");
    }

    [TestMethod]
    public void WithoutALevelThereIsNoQuantileLoss()
    {
        var interval = _ml.Forecasting.Evaluate(ForecastView.Create(_ml, Bounded(), 1, [0]), "Series", "Forecast", 1, lowerColumnName: "Lower", upperColumnName: "Upper").Interval!;
        Assert.AreEqual(0.5, interval.Coverage, Tolerance);
        Assert.AreEqual(double.NaN, interval.ConfidenceLevel);
        Assert.AreEqual(double.NaN, interval.QuantileLoss);
        Assert.AreEqual(double.NaN, interval.IntervalScore);
    }

    [TestMethod]
    public void ScalarLabelsAndOtherNamesAreReadToo()
    {
        var view = ForecastView.Create(_ml, Doubling(), 2, [0]);
        var scalar = _ml.Transforms.Conversion.ConvertType("Label", "Series", DataKind.Double).Fit(view).Transform(view);
        Assert.AreEqual(0.5, _ml.Forecasting.Evaluate(scalar, "Label", "Forecast", 1).MeanAbsoluteError, Tolerance);
    }

    [TestMethod]
    public void WhatDoesNotFitIsNamed()
    {
        var view = ForecastView.Create(_ml, Mixed(), 1, [1, 0], 2);
        void Throws<T>(Action act, params string[] parts)
            where T : Exception
        {
            var message = Assert.ThrowsExactly<T>(act).Message;
            foreach (var part in parts)
            {
                StringAssert.Contains(message, part);
            }
        }
        Throws<ArgumentNullException>(() => _ml.Forecasting.Evaluate(null!, "Series", "Forecast", 1), "data");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(view, "", "Forecast", 1), "labelColumnName");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(view, "Series", "Forecast", 0), "seasonality");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(view, "None", "Forecast", 1), "label", "None");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(view, "Group", "Forecast", 1), "label", "Group", "String");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(view, "Series", "Series", 1), "Series", "ChannelIndices");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, "Series"), "group", "Series");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, ""), "groupColumnName");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, lowerColumnName: "Lower"), "upperColumnName");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, upperColumnName: "Upper"), "lowerColumnName");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, lowerColumnName: "Series", upperColumnName: "Upper"), "lower bound", "Series");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(ForecastView.Create(_ml, Mixed(), 1, [0, 5], 2), "Series", "Forecast", 1), "label", "at least 6 channels");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(ForecastView.Create(_ml, Mixed(), 1, [0, 1], 2, boundIndices: [1, 0]), "Series", "Forecast", 1, lowerColumnName: "Lower", upperColumnName: "Upper"), "lower bound", "Lower");
        Throws<InvalidOperationException>(() => _ml.Forecasting.Evaluate(_ml.Data.TakeRows(view, 1), "Series", "Forecast", 1), "None of the 1 rows", "Forecast");
        Throws<InvalidOperationException>(() => _ml.Forecasting.Evaluate(_ml.Data.SkipRows(view, 100), "Series", "Forecast", 1), "None of the 0 rows");
        Throws<InvalidOperationException>(() => _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, trainingData: _ml.Data.TakeRows(view, 1)), "1 rows", "season");
        Throws<InvalidOperationException>(() => _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, "Group", trainingData: _ml.Data.TakeRows(view, 2)), "Group", "season");
        Throws<ArgumentOutOfRangeException>(() => _ml.Forecasting.Evaluate(view, "Series", "Forecast", 1, trainingData: ForecastView.Training(_ml, 1, 2, 3)), "Series");
    }

    [TestMethod]
    public void NumbersAreWrittenInInvariantCulture()
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            var metrics = _ml.Forecasting.Evaluate(ForecastView.Create(_ml, Bounded(), 1, [0], level: 0.8f), "Series", "Forecast", 1, lowerColumnName: "Lower", upperColumnName: "Upper");
            Assert.AreEqual(0.8, metrics.Interval!.ConfidenceLevel, Tolerance);
            Assert.DoesNotContain("0,", metrics.ToString());
            Assert.DoesNotContain("0,8", metrics.ToHtml());
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }
}
