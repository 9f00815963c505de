using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.Onnx;

/// <summary>Whole pipelines: ML.NET's own steps in front of ours, and alone.</summary>
[TestClass]
public sealed class OnnxWholePipelineTests
{
    private static readonly string[] s_colours = ["red", "green", "blue"];

    private static TestView Data(int rows) => new TestView(rows)
        .Add("Label", NumberDataViewType.Single, row => row % 3 + row * 0.1f)
        .Add("Flag", BooleanDataViewType.Instance, row => row % 2 == 0)
        .Add("Class", TextDataViewType.Instance, row => s_colours[row * 7 % 3].AsMemory())
        .Add("Colour", TextDataViewType.Instance, row => s_colours[row % 3].AsMemory())
        .Add("Size", NumberDataViewType.Single, row => row % 11 - 3f)
        .AddVector("Numbers", NumberDataViewType.Single, 3, row => new[] { row % 5, row * 0.5f, 3 - row % 4 });

    private static TestView WithGaps(int rows) => new TestView(rows).AddVector("Numbers", NumberDataViewType.Single, 3, row => new[] { row % 4 == 1 ? float.NaN : row, 1, 2 });

    private static void Check(Func<MLContext, IEstimator<ITransformer>> create, Func<int, TestView>? data = null, double tolerance = 1e-5)
    {
        var ml = new MLContext(1);
        var view = (data ?? Data)(80);
        var model = create(ml).Fit(view);
        var options = new OnnxExportOptions { WholePipeline = true };
        using var file = OnnxFile.Export(model, view.Schema, options);
        file.CheckStructure();
        OnnxExportCheck.Compare(file, name => Cells.Read(view, name), OnnxExportCheck.Read(model.Transform(view), file.Report.Outputs.Select(output => output.Name.Replace(".output", ""))), [1, 64], tolerance);
        Assert.HasCount(0, file.Report.StepsLeftOut);
        (model as IDisposable)?.Dispose();
    }

    [TestMethod]
    public void StepsOfMLNetWriteThemselves()
    {
        Check(ml => ml.Transforms.Concatenate("Out", "Numbers", "Size"));
        Check(ml => ml.Transforms.CopyColumns("Out", "Numbers"));
        Check(ml => ml.Transforms.NormalizeMinMax("Out", "Numbers"));
        Check(ml => ml.Transforms.NormalizeMeanVariance("Out", "Numbers"));
        Check(ml => ml.Transforms.NormalizeRobustScaling("Out", "Numbers"));
        Check(ml => ml.Transforms.NormalizeLpNorm("Out", "Numbers"));
        Check(ml => ml.Transforms.NormalizeGlobalContrast("Out", "Numbers"));
        Check(ml => ml.Transforms.ReplaceMissingValues("Out", "Numbers", MissingValueReplacingEstimator.ReplacementMode.Mean), WithGaps);
        Check(ml => ml.Transforms.IndicateMissingValues("Out", "Numbers"), WithGaps);
        Check(ml => ml.Transforms.Conversion.ConvertType("Out", "Size", DataKind.Double));
        Check(ml => ml.Transforms.Categorical.OneHotEncoding("Out", "Colour"));
        Check(ml => ml.Transforms.Conversion.MapValueToKey("Out", "Colour"));
        Check(ml => ml.Transforms.Conversion.MapValueToKey("Key", "Colour").Append(ml.Transforms.Conversion.MapKeyToVector("Out", "Key")));
        Check(ml => ml.Transforms.Concatenate("Out", "Numbers", "Size").Append(ml.Transforms.SelectColumns("Out")).Append(ml.Transforms.NormalizeMinMax("Out")));
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void TrainersOfMLNetWriteThemselves()
    {
        Check(ml => ml.Transforms.ProjectToPrincipalComponents("Out", "Numbers", rank: 2));
        Check(ml => ml.Regression.Trainers.Sdca("Label", "Numbers", maximumNumberOfIterations: 5), tolerance: 5e-5);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void ClusteringOfMLNetWritesItself() => Check(ml => ml.Clustering.Trainers.KMeans("Numbers", numberOfClusters: 3), tolerance: 5e-3);

    [TestMethod]
    [TestCategory("Slow")]
    public void ClassificationOfMLNetWritesItself()
    {
        Check(ml => ml.Transforms.Conversion.MapValueToKey("Label", "Class").Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy("Label", "Numbers", maximumNumberOfIterations: 5)));
    }

    [TestMethod]
    public void StepsInFrontOfOursAndBehind()
    {
        using var folder = new TemporaryFolder();
        var ml = new MLContext(1);
        var view = Data(80);
        var model = ml.Transforms.Conversion.MapValueToKey("Label", "Class")
            .Append(ml.Transforms.Categorical.OneHotEncoding("Colour"))
            .Append(ml.Transforms.NormalizeMeanVariance("Numbers"))
            .Append(ml.Transforms.Concatenate("Features", "Numbers", "Size", "Colour"))
            .Append(ml.MulticlassClassification.Trainers.EquiangularBasisVectors(new EquiangularBasisVectorsTrainer.Options { HiddenWidths = [8], Dimension = 4, MaximumNumberOfEpochs = 2, Seed = 1, NumberOfThreads = 1 }))
            .Fit(view);
        using var whole = OnnxExportCheck.Stable(ml, model, view.Schema, new() { WholePipeline = true });
        CollectionAssert.AreEquivalent(new[] { "Colour", "Numbers", "Size" }, whole.Report.Inputs.Select(input => input.Name).ToArray());
        OnnxExportCheck.Compare(whole, name => Cells.Read(view, name), OnnxExportCheck.Read(model.Transform(view), ["PredictedLabel", "Score"]), [1, 7, 64]);
        // Through ML.NET again.
        File.WriteAllBytes(folder.Path("model.onnx"), whole.Bytes);
        var back = ml.Transforms.ApplyOnnxModel(folder.Path("model.onnx")).Append(ml.Transforms.ReadOnnxOutputs(folder.Path("model.onnx"))).Fit(view).Transform(view);
        Cells.Read(model.Transform(view), "Score").AssertClose(Cells.Read(back, "Score"), "Score");
        (model as IDisposable)?.Dispose();
    }

    [TestMethod]
    public void StepsInFrontOfAForecasterSeeEachRow()
    {
        var ml = new MLContext(1);
        static float[] Values(int row) => [MathF.Sin(row / 3f), 10 + MathF.Cos(row / 5f)];
        var view = new TestView(100).AddVector("Values", NumberDataViewType.Single, 2, Values);
        var model = ml.Transforms.NormalizeMinMax("Scaled", "Values")
            .Append(ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options { OutputColumnName = "Forecast", InputColumnName = "Scaled", WindowSize = 8, Horizon = 3, Width = 8, NumberOfLayers = 1, MaximumNumberOfEpochs = 1, Seed = 1, NumberOfThreads = 1 })).Fit(view);
        using var file = OnnxFile.Export(model, view.Schema, new() { WholePipeline = true });
        file.CheckStructure();
        CollectionAssert.AreEqual(new long[] { -1, 8, 2 }, file.Report.Inputs.Single().Dimensions.ToArray());
        var windows = Cells.Read(view, "Values").Windows([.. Enumerable.Range(0, 93).Select(row => Enumerable.Range(row, 8).ToArray())]);
        OnnxExportCheck.Compare(file, _ => windows, new() { ["Forecast"] = Cells.Read(model.Transform(view), "Forecast").Rows([.. Enumerable.Range(7, 93)]) }, [1, 64]);
        (model as IDisposable)?.Dispose();
    }

    [TestMethod]
    public void WhatCannotBeWrittenIsNamed()
    {
        using var folder = new TemporaryFolder();
        void Refused(Func<MLContext, IEstimator<ITransformer>> create, params string[] parts)
        {
            var ml = new MLContext(1);
            var view = Data(40);
            var model = ml.Transforms.CopyColumns("Copy", "Size").Append(create(ml)).Fit(view);
            Must.Contain(Must.Fail<NotSupportedException>(() => model.ExportToOnnx(folder.Path("model.onnx"), view.Schema, new() { WholePipeline = true })).Message,
                [.. parts, "cannot be written as ONNX. Apply the steps up to it in the consumer and export the rest (WholePipeline = false)."]);
            Assert.HasCount(0, folder.Files);
        }
        Refused(ml => ml.Transforms.Text.FeaturizeText("Features", "Colour"), "Step 2 (FeaturizeText, column 'Features')");
        Refused(ml => ml.Transforms.NormalizeBinning("Binned", "Numbers"), "Step 2 (Normalizing, column 'Binned')");
        Refused(ml => ml.Transforms.NormalizeLogMeanVariance("Logs", "Numbers"), "column 'Logs'");
        Refused(ml => ml.Transforms.CustomMapping<SizeRow, TwiceRow>((from, to) => to.Twice = 2 * from.Size, null), "Step 2 (CustomMapping, column 'Twice')");
    }

    private sealed class SizeRow
    {
        public float Size { get; set; }
    }

    private sealed class TwiceRow
    {
        public float Twice { get; set; }
    }
}
