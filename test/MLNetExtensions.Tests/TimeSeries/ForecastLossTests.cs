using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tests.Golden;
using MLNetExtensions.TimeSeries;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.TimeSeries;

/// <summary>The symmetric absolute percentage error as a loss, and the scaled errors as metrics.</summary>
[TestClass]
public sealed class ForecastLossTests
{
    public static IEnumerable<object[]> Cases => GoldenFiles.Rows("timesnet", "tasks");

    private static GoldenCase? Open(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "timesnet.tasks");
        return golden.Choose("task", ("metric", true), ("forecast", false), ("imputation", false), ("anomaly", false), ("classification", false)) ? golden : null;
    }

    [TestMethod]
    [TestCategory("Golden")]
    [DynamicData(nameof(Cases))]
    public void TheLossAndItsGradientAreThoseOfTheGoldenFiles(string file, string entry)
    {
        if (Open(file, entry) is not { } golden)
        {
            return;
        }
        using var scope = NewDisposeScope();
        using var forecast = golden.Tensor("forecast").requires_grad_(true);
        var loss = StepWeightedLoss.Compute(ForecastLoss.SymmetricAbsolutePercentageError, forecast, golden.Tensor("target"), golden.Tensor("mask"));
        golden.AssertClose("smape", loss, 1e-12);
        loss.backward();
        golden.AssertClose("smape_grad", forecast.grad!, 1e-12);
    }

    // What is masked is forecast without error: it counts in the mean and adds nothing.
    [TestMethod]
    [TestCategory("Golden")]
    [DynamicData(nameof(Cases))]
    public void TheMetricsAreThoseOfTheGoldenFiles(string file, string entry)
    {
        if (Open(file, entry) is not { } golden)
        {
            return;
        }
        var season = golden.Integer("season");
        var (series, horizon) = ((int)golden.Shape("forecast")[0], (int)golden.Shape("forecast")[1]);
        var (insample, target, mask) = (golden.Doubles("insample"), golden.Doubles("target"), golden.Doubles("mask"));
        var forecast = golden.Doubles("forecast").Select((value, i) => (float)(mask[i] == 0 ? target[i] : value)).ToArray();
        var history = insample.Length / series;
        // Of each series the last season, whose last row has the forecast, then what came.
        var rows = season + horizon;
        var missing = Enumerable.Repeat(float.NaN, horizon).ToArray();
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add("ChannelIndices", new VectorDataViewType(NumberDataViewType.Int32, 1), (ref VBuffer<int> value) => new VBuffer<int>(1, [0]).CopyTo(ref value));
        var data = new TestView(series * rows)
            .Add("Series", TextDataViewType.Instance, row => $"{row / rows}".AsMemory())
            .Add("Label", NumberDataViewType.Double, row => row % rows is var i && i < season ? insample[row / rows * history + history - season + i] : target[row / rows * horizon + i - season])
            .AddVector("Forecast", NumberDataViewType.Single, horizon, row => row % rows == season - 1 ? forecast[(row / rows * horizon)..][..horizon] : missing, annotations: annotations.ToAnnotations());
        var training = new TestView(insample.Length).Add("Series", TextDataViewType.Instance, row => $"{row / history}".AsMemory()).Add("Label", NumberDataViewType.Double, row => insample[row]);
        var metrics = new MLContext(1).Forecasting.Evaluate(data, "Label", "Forecast", season, "Series", trainingData: training);
        Assert.AreEqual(series, metrics.NumberOfForecasts);
        golden.AssertValues("smape", [metrics.SymmetricMeanAbsolutePercentageError], 1e-6);
        golden.AssertValues($"mase_freq{season}", [metrics.MeanAbsoluteScaledError], 1e-6);
    }

    [TestMethod]
    public void ZerosHaveNoErrorAndNoGradient()
    {
        using var scope = NewDisposeScope();
        using var forecast = tensor(new[] { 0.0, 0, 2, -2 }).requires_grad_(true);
        var loss = StepWeightedLoss.Compute(ForecastLoss.SymmetricAbsolutePercentageError, forecast, tensor(new[] { 0.0, 3, 2, 2 }), null);
        Assert.AreEqual((0 + 200 + 0 + 200) / 4.0, loss.item<double>(), 1e-12);
        loss.backward();
        var expected = new[] { 0, -200 / 3.0 / 4, 0, -200 / 4.0 / 4 };
        Snapshot.AssertSame(expected, forecast.grad!.data<double>().ToArray(), 1e-12, "gradient");
    }
}
