#:project ../../src/MLNetExtensions/MLNetExtensions.csproj
// File-based apps are prepared for ahead-of-time compilation, unless they say no. ML.NET compiles at run time.
#:property PublishAot=false

// How warm is the lake, at any height on any day? Functional Bayesian Tucker decomposition makes a field of scattered measurements, and says how sure it is where nobody measured.
//
//   dotnet run samples/apps/field.cs
//   dotnet run samples/apps/field.cs -- --data FILE.csv.gz --columns lon,lat,day --value tmax_f

using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;
using Samples;
using Samples.Apps;
using ScottPlot;

const double Confidence = 0.9;
const int Places = 80;

var app = new App("field", "A field from scattered measurements, and how sure it is", "Learns a value over several coordinates by functional Bayesian Tucker decomposition, with bounds, and shows the functions of each coordinate.",
    "A CSV file with a header and one row per measurement; it may be compressed (.gz). Without it: temperatures of a lake, made by the app.");
var columns = app.Names("--columns", "The columns with the coordinates, two at least: a,b,c. Without it: those of the made data, day and height.");
var value = app.Text("--value", "The column with the values. Without it: 'temperature', that of the made data.");
var rank = app.Number("--rank", 4, "The number of functions of each coordinate.");
var iterations = app.Number("--iterations", 40, "The most iterations.");
return app.Run(args, () =>
{
    var ml = new MLContext(seed: 1);

    app.Step("Data");
    var path = app.DataOr("day,height,temperature", LakeTemperatures());
    var table = SeriesFile.Load(path);
    string[] names = columns.Value.Length > 0 ? columns.Value : ["day", "height"];
    var valueColumn = value.Value ?? "temperature";
    var coordinates = names.Select(name => SeriesFile.Numbers(table, path, name)).ToArray();
    Measured[] rows = [.. SeriesFile.Numbers(table, path, valueColumn).Select((number, row) => new Measured { Value = number, Coordinates = [.. coordinates.Select(column => (double)column[row])] })
        .Where(row => float.IsFinite(row.Value) && row.Coordinates.All(double.IsFinite))];
    if (names.Length < 2 || rows.Length < 10)
    {
        throw new InvalidDataException($"'{path}' has {rows.Length} complete rows over {names.Length} coordinates; it takes ten rows and two coordinates at least.");
    }
    new Random(1).Shuffle(rows);
    var (test, training) = (rows[..(rows.Length / 5)], rows[(rows.Length / 5)..]);
    app.Tell($"{Path.GetFileName(path)} has {rows.Length} values of '{valueColumn}' over {string.Join(", ", names)}. A fifth is kept for the test.");

    app.Step("Training");
    var trained = ml.Regression.Trainers.FunctionalBayesianTucker(new FunctionalBayesianTuckerTrainer.Options
    {
        LabelColumnName = nameof(Measured.Value),
        FeatureColumnName = nameof(Measured.Coordinates),
        Rank = rank.Value,
        // How fast each coordinate counts is not known before: the bound on the evidence tells.
        SelectLengthScales = true,
        MaximumNumberOfIterations = iterations.Value,
        ConfidenceLowerBoundColumnName = nameof(Estimate.Lower),
        ConfidenceUpperBoundColumnName = nameof(Estimate.Upper),
        ConfidenceLevel = Confidence,
        CancellationToken = app.CancellationToken,
    }).Fit(View(training));
    app.Tell($"The value is a sum of {rank.Value} products of functions, one of each coordinate. Length scales, as parts of the ranges: {string.Join(", ", names.Zip(trained.LengthScales, (name, scale) => $"{name} {scale:G3}"))}. Noise: {trained.NoiseStandardDeviation:G3}.");
    var model = app.SaveAndLoad(ml, trained, View(test));

    app.Step("Is it as sure as it says?");
    var metrics = ml.Regression.EvaluateProbabilistic(model.Transform(View(test)), nameof(Measured.Value), lowerColumnName: nameof(Estimate.Lower), upperColumnName: nameof(Estimate.Upper));
    var mean = training.Average(row => row.Value);
    app.Tell($"Root mean squared error {metrics.RootMeanSquaredError:G4}; the mean of the training rows has {Math.Sqrt(test.Average(row => Math.Pow(row.Value - mean, 2))):G4}. {metrics.Coverage:P1} of the test rows lie between the bounds of {Confidence:P0}.");
    app.Html(metrics.ToHtml());
    var estimates = Estimates(test);
    // Half the width of the interval of each confidence, in standard deviations.
    (double Level, double Width)[] intervals = [(50, 0.674), (68.3, 1), (80, 1.282), (90, 1.645), (95, 1.960), (99, 2.576)];
    double[] held = [.. intervals.Select(one => 100 * test.Zip(estimates, (row, estimate) => Math.Abs(row.Value - estimate.Score) <= one.Width * estimate.ScoreStdDev ? 1.0 : 0).Average())];
    app.Table(["interval", .. intervals.Select(one => $"{one.Level} %")], ["test rows in it", .. held.Select(one => $"{one:F1} %")]);
    app.Chart(Charts.Draw("What intervals promise and what they hold", "promised, percent", "test rows in the interval, percent", Alignment.UpperLeft, plot =>
    {
        plot.Add.Line(40, 40, 100, 100).LegendText = "as promised";
        var line = plot.Add.Scatter(intervals.Select(one => one.Level).ToArray(), held, Style.Model);
        (line.LineWidth, line.MarkerSize, line.LegendText) = (2, 8, "held");
    }), "What intervals hold", 640, 380);

    app.Step("The functions of each coordinate");
    foreach (var (mode, name) in names.Index())
    {
        var function = model.GetModeFunction(mode, Between(mode, 300));
        double[] points = [.. function.Points];
        app.Chart(Charts.Draw($"Functions of {name}; bands: two standard deviations", Axis(mode), "value, scaled", Alignment.UpperLeft, plot =>
        {
            for (var r = 0; r < function.Rank; r++)
            {
                var color = new ScottPlot.Palettes.Category10().GetColor(r);
                double[] means = [.. points.Select((_, i) => function.Means[i, r])], widths = [.. points.Select((_, i) => 2 * Math.Sqrt(function.Variances[i, r]))];
                Style.Band(plot, points, [.. means.Zip(widths, (middle, width) => middle - width)], [.. means.Zip(widths, (middle, width) => middle + width)], color, null);
                plot.Add.ScatterLine(points, means, color).LegendText = $"function {r + 1}";
            }
        }), $"Functions of {name}", height: 300);
    }

    app.Step("The field");
    // Over the first two coordinates; all others at their middle.
    double[] others = [.. names.Skip(2).Select((_, i) => training.Select(row => row.Coordinates[i + 2]).Order().ElementAt(training.Length / 2))];
    double[] xs = Between(0, Places), ys = Between(1, Places);
    Measured[] grid = [.. ys.SelectMany(y => xs.Select(x => new Measured { Coordinates = [x, y, .. others] }))];
    var field = Estimates(grid);
    app.Tell($"{(names.Length > 2 ? $"At {string.Join(", ", names.Skip(2).Zip(others, (name, at) => $"{name} {at:G5}"))}. " : "")}Points: training rows{(names.Length > 2 ? ", wherever the other coordinates are" : "")}.");
    var values = field.Select(one => (double)one.Score).ToArray();
    if (app.DataPath is null)
    {
        double[] truth = [.. grid.Select(row => Truth(row.Coordinates[0], row.Coordinates[1]))];
        var range = new ScottPlot.Range(Math.Min(truth.Min(), values.Min()), Math.Max(truth.Max(), values.Max()));
        Map("What is true", truth, "°C", range);
        Map("What is predicted", values, "°C", range);
    }
    else
    {
        Map("What is predicted", values, valueColumn, null);
    }
    Map("How sure that is: standard deviation of the field", [.. field.Select(one => (double)one.LatentStdDev)], app.DataPath is null ? "°C" : valueColumn, null);
    var (least, most) = (field.MinBy(one => one.LatentStdDev)!, field.MaxBy(one => one.LatentStdDev)!);
    app.Tell($"The standard deviation of the field is {least.LatentStdDev:G2} where it is known best, and {most.LatentStdDev:G2} where it is known least.");

    void Map(string title, double[] content, string unit, ScottPlot.Range? range)
    {
        var square = new double[Places, Places];
        foreach (var (i, one) in content.Index())
        {
            square[i / Places, i % Places] = one;
        }
        app.Chart(Charts.Map(title, Axis(0), Axis(1), unit, square, (xs[0], xs[^1]), (ys[0], ys[^1]), range, [.. training.Select(row => (row.Coordinates[0], row.Coordinates[1]))]), title, 820, 360);
    }

    string Axis(int mode) => app.DataPath is null && mode == 1 ? "height, m" : names[mode];

    // From the least to the largest coordinate of the training rows.
    double[] Between(int mode, int count)
    {
        var (from, to) = (training.Min(row => row.Coordinates[mode]), training.Max(row => row.Coordinates[mode]));
        return [.. Enumerable.Range(0, count).Select(i => from + (to - from) * i / (count - 1))];
    }

    Estimate[] Estimates(Measured[] part) => [.. ml.Data.CreateEnumerable<Estimate>(model.Transform(View(part)), reuseRowObject: false)];

    IDataView View(Measured[] part)
    {
        var schema = SchemaDefinition.Create(typeof(Measured));
        schema[nameof(Measured.Coordinates)].ColumnType = new VectorDataViewType(NumberDataViewType.Double, names.Length);
        return ml.Data.LoadFromEnumerable(part, schema);
    }
});

// The sun warms the lake from above in summer, the warmth sinks later, and storms mix the upper water.
static double Truth(double day, double height)
{
    var depth = 30 - height;
    var sunk = Math.Exp(-depth / 9);
    return 6 + 13 * sunk * Math.Exp(-Math.Pow((day - 205 - 2 * depth) / 62, 2)) - 2 * sunk * Math.Exp(-Math.Pow((day - 30) / 40, 2)) + 1.2 * sunk * Math.Sin(day / 7.5);
}

// A boat measures now and then, at some height above the ground. From day 225 to 250 it is repaired.
static IEnumerable<FormattableString> LakeTemperatures()
{
    var random = new Random(2);
    for (var row = 0; row < 900; row++)
    {
        var (day, height) = (Math.Round(365 * random.NextDouble(), 1), Math.Round(30 * random.NextDouble(), 1));
        if (day is < 225 or > 250)
        {
            yield return $"{day},{height},{Truth(day, height) + 0.4 * random.NextNormal():F2}";
        }
    }
}

/// <summary>A value measured somewhere.</summary>
internal sealed class Measured
{
    public double[] Coordinates { get; set; } = [];

    public float Value { get; set; }
}

/// <summary>What the model says of a place.</summary>
internal sealed class Estimate
{
    public float Score { get; set; }

    /// <summary>The standard deviation of a measurement.</summary>
    public float ScoreStdDev { get; set; }

    /// <summary>The standard deviation of the field itself.</summary>
    public float LatentStdDev { get; set; }

    public float Lower { get; set; }

    public float Upper { get; set; }
}
