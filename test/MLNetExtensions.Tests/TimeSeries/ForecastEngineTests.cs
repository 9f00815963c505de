using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class ForecastEngineTests
{
    private const int Window = 12;
    private const int Horizon = 4;

    private sealed class Point
    {
        public string Store { get; set; } = "";

        public float Sales { get; set; }

        public float Visitors { get; set; }
    }

    private sealed class Forecast
    {
        public string Store { get; set; } = "";

        public float[] Next { get; set; } = [];

        public float[] Low { get; set; } = [];

        public float[] High { get; set; } = [];
    }

    private sealed class NextOnly
    {
        [ColumnName("Next")]
        public float[] Values { get; set; } = [];
    }

    private static Point[] Points(int count, int stores = 1, int first = 0)
        => [.. Enumerable.Range(first, count).SelectMany(t => Enumerable.Range(0, stores).Select(s => new Point
        {
            Store = "s" + s,
            Sales = 100 * (s + 1) + 10 * MathF.Sin(t / 3f + s) + t * 7 % 5,
            Visitors = 20 + 5 * MathF.Cos(t / 3f + s),
        }))];

    private static OLinearEstimator.Options Options(bool grouped, bool bounds = true) => new()
    {
        OutputColumnName = "Next",
        InputColumnName = "Values",
        GroupColumnName = grouped ? "Store" : null,
        ConfidenceLowerBoundColumnName = bounds ? "Low" : null,
        ConfidenceUpperBoundColumnName = bounds ? "High" : null,
        ConfidenceLevel = 0.8,
        WindowSize = Window,
        Horizon = Horizon,
        Width = 8,
        NumberOfLayers = 1,
        EmbeddingSize = 2,
        MaximumNumberOfEpochs = 2,
        Seed = 5,
        NumberOfThreads = 1,
    };

    private static (MLContext Context, ITransformer Model) Train(OLinearEstimator.Options options, Point[] points)
    {
        var ml = new MLContext(1);
        var pipeline = ml.Transforms.Concatenate("Values", nameof(Point.Sales), nameof(Point.Visitors)).Append(ml.Forecasting.ForecastByOLinear(options)).Append(ml.Transforms.CopyColumns("Copy", "Next"));
        return (ml, pipeline.Fit(ml.Data.LoadFromEnumerable(points)));
    }

    private static Forecast[] Score(MLContext ml, ITransformer model, Point[] points)
        => [.. ml.Data.CreateEnumerable<Forecast>(model.Transform(ml.Data.LoadFromEnumerable(points)), reuseRowObject: false)];

    private static void AreEqual(Forecast expected, Forecast actual)
    {
        Assert.AreEqual(expected.Store, actual.Store);
        foreach (var (a, b) in new[] { (expected.Next, actual.Next), (expected.Low, actual.Low), (expected.High, actual.High) })
        {
            Assert.HasCount(a.Length, b);
            for (var i = 0; i < a.Length; i++)
            {
                Assert.AreEqual(a[i], b[i], 1e-5f * (1 + Math.Abs(a[i])));
            }
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void EngineEqualsTransformRowByRow(bool grouped)
    {
        var stores = grouped ? 3 : 1;
        var (ml, model) = Train(Options(grouped), Points(200, stores));
        using var loaded = (IDisposable)model;
        var rows = Points(40, stores, first: 200);
        var expected = Score(ml, model, rows);
        using var engine = model.CreateForecastEngine<Point, Forecast>(ml);
        for (var i = 0; i < rows.Length; i++)
        {
            engine.Update(rows[i]);
            // Until then the engine still remembers the training rows, which the view does not hold.
            if (i >= (Window - 1) * stores)
            {
                AreEqual(expected[i], engine.Predict());
            }
        }
    }

    [TestMethod]
    public void EngineBeginsWithTheEndOfTheTrainingData()
    {
        var points = Points(200);
        var (ml, model) = Train(Options(grouped: false), points);
        using var stream = new MemoryStream();
        ml.Model.Save(model, null, stream);
        using var engine = new MLContext().Model.Load(Rewind(stream), out _).CreateForecastEngine<Point, Forecast>(new MLContext());
        var expected = Score(ml, model, points)[^1];
        expected.Store = engine.Predict().Store;
        AreEqual(expected, engine.Predict());
    }

    [TestMethod]
    public void HorizonIsShortenedAndRolled()
    {
        var (ml, model) = Train(Options(grouped: false), Points(200));
        using var engine = model.CreateForecastEngine<Point, Forecast>(ml);
        var whole = engine.Predict();
        CollectionAssert.AreEqual(whole.Next[..4], engine.Predict(2).Next);
        var longer = engine.Predict(10);
        Assert.HasCount(20, longer.Next);
        CollectionAssert.AreEqual(whole.Next, longer.Next[..8]);
        CollectionAssert.AreEqual(whole.Low, longer.Low[..8]);
        Assert.IsTrue(longer.Low[8..].All(float.IsNaN));
        Assert.IsTrue(longer.Next.All(float.IsFinite));
        // By hand: the first forecast as rows, then the next one.
        using var other = model.CreateForecastEngine<Point, Forecast>(ml);
        for (var step = 0; step < Horizon; step++)
        {
            other.Update(new() { Sales = whole.Next[2 * step], Visitors = whole.Next[2 * step + 1] });
        }
        CollectionAssert.AreEqual(other.Predict().Next, longer.Next[8..16]);
        CollectionAssert.AreEqual(whole.Next, engine.Predict().Next, "Rolling changed the engine.");
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void ResultIsTheForecastForPeople(bool bounds)
    {
        var (ml, model) = Train(Options(grouped: true, bounds), Points(200, 2));
        using var engine = model.CreateForecastEngine<Point, NextOnly>(ml);
        var expected = engine.Predict(6, "s1").Values;
        var result = engine.PredictResult(6, "s1");
        Assert.AreEqual("s1", result.Group);
        Assert.AreEqual(6, result.Horizon);
        CollectionAssert.AreEqual(new[] { "Sales", "Visitors" }, result.ChannelNames.ToArray());
        CollectionAssert.AreEqual(expected, result.Forecast.Cast<float>().ToArray());
        Assert.AreEqual(bounds, result.Lower is not null);
        if (bounds)
        {
            Assert.IsLessThan(result.Upper![0, 1], result.Lower![0, 1]);
            Assert.IsTrue(float.IsNaN(result.Lower[5, 0]));
        }
        Assert.HasCount(7, result.ToString().Split(Environment.NewLine));
        Must.Contain(result.ToString(), "Visitors", "+6");
        var html = System.Xml.Linq.XElement.Parse(result.ToHtml());
        Assert.HasCount(2, html.Elements().Where(element => element.Name.LocalName == "svg").ToArray());
        Assert.HasCount(6, html.Descendants("tbody").Single().Elements("tr").ToArray());
        Assert.AreEqual(Horizon, engine.PredictResult(group: "s0").Horizon);
    }

    [TestMethod]
    public void CallsAllocateTheSameHoweverManyThereWere()
    {
        var (ml, model) = Train(Options(grouped: false), Points(200));
        using var engine = model.CreateForecastEngine<Point, Forecast>(ml);
        var row = Points(1)[0];
        long Allocated(int calls)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < calls; i++)
            {
                engine.Update(row);
                engine.Predict();
            }
            return (GC.GetAllocatedBytesForCurrentThread() - before) / calls;
        }
        Allocated(200);
        var early = Allocated(100);
        Allocated(2000);
        Assert.IsLessThanOrEqualTo(early * 1.05, Allocated(100));
    }

    [TestMethod]
    public void RollingNeedsAllChannels()
    {
        var options = Options(grouped: false);
        options.TargetChannels = ["Visitors"];
        var (ml, model) = Train(options, Points(200));
        using var engine = model.CreateForecastEngine<Point, Forecast>(ml);
        Assert.HasCount(Horizon, engine.Predict().Next);
        Assert.HasCount(3, engine.Predict(3).Next);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => engine.Predict(5)).Message, "1 of its 2 channels");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => engine.Predict(0)).Message, "Must be positive");
    }

    [TestMethod]
    public void CheckPointGoesOnWhereTheEngineWas()
    {
        var (ml, model) = Train(Options(grouped: true), Points(200, 2));
        using var engine = model.CreateForecastEngine<Point, Forecast>(ml);
        using var untouched = model.CreateForecastEngine<Point, Forecast>(ml);
        var before = untouched.Predict(Horizon, "s1").Next;
        foreach (var row in Points(7, 3, first: 200))
        {
            engine.Update(row);
        }
        CollectionAssert.AreEqual(before, untouched.Predict(Horizon, "s1").Next, "Engines are not independent.");
        using var stream = new MemoryStream();
        engine.CheckPoint(stream);
        using var resumed = new MLContext().Model.Load(Rewind(stream), out _).CreateForecastEngine<Point, Forecast>(ml);
        var next = Points(8, 3, first: 207);
        foreach (var row in next)
        {
            engine.Update(row);
            resumed.Update(row);
            CollectionAssert.AreEqual(engine.Predict().Next, resumed.Predict().Next);
        }
        // A series that training never saw: its window is full after 12 rows of its own.
        Assert.IsTrue(engine.Predict(Horizon, "s2").Next.All(float.IsFinite));
        Assert.IsTrue(engine.Predict(Horizon, "unknown").Next.All(float.IsNaN));
        var folder = Directory.CreateTempSubdirectory("MLNetExtensionsTests");
        try
        {
            engine.CheckPoint(Path.Combine(folder.FullName, "model.zip"));
            CollectionAssert.AreEqual(new[] { "model.zip" }, folder.GetFiles().Select(file => file.Name).ToArray());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        Assert.IsTrue(engine.Predict().Next.All(float.IsFinite), "Saving disposed the model.");
    }

    [TestMethod]
    public void ManySeriesNeedOneNamed()
    {
        var (ml, model) = Train(Options(grouped: true), Points(200, 2));
        using var engine = model.CreateForecastEngine<Point, Forecast>(ml);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => engine.Predict()).Message, "many series");
        Assert.IsTrue(engine.Predict(Horizon, "s0").Next.All(float.IsFinite));
    }

    [TestMethod]
    public void SeveralForecastersNeedOneNamed()
    {
        var ml = new MLContext(1);
        var second = Options(grouped: false, bounds: false);
        second.OutputColumnName = "Other";
        var model = ml.Transforms.Concatenate("Values", nameof(Point.Sales), nameof(Point.Visitors))
            .Append(ml.Transforms.CopyColumns("Unused", "Values").Append(ml.Forecasting.ForecastByOLinear(Options(grouped: false, bounds: false))))
            .Append(ml.Forecasting.ForecastByOLinear(second)).Fit(ml.Data.LoadFromEnumerable(Points(200)));
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => model.CreateForecastEngine<Point, Forecast>(ml)).Message, "'Next', 'Other'");
        var plain = ml.Transforms.CopyColumns("A", nameof(Point.Sales)).Fit(ml.Data.LoadFromEnumerable(Points(5)));
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => plain.CreateForecastEngine<Point, Forecast>(ml)).Message, "no ForecastingTransformer");
        // The other forecaster of the chain cannot be run row by row.
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => model.CreateForecastEngine<Point, Forecast>(ml, "Next").Predict()).Message, "row by row");
    }

    private sealed class Values
    {
        public float[] Series { get; set; } = [];
    }

    [TestMethod]
    public void VectorsOfASizeKnownAtRunTimeHaveADefinition()
    {
        var ml = new MLContext(1);
        var schema = SchemaDefinition.Create(typeof(Values));
        schema[nameof(Values.Series)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, 2);
        var data = ml.Data.LoadFromEnumerable(Points(200).Select(point => new Values { Series = [point.Sales, point.Visitors] }), schema);
        using var model = ml.Forecasting.ForecastByOLinear("Next", nameof(Values.Series), Window, Horizon, maximumNumberOfEpochs: 1).Fit(data);
        using var engine = model.CreateForecastEngine<Values, Next>(ml, inputSchemaDefinition: schema);
        var before = engine.Predict().Forecast;
        engine.Update(new() { Series = [100, 20] });
        Assert.IsTrue(engine.Predict().Forecast.All(float.IsFinite));
        CollectionAssert.AreNotEqual(before, engine.Predict().Forecast);
        // Without it the size is unknown.
        Must.Contain(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => model.CreateForecastEngine<Values, Next>(ml)).Message, "Series", "Vector<Single>");
    }

    private sealed class Next
    {
        [ColumnName("Next")]
        public float[] Forecast { get; set; } = [];
    }

    [TestMethod]
    public void ChannelInfluenceSumsToOne()
    {
        var (ml, model) = Train(Options(grouped: false), Points(200));
        var influence = model.GetChannelInfluence(ml);
        CollectionAssert.AreEqual(new[] { "Sales", "Visitors" }, influence.ChannelNames.ToArray());
        Assert.HasCount(1, influence.Layers);
        var weights = influence.Layers[0];
        for (var i = 0; i < 2; i++)
        {
            Assert.AreEqual(1, weights[i, 0] + weights[i, 1], 1e-6);
            Assert.IsTrue(weights[i, 0] > 0 && weights[i, 1] > 0);
        }
    }

    private static MemoryStream Rewind(MemoryStream stream)
    {
        stream.Position = 0;
        return stream;
    }
}
