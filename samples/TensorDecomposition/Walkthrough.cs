using Microsoft.ML;
using Samples;

namespace TensorDecomposition;

/// <summary>The sample from data to the plots, step by step.</summary>
internal static class Walkthrough
{
    private const int Seed = 1;
    private const double TestFraction = 0.2;
    private const double LaterFraction = 0.1;
    private const int FunctionPoints = 400;

    public static void Run(FieldSettings settings)
    {
        var ml = new MLContext(Seed);
        Directory.CreateDirectory(settings.OutputFolder);

        Say.Step("1. Data");
        var dataPath = settings.DataPath ?? InOutput("stations.csv");
        if (settings.DataPath is null)
        {
            StationData.Write(dataPath);
        }
        var names = settings.CoordinateColumns;
        var rows = ContinuousField.LoadRows(dataPath, names, settings.ValueColumn);
        if (rows.Length < 10)
        {
            throw new InvalidDataException($"'{dataPath}' has {rows.Length} rows with all coordinates: that is too few.");
        }
        // The last rows in time come later; of all others and of them a part is for the test.
        new Random(Seed).Shuffle(rows);
        var end = rows.Select(row => row.Coordinates[^1]).Order().ElementAt((int)((1 - LaterFraction) * (rows.Length - 1)));
        var tested = (int)(TestFraction * rows.Length);
        Measurement[] test = [.. rows[..tested].Where(row => row.Coordinates[^1] <= end)], laterTest = [.. rows[..tested].Where(row => row.Coordinates[^1] > end)];
        Measurement[] training = [.. rows[tested..].Where(row => row.Coordinates[^1] <= end)], later = [.. rows[tested..].Where(row => row.Coordinates[^1] > end)];
        Say.Line($"{Path.GetFileName(dataPath)}: {rows.Length} values of '{settings.ValueColumn}' over {string.Join(", ", names)}; distinct coordinates: {string.Join(", ", names.Select((_, mode) => rows.Select(row => row.Coordinates[mode]).Distinct().Count()))}.");
        Say.Line($"{training.Length} rows to train on, {test.Length} for the test; {later.Length} more come later, with {names[^1]} above {end:G6}.");

        Say.Step("2. Training");
        var model = ContinuousField.TrainModel(ml, View(training), settings, new TrainingLines());
        Say.Line($"Length scales, as parts of the ranges: {string.Join(", ", names.Zip(model.LengthScales, (name, scale) => $"{name} {scale:G3}"))}. Noise: {model.NoiseStandardDeviation:G3}.");

        Say.Step("3. Save and load");
        var modelPath = InOutput("ContinuousField.mlnet");
        ContinuousField.SaveModel(ml, model, View(training), modelPath);
        // What follows is the work of the file alone, as in another process.
        var fresh = new MLContext();
        var loaded = ContinuousField.LoadModel(fresh, modelPath);
        ContinuousField.RequireEqualScores(fresh, model, loaded, View(test));
        Say.Line("The loaded model scores the test rows bit for bit as the trained one.");

        Say.Step("4. Evaluation of the loaded model");
        Say.Line(ContinuousField.Evaluate(fresh, loaded, View(test)).ToString());
        Say.Line($"ML.NET's own evaluator agrees: RMSE {ContinuousField.RootMeanSquaredError(fresh, loaded, View(test)):G5}. The mean of the training rows has {Deviation(training, test):G5}.");

        Say.Step("5. Functions and a slice");
        Plots.SaveFunctions([.. names.Select((_, mode) => loaded.GetModeFunction(mode, FieldSlice.Places(training, mode, FunctionPoints)))], names, InOutput("functions.png"));
        var others = settings.DataPath is null ? [0.4 * end] : FieldSlice.MostMeasured(training);
        Plots.SaveSlice(FieldSlice.Of(fresh, loaded, training, others, settings.DataPath is null ? place => StationData.Truth(place[0], place[1], place[2]) : null), names,
            string.Join(", ", names.Skip(2).Zip(others, (name, value) => $"{name} {value:G6}")), InOutput("slice.png"));

        if (later.Length > 0 && laterTest.Length > 0)
        {
            Say.Step("6. More rows");
            var updated = ContinuousField.Update(fresh, loaded, View(later));
            Say.Line($"Test rows with {names[^1]} above {end:G6}: RMSE {ContinuousField.RootMeanSquaredError(fresh, loaded, View(laterTest)):G5} before, {ContinuousField.RootMeanSquaredError(fresh, updated, View(laterTest)):G5} after the update with {later.Length} rows; no old row was needed.");
            ContinuousField.SaveModel(fresh, updated, View(training), InOutput("ContinuousField.updated.mlnet"));
            Say.Path(InOutput("ContinuousField.updated.mlnet"));
        }
        foreach (var path in new[] { modelPath, InOutput("functions.png"), InOutput("slice.png") })
        {
            Say.Path(path);
        }

        IDataView View(Measurement[] part) => ContinuousField.View(ml, part, names.Length);

        string InOutput(string name) => Path.Combine(settings.OutputFolder, name);
    }

    /// <summary>The root mean squared error of the mean of the training rows.</summary>
    private static double Deviation(Measurement[] training, Measurement[] test)
    {
        var mean = training.Average(row => row.Value);
        return Math.Sqrt(test.Average(row => Math.Pow(row.Value - mean, 2)));
    }
}
