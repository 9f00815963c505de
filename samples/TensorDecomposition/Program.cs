using System.CommandLine;
using System.Globalization;
using MLNetExtensions.Tensors;
using Samples;
using TensorDecomposition;

// The same numbers look the same everywhere.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var data = new Option<string?>("--data") { Description = "A CSV file with a header, one row per measurement, in any order; it may be compressed (.gz). Without it: temperatures at stations, made by the sample." };
var columns = new Option<string>("--columns") { Description = "The columns with the coordinates, two at least; the last is the time.", DefaultValueFactory = _ => string.Join(',', StationData.CoordinateColumns) };
var value = new Option<string>("--value") { Description = "The column with the values.", DefaultValueFactory = _ => StationData.ValueColumn };
var form = new Option<TuckerForm>("--form") { Description = "How the functions make up the field: Cp or Tucker.", DefaultValueFactory = _ => TuckerForm.Cp };
var smoothness = new Option<MaternSmoothness>("--smoothness") { Description = "How smooth the functions are: Matern12, Matern32 or Matern52.", DefaultValueFactory = _ => MaternSmoothness.Matern32 };
var rank = CommandLine.Positive("--rank", "The number of functions of each coordinate. 5.");
var iterations = CommandLine.Positive("--iterations", "The most iterations. 60.");
var output = new Option<string>("--output") { Description = "The folder for the models and the plots.", DefaultValueFactory = _ => Path.Combine("artifacts", "tensor-decomposition") };

var command = new RootCommand("Learns a field over space and time from scattered measurements by functional Bayesian Tucker decomposition, with its uncertainty, and saves model and plots.") { data, columns, value, form, smoothness, rank, iterations, output };
command.SetAction(arguments => CommandLine.Run(token => Walkthrough.Run(new()
{
    DataPath = arguments.GetValue(data),
    CoordinateColumns = arguments.GetValue(columns)!.Split(','),
    ValueColumn = arguments.GetValue(value)!,
    Form = arguments.GetValue(form),
    Smoothness = arguments.GetValue(smoothness),
    Rank = arguments.GetValue(rank) ?? 5,
    MaximumNumberOfIterations = arguments.GetValue(iterations) ?? 60,
    OutputFolder = arguments.GetValue(output)!,
    CancellationToken = token,
})));
return command.Parse(args).Invoke();
