using Forecasting;
using Microsoft.ML;
using Samples;
using Spectre.Console;

namespace ImageClassification;

/// <summary>The sample from data to report, step by step.</summary>
internal static class Walkthrough
{
    private const int Seed = 1;
    private const int TrainingPerClass = 150;
    private const int TestPerClass = 60;
    private const int NewImages = 20;

    public static void Run(ImageClassificationSettings settings)
    {
        var ml = new MLContext(Seed);
        Directory.CreateDirectory(settings.OutputFolder);
        var report = new Report("Image classification");

        Say.Step("1. Data");
        var images = settings.DataPath is null ? Glyphs.Generate(TrainingPerClass, TestPerClass, Seed) : ImageFiles.Read(settings.DataPath, settings.ClassNames);
        string[] all = [.. images.Training.Select(image => image.Class).Distinct().Order(StringComparer.Ordinal)];
        var heldBack = settings.HeldBackClass ?? (settings.DataPath is null ? Glyphs.HeldBack : all[^1]);
        if (!all.Contains(heldBack) || all.Length < 3)
        {
            throw new ArgumentException($"There is no class '{heldBack}', or fewer than three; there are {string.Join(", ", all)}.");
        }
        string[] known = [.. all.Where(name => name != heldBack)];
        var training = View(images.Training.Where(image => image.Class != heldBack));
        var test = View(images.Test.Where(image => image.Class != heldBack));
        var unknown = View(images.Test.Where(image => image.Class == heldBack));
        Say.Line($"{images.Training.Length} images for training and {images.Test.Length} for the test, {images.Height} x {images.Width}, of the classes {string.Join(", ", all)}.");
        Say.Line($"'{heldBack}' is held back: the training does not see it.");
        Plots.SaveExamples(images, all, InOutput("examples.png"));

        Say.Step("2. Training");
        var model = TrainingDisplay.Show(progress => ImageClassifier.TrainModel(ml, training, images, settings, progress));

        Say.Step("3. Save and load");
        var modelPath = InOutput("ImageClassifier.mlnet");
        ImageClassifier.SaveModel(ml, model, training, modelPath);
        // What follows is the work of the file alone, as in another process.
        var fresh = new MLContext();
        var loaded = ImageClassifier.LoadModel(fresh, modelPath);
        Models.RequireEqualScores(model, loaded, test);
        Say.Line("The loaded model scores the test images bit for bit as the trained one.");

        Say.Step("4. Evaluation of the loaded model");
        var metrics = ImageClassifier.Evaluate(fresh, loaded, test);
        Say.Line($"Accuracy {metrics.MicroAccuracy:P1}, log-loss {metrics.LogLoss:F3} on {test.GetRowCount()} test images of {known.Length} classes.");
        var classes = ImageClassifier.ClassNames(loaded, test);
        Plots.SaveConfusion(metrics.ConfusionMatrix, classes, InOutput("confusion.png"));

        Say.Step("5. How the classes lie");
        var collapse = loaded.MeasureNeuralCollapse(fresh, training);
        Say.Line($"On the training images: NC1 {collapse.WithinClassVariability:F3} (spread within classes), NC2 {collapse.SimplexDistance:F3} (class means from a simplex), NC3 {collapse.Alignment:F3} (class means from class vectors); 0 is full collapse.");
        Plots.SaveNeuralCollapse(collapse, ImageClassifier.MeanCosines(ImageClassifier.Predict(fresh, loaded, training), classes), classes, InOutput("neural-collapse.png"));

        Say.Step("6. Something unknown");
        var before = Answers(loaded);
        Say.Line($"{Share(before.Unknown, row => row.IsUnknown):P0} of the {before.Unknown.Length} test images of '{heldBack}' have no predicted label, and {Share(before.Known, row => row.IsUnknown):P0} of those of the known classes ({ImageClassifier.UnknownQuantile:P0} were allowed for).");

        Say.Step("7. A new class without training");
        LabelledImage[] few = [.. images.Training.Where(image => image.Class == heldBack).Take(NewImages)];
        var taught = ImageClassifier.AddClasses(fresh, loaded, LabelledImage.View(fresh, few));
        var after = Answers(taught);
        Say.Line($"Added '{heldBack}' from {few.Length} images. Right answers, in percent of the test images:");
        (string Name, double Before, double After)[] rows =
        [
            ("all classes", Share([.. before.Known, .. before.Unknown], row => row.IsRight), Share([.. after.Known, .. after.Unknown], row => row.IsRight)),
            ("the known classes", Share(before.Known, row => row.IsRight), Share(after.Known, row => row.IsRight)),
            ($"'{heldBack}'", Share(before.Unknown, row => row.IsRight), Share(after.Unknown, row => row.IsRight)),
        ];
        var table = new Table().Border(TableBorder.Rounded).AddColumns("", "before", "after");
        foreach (var (name, was, now) in rows)
        {
            table.AddRow(Markup.Escape(name), $"{100 * was:F1}", $"{100 * now:F1}");
        }
        AnsiConsole.Write(table);
        var taughtPath = InOutput("ImageClassifier.more.mlnet");
        ImageClassifier.SaveModel(fresh, taught, training, taughtPath);

        Say.Step("8. Report");
        report.Paragraph($"{training.GetRowCount()} training images of {known.Length} classes, {images.Height} x {images.Width}; '{heldBack}' was held back.");
        report.Picture(InOutput("examples.png"), "Test images of each class");
        report.Heading("Evaluation");
        report.Table(["", "value"], [["accuracy", $"{metrics.MicroAccuracy:F4}"], ["mean accuracy of the classes", $"{metrics.MacroAccuracy:F4}"], ["log-loss", $"{metrics.LogLoss:F4}"]]);
        report.Table(["class", "recall", "precision"], classes.Select((name, i) => new[] { name, $"{metrics.ConfusionMatrix.PerClassRecall[i]:F3}", $"{metrics.ConfusionMatrix.PerClassPrecision[i]:F3}" }));
        report.Picture(InOutput("confusion.png"), "Confusion matrix");
        report.Heading("How the classes lie");
        report.Paragraph("NC1: spread within classes against that between them. NC2: distance of the class means from a regular simplex. NC3: of the class means from the class vectors. All are 0 at full collapse.");
        report.Picture(InOutput("neural-collapse.png"), "Cosines between class means");
        report.Heading("Something unknown, and a new class");
        report.Paragraph($"Without a predicted label: {Share(before.Unknown, row => row.IsUnknown):P0} of the images of '{heldBack}', {Share(before.Known, row => row.IsUnknown):P0} of the others. Then it was added from {few.Length} images, without training.");
        report.Table(["right answers", "before", "after"], rows.Select(row => new[] { row.Name, $"{row.Before:P1}", $"{row.After:P1}" }));
        report.Save(InOutput("report.html"));
        foreach (var path in new[] { modelPath, taughtPath, InOutput("examples.png"), InOutput("confusion.png"), InOutput("neural-collapse.png"), InOutput("report.html") })
        {
            Say.Path(path);
        }

        IDataView View(IEnumerable<LabelledImage> rows) => LabelledImage.View(ml, [.. rows]);

        (ImagePrediction[] Known, ImagePrediction[] Unknown) Answers(ITransformer model)
            => (ImageClassifier.Predict(fresh, model, test), ImageClassifier.Predict(fresh, model, unknown));

        string InOutput(string name) => Path.Combine(settings.OutputFolder, name);
    }

    private static double Share(ImagePrediction[] rows, Func<ImagePrediction, bool> condition) => rows.Average(row => condition(row) ? 1.0 : 0);
}
