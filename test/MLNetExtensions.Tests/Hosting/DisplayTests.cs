using System.Reflection;
using System.Xml.Linq;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests;

[TestClass]
public sealed class DisplayTests
{
    private const string Nasty = "<b>&\u0001\"é";

    private static readonly MLContext s_ml = new(1);

    private static readonly ForecastErrors s_errors = new(2.25, 1.25, 1.5, 12.5, double.NaN);

    private static readonly IntervalMetrics s_interval = new(0.9, 0.875, 3.5, 0.25, 0.75, 4.5, 8, 1);

    private static readonly Dictionary<Type, object> s_results = new object[]
    {
        new ProbabilisticRegressionMetrics { MeanSquaredError = 2.25, RSquared = double.NaN, ConfidenceLevel = 0.95, NumberOfRows = 4 },
        new FewShotMetrics { Accuracy = 0.625, AccuracyInterval = 0.125, NumberOfEpisodes = 3 },
        new TimeSeriesAnomalyMetrics { Precision = 0.625, Recall = double.NaN, EventRecall = 0.5, NumberOfEvents = 2, NumberOfRows = 1234 },
        new NeuralCollapse { WithinClassVariability = 0.125, SimplexDistance = 0.25, LengthSpread = 0.5, CosineSpread = 0.5, CosineGap = 1.5, NearestMeanAgreement = 0.875 },
        new ForecastResult(Nasty, ["Sales", Nasty], [new[,] { { 1.5f, 2 }, { 3, float.NaN } }, new[,] { { 0.5f, 1 }, { 2, 3 } }, new[,] { { 2.5f, 3 }, { float.NaN, 4 } }]),
        s_errors,
        s_interval,
        Part(),
        new ForecastPartCollection("Channel", [Part(), Part()]),
        Metrics(),
        Fold(),
        Fold().Rows[0],
        new ForecastingCrossValidationResult([Fold(), Fold()]),
        new ChannelInfluence(["Sales", Nasty], [new[,] { { 0.25, 0.75 }, { 0.5, 0.5 } }, new[,] { { 1.0, 0 }, { double.NaN, 0.5 } }]),
        new ModeFunction(1, [3.5, 1.5, 2.5], 2, [1, 2, 3, 4, 5, 6], [0.25, 1, 0.25, 1, 0.25, 1]),
        new TuckerTrainingProgress(Progress(3), new([0.5], [2], 0, 2)),
        Iterations(2),
        Epochs(0.5, 0.25, 0.75),
        new TensorRecommendation(Nasty, 4.5f),
        new TensorRecommendationCollection("Item", [new("plum", 4.5f), new(Nasty, -1.5f), new("nut", float.NaN)]),
        Importance(3),
        new MeanTransformer(s_ml, SequenceReach.View),
    }.ToDictionary(result => result.GetType());

    /// <summary>The types by name.</summary>
    public static IEnumerable<string> Results => s_results.Keys.Select(type => type.Name);

    private static ForecastPart Part() => new(Nasty, s_errors, s_errors, s_interval, 9, 1);

    private static ForecastingMetrics Metrics() => new(Part(), [Part(), Part()], new("Channel", [Part()]), new("Group", []), 7);

    private static ForecastingFold Fold() => new(1, new MeanTransformer(s_ml, SequenceReach.View), Metrics(), s_ml.Data.LoadFromEnumerable(new[] { new { Value = 1f } }), [new(Nasty, 0..8, 8..10)]);

    private static FunctionalTuckerProgress Progress(int sweep) => new(FunctionalTuckerPhase.Inference, sweep, -12.5 / sweep, 0.5 / sweep, 4, [0.125, 0.25]);

    private static TuckerTrainingHistory Iterations(int count)
    {
        var history = new TuckerTrainingHistory();
        for (var i = 1; i <= count; i++)
        {
            history.Report(new(Progress(i), new([0.5], [2], 0, 2)));
        }
        return history;
    }

    private static TrainingHistory Epochs(params IReadOnlyList<double?> validation)
    {
        var history = new TrainingHistory();
        foreach (var (i, loss) in validation.Index())
        {
            history.Report(new() { Epoch = i + 1, MaximumNumberOfEpochs = 9, TrainingLoss = 1.5 / (i + 1), ValidationLoss = loss, LearningRate = 0.001, BestEpoch = 1, Elapsed = TimeSpan.FromSeconds(i + 0.5) });
        }
        return history;
    }

    private static ResultTable Importance(int rows) => new Table(s_ml, "Importance of User")
        .Add("User", [.. Enumerable.Range(0, rows).Select(row => $"{Nasty}{row}")])
        .Add("Importance", NumberDataViewType.Double, [.. Enumerable.Range(0, rows).Select(row => row / 8.0)])
        .Add("Cells", NumberDataViewType.Int64, [.. Enumerable.Range(0, rows).Select(row => 1234567L + row)])
        .AddVectors("Embedding", NumberDataViewType.Single, [.. Enumerable.Range(0, rows).Select(row => new[] { row + 0.5f, 1, 2, 3, 4, 5, 6, 7, 8 })])
        .Build("User", "Importance");

    [TestMethod]
    [DynamicData(nameof(Results))]
    public void AResultShowsItself(string name) => Displayed.Check(s_results.Single(result => result.Key.Name == name).Value);

    [TestMethod]
    public void EveryPublicTypeWithHtmlIsShownByNotebooks()
    {
        var assembly = typeof(TrainingHistory).Assembly;
        Type[] types = [.. assembly.GetExportedTypes().Where(type => type.GetMethod("ToHtml", Type.EmptyTypes) is not null)];
        Assert.IsGreaterThan(20, types.Length);
        foreach (var type in types)
        {
            // By name and without what is internal: as the kernel finds it.
            var attribute = type.GetCustomAttributes(inherit: true).Single(attribute => attribute.GetType().Name == "TypeFormatterSourceAttribute");
            Assert.IsInstanceOfType<Type>(attribute.GetType().GetProperty("FormatterSourceType")!.GetValue(attribute), type.ToString());
            Assert.AreNotEqual(typeof(object), type.GetMethod("ToString", Type.EmptyTypes)!.DeclaringType, $"{type} has no text.");
            Assert.IsTrue(type.IsAbstract || type.IsAssignableTo(typeof(ScoringTransformer)) || s_results.ContainsKey(type), $"{type} is not tried here.");
        }
        // And the other way round: what notebooks are told to show can be had without one.
        Assert.IsEmpty(assembly.GetTypes().Where(type => type.GetCustomAttribute<TypeFormatterSourceAttribute>() is not null && (!type.IsPublic || type.GetMethod("ToHtml", Type.EmptyTypes) is null)));
    }

    [TestMethod]
    public void FunctionsAreDrawnInTheOrderOfTheirCoordinatesWithBands()
    {
        var html = Displayed.Check(s_results[typeof(ModeFunction)]);
        Assert.HasCount(2, Elements(html, "polygon"));
        var points = Elements(html, "polyline")[0].Attribute("points")!.Value.Split(' ').Select(point => double.Parse(point.Split(',')[0], System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        CollectionAssert.AreEqual(points.Order().ToArray(), points);
        Assert.HasCount(3, points);
        Must.Contain(html.Value, "mode 1", "1.5", "3.5");
    }

    [TestMethod]
    public void AForecastWithBoundsIsDrawnWithABand()
    {
        var html = Displayed.Check(s_results[typeof(ForecastResult)]);
        Assert.HasCount(2, Elements(html, "svg"));
        Assert.HasCount(2, Elements(html, "polygon"));
    }

    [TestMethod]
    public void ALongTableIsCutAndItsLargestRowsAreDrawn()
    {
        var table = Importance(300);
        var html = Displayed.Check(table);
        Assert.HasCount(200, html.Descendants("tbody").Single().Elements("tr").ToArray());
        Must.Contain(html.Value, "the first 200 of 300", "the largest 20 of 300", "1234567", "0.5 1 2 3 4 5 6 7 …");
        Assert.HasCount(20, Elements(html, "rect"));
        Must.Contain(table.ToString(), "and 280 more");
        CollectionAssert.AreEqual(Enumerable.Range(0, 300).Select(row => row / 8.0).ToArray(), table.GetColumn<double>("Importance").ToArray());
        Assert.AreEqual(300, table.GetRowCount());
        Assert.AreEqual(300, table.Preview(1000).RowView.Length);
    }

    [TestMethod]
    public void BarsEndAtZeroOnBothSides()
    {
        var bars = Elements(Displayed.Check(s_results[typeof(TensorRecommendationCollection)]), "rect");
        Assert.HasCount(2, bars);
        double Of(int bar, string name) => double.Parse(bars[bar].Attribute(name)!.Value, System.Globalization.CultureInfo.InvariantCulture);
        Assert.AreEqual(Of(0, "x"), Of(1, "x") + Of(1, "width"), 0.2);
        Assert.AreEqual(Of(0, "width"), 3 * Of(1, "width"), 0.2);
    }

    [TestMethod]
    public void AHistoryKeepsReportsInOrder()
    {
        var history = new TrainingHistory();
        Displayed.Check(history);
        Must.Contain(history.ToString(), "no report");
        history = Epochs(null, null);
        Assert.HasCount(1, Elements(Displayed.Check(history), "polyline"));
        Assert.HasCount(2, history);
        Assert.AreEqual(2, history[1].Epoch);
        CollectionAssert.AreEqual(new[] { 1, 2 }, history.Select(report => report.Epoch).ToArray());
        Assert.Throws<ArgumentNullException>(() => history.Report(null!));
        Assert.HasCount(2, Elements(Displayed.Check(Epochs(1, null)), "polyline"));
        Must.Contain(Epochs([.. Enumerable.Repeat<double?>(1, 25)]).ToString(), "and 5 more", "last: Epoch 25/9");
        // A second training is a chart of its own.
        var twice = Epochs(2, 1);
        twice.Report(new() { Phase = 2, Epoch = 1, MaximumNumberOfEpochs = 9 });
        var html = Displayed.Check(twice);
        Assert.HasCount(2, Elements(html, "svg"));
        Must.Contain(html.Value, "Loss, phase 2");
        foreach (var report in history)
        {
            // Reports that come meanwhile do not disturb.
            history.Report(report);
        }
        Assert.HasCount(4, history);
    }

    [TestMethod]
    public void ChartsStandWithoutASingleNumber()
    {
        Displayed.Check(new ModeFunction(0, [], 1, [], []));
        Displayed.Check(new ModeFunction(0, [1], 1, [double.NaN], [1]));
        Displayed.Check(new TensorRecommendationCollection("Item", []));
        Displayed.Check(new ChannelInfluence([.. Enumerable.Range(0, 50).Select(i => $"c{i}")], [new double[50, 50]]));
        Displayed.Check(Importance(0));
    }

    private static XElement[] Elements(XElement html, string name) => [.. html.Descendants().Where(element => element.Name.LocalName == name)];
}
