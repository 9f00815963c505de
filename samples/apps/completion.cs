#:project ../../src/MLNetExtensions/MLNetExtensions.csproj
// File-based apps are prepared for ahead-of-time compilation, unless they say no. ML.NET compiles at run time.
#:property PublishAot=false

// What will this guest like tonight? A few ratings of dishes by guests in a season are known, and neural tensor completion fills in all others.
//
//   dotnet run samples/apps/completion.cs
//   dotnet run samples/apps/completion.cs -- --data FILE.csv.gz --modes i,j,k --value value

using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions;
using MLNetExtensions.Tensors;
using Samples;
using Samples.Apps;
using ScottPlot;

const int MostBars = 10;
const int Best = 5;

var app = new App("completion", "Filling in what nobody told", "Learns the cells of a table of several modes from the few that are known, with and without augmentation, tells which keys count, and recommends.",
    "A CSV file with a header and a row for each known cell; it may be compressed (.gz). Without it: ratings of dishes by guests in a season, made by the app.");
var modes = app.Names("--modes", "The columns that tell what a cell is of: a,b,c. Without it: all but that of the value.");
var value = app.Text("--value", "The column with the value of a cell. Without it: the last.");
var seeds = app.Number("--seeds", 2, "With how many seeds to train with and without augmentation.");
var epochs = app.Number("--epochs", 25, "The most epochs of a training.");
return app.Run(args, () =>
{
    var ml = new MLContext(seed: 1);

    app.Step("Known cells");
    var path = app.DataOr("guest,dish,season,stars", Ratings());
    var cells = Cells.Read(ml, path, modes.Value, value.Value);
    string[][] keys = [.. cells.Modes.Select(mode => cells.Data.GetColumn<string>(mode).Distinct().ToArray())];
    var split = ml.Data.TrainTestSplit(cells.Data, testFraction: 0.2, seed: 1);
    app.Tell($"{Path.GetFileName(path)} tells {Values(cells.Data).Length} of {keys.Aggregate(1.0, (product, one) => product * one.Length):F0} cells: {string.Join(" x ", cells.Modes.Zip(keys, (mode, one) => $"{one.Length} {mode}"))}. A fifth of the known ones is kept for the test.");

    app.Step("Training");
    app.Tell("A model is trained twice: on the known cells, and then on new ones as well, which are drawn by the influence of the known ones. What is better on cells held out is kept.");
    var trained = TrainingDisplay.Show(progress => Trainer(TensorSampling.Influence, seed: 1, progress).Fit(split.TrainSet));
    var model = app.SaveAndLoad(ml, trained, split.TestSet);

    app.Step("With and without augmentation");
    var mean = Values(split.TrainSet).Average();
    var ofMean = Math.Sqrt(Values(split.TestSet).Average(one => Math.Pow(one - mean, 2)));
    double[] without = Errors(TensorSampling.None), with = [Error(model), .. Errors(TensorSampling.Influence, first: 2)];
    app.Table(["root mean squared error of the test cells", "mean of the seeds", .. without.Select((_, seed) => $"seed {seed + 1}")],
        ["mean of the training cells", $"{ofMean:G4}", .. without.Select(_ => "")],
        ["without augmentation", $"{without.Average():G4}", .. without.Select(error => $"{error:G4}")],
        ["with augmentation (DAIN)", $"{with.Average():G4}", .. with.Select(error => $"{error:G4}")]);
    app.Tell("Differences as small as those between seeds mean nothing.");
    app.Chart(Charts.Draw("Errors of the test cells", "seed", "root mean squared error", Alignment.UpperRight, plot =>
    {
        Style.Bars(plot, without, -0.2, Charts.Rival, "without augmentation");
        Style.Bars(plot, with, 0.2, Style.Model, "with augmentation (DAIN)");
        plot.Add.HorizontalLine(ofMean, 1.5f, Style.Truth, LinePattern.Dashed).LegendText = "mean of the training cells";
        plot.Axes.Bottom.SetTicks([.. without.Select((_, seed) => (double)seed)], [.. without.Select((_, seed) => $"{seed + 1}")]);
    }, fromZero: true), "Errors", height: 320);

    app.Step("Which keys count");
    app.Tell("The importance of a key is its part in the influence that the training cells have on the error.");
    var importances = cells.Modes.ToDictionary(mode => mode, mode => Importances(model, mode));
    foreach (var (mode, all) in importances)
    {
        var shown = all[..Math.Min(MostBars, all.Length)];
        double known = all.Sum(one => one.Cells);
        app.Chart(Charts.Draw(all.Length > shown.Length ? $"{mode}: the {shown.Length} most important of {all.Length}" : mode, mode, "percent", Alignment.UpperRight, plot =>
        {
            Style.Bars(plot, [.. shown.Select(one => 100 * one.Importance)], -0.2, Style.Model, "importance");
            Style.Bars(plot, [.. shown.Select(one => 100 * one.Cells / known)], 0.2, Style.Muted, "part of the cells");
            plot.Axes.Bottom.SetTicks([.. shown.Select((_, i) => (double)i)], [.. shown.Select(one => one.Key)]);
        }, fromZero: true), $"Importances of {mode}", height: 300);
    }

    app.Step("Recommendations");
    // The second mode is open: dishes for the guest that counts most, in the season that does.
    var open = cells.Modes[1];
    var given = cells.Modes.Where(mode => mode != open).ToDictionary(mode => mode, mode => importances[mode][0].Key);
    var had = Had(given, open);
    app.Tell($"For {string.Join(", ", given.Select(pair => $"{pair.Key} {pair.Value}"))}, without the {had.Length} of {open} that are known:");
    app.Table([open, $"expected {cells.Value}"], [.. model.Recommend(ml, given, Best, had).Select(one => new[] { one.Key, $"{one.Score:F2}" })]);

    NeuralTensorCompletionTrainer Trainer(TensorSampling sampling, int seed, IProgress<TrainingProgress>? progress) => ml.Regression.Trainers.NeuralTensorCompletion(new NeuralTensorCompletionTrainer.Options
    {
        LabelColumnName = cells.Value,
        ModeColumnNames = cells.Modes,
        // A small network: seconds on one core.
        HiddenLayers = [64, 64],
        Sampling = sampling,
        MaximumNumberOfEpochs = epochs.Value,
        Seed = seed,
        Progress = progress,
        CancellationToken = app.CancellationToken,
    });

    double[] Errors(TensorSampling sampling, int first = 1)
        => [.. Enumerable.Range(first, seeds.Value - first + 1).Select(seed => Error(Trainer(sampling, seed, progress: null).Fit(split.TrainSet)))];

    double Error(ITransformer one) => ml.Regression.Evaluate(one.Transform(split.TestSet), cells.Value).RootMeanSquaredError;

    float[] Values(IDataView view) => [.. view.GetColumn<float>(cells.Value).Where(float.IsFinite)];

    // The keys of the open mode that are known with the given ones.
    string[] Had(Dictionary<string, string> with, string mode)
    {
        var fits = with.Select(pair => cells.Data.GetColumn<string>(pair.Key).Select(key => key == pair.Value).ToArray()).ToArray();
        return [.. cells.Data.GetColumn<string>(mode).Where((_, row) => fits.All(column => column[row])).Distinct()];
    }
});

static (string Key, double Importance, long Cells)[] Importances(ITransformer model, string mode)
{
    var view = model.GetEntityImportance(mode);
    return [.. view.GetColumn<string>(mode).Zip(view.GetColumn<double>("Importance"), view.GetColumn<long>("Cells")).OrderByDescending(row => row.Second)];
}

// Guests like dishes that are as sweet, hot and heavy as they want, and they want it heavier in winter. Some come often, most seldom.
static IEnumerable<FormattableString> Ratings()
{
    var random = new Random(9);
    string[] seasons = ["spring", "summer", "autumn", "winter"];
    string[] dishes = [.. from way in (string[])["baked", "fried", "raw", "smoked", "stewed"] from what in (string[])["beans", "beef", "carrots", "cheese", "fish", "mushrooms", "potatoes", "tofu"] select $"{way} {what}"];
    double[][] tastes = [.. Enumerable.Range(0, 80 + dishes.Length).Select(_ => new[] { random.NextNormal(), random.NextNormal(), random.NextNormal() })];
    var told = new HashSet<(int, int, int)>();
    while (told.Count < 2500)
    {
        // The square makes low numbers frequent.
        var (guest, dish, season) = ((int)(80 * Math.Pow(random.NextDouble(), 2)), random.Next(dishes.Length), random.Next(seasons.Length));
        if (told.Add((guest, dish, season)))
        {
            var (wanted, served) = (tastes[guest], tastes[80 + dish]);
            var heavy = season == 3 ? 1 : season == 1 ? -1 : 0;
            var stars = 3 + 0.5 * served[0] + 0.4 * wanted[1] * served[1] + 0.5 * heavy * served[2] + 0.3 * random.NextNormal();
            yield return $"guest {guest + 1:D2},{dishes[dish]},{seasons[season]},{Math.Clamp(stars, 1, 5):F1}";
        }
    }
}
