using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.Onnx;

/// <summary>The way back: what ApplyOnnxModel and ReadOnnxOutputs make of a file is what the model makes.</summary>
[TestClass]
public sealed class OnnxOutputsTests
{
    private static float[] Features(int row) => [row % 7, row * row % 11 - 5, row / 50f, row % 3 == 0 ? 0 : 2];

    private static string Label(int row) => (row * 5 % 3) switch { 0 => "x", 1 => "y", _ => "z" };

    private static TestView Table(int rows) => new TestView(rows)
        .Add("Label", TextDataViewType.Instance, row => Label(row).AsMemory())
        .AddVector("Features", NumberDataViewType.Single, 4, Features);

    private static ITransformer Train(MLContext ml, IDataView data) => ml.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
        .Append(ml.MulticlassClassification.Trainers.EquiangularBasisVectors(new EquiangularBasisVectorsTrainer.Options
        {
            HiddenWidths = [8],
            Dimension = 4,
            NumberOfTopClasses = 2,
            EmbeddingColumnName = "Embedding",
            MaximumNumberOfEpochs = 3,
            Seed = 1,
            NumberOfThreads = 1,
        })).Fit(data);

    [TestMethod]
    public void ColumnsAreThoseOfTheModel()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Path("model.onnx");
        var ml = new MLContext(1);
        var data = Table(60);
        var trained = Train(ml, data);
        var report = trained.ExportToOnnx(file, data.Schema, null);
        CollectionAssert.AreEqual(new[] { "EquiangularBasisVectors" }, report.StepsWritten.ToArray());
        CollectionAssert.AreEqual(new[] { "ValueToKeyMapping" }, report.StepsLeftOut.ToArray());
        Must.Contain(report.ToString(), ["Features: Single [rows, 4]", "Score: Single [rows, 3]", "PredictedLabel: UInt32 [rows, 1]"]);

        var expected = trained.Transform(data);
        var back = ml.Transforms.ApplyOnnxModel(file).Append(ml.Transforms.ReadOnnxOutputs(file));
        var consumer = back.Fit(data);
        string[] names = ["PredictedLabel", "Score", "TopLabels", "TopScores", "Embedding"];
        foreach (var model in new ITransformer[] { consumer, Models.Load(Models.Save(ml, consumer, data.Schema), ml) })
        {
            var actual = model.Transform(data);
            foreach (var name in names)
            {
                var (was, column) = (expected.Schema[name], actual.Schema[name]);
                Assert.AreEqual(was.Type, column.Type, name);
                CollectionAssert.IsSubsetOf(was.Annotations.Schema.Select(annotation => annotation.Name).ToArray(), column.Annotations.Schema.Select(annotation => annotation.Name).ToArray(), name);
                CollectionAssert.AreEqual(SlotNames.Of(was), SlotNames.Of(column), name);
                Cells.Read(expected, name).AssertClose(Cells.Read(actual, name), name);
            }
            CollectionAssert.AreEqual(KeyVocabulary.Of(expected.Schema["PredictedLabel"]).Values!.ToArray(), KeyVocabulary.Of(actual.Schema["PredictedLabel"]).Values!.ToArray());
        }
        // What is promised is what comes.
        var promised = back.GetOutputSchema(SchemaShapes.Of(data.Schema));
        foreach (var name in names)
        {
            Assert.IsTrue(promised.TryFindColumn(name, out var column));
            Assert.AreEqual(column.IsKey, expected.Schema[name].Type.GetItemType() is KeyDataViewType, name);
        }
        var evaluated = ml.MulticlassClassification.Evaluate(ml.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue).Append(back).Fit(data).Transform(data));
        var own = ml.MulticlassClassification.Evaluate(expected);
        Assert.AreEqual(own.MacroAccuracy, evaluated.MacroAccuracy);
        Assert.AreEqual(own.LogLoss, evaluated.LogLoss, 1e-6);

        using var engine = ml.Model.CreatePredictionEngine<Row, Scores>(consumer);
        Cells.Of(engine.Predict(new() { Features = Features(3) }).Score).AssertClose(Cells.Read(expected, "Score").Rows([3]), "Score");
        (trained as IDisposable)?.Dispose();
    }

    [TestMethod]
    public void ForecastsKeepTheirSlots()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Path("model.onnx");
        var ml = new MLContext(1);
        static float[] Values(int row) => [MathF.Sin(row / 3f), 10 + MathF.Cos(row / 5f)];
        var data = new TestView(100).AddVector("Values", NumberDataViewType.Single, 2, Values, annotations: TestView.SlotNames("sine", "cosine"));
        using var model = ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options { OutputColumnName = "Forecast", InputColumnName = "Values", WindowSize = 8, Horizon = 3, Width = 8, NumberOfLayers = 1, MaximumNumberOfEpochs = 1, Seed = 1, NumberOfThreads = 1 }).Fit(data);
        model.ExportToOnnx(file);
        var expected = model.Transform(data);
        // One row for each window; the runtime takes it flat.
        var windows = new TestView(93).AddVector("Values", NumberDataViewType.Single, 16, row => Enumerable.Range(row, 8).SelectMany(Values).ToArray());
        var actual = ml.Transforms.ApplyOnnxModel(file).Append(ml.Transforms.ReadOnnxOutputs(file)).Fit(windows).Transform(windows);
        Assert.AreEqual(expected.Schema["Forecast"].Type, actual.Schema["Forecast"].Type);
        CollectionAssert.AreEqual(SlotNames.Of(expected.Schema["Forecast"]), SlotNames.Of(actual.Schema["Forecast"]));
        Cells.Read(expected, "Forecast").Rows([.. Enumerable.Range(7, 93)]).AssertClose(Cells.Read(actual, "Forecast"), "Forecast");
    }

    [TestMethod]
    public void WhatIsNotThereIsSaid()
    {
        using var folder = new TemporaryFolder();
        var ml = new MLContext(1);
        File.WriteAllText(folder.Path("text.onnx"), "no model");
        Must.Contain(Must.Fail<FormatException>(() => ml.Transforms.ReadOnnxOutputs(folder.Path("text.onnx"))).Message, "text.onnx");
        Assert.ThrowsExactly<FileNotFoundException>(() => ml.Transforms.ReadOnnxOutputs(folder.Path("none.onnx")));
        var data = Table(40);
        var model = Train(ml, data);
        model.ExportToOnnx(folder.Path("model.onnx"));
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => ml.Transforms.ReadOnnxOutputs(folder.Path("model.onnx")).Fit(data)).Message, "PredictedLabel", "ApplyOnnxModel");
        (model as IDisposable)?.Dispose();
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void EvaluatorsSayTheSameWithoutTorch()
    {
        using var folder = new TemporaryFolder();
        const int Rows = 300;
        var ml = new MLContext(1);
        var data = Table(Rows);
        var model = Train(ml, data);
        model.ExportToOnnx(folder.Path("model.onnx"));
        File.WriteAllLines(folder.Path("rows.csv"), Enumerable.Range(0, Rows).Select(row => string.Join(',', [Label(row), .. Features(row).Select(value => value.ToString("R", CultureInfo.InvariantCulture))])));
        var own = ml.MulticlassClassification.Evaluate(model.Transform(data));
        (model as IDisposable)?.Dispose();
        var program = AppContext.BaseDirectory.Replace($"{Path.DirectorySeparatorChar}MLNetExtensions.Tests{Path.DirectorySeparatorChar}", $"{Path.DirectorySeparatorChar}OnnxScorer{Path.DirectorySeparatorChar}", StringComparison.Ordinal);
        var lines = ChildProcess.Dotnet(folder.Path("."), TimeSpan.FromMinutes(2), Path.Combine(program, "OnnxScorer.dll"), folder.Path("model.onnx"), folder.Path("rows.csv"), "4", folder.Path("saved.zip")).Succeeded().Lines;
        Assert.AreEqual("no torch", lines[^1]);
        foreach (var line in lines[^3..^1])
        {
            double[] metrics = [.. line.Split(' ').Select(text => double.Parse(text, CultureInfo.InvariantCulture))];
            Assert.AreEqual(own.MicroAccuracy, metrics[0], 1e-6);
            Assert.AreEqual(own.MacroAccuracy, metrics[1], 1e-6);
            Assert.AreEqual(own.LogLoss, metrics[2], 1e-6);
        }
    }

    private sealed class Row
    {
        [VectorType(4)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Scores
    {
        public float[] Score { get; set; } = [];
    }
}
