using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests.Onnx;

[TestClass]
public sealed class OnnxExportTests
{
    private static TestView Data(int rows) => new TestView(rows)
        .Add("Label", new KeyDataViewType(typeof(uint), 2), row => (uint)(row % 2 + 1))
        .AddVector("Features", NumberDataViewType.Single, 3, row => new float[] { row % 5, row % 2, 1 });

    private static EquiangularBasisVectorsTransformer Train(MLContext ml) => ml.MulticlassClassification.Trainers.EquiangularBasisVectors(new EquiangularBasisVectorsTrainer.Options
    {
        HiddenWidths = [4],
        Dimension = 3,
        MaximumNumberOfEpochs = 1,
        Seed = 1,
        NumberOfThreads = 1,
    }).Fit(Data(40));

    [TestMethod]
    public void NothingOfOursIsRefused()
    {
        using var folder = new TemporaryFolder();
        var ml = new MLContext(1);
        var model = ml.Transforms.NormalizeMinMax("Features").Fit(Data(9));
        var error = Must.Fail<InvalidOperationException>(() => model.ExportToOnnx(folder.Path("model.onnx")));
        Assert.AreEqual("The model holds no transformer of MLNetExtensions. Use WholePipeline = true to export ML.NET steps alone.", error.Message);
        Assert.HasCount(0, folder.Files);
    }

    [TestMethod]
    public void ABadExportLeavesTheOldFile()
    {
        using var folder = new TemporaryFolder();
        var ml = new MLContext(1);
        using var model = Train(ml);
        var path = folder.Path("model.onnx");
        File.WriteAllText(path, "old");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => model.ExportToOnnx(path, null, new() { OutputColumns = ["Nothing"] })).Message, "Nothing");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => model.ExportToOnnx(path, new TestView(1).AddVector("Features", NumberDataViewType.Single, 2, _ => new float[2]).Schema, null)).Message, "Features");
        Must.Fail<ArgumentOutOfRangeException>(() => model.ExportToOnnx(path, null, new() { WeightFormat = (OnnxWeightFormat)9 }));
        Must.Fail<ArgumentNullException>(() => model.ExportToOnnx(path, null, new() { WholePipeline = true }));
        Assert.ThrowsExactly<DirectoryNotFoundException>(() => model.ExportToOnnx(folder.Path("none/model.onnx")));
        CollectionAssert.AreEqual(new[] { "model.onnx" }, folder.Files.ToArray());
        Assert.AreEqual("old", File.ReadAllText(path));
        model.ExportToOnnx(path);
        CollectionAssert.AreEqual(new[] { "model.onnx" }, folder.Files.ToArray());
        model.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => model.ExportToOnnx(path));
    }

    [TestMethod]
    public void OnlyTheColumnsAskedForAreWritten()
    {
        var ml = new MLContext(1);
        using var model = Train(ml);
        using var all = OnnxFile.Export(model);
        using var one = OnnxFile.Export(model, null, new() { OutputColumns = ["PredictedLabel"] });
        one.CheckStructure();
        Assert.AreEqual("PredictedLabel", one.Report.Outputs.Single().Name);
        Assert.IsLessThan(all.Parsed.Graph.Node.Count, one.Parsed.Graph.Node.Count);
        Assert.IsFalse(one.Parsed.Graph.Node.Any(node => node.OpType == "Softmax"));
    }
}
