using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class ForecastingGroupsTests
{
    private const int Window = 8;
    private const int Horizon = 3;

    private sealed class Point
    {
        public string Name { get; set; } = "";

        public uint Number { get; set; }

        public double Value { get; set; }

        public DateTime Time { get; set; }
    }

    private static Point At(int group, int t) => new()
    {
        Name = "g" + group,
        Number = (uint)group + 1,
        Value = 1000 * group + Math.Sin(t / 2.0 + group) * (1 + group),
        Time = new DateTime(2020, 1, 1).AddHours(t),
    };

    private static Point[] Interleaved(int groups, int rows) => [.. Enumerable.Range(0, rows).SelectMany(t => Enumerable.Range(0, groups).Select(g => At(g, t)))];

    private static Point[] Blocks(int groups, int rows) => [.. Enumerable.Range(0, groups).SelectMany(g => Enumerable.Range(0, rows).Select(t => At(g, t)))];

    private static OLinearEstimator.Options Options(string? group = nameof(Point.Name)) => new()
    {
        OutputColumnName = "Forecast",
        InputColumnName = nameof(Point.Value),
        GroupColumnName = group,
        TimeColumnName = nameof(Point.Time),
        WindowSize = Window,
        Horizon = Horizon,
        Width = 8,
        NumberOfLayers = 1,
        EmbeddingSize = 2,
        MaximumNumberOfEpochs = 2,
        DropoutRate = 0,
        Seed = 3,
        NumberOfThreads = 1,
    };

    private static float[][] Forecasts(MLContext ml, ITransformer model, IEnumerable<Point> points)
        => [.. model.Transform(ml.Data.LoadFromEnumerable(points)).GetColumn<float[]>("Forecast")];

    [TestMethod]
    public void OrderOfTheGroupsDoesNotMatter()
    {
        var ml = new MLContext(1);
        var interleaved = Interleaved(3, 60);
        var blocks = Blocks(3, 60);
        using var first = ml.Forecasting.ForecastByOLinear(Options()).Fit(ml.Data.LoadFromEnumerable(interleaved));
        using var second = ml.Forecasting.ForecastByOLinear(Options()).Fit(ml.Data.LoadFromEnumerable(blocks));
        var expected = interleaved.Zip(Forecasts(ml, first, interleaved)).ToDictionary(pair => (pair.First.Name, pair.First.Time), pair => pair.Second);
        foreach (var (point, forecast) in blocks.Zip(Forecasts(ml, second, blocks)))
        {
            CollectionAssert.AreEqual(expected[(point.Name, point.Time)], forecast);
        }
    }

    [TestMethod]
    public void NoWindowCrossesABorder()
    {
        var ml = new MLContext(1);
        using var model = ml.Forecasting.ForecastByOLinear(Options()).Fit(ml.Data.LoadFromEnumerable(Interleaved(2, 60)));
        var points = Blocks(2, 20);
        var forecasts = Forecasts(ml, model, points);
        for (var row = 0; row < points.Length; row++)
        {
            Assert.AreEqual(row % 20 < Window - 1, forecasts[row].All(float.IsNaN), $"row {row}");
        }
        // A series alone gives what it gives among others.
        CollectionAssert.AreEqual(forecasts[20..].SelectMany(x => x).ToArray(), Forecasts(ml, model, points[20..]).SelectMany(x => x).ToArray());
    }

    [TestMethod]
    public void KeysMatchByTheirValues()
    {
        var ml = new MLContext(1);
        var options = Options("Key");
        options.StandardizePerGroup = true;
        var pipeline = ml.Transforms.Conversion.MapValueToKey("Key", nameof(Point.Name)).Append(ml.Forecasting.ForecastByOLinear(options));
        var forecaster = pipeline.Fit(ml.Data.LoadFromEnumerable(Interleaved(3, 60))).LastTransformer;
        // Another order of the values gives the groups other numbers.
        var points = Blocks(3, 20).Reverse().OrderBy(point => point.Time).ToArray();
        var rekeyed = ml.Transforms.Conversion.MapValueToKey("Key", nameof(Point.Name)).Fit(ml.Data.LoadFromEnumerable(points)).Transform(ml.Data.LoadFromEnumerable(points));
        var byKey = forecaster.Transform(rekeyed).GetColumn<float[]>("Forecast").ToArray();
        var plain = ml.Transforms.CopyColumns("Key", nameof(Point.Name)).Fit(ml.Data.LoadFromEnumerable(points)).Transform(ml.Data.LoadFromEnumerable(points));
        var byText = forecaster.Transform(plain).GetColumn<float[]>("Forecast").ToArray();
        CollectionAssert.AreEqual(byText.SelectMany(x => x).ToArray(), byKey.SelectMany(x => x).ToArray());
    }

    [TestMethod]
    public void ScalePerGroupIsTheGroupsOwn()
    {
        var ml = new MLContext(1);
        var options = Options();
        options.StandardizePerGroup = true;
        using var model = ml.Forecasting.ForecastByOLinear(options).Fit(ml.Data.LoadFromEnumerable(Interleaved(3, 100)));
        for (var g = 0; g < 3; g++)
        {
            var scaler = model.Model.ScalerOf("g" + g);
            // 10 % of 100 rows are for validation.
            var values = Enumerable.Range(0, 90).Select(t => At(g, t).Value).ToArray();
            Assert.AreEqual(values.Average(), scaler.Means[0], 1e-9);
            Assert.AreEqual(Math.Sqrt(values.Average(v => v * v) - values.Average() * values.Average()), scaler.Deviations[0], 1e-6);
        }
        using var stream = new MemoryStream();
        ml.Model.Save(model, null, stream);
        stream.Position = 0;
        var loaded = new MLContext().Model.Load(stream, out _);
        var points = Interleaved(4, 20);
        var forecasts = Forecasts(ml, model, points);
        CollectionAssert.AreEqual(forecasts.SelectMany(x => x).ToArray(), Forecasts(ml, loaded, points).SelectMany(x => x).ToArray());
        // The fourth series was not there in training.
        Assert.IsTrue(forecasts[^1].All(float.IsFinite));
    }

    [TestMethod]
    public void ShortSeriesAreTrainedOnAsFarAsTheyGo()
    {
        var ml = new MLContext(1);
        var warnings = new List<string>();
        ml.Log += (_, e) =>
        {
            if (e.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
            {
                warnings.Add(e.Message);
            }
        };
        Point[] points = [.. Blocks(1, 60), .. Enumerable.Range(0, 5).Select(t => At(1, t)), .. Enumerable.Range(0, Window + Horizon).Select(t => At(2, t))];
        using var model = ml.Forecasting.ForecastByOLinear(Options()).Fit(ml.Data.LoadFromEnumerable(points));
        Assert.IsTrue(warnings.Any(warning => warning.Contains("1 of 3 series are shorter", StringComparison.Ordinal)));
        var bad = Assert.ThrowsExactly<InvalidOperationException>(() => ml.Forecasting.ForecastByOLinear(Options()).Fit(ml.Data.LoadFromEnumerable(Blocks(4, 10))));
        StringAssert.Contains(bad.Message, "longest");
    }

    [TestMethod]
    public void TimeMustNotGoBackwardsWithinASeries()
    {
        var ml = new MLContext(1);
        using (ml.Forecasting.ForecastByOLinear(Options()).Fit(ml.Data.LoadFromEnumerable(Blocks(2, 60))))
        {
        }
        var points = Blocks(2, 60);
        (points[70], points[71]) = (points[71], points[70]);
        var bad = Assert.ThrowsExactly<InvalidOperationException>(() => ml.Forecasting.ForecastByOLinear(Options()).Fit(ml.Data.LoadFromEnumerable(points)));
        StringAssert.Contains(bad.Message, "group 'g1'");
        StringAssert.Contains(bad.Message, "row 71");
    }

    [TestMethod]
    public void TargetChannelsAreForecastAndTheOthersInform()
    {
        var ml = new MLContext(1);
        var rows = Enumerable.Range(0, 80).Select(t => new Three { Series = [t % 7, t % 5, t % 3] }).ToArray();
        var view = ml.Data.LoadFromEnumerable(rows);
        var options = Options(null);
        (options.InputColumnName, options.TimeColumnName, options.TargetChannels) = (nameof(Three.Series), null, ["2", "Series0"]);
        using var model = ml.Forecasting.ForecastByOLinear(options).Fit(view);
        var scored = model.Transform(view);
        Assert.AreEqual("Vector<Single, 3, 2>", scored.Schema["Forecast"].Type.ToString());
        VBuffer<ReadOnlyMemory<char>> names = default;
        scored.Schema["Forecast"].GetSlotNames(ref names);
        CollectionAssert.AreEqual(new[] { "Series2@+1", "Series0@+1" }, names.DenseValues().Take(2).Select(name => name.ToString()).ToArray());
        var metrics = ml.Forecasting.Evaluate(scored, nameof(Three.Series), "Forecast", 1);
        Assert.IsTrue(double.IsFinite(metrics.MeanSquaredError));
        options.TargetChannels = ["no"];
        var bad = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Forecasting.ForecastByOLinear(options).Fit(view));
        StringAssert.Contains(bad.Message, "'no' is no channel of 'Series'");
        Assert.AreEqual("options.TargetChannels", bad.ParamName);
    }

    private sealed class Three
    {
        [VectorType(3)]
        public float[] Series { get; set; } = [];
    }

    [TestMethod]
    [DataRow(0.8)]
    [DataRow(0.95)]
    public void BoundsHoldWhatTheyPromise(double level)
    {
        var ml = new MLContext(1);
        var random = new Random(1);
        var rows = Enumerable.Range(0, 4000).Select(t => new Point { Value = 10 * Math.Sin(t / 4.0) + random.NextDouble() * 4, Time = new DateTime(2020, 1, 1).AddHours(t) }).ToArray();
        var options = Options(null);
        (options.ConfidenceLowerBoundColumnName, options.ConfidenceUpperBoundColumnName, options.ConfidenceLevel, options.CalibrationFraction) = ("Low", "High", level, 0.25);
        using var model = ml.Forecasting.ForecastByOLinear(options).Fit(ml.Data.LoadFromEnumerable(rows[..2000]));
        var scored = model.Transform(ml.Data.LoadFromEnumerable(rows[2000..]));
        var low = scored.GetColumn<float[]>("Low").ToArray();
        var high = scored.GetColumn<float[]>("High").ToArray();
        var middle = scored.GetColumn<float[]>("Forecast").ToArray();
        int inside = 0, all = 0;
        for (var t = Window - 1; t + Horizon < low.Length; t++)
        {
            for (var k = 0; k < Horizon; k++)
            {
                Assert.IsTrue(low[t][k] < middle[t][k] && middle[t][k] < high[t][k]);
                var value = rows[2000 + t + 1 + k].Value;
                inside += low[t][k] <= value && value <= high[t][k] ? 1 : 0;
                all++;
            }
        }
        Assert.AreEqual(level, (double)inside / all, 0.04);
        double announced = 0;
        scored.Schema["Low"].Annotations.GetValue("ConfidenceLevel", ref announced);
        Assert.AreEqual(level, announced);
    }

    [TestMethod]
    public void BoundsNeedEnoughWindows()
    {
        var ml = new MLContext(1);
        var options = Options(null);
        (options.ConfidenceLowerBoundColumnName, options.ConfidenceUpperBoundColumnName, options.ConfidenceLevel) = ("Low", "High", 0.99);
        var bad = Assert.ThrowsExactly<InvalidOperationException>(() => ml.Forecasting.ForecastByOLinear(options).Fit(ml.Data.LoadFromEnumerable(Blocks(1, 100))));
        StringAssert.Contains(bad.Message, "at least 99 calibration windows");
        options.ConfidenceUpperBoundColumnName = null;
        Assert.AreEqual("options.ConfidenceUpperBoundColumnName", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Forecasting.ForecastByOLinear(options)).ParamName);
    }

    [TestMethod]
    public void CalibrationRowsAreNotTrainedOn()
    {
        var ml = new MLContext(1);
        var options = Options(null);
        (options.ConfidenceLowerBoundColumnName, options.ConfidenceUpperBoundColumnName, options.ConfidenceLevel) = ("Low", "High", 0.5);
        var points = Blocks(1, 100);
        using var clean = ml.Forecasting.ForecastByOLinear(options).Fit(ml.Data.LoadFromEnumerable(points));
        foreach (var point in points[90..])
        {
            point.Value += 1e6;
        }
        using var poisoned = ml.Forecasting.ForecastByOLinear(options).Fit(ml.Data.LoadFromEnumerable(points));
        var rows = Blocks(1, 40);
        CollectionAssert.AreEqual(Forecasts(ml, clean, rows).SelectMany(x => x).ToArray(), Forecasts(ml, poisoned, rows).SelectMany(x => x).ToArray());
    }
}
