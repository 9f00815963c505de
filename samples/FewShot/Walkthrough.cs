using Forecasting;
using Microsoft.ML;
using MLNetExtensions;
using Samples;
using Spectre.Console;

namespace FewShot;

/// <summary>The sample from data to plots, step by step.</summary>
internal static class Walkthrough
{
    private const int Seed = 1;
    private const int Characters = 5;
    private const int LaterDrawings = 5;

    private static readonly int[] s_shots = [1, 5];

    public static void Run(FewShotSettings settings)
    {
        var ml = new MLContext(Seed);
        Directory.CreateDirectory(settings.OutputFolder);

        Say.Step("1. Data");
        var characters = settings.DataPath is null ? MadeCharacters.Generate(Seed) : CharacterFiles.Read(ml, settings.DataPath);
        Say.Line($"{characters.Known.Length} drawings of {Classes(characters.Known)} characters to learn what drawings are like, and {characters.New.Length} of {Classes(characters.New)} new ones, {characters.Height} x {characters.Width}.");

        Say.Step("2. Training of the features");
        var embedding = TrainingDisplay.Show(progress => Embedding.Train(ml, characters, settings, progress));
        var baseMean = Embedding.Mean(Embed(characters.Known));
        (string Name, Func<TransductiveFewShotTrainer.Options> Options)[] methods =
        [
            ("each drawing by itself", () => FewShotClassifier.Alone(baseMean, settings)),
            ("all drawings together", () => FewShotClassifier.Together(baseMean, settings)),
        ];

        Say.Step("3. Episodes");
        Say.Line($"{settings.NumberOfEpisodes} times five new characters, of which 1 or 5 drawings are shown with their names and 15 are asked. Right answers in percent:");
        var episodes = s_shots.Select(shots => FewShotClassifier.DrawEpisodes(ml, Embed(characters.New), shots, settings.NumberOfEpisodes)).ToArray();
        var table = new Table().Border(TableBorder.Rounded).AddColumns(["", .. s_shots.Select(shots => $"{shots} shown")]);
        foreach (var (name, options) in methods)
        {
            var metrics = episodes.Select(view => FewShotClassifier.EvaluateEpisodes(ml, options(), view));
            table.AddRow([name, .. metrics.Select(one => $"{100 * one.Accuracy:F1} ± {100 * one.AccuracyInterval:F1}")]);
        }
        AnsiConsole.Write(table);

        Say.Step("4. One problem");
        CharacterImage[][] drawings = [.. characters.New.GroupBy(image => image.Class).Take(Characters).Select(group => group.ToArray())];
        CharacterImage[] shown = [.. drawings.Select(ofClass => new CharacterImage { Pixels = ofClass[0].Pixels, Class = ofClass[0].Class, Shown = ofClass[0].Class })];
        CharacterImage[] asked = [.. drawings.SelectMany(ofClass => ofClass[1..^LaterDrawings])];
        CharacterImage[] later = [.. drawings.SelectMany(ofClass => ofClass[^LaterDrawings..])];
        var askedView = CharacterImage.View(ml, asked);
        Say.Line($"One drawing of each of {drawings.Length} characters is shown, {asked.Length} are asked.");
        var models = methods.Select(method => FewShotClassifier.Train(ml, method.Options(), Embed([.. shown, .. asked]))).ToArray();
        foreach (var (method, model) in methods.Zip(models))
        {
            Say.Line($"{method.Name}: {FewShotClassifier.Evaluate(ml, embedding.Append(model), askedView).Accuracy:P1} are right.");
        }
        var fewShot = models[^1].OfType<TransductiveFewShotTransformer>().Single();
        Say.Line($"The objective goes from {fewShot.Objective[0]:F3} to {fewShot.Objective[^1]:F3}.");

        Say.Step("5. Save and load");
        var modelPath = InOutput("FewShot.mlnet");
        ITransformer whole = embedding.Append(models[^1]);
        ml.Model.Save(whole, askedView.Schema, modelPath);
        // What follows is the work of the file alone, as in another process.
        var fresh = new MLContext();
        var loaded = fresh.Model.Load(modelPath, out _);
        Models.RequireEqualScores(whole, loaded, askedView);
        Say.Line("The loaded model scores the drawings bit for bit as the trained one.");

        Say.Step("6. One drawing at a time");
        using (var engine = fresh.Model.CreatePredictionEngine<CharacterImage, CharacterPrediction>(loaded.ToInductive(), inputSchemaDefinition: CharacterImage.Schema(characters.Height * characters.Width)))
        {
            Say.Line($"{later.Count(image => engine.Predict(image).Predicted == image.Class)} of {later.Length} drawings that were not there before are right by the prototypes that the model has come to.");
        }

        Say.Step("7. Pictures");
        CharacterImage[] placed = [.. shown, .. asked];
        var places = Embedding.Project(ml, Embed(placed));
        string[] paths = [InOutput("drawings.png"), InOutput("embedding-before.png"), InOutput("embedding-after.png")];
        Plots.SaveDrawings(characters, [.. drawings.SelectMany(ofClass => ofClass)], paths[0]);
        foreach (var (i, (name, _)) in methods.Index())
        {
            var predictions = FewShotClassifier.Predict(ml, embedding.Append(models[i]), askedView);
            Plots.SaveEmbedding([.. placed.Select((image, row) => new PlacedDrawing(places[row].X, places[row].Y, image.Class, row < shown.Length ? image.Class : predictions[row - shown.Length].Predicted, row < shown.Length))],
                $"{(i == 0 ? "Before" : "After")}: {name} (squares: shown; crosses: means of what is taken for a character)", paths[i + 1]);
        }
        foreach (var path in new[] { modelPath }.Concat(paths))
        {
            Say.Path(path);
        }

        IDataView Embed(CharacterImage[] images) => embedding.Transform(CharacterImage.View(ml, images));

        string InOutput(string name) => Path.Combine(settings.OutputFolder, name);
    }

    private static int Classes(CharacterImage[] images) => images.Select(image => image.Class).Distinct().Count();
}
