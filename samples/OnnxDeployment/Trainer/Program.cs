using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions;
using MLNetExtensions.TimeSeries;
using OnnxDeployment;

// Trains a forecaster and a classifier of a made pump and writes them as ONNX, with readings for the scorer to go on with.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var folder = args.Length > 0 ? args[0] : "output";
Directory.CreateDirectory(folder);
var ml = new MLContext(seed: 1);

// ---- A forecast of load and temperature, with bounds ----

var readings = Pump.Readings(30 * 24);
var known = readings[..^Pump.LiveRows];
using var forecaster = ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options
{
    OutputColumnName = "Forecast",
    InputColumnName = nameof(Reading.Values),
    WindowSize = 48,
    Horizon = 6,
    Width = 32,
    NumberOfLayers = 1,
    DropoutRate = 0,
    LearningRate = 2e-3,
    MaximumNumberOfEpochs = 10,
    ConfidenceLowerBoundColumnName = "Lower",
    ConfidenceUpperBoundColumnName = "Upper",
    Seed = 1,
}).Fit(ml.Data.LoadFromEnumerable(known));
Console.WriteLine(forecaster.ExportToOnnx(Path.Combine(folder, "forecast.onnx")));

// What the model itself forecasts from the last rows, for the scorer to compare with.
var scored = forecaster.Transform(ml.Data.LoadFromEnumerable(readings)).GetColumn<float[]>("Forecast").ToArray();
CsvFile.Write(Path.Combine(folder, "live.csv"), readings[^Pump.LiveRows..].Select(reading => reading.Values));
CsvFile.Write(Path.Combine(folder, "expected.csv"), scored[^Pump.LiveRows..]);

// ---- The state of the pump by its vibration ----

var states = Pump.States(600);
var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", nameof(Vibration.State))
    .Append(ml.MulticlassClassification.Trainers.EquiangularBasisVectors(new EquiangularBasisVectorsTrainer.Options
    {
        FeatureColumnName = nameof(Vibration.Spectrum),
        HiddenWidths = [32],
        MaximumNumberOfEpochs = 15,
        // What is unlike anything in training gets no label.
        UnknownQuantile = 0.005,
        Seed = 1,
    }));
using var classifier = pipeline.Fit(ml.Data.LoadFromEnumerable(states[..^60]));
Console.WriteLine(classifier.ExportToOnnx(Path.Combine(folder, "state.onnx")));
CsvFile.Write(Path.Combine(folder, "vibrations.csv"), states[^60..].Select(vibration => vibration.Spectrum));
File.WriteAllLines(Path.Combine(folder, "states.txt"), states[^60..].Select(vibration => vibration.State));
