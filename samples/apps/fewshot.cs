#:project ../../src/MLNetExtensions/MLNetExtensions.csproj
// File-based apps are prepared for ahead-of-time compilation, unless they say no. ML.NET compiles at run time.
#:property PublishAot=false

// Whose song is it? A few recordings have a name, hundreds have none. Transductive few-shot learning looks at all of them together, instead of at each by itself.
//
//   dotnet run samples/apps/fewshot.cs
//   dotnet run samples/apps/fewshot.cs -- --data FILE.csv --label species --shots 3

using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using MLNetExtensions;
using Samples;
using Samples.Apps;
using ScottPlot;

const string Truth = "Truth";

var app = new App("fewshot", "A few names, many songs", "Tells the classes of many rows from a few that are labelled, each row by itself and all together; then finds clusters without any label.",
    "A CSV file with a header, a column with the class of each row and others with numbers, best the embeddings of a network. Without it: songs of six birds, made by the app.");
var label = app.Text("--label", "The column with the classes. Without it: 'bird', that of the made data.");
var shots = app.Number("--shots", 1, "The rows of each class that are shown with their class; all others are asked.");
var repeats = app.Number("--repeats", 10, "How often rows to show are drawn.");
return app.Run(args, () =>
{
    var ml = new MLContext(seed: 1);

    app.Step("Data");
    var labelColumn = label.Value ?? "bird";
    var path = app.DataOr($"{labelColumn},{string.Join(',', Enumerable.Range(1, 12).Select(i => $"f{i}"))}", Songs());
    var rows = LabelledTable.Load(path, labelColumn);
    string[] classes = [.. rows.Select(row => row.Class).Distinct().Order(StringComparer.Ordinal)];
    if (rows.GroupBy(row => row.Class).Any(ofClass => ofClass.Count() <= shots.Value))
    {
        throw new InvalidDataException($"A class of '{path}' has no more than {shots.Value} rows: none is left to ask for.");
    }
    app.Tell($"{Path.GetFileName(path)} has {rows.Length} rows of {rows[0].Features.Length} numbers and {classes.Length} classes: {string.Join(", ", classes)}. {shots.Value} of each are shown with their class, the others are asked.");

    app.Step("Each by itself, and all together");
    (string Name, Func<TransductiveFewShotTrainer.Options> Options)[] methods =
    [
        ("nearest prototype, each row by itself", () => new() { Prototype = FewShotPrototype.Fixed, Lambda = 0, ShiftQueries = false }),
        ("all rows together", () => new()),
    ];
    double[][] accuracies = [.. methods.Select(_ => new double[repeats.Value])];
    for (var draw = 0; draw < repeats.Value; draw++)
    {
        var (shown, asked) = Draw(draw + 1);
        foreach (var (i, method) in methods.Index())
        {
            accuracies[i][draw] = Evaluate(Train(method.Options(), shown, asked), asked).Accuracy;
        }
    }
    app.Tell($"The rows to show are drawn {repeats.Value} times; the same ones for both.");
    app.Table(["right answers", "mean", "worst draw", "best draw"], [.. methods.Zip(accuracies, (method, values) => new[] { method.Name, $"{values.Average():P1}", $"{values.Min():P1}", $"{values.Max():P1}" })]);
    app.Chart(Charts.Draw("Right answers", "draw", "percent of those asked", Alignment.UpperLeft, plot =>
    {
        Style.Bars(plot, [.. accuracies[0].Select(value => 100 * value)], -0.2, Charts.Rival, methods[0].Name);
        Style.Bars(plot, [.. accuracies[1].Select(value => 100 * value)], 0.2, Style.Model, methods[1].Name);
        plot.Axes.Bottom.SetTicks([.. Enumerable.Range(0, repeats.Value).Select(draw => (double)draw)], [.. Enumerable.Range(1, repeats.Value).Select(draw => $"{draw}")]);
    }, fromZero: true), "Right answers", height: 320);

    app.Step("One draw in pictures");
    var first = Draw(1);
    var places = Project([.. first.Shown, .. first.Asked]);
    foreach (var (name, options) in methods)
    {
        var predicted = Train(options(), first.Shown, first.Asked).Transform(LabelledTable.View(ml, first.Asked)).GetColumn<string>("Predicted").ToArray();
        app.Chart(Map($"{name} (squares: shown; rings: wrong)", [.. first.Shown.Select(row => row.Class), .. predicted]), name, height: 480);
    }

    app.Step("The model");
    // It keeps the labelled rows and the prototypes that it has come to.
    var model = app.SaveAndLoad(ml, Train(methods[1].Options(), first.Shown, first.Asked), LabelledTable.View(ml, first.Asked));
    app.Tell($"By the prototypes alone, row by row, as rows that come later one by one are told: {Evaluate(model.ToInductive(), first.Asked).Accuracy:P1} are right.");

    app.Step("Without any label");
    var clusters = ml.Clustering.Trainers.TransductiveFewShot(new TransductiveFewShotTrainer.Options { LabelColumnName = null, NumberOfClusters = classes.Length }).Fit(LabelledTable.View(ml, rows));
    var found = ml.Clustering.EvaluateFewShot(Named(clusters.Transform(LabelledTable.View(ml, rows))), Truth);
    var means = ml.Clustering.Trainers.KMeans(numberOfClusters: classes.Length).Fit(LabelledTable.View(ml, rows));
    var byMeans = ml.Clustering.EvaluateFewShot(Named(means.Transform(LabelledTable.View(ml, rows))), Truth);
    app.Tell($"{classes.Length} clusters in all rows, compared with the classes:");
    app.Table(["", "the same method without labels", "K-means"],
        ["normalised mutual information", $"{found.NormalizedMutualInformation:F3}", $"{byMeans.NormalizedMutualInformation:F3}"],
        ["right, with the best names", $"{found.MatchedAccuracy:P1}", $"{byMeans.MatchedAccuracy:P1}"]);

    // Which rows are shown, and which are asked.
    (LabelledRow[] Shown, LabelledRow[] Asked) Draw(int seed)
    {
        LabelledRow[] shuffled = [.. rows];
        new Random(seed).Shuffle(shuffled);
        LabelledRow[] shown = [.. shuffled.GroupBy(row => row.Class).SelectMany(ofClass => ofClass.Take(shots.Value))];
        return ([.. shown.Select(row => new LabelledRow { Features = row.Features, Class = row.Class, Shown = row.Class })], [.. shuffled.Except(shown)]);
    }

    // Labelled rows and those that are asked make one problem.
    ITransformer Train(TransductiveFewShotTrainer.Options options, LabelledRow[] shown, LabelledRow[] asked)
    {
        options.CancellationToken = app.CancellationToken;
        return ml.Transforms.Conversion.MapValueToKey("Label", nameof(LabelledRow.Shown), keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
            .Append(ml.Clustering.Trainers.TransductiveFewShot(options))
            .Append(ml.Transforms.Conversion.MapKeyToValue("Predicted", "PredictedLabel"))
            .Fit(LabelledTable.View(ml, [.. shown, .. asked]));
    }

    FewShotMetrics Evaluate(ITransformer trained, LabelledRow[] asked) => ml.Clustering.EvaluateFewShot(Named(trained.Transform(LabelledTable.View(ml, asked))), Truth);

    IDataView Named(IDataView scored) => ml.Transforms.Conversion.MapValueToKey(Truth, nameof(LabelledRow.Class)).Fit(scored).Transform(scored);

    // The two directions in which rows differ most.
    float[][] Project(LabelledRow[] part)
    {
        var view = LabelledTable.View(ml, part);
        return [.. ml.Transforms.ProjectToPrincipalComponents("Place", nameof(LabelledRow.Features), rank: 2, seed: 1).Fit(view).Transform(view).GetColumn<float[]>("Place")];
    }

    Plot Map(string title, string[] taken) => Charts.Draw(title, "first principal component", "second principal component", Alignment.UpperLeft, plot =>
    {
        var colors = new ScottPlot.Palettes.Category10();
        int[] all = [.. Enumerable.Range(0, taken.Length)];
        foreach (var (i, name) in classes.Index())
        {
            Mark(all.Where(row => taken[row] == name && row >= first.Shown.Length), MarkerShape.FilledCircle, 6, colors.GetColor(i), name);
            Mark(all.Where(row => taken[row] == name && row < first.Shown.Length), MarkerShape.FilledSquare, 14, colors.GetColor(i), "");
        }
        Mark(all.Where(row => row >= first.Shown.Length && taken[row] != first.Asked[row - first.Shown.Length].Class), MarkerShape.OpenCircle, 11, Style.Truth, "wrong");

        void Mark(IEnumerable<int> marked, MarkerShape shape, float size, Color color, string name)
        {
            float[][] points = [.. marked.Select(row => places[row])];
            if (points.Length > 0)
            {
                plot.Add.Markers(points.Select(point => (double)point[0]).ToArray(), points.Select(point => (double)point[1]).ToArray(), shape, size, color).LegendText = name;
            }
        }
    });
});

// Birds sing higher and lower, and that moves a song along a line of its bird; two of twelve numbers tell most.
static IEnumerable<FormattableString> Songs()
{
    var random = new Random(11);
    foreach (var (i, bird) in ((string[])["blackbird", "chaffinch", "great tit", "nightingale", "robin", "wren"]).Index())
    {
        var (angle, bend) = (i * Math.Tau / 6, random.NextDouble() - 0.5);
        for (var song = 0; song < 80; song++)
        {
            var along = 0.8 * random.NextNormal();
            double[] values = [.. Enumerable.Range(0, 12).Select(_ => 0.22 * random.NextNormal())];
            values[0] += 2.2 * Math.Cos(angle) - along * Math.Sin(angle + bend);
            values[1] += 2.2 * Math.Sin(angle) + along * Math.Cos(angle + bend);
            values[2 + i] += 0.5;
            yield return $"{bird},{string.Join(',', values.Select(value => FormattableString.Invariant($"{value:F3}")))}";
        }
    }
}
