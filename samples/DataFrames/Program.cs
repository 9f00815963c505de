using System.Globalization;
using Microsoft.Data.Analysis;
using Microsoft.ML;
using MLNetExtensions.TimeSeries;

// From a DataFrame to a forecast that is a DataFrame again. A DataFrame is an IDataView, so nothing is converted on the way in.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
const int Rows = 60 * 24;
const int Window = 48;
const int Horizon = 12;
string[] channels = ["Temperature", "Load"];

var random = new Random(7);
var start = new DateTime(2025, 1, 1);
var frame = new DataFrame(
    new SingleDataFrameColumn("Temperature", Enumerable.Range(0, Rows).Select(hour => 10 - 6 * MathF.Cos(MathF.Tau * hour / 24) + random.NextSingle())),
    new SingleDataFrameColumn("Load", Enumerable.Range(0, Rows).Select(hour => 50 + 15 * MathF.Cos(MathF.Tau * (hour - 3) / 24) + 2 * random.NextSingle())),
    new DateTimeDataFrameColumn("Time", Enumerable.Range(0, Rows).Select(hour => start.AddHours(hour))));
Console.WriteLine(frame.Head(3));

var ml = new MLContext(seed: 1);
var pipeline = ml.Transforms.Concatenate("Series", channels)
    .Append(ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options
    {
        InputColumnName = "Series",
        TimeColumnName = "Time",
        WindowSize = Window,
        Horizon = Horizon,
        // A small model does for two channels.
        Width = 32,
        NumberOfLayers = 1,
        DropoutRate = 0,
        LearningRate = 2e-3,
        MaximumNumberOfEpochs = 10,
    }));
using var model = pipeline.Fit(frame);

// Scoring looks back on a window: the last one holds all that the forecast of the next rows needs.
var scored = model.Transform(frame.Tail(Window)).ToDataFrame(Window, "Time", "Forecast");
var values = ((VBufferDataFrameColumn<float>)scored["Forecast"])[Window - 1].DenseValues().ToArray();

// The forecast holds step by step, and within a step channel by channel: here a row for each step.
var last = (DateTime)scored["Time"][Window - 1];
DataFrameColumn time = new DateTimeDataFrameColumn("Time", Enumerable.Range(1, Horizon).Select(step => last.AddHours(step)));
var forecast = new DataFrame([.. channels.Select((name, c) => new SingleDataFrameColumn(name, values.Where((_, i) => i % channels.Length == c))), time]);
Console.WriteLine(forecast);
