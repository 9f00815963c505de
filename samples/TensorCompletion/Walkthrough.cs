using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;
using Samples;
using Spectre.Console;

namespace TensorCompletion;

/// <summary>The sample from known cells to recommendations, step by step.</summary>
internal static class Walkthrough
{
    private const int Seed = 1;
    private const int Told = 5;

    public static void Run(TensorCompletionSettings settings)
    {
        var ml = new MLContext(Seed);
        Directory.CreateDirectory(settings.OutputFolder);

        Say.Step("1. Known cells");
        var cells = settings.DataPath is null ? Ratings.Generate(ml, Seed) : Cells.Read(ml, settings.DataPath, settings.ModeColumns, settings.ValueColumn);
        int[] counts = [.. cells.Modes.Select(mode => cells.Data.GetColumn<string>(mode).Distinct().Count())];
        var known = cells.Data.GetColumn<float>(cells.Value).Count(float.IsFinite);
        Say.Line($"'{cells.Value}' is known in {known} of {counts.Aggregate(1.0, (product, count) => product * count):F0} cells: {string.Join(" x ", cells.Modes.Zip(counts, (mode, count) => $"{count} {mode}"))}.");
        var split = ml.Data.TrainTestSplit(cells.Data, testFraction: 0.2, seed: Seed);

        Say.Step("2. Training");
        Say.Line("Twice: the second training is on the known cells and on new ones, drawn by the influence of the known ones. Its model is kept where its validation error is smaller.");
        var model = TrainingDisplay.Show(progress => CellValues.TrainModel(ml, cells, split.TrainSet, settings, TensorSampling.Influence, Seed, progress));

        Say.Step("3. Save and load");
        var modelPath = InOutput("CellValues.mlnet");
        CellValues.SaveModel(ml, model, split.TrainSet, modelPath);
        // What follows is the work of the file alone, as in another process.
        var fresh = new MLContext();
        var loaded = CellValues.LoadModel(fresh, modelPath);
        CellValues.RequireEqualScores(model, loaded, split.TestSet);
        Say.Line("The loaded model scores the test cells bit for bit as the trained one.");

        Say.Step("4. Errors with and without augmentation");
        var ofMean = CellValues.ErrorOfMean(split.TrainSet, split.TestSet, cells.Value);
        var (without, with) = (Errors(TensorSampling.None), Errors(TensorSampling.Influence));
        var table = new Table().Border(TableBorder.Rounded).AddColumns("root mean squared error of test cells", "mean of the seeds", "each");
        table.AddRow("mean of the training cells", $"{ofMean:G4}", "");
        table.AddRow("without augmentation", $"{without.Average():G4}", string.Join(" ", without.Select(error => $"{error:G4}")));
        table.AddRow("with augmentation (DAIN)", $"{with.Average():G4}", string.Join(" ", with.Select(error => $"{error:G4}")));
        AnsiConsole.Write(table);
        Say.Line($"Base model {settings.BaseModel}, {settings.NumberOfSeeds} seed(s). Differences as small as those between seeds mean nothing.");
        Plots.SaveErrors(without, with, ofMean, InOutput("errors.png"));

        Say.Step("5. What drives the error");
        (string Mode, KeyImportance[] Keys)[] importances = [.. cells.Modes.Select(mode => (mode, CellValues.Importances(loaded, mode)))];
        foreach (var (mode, keys) in importances)
        {
            Say.Line($"{mode}: {string.Join(", ", keys.Take(Told).Select(key => $"{key.Key} {key.Importance:P1} ({key.Cells} cells)"))}");
        }
        Plots.SaveImportances(importances, InOutput("importances.png"));

        Say.Step("6. Recommendations");
        // The second mode is filled: films of a user at a time of day.
        var open = cells.Modes[1];
        var given = cells.Modes.Where(mode => mode != open).ToDictionary(mode => mode, mode => importances.Single(one => one.Mode == mode).Keys[0].Key);
        var had = Had(split.TrainSet, cells, given, open);
        Say.Line($"For {string.Join(", ", given.Select(pair => $"{pair.Key} {pair.Value}"))}, without the {had.Length} of {open} that are known:");
        foreach (var best in CellValues.Recommend(fresh, loaded, given, Told, had))
        {
            Say.Line($"  {best.Key,-12} {best.Score:F2}");
        }
        foreach (var path in new[] { modelPath, InOutput("errors.png"), InOutput("importances.png") })
        {
            Say.Path(path);
        }

        double[] Errors(TensorSampling sampling) => [.. Enumerable.Range(Seed, settings.NumberOfSeeds).Select(seed =>
        {
            var trained = CellValues.TrainModel(ml, cells, split.TrainSet, settings, sampling, seed);
            return CellValues.Evaluate(ml, trained, split.TestSet, cells.Value).RootMeanSquaredError;
        })];

        string InOutput(string name) => Path.Combine(settings.OutputFolder, name);
    }

    /// <summary>The keys of the open mode that are known with the given ones.</summary>
    private static string[] Had(IDataView data, Cells cells, Dictionary<string, string> given, string open)
    {
        var fits = given.Select(pair => data.GetColumn<string>(pair.Key).Select(key => key == pair.Value).ToArray()).ToArray();
        return [.. data.GetColumn<string>(open).Where((_, row) => fits.All(column => column[row])).Distinct()];
    }
}
