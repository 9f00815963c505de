using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests;

[TestClass]
public sealed class SmokeTests
{
    private sealed class Row { [VectorType(3)] public float[] Features { get; set; } = []; public string G { get; set; } = ""; }
    private sealed class Out { public float Score { get; set; } }

    [TestMethod]
    public void Linear()
    {
        var ml = new MLContext(1);
        var rows = Enumerable.Range(0, 1000).Select(i => new Row { Features = [i, i * i % 7, 1], G = "g" + i % 3 }).ToArray();
        var data = ml.Data.LoadFromEnumerable(rows);
        var pipe = ml.Transforms.Conversion.MapValueToKey("Group", "G").Append(new LinearMapEstimator(ml, groupColumnName: "Group"));
        var model = pipe.Fit(data);
        var scored = model.Transform(data);
        var a = scored.GetColumn<float>("Score").ToArray();
        using var stream = new MemoryStream();
        ml.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        var loaded = new MLContext().Model.Load(stream, out _);
        CollectionAssert.AreEqual(a, loaded.Transform(data).GetColumn<float>("Score").ToArray());
        var engine = ml.Model.CreatePredictionEngine<Row, Out>(loaded);
        for (var i = 0; i < 100; i++)
        {
            Assert.AreEqual(a[i], engine.Predict(rows[i]).Score, 1e-3);
        }
        Console.WriteLine(string.Join(" ", a.Take(5)));
    }

    private sealed class Point { [VectorType(2)] public float[] Values { get; set; } = []; }

    [TestMethod]
    public void OLinear()
    {
        var ml = new MLContext(1);
        var rows = Enumerable.Range(0, 2000).Select(i => new Point { Values = [MathF.Sin(i / 5f), 10 + 3 * MathF.Cos(i / 5f)] }).ToArray();
        var data = ml.Data.LoadFromEnumerable(rows);
        var split = ml.Forecasting.TrainTestSplit(data, 0.2, 36);
        ml.Log += (_, e) => { if (e.Source?.Contains("OLinear") == true) { Console.WriteLine(e.Message); } };
        var model = ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options { OutputColumnName = "F", InputColumnName = "Values", WindowSize = 36, Horizon = 12, Width = 32, NumberOfLayers = 1, MaximumNumberOfEpochs = 3, LearningRate = 1e-3 }).Fit(split.TrainSet);
        var metrics = ml.Forecasting.Evaluate(model.Transform(split.TestSet), "Values", "F", 31, split.TrainSet);
        Console.WriteLine(metrics);
        using var stream = new MemoryStream();
        ml.Model.Save(model, data.Schema, stream);
        File.WriteAllBytes("/tmp/m.zip", stream.ToArray());
        stream.Position = 0;
        var loaded = new MLContext().Model.Load(stream, out _);
        var x = loaded.Transform(split.TestSet).GetColumn<float[]>("F").ToArray();
        var y = model.Transform(split.TestSet).GetColumn<float[]>("F").ToArray();
        for (var i = 0; i < x.Length; i++)
        {
            CollectionAssert.AreEqual(x[i], y[i]);
        }
    }
}
