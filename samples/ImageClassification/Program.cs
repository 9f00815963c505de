using System.CommandLine;
using System.Globalization;
using ImageClassification;
using Samples;

// The same numbers look the same everywhere.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var data = new Option<string?>("--data") { Description = "A folder with the four files of Fashion-MNIST (train-images-idx3-ubyte.gz …), or what the names of train-images.idx3.gz, train-labels.idx1.gz, test-images.idx3.gz and test-labels.idx1.gz begin with. Without it: letters and shapes, drawn by the sample." };
var names = new Option<string?>("--names") { Description = "The names of the classes of --data, in the order of their numbers: a,b,c. Without it: those of Fashion-MNIST." };
var heldBack = new Option<string?>("--hold-back") { Description = "The class that the training does not see, to meet it as something unknown and then to learn it. Without it: the star, or the last class of --data." };
var epochs = CommandLine.Positive("--epochs", "The epochs to train. 12.");
var output = new Option<string>("--output") { Description = "The folder for the model, the plots and the report.", DefaultValueFactory = _ => Path.Combine("artifacts", "image-classification") };

var command = new RootCommand("Tells images apart, says which it does not know, and learns a new class from a few images without training.") { data, names, heldBack, epochs, output };
command.SetAction(arguments => CommandLine.Run(cancellation => Walkthrough.Run(new ImageClassificationSettings
{
    DataPath = arguments.GetValue(data),
    ClassNames = arguments.GetValue(names)?.Split(',', StringSplitOptions.TrimEntries) ?? [],
    HeldBackClass = arguments.GetValue(heldBack),
    MaximumNumberOfEpochs = arguments.GetValue(epochs) ?? 12,
    // Clothes may be mirrored, letters may not.
    Flip = arguments.GetValue(data) is not null && arguments.GetValue(names) is null,
    OutputFolder = arguments.GetValue(output)!,
    CancellationToken = cancellation,
})));
return command.Parse(args).Invoke();
