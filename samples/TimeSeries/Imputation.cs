using System.CommandLine;
using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;
using Samples;

namespace TimeSeries;

/// <summary>Fills the gaps of a series and compares what was filled with what is true, beside lines between the neighbours of a gap.</summary>
internal static class Imputation
{
    private const int WindowSize = 96;

    public static Command Command()
    {
        var epochs = CommandLine.Positive("--epochs", "The most epochs to train. 6.");
        var width = CommandLine.Positive("--width", "The width of the network: an even number. 16.");
        var output = new Option<string>("--output") { Description = "The folder for the model and the plot.", DefaultValueFactory = _ => Path.Combine("artifacts", "time-series") };
        var command = new Command("impute", "Fills the gaps of hourly data of a greenhouse, made by the sample, and measures the error.") { epochs, width, output };
        command.SetAction(arguments => CommandLine.Run(token => Run(arguments.GetValue(epochs) ?? 6, arguments.GetValue(width) ?? 16, arguments.GetValue(output)!, token)));
        return command;
    }

    private static void Run(int epochs, int width, string outputFolder, CancellationToken cancellationToken)
    {
        var ml = new MLContext(seed: 1);
        Directory.CreateDirectory(outputFolder);

        Say.Step("1. Data with gaps");
        var truth = Greenhouse.Truth();
        var rows = Greenhouse.WithGaps(truth);
        var data = ml.Data.LoadFromEnumerable(rows.Select(row => new GreenhouseRow { Values = row }));
        var gaps = rows.Sum(row => row.Count(float.IsNaN));
        Say.Line($"{rows.Length} hours of {string.Join(", ", Greenhouse.Channels)}; {gaps} values ({(double)gaps / (rows.Length * Greenhouse.Channels.Length):P1}) are missing, in blocks of up to a day.");

        Say.Step("2. Training");
        // A gap is NaN. What is there informs the training, what is missing does not.
        ITransformer model = TrainingDisplay.Show(progress => ml.Transforms.ImputeByTimesNet(new TimesNetImputingEstimator.Options
        {
            InputColumnName = nameof(GreenhouseRow.Values),
            OutputColumnName = nameof(FilledRow.Filled),
            WindowSize = WindowSize,
            WindowStride = 6,
            // A small network: seconds per epoch on two cores.
            Network = { Width = width },
            MaximumNumberOfEpochs = epochs,
            Progress = progress,
            CancellationToken = cancellationToken,
        }).Fit(data));

        Say.Step("3. Save and load");
        var modelPath = Path.Combine(outputFolder, "Imputation.mlnet");
        ml.Model.Save(model, data.Schema, modelPath);
        // What follows is the work of the file alone, as in another process.
        var fresh = new MLContext();
        var loaded = fresh.Model.Load(modelPath, out _);
        var filled = Filled(fresh, loaded, data);
        if (!filled.SelectMany(row => row).SequenceEqual(Filled(ml, model, data).SelectMany(row => row)))
        {
            throw new InvalidOperationException("The loaded model fills other values than the trained one.");
        }
        Say.Line("The loaded model fills the gaps bit for bit as the trained one, and leaves all other values as they are.");

        Say.Step("4. Errors of what was filled");
        var lines = Greenhouse.Interpolate(rows);
        Say.Line($"{"mean absolute error",-22}{"TimesNet",12}{"lines",12}");
        for (var channel = 0; channel < Greenhouse.Channels.Length; channel++)
        {
            Say.Line($"{Greenhouse.Channels[channel],-22}{Error(filled, channel),12:F3}{Error(lines, channel),12:F3}");
        }

        Say.Step("5. Plot");
        var plotPath = Path.Combine(outputFolder, "gaps.png");
        ImputationPlot.Save(truth, rows, filled, lines, Greenhouse.Channels, plotPath);
        Say.Path(modelPath);
        Say.Path(plotPath);

        double Error(float[][] values, int channel)
            => Enumerable.Range(0, rows.Length).Where(row => float.IsNaN(rows[row][channel])).Average(row => Math.Abs(values[row][channel] - truth[row][channel]));
    }

    private static float[][] Filled(MLContext ml, ITransformer model, IDataView data)
        => [.. ml.Data.CreateEnumerable<FilledRow>(model.Transform(data), reuseRowObject: false).Select(row => row.Filled)];
}

/// <summary>One hour in the greenhouse; NaN = missing.</summary>
internal sealed class GreenhouseRow
{
    [VectorType(3)]
    public float[] Values { get; set; } = [];
}

/// <summary>The same with its gaps filled.</summary>
internal sealed class FilledRow
{
    public float[] Filled { get; set; } = [];
}
