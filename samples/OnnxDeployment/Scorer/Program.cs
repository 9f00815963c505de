using System.Globalization;
using OnnxDeployment;

// Scores the files of the trainer with ONNX Runtime alone: no ML.NET, no MLNetExtensions, no TorchSharp.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var folder = args.Length > 0 ? args[0] : "output";
if (!File.Exists(Path.Combine(folder, "forecast.onnx")))
{
    Console.Error.WriteLine($"Error: there is no '{Path.Combine(folder, "forecast.onnx")}'. Run the trainer first.");
    return 1;
}

// ---- Live: a reading comes, a forecast goes out ----

using var forecaster = new LiveForecaster(Path.Combine(folder, "forecast.onnx"));
Console.WriteLine($"Looks back on {forecaster.WindowSize} readings of {forecaster.Channels} channels, {forecaster.Horizon} steps ahead.");
var expected = CsvFile.Read(Path.Combine(folder, "expected.csv"));
var largest = 0f;
var count = 0;
foreach (var (hour, reading) in CsvFile.Read(Path.Combine(folder, "live.csv")).Index())
{
    forecaster.Add(reading);
    if (forecaster.Forecast() is not { } forecast)
    {
        continue; // the first window is not full yet
    }
    count++;
    largest = forecast.Values.Zip(expected[hour], (a, b) => Math.Abs(a - b)).Append(largest).Max();
    if (hour % 12 == 0)
    {
        Console.WriteLine($"hour {hour}: the load in an hour {forecast.Values[0]:F1}, between {forecast.Lower[0]:F1} and {forecast.Upper[0]:F1}");
    }
}
Console.WriteLine($"{count} forecasts; the largest difference from the model's own is {largest:E1}.");

// ---- In a batch: the state by the vibration ----

using var classifier = new StateClassifier(Path.Combine(folder, "state.onnx"));
var states = File.ReadAllLines(Path.Combine(folder, "states.txt"));
var labels = classifier.Classify(CsvFile.Read(Path.Combine(folder, "vibrations.csv")));
Console.WriteLine($"{labels.Zip(states).Count(pair => pair.First == pair.Second)} of {states.Length} states of {string.Join(", ", classifier.Names)} are right; {labels.Count(label => label is null)} are unlike all.");
return 0;
