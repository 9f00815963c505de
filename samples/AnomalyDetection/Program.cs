using System.CommandLine;
using System.Globalization;
using AnomalyDetection;
using Samples;

// The same numbers look the same everywhere.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var data = new Option<string?>("--data") { Description = "A CSV file with a header, one row per time step; it may be compressed (.gz). Without it: half-hourly demand with anomalies in it, made by the sample." };
var column = new Option<string>("--column") { Description = "The column with the values.", DefaultValueFactory = _ => DemandData.ValueColumn };
var label = new Option<string?>("--label") { Description = "A column that is 1 where an anomaly is known, else 0; it is used for the evaluation alone. Without it: 'anomaly' of the made data, otherwise none." };
var fraction = new Option<double>("--train") { Description = "The part of the rows, from the first, to train on: normal ones, or nearly all so.", DefaultValueFactory = _ => 0.5 };
var window = CommandLine.Positive("--window", "The number of rows that are looked at together. 96.");
var epochs = CommandLine.Positive("--epochs", "The most epochs to train. 8.");
var width = CommandLine.Positive("--width", "The width of the network: an even number. 16.");
var percentile = new Option<double>("--percentile") { Description = "The percentile of the scores of the training rows above which a row is an alert.", DefaultValueFactory = _ => 99.5 };
var output = new Option<string>("--output") { Description = "The folder for the model and the plot.", DefaultValueFactory = _ => Path.Combine("artifacts", "anomaly-detection") };

var command = new RootCommand("Finds anomalies in a series with TimesNet, measures the alerts, and saves model and plot.") { data, column, label, fraction, window, epochs, width, percentile, output };
command.SetAction(arguments => CommandLine.Run(token => Walkthrough.Run(new()
{
    DataPath = arguments.GetValue(data),
    ValueColumn = arguments.GetValue(column)!,
    LabelColumn = arguments.GetValue(label) ?? (arguments.GetValue(data) is null ? DemandData.LabelColumn : null),
    TrainingFraction = arguments.GetValue(fraction),
    WindowSize = arguments.GetValue(window) ?? 96,
    MaximumNumberOfEpochs = arguments.GetValue(epochs) ?? 8,
    Width = arguments.GetValue(width) ?? 16,
    ThresholdPercentile = arguments.GetValue(percentile),
    OutputFolder = arguments.GetValue(output)!,
    CancellationToken = token,
})));
return command.Parse(args).Invoke();
