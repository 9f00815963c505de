using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class ForecastingCrossValidationTests
{
    private readonly MLContext _ml = new(1);

    private static float[] Values(IDataView view) => [.. view.GetColumn<float[]>("Series").Select(row => row[0])];

    private static double[] Numbers(int start, int end) => [.. Enumerable.Range(start, end - start).Select(i => (double)i)];

    private IDataView Counting(int rows) => ForecastView.Training(_ml, [.. Enumerable.Range(0, rows).Select(i => (float)i)]);

    private static string Ranges(ForecastingCrossValidationResult result)
        => string.Join(' ', result.Folds.Select(fold => string.Join('+', fold.Rows.Select(rows => $"{rows.Group}{rows.Training}|{rows.Test}"))));

    [TestMethod]
    public void TrainingRowsExpand()
    {
        var estimator = new LastValueEstimator(_ml, horizon: 2);
        using var result = _ml.Forecasting.CrossValidate(Counting(25), estimator, "Series", "Forecast", seasonality: 1, windowSize: 3, numberOfFolds: 4);
        // 25 / 5 = 5 rows in a test part.
        Assert.AreEqual("0..5|5..10 0..10|10..15 0..15|15..20 0..20|20..25", Ranges(result));
        for (var fold = 0; fold < 4; fold++)
        {
            // Each row of the test view is scored once, none of the training view.
            Assert.AreEqual(8, estimator.Models[fold].ScoredRows);
            CollectionAssert.AreEqual(Numbers(0, 5 + 5 * fold), estimator.Trainings[fold]);
            // The test part begins with the three rows that its first forecast looks back on.
            CollectionAssert.AreEqual(Numbers(2 + 5 * fold, 10 + 5 * fold).Select(value => (float)value).ToArray(), Values(result.Folds[fold].ScoredHoldOutSet));
            Assert.AreSame(estimator.Models[fold], result.Folds[fold].Model);
            Assert.AreEqual(fold, result.Folds[fold].Fold);
            // Forecasts from the row before the test part on, as far as two rows follow.
            Assert.AreEqual(4, result.Folds[fold].Metrics.NumberOfForecasts);
            Assert.AreEqual(2, result.Folds[fold].Metrics.NumberOfSkippedRows);
            // Rises by one in a step: errors 1 and 2, on the scale 1.
            Assert.AreEqual(1.5, result.Folds[fold].Metrics.MeanAbsoluteScaledError, 1e-12);
        }
        Assert.AreEqual(1.5, result.Average.MeanAbsoluteError, 1e-12);
        Assert.AreEqual(0, result.StandardDeviation.MeanAbsoluteError, 1e-12);
        Assert.AreEqual(1.5, result.SeasonalNaiveAverage.MeanAbsoluteError, 1e-12);
        Assert.IsNull(result.IntervalAverage);
    }

    [TestMethod]
    public void TrainingRowsSlideBeforeAGap()
    {
        var estimator = new LastValueEstimator(_ml, horizon: 1);
        using var result = _ml.Forecasting.CrossValidate(Counting(30), estimator, new()
        {
            LabelColumnName = "Series",
            WindowSize = 4,
            NumberOfFolds = 3,
            TestSize = 6,
            StepSize = 3,
            GapSize = 2,
            TrainingSize = 10,
        });
        Assert.AreEqual("6..16|18..24 9..19|21..27 12..22|24..30", Ranges(result));
        CollectionAssert.AreEqual(Numbers(9, 19), estimator.Trainings[1]);
        CollectionAssert.AreEqual(Numbers(17, 27).Select(value => (float)value).ToArray(), Values(result.Folds[1].ScoredHoldOutSet));
        // With neither test size nor step: what is left after gap and training rows, in equal parts.
        using var whole = _ml.Forecasting.CrossValidate(Counting(30), estimator, new() { LabelColumnName = "Series", WindowSize = 4, NumberOfFolds = 3, GapSize = 2, TrainingSize = 10 });
        Assert.AreEqual("0..10|12..18 6..16|18..24 12..22|24..30", Ranges(whole));
    }

    [TestMethod]
    public void AStepLongerThanTheTestLeavesRowsOut()
    {
        using var result = _ml.Forecasting.CrossValidate(Counting(20), new LastValueEstimator(_ml, 1), new() { LabelColumnName = "Series", WindowSize = 2, NumberOfFolds = 2, TestSize = 3, StepSize = 5 });
        Assert.AreEqual("0..12|12..15 0..17|17..20", Ranges(result));
    }

    [TestMethod]
    public void ASeasonLongerThanTheWindowIsLookedBackOnByTheNaiveForecast()
    {
        using var result = _ml.Forecasting.CrossValidate(Counting(40), new LastValueEstimator(_ml, 2), new() { LabelColumnName = "Series", WindowSize = 3, Seasonality = 8, NumberOfFolds = 2, TestSize = 5 });
        Assert.AreEqual("0..30|30..35 0..35|35..40", Ranges(result));
        foreach (var fold in result.Folds)
        {
            Assert.AreEqual(4, fold.Metrics.NumberOfForecasts);
            Assert.AreEqual(1.5, fold.Metrics.MeanAbsoluteError, 1e-12);
            Assert.AreEqual(8, fold.Metrics.SeasonalNaive.MeanAbsoluteError, 1e-12);
        }
    }

    [TestMethod]
    public void GroupsAreCutFromTheirEnds()
    {
        // Two rows of a for each of b: 24 and 12.
        var rows = Enumerable.Range(0, 36).Select(i => i % 3 == 2 ? new ForecastRow { Group = "b", Series = [100 + i / 3] } : new ForecastRow { Group = "a", Series = [i - i / 3] }).ToArray();
        var data = ForecastView.Create(_ml, rows, 1, [0]);
        var estimator = new LastValueEstimator(_ml, horizon: 2);
        using var result = _ml.Forecasting.CrossValidate(data, estimator, "Series", "Forecast", seasonality: 1, windowSize: 3, numberOfFolds: 2, groupColumnName: "Group");
        // The shorter group gives the size: 12 / 3.
        Assert.AreEqual("a0..16|16..20+b0..4|4..8 a0..20|20..24+b0..8|8..12", Ranges(result));
        CollectionAssert.AreEqual(rows.Select(row => (double)row.Series[0]).Where(value => value is < 16 or (>= 100 and < 104)).ToArray(), estimator.Trainings[0]);
        CollectionAssert.AreEqual(rows.Select(row => row.Series[0]).Where(value => value is (>= 13 and < 20) or (>= 101 and < 108)).ToArray(), Values(result.Folds[0].ScoredHoldOutSet));
        CollectionAssert.AreEquivalent(new[] { "a", "b" }, result.Folds[1].Metrics.PerGroup.Select(part => part.Name).ToArray());
        Assert.AreEqual(3, result.Folds[1].Metrics.PerGroup["b"].NumberOfForecasts);
        Assert.AreEqual(1.5, result.Average.MeanAbsoluteScaledError, 1e-12);
    }

    [TestMethod]
    public void MeanAndDeviationAreOverFolds()
    {
        // Steps of 1 in the first test part, of 3 in the second.
        var values = Enumerable.Range(0, 16).Select(i => (float)i).Concat(Enumerable.Range(1, 4).Select(i => 15f + 3 * i)).ToArray();
        using var result = _ml.Forecasting.CrossValidate(ForecastView.Training(_ml, values), new LastValueEstimator(_ml, 1), new() { LabelColumnName = "Series", WindowSize = 2, NumberOfFolds = 2, TestSize = 4 });
        Assert.AreEqual(2, result.Average.MeanAbsoluteError, 1e-12);
        Assert.AreEqual(Math.Sqrt(2), result.StandardDeviation.MeanAbsoluteError, 1e-12);
        Assert.AreEqual(5, result.Average.MeanSquaredError, 1e-12);
        Assert.AreEqual(2, result.Average.RootMeanSquaredError, 1e-12);
    }

    [TestMethod]
    public void PipelinesAreValidatedWithTheColumnsTheyMake()
    {
        var data = Counting(20);
        var pipeline = _ml.Transforms.CopyColumns("Renamed", "Series").Append(new LastValueEstimator(_ml, 1, "Renamed"));
        using var result = _ml.Forecasting.CrossValidate(data, pipeline, "Renamed", "Forecast", 1, 2, 3);
        Assert.AreEqual(1, result.Average.MeanAbsoluteScaledError, 1e-12);
    }

    [TestMethod]
    public void TooFewRowsAreCounted()
    {
        void Throws(int rows, string needed, ForecastingCrossValidationOptions options)
        {
            options.LabelColumnName = "Series";
            var estimator = new LastValueEstimator(_ml, 1);
            var message = Assert.ThrowsExactly<InvalidOperationException>(() => _ml.Forecasting.CrossValidate(Counting(rows), estimator, options)).Message;
            StringAssert.Contains(message, $"{rows} rows");
            StringAssert.Contains(message, needed);
            Assert.IsEmpty(estimator.Trainings);
            // And with as many as are needed it works.
            var enough = int.Parse(needed.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
            _ml.Forecasting.CrossValidate(Counting(enough), estimator, options).Dispose();
        }
        Throws(20, "21 are needed", new() { WindowSize = 4, NumberOfFolds = 3, TestSize = 5, GapSize = 2 });
        Throws(20, "22 are needed", new() { WindowSize = 4, NumberOfFolds = 3, TestSize = 5, GapSize = 2, Seasonality = 4 });
        Throws(25, "27 are needed", new() { WindowSize = 4, NumberOfFolds = 3, TestSize = 5, GapSize = 2, TrainingSize = 10 });
        Throws(5, "15 are needed", new() { WindowSize = 10, NumberOfFolds = 5, StepSize = 1 });
        Throws(5, "15 are needed", new() { WindowSize = 10, NumberOfFolds = 5 });
        // Five rows in each test part: 36 / 6 = 6 would leave too few to train on.
        using var result = _ml.Forecasting.CrossValidate(Counting(36), new LastValueEstimator(_ml, 1), "Series", "Forecast", 1, 10);
        Assert.AreEqual(0..11, result.Folds[0].Rows[0].Training);
        var groups = ForecastView.Create(_ml, Enumerable.Range(0, 43).Select(i => new ForecastRow { Group = i < 40 ? "long" : "short", Series = [i] }), 1, [0]);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => _ml.Forecasting.CrossValidate(groups, new LastValueEstimator(_ml, 1), "Series", "Forecast", 1, 2, 2, "Group")).Message, "Group 'short' has 3 rows");
    }

    [TestMethod]
    public void ModelsAreFreedWithTheResultOrWhenAFoldFails()
    {
        var estimator = new LastValueEstimator(_ml, 1);
        var result = _ml.Forecasting.CrossValidate(Counting(20), estimator, "Series", "Forecast", 1, 2, 3);
        Assert.IsFalse(estimator.Models.Any(model => model.WasDisposed));
        result.Dispose();
        Assert.IsTrue(estimator.Models.All(model => model.WasDisposed));

        estimator = new(_ml, 1, onFit: fold =>
        {
            if (fold == 2)
            {
                throw new OperationCanceledException();
            }
        });
        Assert.ThrowsExactly<OperationCanceledException>(() => _ml.Forecasting.CrossValidate(Counting(20), estimator, "Series", "Forecast", 1, 2, 3));
        Assert.HasCount(2, estimator.Models);
        Assert.IsTrue(estimator.Models.All(model => model.WasDisposed));

        estimator = new(_ml, horizon: 6);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => _ml.Forecasting.CrossValidate(Counting(20), estimator, "Series", "Forecast", 1, 2, 3)).Message, "5 rows are shorter than the 6 steps");
        Assert.IsTrue(estimator.Models.Single().WasDisposed);
    }

    [TestMethod]
    public void WhatDoesNotFitIsNamed()
    {
        var (data, estimator) = (Counting(20), new LastValueEstimator(_ml, 1));
        Assert.ThrowsExactly<ArgumentNullException>(() => _ml.Forecasting.CrossValidate(null!, estimator, "Series", "Forecast", 1, 2));
        Assert.ThrowsExactly<ArgumentNullException>(() => _ml.Forecasting.CrossValidate(data, null!, "Series", "Forecast", 1, 2));
        Assert.ThrowsExactly<ArgumentNullException>(() => _ml.Forecasting.CrossValidate(data, estimator, null!));
        void Throws(string name, Action<ForecastingCrossValidationOptions> set)
        {
            var options = new ForecastingCrossValidationOptions { LabelColumnName = "Series", WindowSize = 2 };
            set(options);
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.Forecasting.CrossValidate(data, estimator, options)).Message, name);
        }
        Throws("LabelColumnName", options => options.LabelColumnName = "");
        Throws("ForecastColumnName", options => options.ForecastColumnName = "");
        Throws("group", options => options.GroupColumnName = "");
        Throws("'None'", options => options.GroupColumnName = "None");
        Throws("upperColumnName", options => options.LowerColumnName = "Lower");
        Throws("Seasonality", options => options.Seasonality = 0);
        Throws("WindowSize", options => options.WindowSize = 0);
        Throws("NumberOfFolds", options => options.NumberOfFolds = 0);
        Throws("TestSize", options => options.TestSize = 0);
        Throws("StepSize", options => options.StepSize = 0);
        Throws("GapSize", options => options.GapSize = -1);
        Throws("TrainingSize", options => options.TrainingSize = 1);
        Throws("TrainingSize", options => (options.TrainingSize, options.Seasonality) = (5, 5));
        Throws("'None'", options => options.LabelColumnName = "None");
    }

    [TestMethod]
    public void ATrainedForecasterIsValidated()
    {
        var rows = Enumerable.Range(0, 240).Select(i => new ForecastRow { Series = [MathF.Sin(i / 3f), 5 + MathF.Cos(i / 3f)] });
        var data = ForecastView.Create(_ml, rows, 1, [0], 2);
        var forecaster = _ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options
        {
            InputColumnName = "Series",
            OutputColumnName = "Ahead",
            WindowSize = 20,
            Horizon = 4,
            Width = 16,
            NumberOfLayers = 1,
            MaximumNumberOfEpochs = 3,
            LearningRate = 5e-3,
            NumberOfThreads = 1,
        });
        using var result = _ml.Forecasting.CrossValidate(data, forecaster, "Series", "Ahead", 1, 20, 2);
        Assert.IsLessThan(result.SeasonalNaiveAverage.MeanAbsoluteError, result.Average.MeanAbsoluteError);
        Assert.HasCount(4, result.Folds[0].Metrics.PerStep);
    }
}
