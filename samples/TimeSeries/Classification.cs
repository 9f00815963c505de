using System.CommandLine;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using MLNetExtensions;
using MLNetExtensions.TimeSeries;
using Samples;
using ScottPlot;
using Spectre.Console;

namespace TimeSeries;

/// <summary>Tells whole series of different lengths apart: which appliance drew this load?</summary>
internal static class Classification
{
    private const int Seed = 1;
    private const double TestFraction = 0.3;

    public static Command Command()
    {
        var data = new Option<string?>("--data") { Description = "A CSV file, perhaps compressed (.gz), with the columns series, t, label and one for each channel; one row per time step. Without it: made load curves of three appliances." };
        var epochs = CommandLine.Positive("--epochs", "The most epochs to train. 12.");
        var width = CommandLine.Positive("--width", "The width of the network: an even number. 16.");
        var output = new Option<string>("--output") { Description = "The folder for the model and the plot.", DefaultValueFactory = _ => Path.Combine("artifacts", "time-series") };
        var command = new Command("classify", "Tells whole series of different lengths apart with TimesNet.") { data, epochs, width, output };
        command.SetAction(arguments => CommandLine.Run(token => Run(arguments.GetValue(data), arguments.GetValue(epochs) ?? 12, arguments.GetValue(width) ?? 16, arguments.GetValue(output)!, token)));
        return command;
    }

    private static void Run(string? dataPath, int epochs, int width, string outputFolder, CancellationToken cancellationToken)
    {
        var ml = new MLContext(Seed);
        Directory.CreateDirectory(outputFolder);
        var (all, channels) = dataPath is null ? (Appliances.Generate(210, Seed), Appliances.Channels) : LabelledSeries.Load(ml, dataPath);
        var lengths = all.Select(series => series.Features.Length / channels).ToArray();
        Console.WriteLine($"{all.Length} series of {lengths.Min()} to {lengths.Max()} steps, channels: {channels}, classes: {string.Join(", ", all.CountBy(series => series.Class).Select(pair => $"{pair.Key} ({pair.Value})"))}");
        var split = ml.Data.TrainTestSplit(ml.Data.LoadFromEnumerable(all), TestFraction, seed: Seed);

        // A vector of variable length holds a whole series; the label is a text, which becomes a key.
        var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", nameof(LabelledSeries.Class), keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
            .Append(ml.MulticlassClassification.Trainers.TimesNet(new TimesNetClassificationTrainer.Options
            {
                NumberOfChannels = channels,
                MaximumNumberOfEpochs = epochs,
                Network = { Width = width },
                CancellationToken = cancellationToken,
                OnCancellation = CancellationBehavior.ReturnBest,
                Progress = new EveryFifth(),
            }))
            .Append(ml.Transforms.Conversion.MapKeyToValue(nameof(Prediction.PredictedClass), "PredictedLabel"));
        Console.WriteLine("Training");
        using var model = pipeline.Fit(split.TrainSet);

        // What follows is the work of the file alone, as in another process.
        var modelPath = Path.Combine(outputFolder, "classification.mlnet");
        ml.Model.Save(model, split.TrainSet.Schema, modelPath);
        var fresh = new MLContext();
        using var loaded = (IDisposable)fresh.Model.Load(modelPath, out _);
        var scored = ((ITransformer)loaded).Transform(split.TestSet);
        if (!scored.GetColumn<float[]>("Score").Zip(model.Transform(split.TestSet).GetColumn<float[]>("Score")).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)))
        {
            throw new InvalidOperationException("The loaded model scores otherwise than the trained one.");
        }
        Console.WriteLine("The loaded model scores the test series bit for bit as the trained one.");

        var metrics = fresh.MulticlassClassification.Evaluate(scored);
        var test = fresh.Data.CreateEnumerable<Prediction>(scored, reuseRowObject: false).ToArray();
        var commonest = all.CountBy(series => series.Class).MaxBy(pair => pair.Value).Key;
        Console.WriteLine($"{test.Length} test series: micro accuracy {metrics.MicroAccuracy:F4}, macro accuracy {metrics.MacroAccuracy:F4}, log-loss {metrics.LogLoss:F4} (always '{commonest}': {test.Average(row => row.Class == commonest ? 1.0 : 0):F4})");
        VBuffer<ReadOnlyMemory<char>> names = default;
        scored.Schema["Score"].GetSlotNames(ref names);
        var classes = names.DenseValues().Select(name => name.ToString()).ToArray();
        AnsiConsole.Write(ConfusionTable(metrics.ConfusionMatrix, classes));

        var plotPath = Path.Combine(outputFolder, "classification.png");
        SavePlot(test, classes, channels, plotPath);
        Console.WriteLine(Path.GetRelativePath(Environment.CurrentDirectory, modelPath));
        Console.WriteLine(Path.GetRelativePath(Environment.CurrentDirectory, plotPath));
    }

    private static Table ConfusionTable(ConfusionMatrix matrix, string[] classes)
    {
        var table = new Table { Title = new("Rows: what it was; columns: what was predicted") };
        table.AddColumns(["", .. classes.Select(Markup.Escape), "recall"]);
        foreach (var column in table.Columns.Skip(1))
        {
            column.RightAligned();
        }
        for (var actual = 0; actual < classes.Length; actual++)
        {
            table.AddRow([Markup.Escape(classes[actual]), .. Enumerable.Range(0, classes.Length).Select(predicted => $"{matrix.GetCountForClassPair(predicted, actual):F0}"), $"{matrix.PerClassRecall[actual]:F3}"]);
        }
        return table;
    }

    /// <summary>The first test series of each class, one above the other, with the probabilities it was given.</summary>
    private static void SavePlot(Prediction[] test, string[] classes, int channels, string path)
    {
        const int MostPlots = 9, MostChannels = 4, MostProbabilities = 3;
        Prediction[] shown = [.. classes.Select(name => test.FirstOrDefault(row => row.Class == name)).OfType<Prediction>().Take(MostPlots)];
        var plots = new Multiplot();
        plots.AddPlots(shown.Length);
        for (var i = 0; i < shown.Length; i++)
        {
            var (row, plot) = (shown[i], plots.GetPlot(i));
            for (var c = 0; c < Math.Min(channels, MostChannels); c++)
            {
                var line = plot.Add.Signal(row.Features.Where((_, at) => at % channels == c).ToArray());
                line.LegendText = $"channel {c + 1}";
                line.MaximumMarkerSize = 0;
            }
            var probabilities = row.Score.Zip(classes).OrderByDescending(pair => pair.First).Take(MostProbabilities).Select(pair => $"{pair.Second} {pair.First:F3}");
            plot.Title($"{row.Class}: {string.Join(", ", probabilities)}");
            plot.ShowLegend(Alignment.UpperRight).ShadowColor = Colors.Transparent;
            plot.Legend.IsVisible = i == 0;
            plot.Axes.Margins(horizontal: 0.01);
        }
        plots.GetPlot(shown.Length - 1).XLabel("step");
        Picture.Save(plots, path, 1100, 60 + 220 * shown.Length);
    }

    /// <summary>Prints every fifth epoch, of the training with validation and of that on all rows.</summary>
    private sealed class EveryFifth : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Epoch % 5 == 0 || value.Epoch == value.MaximumNumberOfEpochs)
            {
                Console.WriteLine($"  {(value.ValidationLoss is null ? "all rows: " : "")}{value}");
            }
        }
    }

    private sealed class Prediction
    {
        public float[] Features { get; set; } = [];

        public string Class { get; set; } = "";

        public string PredictedClass { get; set; } = "";

        public float[] Score { get; set; } = [];
    }
}
