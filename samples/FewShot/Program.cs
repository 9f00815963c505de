using System.CommandLine;
using System.Globalization;
using FewShot;
using Samples;

// The same numbers look the same everywhere.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var data = new Option<string?>("--data") { Description = "What the names of PREFIX-images.idx3.gz and PREFIX-index.csv.gz begin with, such as omniglot136. Without it: characters that the sample makes." };
var epochs = CommandLine.Positive("--epochs", "The epochs to train the network that turns images into features. 15.");
var episodes = CommandLine.Positive("--episodes", "The number of episodes. 200.");
var output = new Option<string>("--output") { Description = "The folder for the model and the plots.", DefaultValueFactory = _ => Path.Combine("artifacts", "few-shot") };

var command = new RootCommand("Tells new characters apart from one drawing of each, by looking at all drawings that are asked for together.") { data, epochs, episodes, output };
command.SetAction(arguments => CommandLine.Run(cancellation => Walkthrough.Run(new FewShotSettings
{
    DataPath = arguments.GetValue(data),
    MaximumNumberOfEpochs = arguments.GetValue(epochs) ?? 15,
    NumberOfEpisodes = arguments.GetValue(episodes) ?? 200,
    OutputFolder = arguments.GetValue(output)!,
    CancellationToken = cancellation,
})));
return command.Parse(args).Invoke();
