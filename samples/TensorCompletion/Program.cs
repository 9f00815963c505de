using System.CommandLine;
using System.Globalization;
using MLNetExtensions.Tensors;
using Samples;
using TensorCompletion;

// The same numbers look the same everywhere.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var data = new Option<string?>("--data") { Description = "A CSV file with a header and a row for each known cell, compressed if its name ends with .gz. Without it: ratings of films by users at a time of day, made by the sample." };
var modes = new Option<string?>("--modes") { Description = "The columns of --data that tell what a cell is of: a,b,c. Without it: all but the last." };
var value = new Option<string?>("--value") { Description = "The column of --data with the value of a cell. Without it: the last." };
var baseModel = new Option<TensorCompletionModel>("--base") { Description = "How the value of a cell is computed out of its keys.", DefaultValueFactory = _ => TensorCompletionModel.Mlp };
var epochs = CommandLine.Positive("--epochs", "The most epochs of a training. 60.");
var seeds = CommandLine.Positive("--seeds", "With how many seeds to train with and without augmentation. 3.");
var output = new Option<string>("--output") { Description = "The folder for the model and the plots.", DefaultValueFactory = _ => Path.Combine("artifacts", "tensor-completion") };

var command = new RootCommand("Fills the unknown cells of a table of three modes or more, tells which keys drive the error, and recommends.") { data, modes, value, baseModel, epochs, seeds, output };
command.SetAction(arguments => CommandLine.Run(cancellation => Walkthrough.Run(new TensorCompletionSettings
{
    DataPath = arguments.GetValue(data),
    ModeColumns = arguments.GetValue(modes)?.Split(',', StringSplitOptions.TrimEntries) ?? [],
    ValueColumn = arguments.GetValue(value),
    BaseModel = arguments.GetValue(baseModel),
    MaximumNumberOfEpochs = arguments.GetValue(epochs) ?? 60,
    NumberOfSeeds = arguments.GetValue(seeds) ?? 3,
    OutputFolder = arguments.GetValue(output)!,
    CancellationToken = cancellation,
})));
return command.Parse(args).Invoke();
