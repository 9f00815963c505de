using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.Onnx;

/// <summary>What the conformance entries do not reach: other forms of the models, coordinates on knots and far outside, fixed periods, other formats of weights.</summary>
[TestClass]
public sealed class OnnxModelTests
{
    [TestMethod]
    [DataRow(TensorCompletionModel.Mlp, UnseenKeys.NaN)]
    [DataRow(TensorCompletionModel.Cp, UnseenKeys.Mean)]
    [DataRow(TensorCompletionModel.Tucker, UnseenKeys.Mean)]
    [DataRow(TensorCompletionModel.CoSTCo, UnseenKeys.Mean)]
    public void TensorCompletionOfAllBases(TensorCompletionModel model, UnseenKeys unseen)
    {
        var ml = new MLContext(1);
        TestView Data(int rows, int more) => new TestView(rows)
            .Add("Label", NumberDataViewType.Single, row => 20f + row % 5 * (row % 4) - row % 3)
            .Add("Row", new KeyDataViewType(typeof(uint), 7), row => (uint)(row % (5 + more)), TestView.KeyValues("a", "b", "c", "d", "e", "f", "g"))
            .Add("Column", TextDataViewType.Instance, row => $"c{row % (4 + more)}".AsMemory())
            .Add("Depth", NumberDataViewType.Int32, row => row % (3 + more) - 1);
        using var trained = ml.Regression.Trainers.NeuralTensorCompletion(new NeuralTensorCompletionTrainer.Options
        {
            LabelColumnName = "Label",
            ModeColumnNames = ["Row", "Column", "Depth"],
            BaseModel = model,
            UnseenKeys = unseen,
            MaximumNumberOfEpochs = 2,
            AugmentationRatio = 0,
            Seed = 1,
            NumberOfThreads = 1,
        }).Fit(Data(120, 0));
        // Keys, texts and numbers that training did not see, and missing ones.
        var data = Data(80, 2);
        OnnxExportCheck.Rows(ml, trained, data, null, ["Score"]);
    }

    [TestMethod]
    [DataRow(MaternSmoothness.Matern12, TuckerForm.Cp)]
    [DataRow(MaternSmoothness.Matern32, TuckerForm.Tucker)]
    [DataRow(MaternSmoothness.Matern52, TuckerForm.Cp)]
    [DataRow(MaternSmoothness.Matern52, TuckerForm.Tucker)]
    public void FunctionalTuckerOnKnotsAndFarOutside(MaternSmoothness smoothness, TuckerForm form)
    {
        var ml = new MLContext(1);
        // Two coordinates lie next to each other.
        static double[] Training(int row) => [row % 7 * 0.3 + (row == 8 ? 1e-6 : 0), row % 5 * 10, row % 11];
        using var trained = ml.Regression.Trainers.FunctionalBayesianTucker(new FunctionalBayesianTuckerTrainer.Options
        {
            Smoothness = smoothness,
            Form = form,
            Rank = 2,
            NumberOfRestarts = 1,
            MaximumNumberOfIterations = 5,
            ConfidenceLowerBoundColumnName = "Low",
            ConfidenceUpperBoundColumnName = "High",
            Seed = 1,
        }).Fit(new TestView(150).AddVector("Features", NumberDataViewType.Double, 3, Training).Add("Label", NumberDataViewType.Single, row => MathF.Sin(row % 7) + row % 5 - row % 11 * 0.1f));
        double[] Anywhere(int row) => (row % 8) switch
        {
            0 => Training(row),
            1 => [.. Training(row).Select(value => value + 0.04)],
            2 => [-1e-9, 41, 5.5],
            3 => [1e12, -1e12, 5],
            4 => [0.3 + 5e-7, 20, -3],
            5 => [1.8000001, 40, 10],
            6 => [-50, 20.5, 1e5],
            _ => row % 2 == 0 ? [0.1, double.NaN, 1] : [double.PositiveInfinity, 0, 1],
        };
        OnnxExportCheck.Rows(ml, trained, new TestView(80).AddVector("Features", NumberDataViewType.Double, 3, Anywhere), null, ["Score", "ScoreStdDev", "LatentStdDev", "Low", "High"]);
    }

    [TestMethod]
    public void FewShotOfAllPrototypesScoresRows()
    {
        var ml = new MLContext(1);
        static float[] Features(int row) => [row % 4 + row * 0.01f, row % 3, 1 + row % 2];
        var data = new TestView(60).AddVector("Features", NumberDataViewType.Single, 3, Features)
            // A class without labelled rows has no prototype.
            .Add("Label", new KeyDataViewType(typeof(uint), 5), row => row % 3 == 0 ? (uint)(row % 4 + (row % 4 == 3 ? 2 : 1)) : 0u, TestView.KeyValues("a", "b", "c", "d", "e"));
        foreach (var (prototype, transform) in new[] { (FewShotPrototype.Mean, FewShotTransform.None), (FewShotPrototype.Medoid, FewShotTransform.PowerL2), (FewShotPrototype.ModePoint, FewShotTransform.CenteredL2) })
        {
            var model = ml.Clustering.Trainers.TransductiveFewShot(new TransductiveFewShotTrainer.Options { Prototype = prototype, Transform = transform, Seed = 1 }).Fit(data);
            Must.Contain(Must.Fail<NotSupportedException>(() => OnnxFile.Export(model)).Message, "TransductiveFewShot assigns rows jointly");
            OnnxExportCheck.Rows(ml, model.ToInductive(), data, null, ["PredictedLabel", "Score", "Probability"]);
        }
    }

    [TestMethod]
    [DataRow(PeriodSelection.PerRow, 0.05)]
    [DataRow(PeriodSelection.Frozen, 0.15)]
    public void TimesNetSkipsAndFixesPeriods(PeriodSelection selection, double skip)
    {
        var ml = new MLContext(1);
        static float[] Values(int row) => [MathF.Sin(row / 3f) + row % 7 * 0.2f, 10 + MathF.Cos(row / 2f)];
        var data = new TestView(200).AddVector("Values", NumberDataViewType.Single, 2, Values);
        using var model = ml.Forecasting.ForecastByTimesNet(Options(selection, skip)).Fit(data);
        OnnxExportCheck.Windows(ml, model, data, null, ["Forecast"], null);
        // A model that finds its periods can be given fixed ones; where they are those of a window, the forecast is the same.
        using var frozen = OnnxExportCheck.Stable(ml, model, null, new() { FrozenPeriods = true });
        Assert.IsFalse(frozen.Parsed.Graph.Node.Any(node => node.OpType == "TopK"));
    }

    [TestMethod]
    public void PeriodsOfTheBatchAreRefused()
    {
        var ml = new MLContext(1);
        using var model = ml.Forecasting.ForecastByTimesNet(Options(PeriodSelection.Batch, 0)).Fit(new TestView(100).AddVector("Values", NumberDataViewType.Single, 1, row => new[] { MathF.Sin(row) }));
        Must.Contain(Must.Fail<NotSupportedException>(() => OnnxFile.Export(model)).Message, "TimesNetForecasting", "depend on the other rows; choose PerRow or Frozen.");
    }

    private static TimesNetForecastingEstimator.Options Options(PeriodSelection selection, double skip) => new()
    {
        OutputColumnName = "Forecast",
        InputColumnName = "Values",
        WindowSize = 12,
        Horizon = 4,
        Network = { Width = 4, NumberOfLayers = 2, TopPeriods = 3, NumberOfKernels = 2, InferencePeriods = selection, SkipWeightBelow = skip },
        MaximumNumberOfEpochs = 1,
        Seed = 1,
        NumberOfThreads = 1,
    };

    [TestMethod]
    [DataRow(OnnxWeightFormat.Float16, 0.55, 2e-3)]
    [DataRow(OnnxWeightFormat.Int8Weights, 0.30, 3e-2)]
    [DataRow(OnnxWeightFormat.Int8Rows, 0.30, 5e-2)]
    public void WeightFormatsAreSmall(OnnxWeightFormat format, double size, double tolerance)
    {
        var ml = new MLContext(1);
        static float[] Values(int row) => [MathF.Sin(row / 3f), 10 + MathF.Cos(row / 5f)];
        var data = new TestView(160).AddVector("Values", NumberDataViewType.Single, 2, Values);
        using var model = ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options { OutputColumnName = "Forecast", InputColumnName = "Values", WindowSize = 64, Horizon = 16, Width = 256, HiddenWidth = 256, EmbeddingSize = 2, NumberOfLayers = 1, MaximumNumberOfEpochs = 1, Seed = 1, NumberOfThreads = 1 }).Fit(data);
        using var exact = OnnxFile.Export(model);
        using var small = OnnxExportCheck.Stable(ml, model, null, new() { WeightFormat = format });
        Assert.IsLessThanOrEqualTo(size, (double)small.Bytes.Length / exact.Bytes.Length);
        var windows = Cells.Read(data, "Values").Windows([.. Enumerable.Range(0, 40).Select(row => Enumerable.Range(row, 64).ToArray())]);
        var expected = exact.Run(_ => windows, Enumerable.Range(0, 40));
        // Also alone as among others, to the usual 1e-5.
        var all = small.Run(_ => windows, Enumerable.Range(0, 40))["Forecast"];
        expected["Forecast"].AssertClose(all, "Forecast", tolerance);
        all.Rows([7]).AssertClose(small.Run(_ => windows, [7])["Forecast"], "Forecast");
    }
}
