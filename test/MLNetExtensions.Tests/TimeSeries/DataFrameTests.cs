using Microsoft.Data.Analysis;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class DataFrameTests
{
    [TestMethod]
    public void AForecastOfADataFrameIsADataFrame()
    {
        const int Rows = 160, Window = 16, Horizon = 3;
        var ml = new MLContext(1);
        var frame = new DataFrame(
            new StringDataFrameColumn("Region", Enumerable.Repeat("north", Rows)),
            new SingleDataFrameColumn("Load", Enumerable.Range(0, Rows).Select(i => MathF.Sin(i / 3f))),
            new DoubleDataFrameColumn("Temperature", Enumerable.Range(0, Rows).Select(i => 10 + Math.Cos(i / 3.0))));
        var pipeline = ml.Transforms.Conversion.ConvertType("Temperature", outputKind: DataKind.Single)
            .Append(ml.Transforms.Concatenate("Series", "Load", "Temperature"))
            .Append(ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options
            {
                InputColumnName = "Series",
                WindowSize = Window,
                Horizon = Horizon,
                Width = 16,
                NumberOfLayers = 1,
                MaximumNumberOfEpochs = 2,
                NumberOfThreads = 1,
            }));
        using var model = pipeline.Fit(frame);
        var scored = model.Transform(frame);
        var expected = scored.GetColumn<float[]>("Forecast").ToArray();

        var forecasts = scored.ToDataFrame(Rows, "Region", "Load", "Forecast");
        Assert.AreEqual(Rows, forecasts.Rows.Count);
        CollectionAssert.AreEqual(new[] { "Region", "Load", "Forecast" }, forecasts.Columns.Select(column => column.Name).ToArray());
        Assert.AreEqual("north", forecasts["Region"][Rows - 1]);
        for (var row = 0; row < Rows; row++)
        {
            CollectionAssert.AreEqual(expected[row], ((VBuffer<float>)forecasts["Forecast"][row]).DenseValues().ToArray());
            Assert.AreEqual(row < Window - 1, float.IsNaN(expected[row][0]));
        }
        // The last row: a column for each channel, a row for each step.
        var ahead = new DataFrame(Enumerable.Range(0, 2).Select(channel => new SingleDataFrameColumn($"Channel{channel}", Enumerable.Range(0, Horizon).Select(step => expected[^1][2 * step + channel]))));
        Assert.AreEqual(Horizon, ahead.Rows.Count);
        Assert.IsFalse(float.IsNaN((float)ahead["Channel1"][Horizon - 1]));
    }
}
