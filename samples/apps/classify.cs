#:project ../../src/MLNetExtensions/MLNetExtensions.csproj
// File-based apps are prepared for ahead-of-time compilation, unless they say no. ML.NET compiles at run time.
#:property PublishAot=false

// What does the gas sensor smell? Equiangular basis vectors tell substances apart, say which one they do not know, and learn it from a few measurements without training.
//
//   dotnet run samples/apps/classify.cs
//   dotnet run samples/apps/classify.cs -- --data FILE.csv --label species --hold-back virginica

using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Transforms;
using MLNetExtensions;
using Samples;
using Samples.Apps;
using ScottPlot;

const double Allowed = 0.05;

var app = new App("classify", "Known, unknown, learned: classes by angles", "Tells classes apart with equiangular basis vectors, meets a class that the training did not see, and adds it from a few rows without training.",
    "A CSV file with a header, a column with the class of each row and others with numbers. Without it: measurements of a sensor array at ten substances, made by the app.");
var label = app.Text("--label", "The column with the classes. Without it: 'substance', that of the made data.");
var heldBack = app.Text("--hold-back", "The class that the training does not see. Without it: the last one.");
var shown = app.Number("--shown", 20, "The rows from which it is learned then.");
var epochs = app.Number("--epochs", 30, "The epochs to train.");
return app.Run(args, () =>
{
    var ml = new MLContext(seed: 1);

    app.Step("Data");
    var labelColumn = label.Value ?? "substance";
    var path = app.DataOr($"{labelColumn},{string.Join(',', Enumerable.Range(1, 12).Select(sensor => $"sensor{sensor}"))}", Measurements());
    var rows = LabelledTable.Load(path, labelColumn);
    string[] all = [.. rows.Select(row => row.Class).Distinct().Order(StringComparer.Ordinal)];
    var unknown = heldBack.Value ?? all.LastOrDefault();
    if (unknown is null || !all.Contains(unknown) || all.Length < 3)
    {
        throw new InvalidDataException($"'{path}' has no class '{unknown}', or fewer than three. It has: {string.Join(", ", all)}.");
    }
    new Random(1).Shuffle(rows);
    var (test, training) = (rows[..(rows.Length / 4)], rows[(rows.Length / 4)..]);
    app.Tell($"{Path.GetFileName(path)} has {rows.Length} rows of {rows[0].Features.Length} numbers and {all.Length} classes: {string.Join(", ", all)}. A quarter is kept for the test. '{unknown}' is held back: the training does not see it.");

    app.Step("Training");
    app.Tell($"Each class has a fixed vector, and a network learns to point at it. A row that points at none is of no known class; {Allowed:P0} of the rows of known classes may be taken for such.");
    var known = View(training.Where(row => row.Class != unknown));
    var trained = TrainingDisplay.Show(progress => ml.Transforms.Conversion.MapValueToKey("Label", nameof(LabelledRow.Class), keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
        .Append(ml.MulticlassClassification.Trainers.EquiangularBasisVectors(new EquiangularBasisVectorsTrainer.Options
        {
            // A small network: seconds on one core.
            HiddenWidths = [64, 64],
            MaximumNumberOfEpochs = epochs.Value,
            UnknownQuantile = Allowed,
            AngleColumnName = nameof(Answer.Angle),
            Progress = progress,
            CancellationToken = app.CancellationToken,
        }))
        .Append(ml.Transforms.Conversion.MapKeyToValue(nameof(Answer.Predicted), "PredictedLabel"))
        .Fit(known));
    var testOfKnown = View(test.Where(row => row.Class != unknown));
    var model = app.SaveAndLoad(ml, trained, testOfKnown);

    app.Step("Known classes");
    var metrics = ml.MulticlassClassification.Evaluate(model.Transform(testOfKnown));
    string[] classes = [.. all.Where(name => name != unknown)];
    app.Tell($"{metrics.MicroAccuracy:P1} of the test rows of the {classes.Length} known classes are right; log-loss {metrics.LogLoss:F3}.");
    app.Chart(MatrixPlot.Draw(MatrixPlot.Counts(metrics.ConfusionMatrix), classes, "Test rows of known classes", "taken for", "what it is", "rows", "F0"), "Confusion matrix", 820, 620);

    app.Step("Something unknown");
    var before = Answers(model);
    app.Tell($"{Share(OfUnknown(before), row => row.IsUnknown):P0} of the test rows of '{unknown}' have no predicted class, and {Share(OfKnown(before), row => row.IsUnknown):P0} of the others.");
    app.Chart(Angles(before, $"Before '{unknown}' is learned"), "Angles before", height: 320);

    app.Step("A new class without training");
    LabelledRow[] few = [.. training.Where(row => row.Class == unknown).Take(shown.Value)];
    var taught = model.AddClasses(ml, LabelledTable.View(ml, few), labelColumnName: nameof(LabelledRow.Class));
    var after = Answers(taught);
    app.Tell($"'{unknown}' was added from {few.Length} rows.");
    app.Table(["right answers", "before", "after"],
        Row("all classes", answers => answers),
        Row("the classes known at first", OfKnown),
        Row($"'{unknown}'", OfUnknown));
    app.Chart(Angles(after, $"After '{unknown}' is learned"), "Angles after", height: 320);

    string[] Row(string name, Func<Answer[], Answer[]> part) => [name, $"{Share(part(before), row => row.IsRight):P1}", $"{Share(part(after), row => row.IsRight):P1}"];

    Answer[] OfKnown(Answer[] answers) => [.. answers.Where(row => row.Class != unknown)];

    Answer[] OfUnknown(Answer[] answers) => [.. answers.Where(row => row.Class == unknown)];

    Answer[] Answers(ITransformer asked) => [.. ml.Data.CreateEnumerable<Answer>(asked.Transform(View(test)), reuseRowObject: false)];

    // How far rows lie from the vector of the nearest class.
    Plot Angles(Answer[] answers, string title)
    {
        var (nearest, bins) = (answers.Select(row => row.Degrees).Where(double.IsFinite).Order().ToArray(), 20);
        var (first, width) = (nearest[0], Math.Max(1e-3, (nearest[^1] - nearest[0]) / (bins - 1)));
        return Charts.Draw(title, "angle to the nearest class, degrees", "part of the rows, percent", Alignment.UpperRight, plot =>
        {
            Bars(OfKnown(answers), -0.2, Style.Muted, "classes known at first");
            Bars(OfUnknown(answers), 0.2, Style.Model, $"'{unknown}'");
            plot.Axes.Bottom.SetTicks([.. Enumerable.Range(0, bins).Select(i => (double)i)], [.. Enumerable.Range(0, bins).Select(i => $"{first + i * width:F1}°")]);

            void Bars(Answer[] part, double shift, Color color, string name)
                => Style.Bars(plot, [.. Enumerable.Range(0, bins).Select(i => 100 * Share(part, row => (int)Math.Round((row.Degrees - first) / width) == i))], shift, color, name);
        }, fromZero: true);
    }

    IDataView View(IEnumerable<LabelledRow> part) => LabelledTable.View(ml, [.. part]);
});

static double Share(Answer[] rows, Func<Answer, bool> condition) => rows.Length == 0 ? 0 : rows.Average(row => condition(row) ? 1.0 : 0);

// Each substance excites the twelve sensors in a way of its own, the more the more of it there is; sensors drift, are saturated, and make noise.
static IEnumerable<FormattableString> Measurements()
{
    var random = new Random(5);
    foreach (var substance in (string[])["acetone", "ammonia", "benzene", "butanol", "ethanol", "hexane", "methane", "toluene", "vinegar", "xylene"])
    {
        double[] response = [.. Enumerable.Range(0, 12).Select(_ => Math.Pow(random.NextDouble(), 2))];
        for (var row = 0; row < 160; row++)
        {
            var amount = 0.4 + 1.6 * random.NextDouble();
            var drift = 0.15 * random.NextNormal();
            var values = response.Select(one => Math.Tanh(one * amount) + drift + 0.09 * random.NextNormal());
            yield return $"{substance},{string.Join(',', values.Select(value => FormattableString.Invariant($"{value:F3}")))}";
        }
    }
}

/// <summary>What the model says of a row.</summary>
internal sealed class Answer
{
    public string Class { get; set; } = "";

    /// <summary>Empty where the row is of no known class.</summary>
    public string Predicted { get; set; } = "";

    /// <summary>The angles to the vectors of the classes, in radians.</summary>
    public float[] Angle { get; set; } = [];

    /// <summary>The angle to the nearest of them.</summary>
    public double Degrees => Angle.Min() * 180 / Math.PI;

    public bool IsUnknown => Predicted.Length == 0;

    public bool IsRight => Predicted == Class;
}
