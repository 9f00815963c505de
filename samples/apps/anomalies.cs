#:project ../../src/MLNetExtensions/MLNetExtensions.csproj
// File-based apps are prepared for ahead-of-time compilation, unless they say no. ML.NET compiles at run time.
#:property PublishAot=false

// Is there a burst pipe? TimesNet learns how much water a district takes by the hour, and raises an alert where it is told something else.
//
//   dotnet run samples/apps/anomalies.cs
//   dotnet run samples/apps/anomalies.cs -- --data FILE.csv.gz --column value --label anomaly

using Forecasting;
using Microsoft.ML;
using MLNetExtensions.TimeSeries;
using Samples;
using Samples.Apps;
using ScottPlot;

const double Percentile = 99.5;

var app = new App("anomalies", "What is not as it should be: anomalies in a series", "Finds anomalies in a series with TimesNet, and compares the alerts with those of a fixed limit around the mean.",
    "A CSV file with a header and one row per time step; it may be compressed (.gz). Without it: water taken by a district, by the hour, made by the app.");
var column = app.Text("--column", "The column with the values. Without it: 'flow', that of the made data.");
var label = app.Text("--label", "A column that is 1 where an anomaly is known, else 0; it is used for the evaluation alone. Without it: 'anomaly' of the made data, otherwise none.");
var window = app.Number("--window", 96, "The rows that are looked at together.");
var epochs = app.Number("--epochs", 6, "The most epochs to train.");
return app.Run(args, () =>
{
    var ml = new MLContext(seed: 1);

    app.Step("Data");
    var path = app.DataOr("time,flow,anomaly", WaterTaken());
    var table = SeriesFile.Load(path);
    var valueColumn = column.Value ?? "flow";
    var labelColumn = label.Value ?? (app.DataPath is null ? "anomaly" : null);
    var values = SeriesFile.Numbers(table, path, valueColumn);
    var labels = labelColumn is null ? new float[values.Length] : SeriesFile.Numbers(table, path, labelColumn);
    Reading[] rows = [.. values.Zip(labels, (value, known) => new Reading { Value = value, Label = known })];
    // The first half is to be normal, or nearly so.
    var (training, test) = (rows[..(rows.Length / 2)], rows[(rows.Length / 2)..]);
    app.Tell($"{Path.GetFileName(path)} has {rows.Length} rows of '{valueColumn}'. The first {training.Length} are trained on, without a look at labels, the others are judged.");

    app.Step("Training");
    app.Tell($"TimesNet learns to rebuild windows of {window.Value} rows. What it rebuilds badly is not as it should be: worse than {Percentile} % of the training rows is an alert.");
    var trained = TrainingDisplay.Show(progress => ml.AnomalyDetection.Trainers.TimesNet(new TimesNetAnomalyDetectionTrainer.Options
    {
        InputColumnName = nameof(Reading.Value),
        ExpectedColumnName = nameof(Judged.Expected),
        WindowSize = window.Value,
        // Neighbouring windows tell nearly the same: every eighth is enough.
        WindowStride = 8,
        ThresholdPercentile = Percentile,
        // A small network: seconds on one core.
        Network = { Width = 8, NumberOfKernels = 3 },
        LearningRate = 2e-3,
        BatchSize = 32,
        MaximumNumberOfEpochs = epochs.Value,
        Progress = progress,
        CancellationToken = app.CancellationToken,
    }).Fit(View(training)));
    var model = app.SaveAndLoad(ml, trained, View(test));

    app.Step("Alerts");
    var scored = model.Transform(View(test));
    Judged[] judged = [.. ml.Data.CreateEnumerable<Judged>(scored, reuseRowObject: false)];
    var alerts = Events(judged, row => row.PredictedLabel);
    app.Tell($"{judged.Count(row => row.PredictedLabel)} of {judged.Length} rows are alerts, in {alerts.Length} events. The worst:");
    app.Table(["rows", "value", "expected", "score, as a multiple of the threshold"], [.. alerts.OrderByDescending(one => judged[one.Start..one.End].Max(row => row.Score)).Take(8).Select(one =>
    {
        var worst = judged[one.Start..one.End].MaxBy(row => row.Score)!;
        return new[] { $"{training.Length + one.Start} to {training.Length + one.End - 1}", $"{worst.Value:F1}", $"{worst.Expected:F1}", $"{worst.Score / worst.Threshold:F1}" };
    })]);

    if (labelColumn is not null)
    {
        app.Step("Evaluation");
        var limits = FixedLimits(training, test);
        var (byModel, byLimits) = (ml.AnomalyDetection.EvaluateTimeSeries(scored), ml.AnomalyDetection.EvaluateTimeSeries(ml.Data.LoadFromEnumerable(limits)));
        app.Table(["", "TimesNet", "limits around the mean"],
            Row("events found", one => $"{one.EventRecall * one.NumberOfEvents:F0} of {one.NumberOfEvents}"),
            Row("false alarms", one => $"{one.NumberOfFalseAlarms}"),
            Row("precision", one => $"{one.Precision:F3}"),
            Row("recall", one => $"{one.Recall:F3}"),
            Row("F1", one => $"{one.F1Score:F3}"),
            Row("area under the ROC curve", one => $"{one.AreaUnderRocCurve:F3}"));

        string[] Row(string name, Func<TimeSeriesAnomalyMetrics, string> value) => [name, value(byModel), value(byLimits)];
    }

    var unit = app.DataPath is null ? "m³ an hour" : valueColumn;
    app.Chart(Series("All rows that were judged", 0, judged.Length), "The series with its alerts");
    app.Chart(Charts.Draw("Scores", "row", "score, log10", Alignment.UpperLeft, plot =>
    {
        Shade(plot, 0, judged.Length);
        Charts.Line(plot, judged.Select(row => Math.Log10(Math.Max(row.Score, 1e-6))), Style.Muted, "score", training.Length, 1);
        plot.Add.HorizontalLine(Math.Log10(judged[0].Threshold), 1.5f, Style.Model, LinePattern.Dashed).LegendText = "threshold";
    }), "Scores", height: 300);
    if (alerts.Length > 0)
    {
        var middle = alerts.MaxBy(one => one.End - one.Start).Start;
        app.Chart(Series("The longest alert, near by", Math.Max(0, middle - window.Value), Math.Min(judged.Length, middle + 2 * window.Value)), "The longest alert");
    }

    Plot Series(string title, int from, int to) => Charts.Draw(labelColumn is null ? title : $"{title}; known anomalies are shaded", "row", unit, Alignment.UpperLeft, plot =>
    {
        Shade(plot, from, to);
        Charts.Line(plot, judged[from..to].Select(row => (double)row.Value), Style.Truth, "told", training.Length + from, 1);
        Charts.Line(plot, judged[from..to].Select(row => (double)row.Expected), Charts.Rival, "expected", training.Length + from, 1);
        int[] alarmed = [.. Enumerable.Range(from, to - from).Where(row => judged[row].PredictedLabel)];
        if (alarmed.Length > 0)
        {
            plot.Add.Markers(alarmed.Select(row => (double)training.Length + row).ToArray(), alarmed.Select(row => (double)judged[row].Value).ToArray(), MarkerShape.FilledCircle, 5, Style.Model).LegendText = "alert";
        }
    });

    void Shade(Plot plot, int from, int to)
    {
        foreach (var (start, end) in Events(judged, row => row.Label > 0).Where(one => one.End > from && one.Start < to))
        {
            plot.Add.HorizontalSpan(training.Length + start - 0.5, training.Length + end - 0.5, Colors.Gold.WithAlpha(0.4));
        }
    }

    IDataView View(Reading[] part) => ml.Data.LoadFromEnumerable(part);
});

// Neighbouring rows that have something in common.
static (int Start, int End)[] Events(Judged[] rows, Func<Judged, bool> condition)
{
    int[] borders = [.. Enumerable.Range(0, rows.Length + 1).Where(row => (row > 0 && condition(rows[row - 1])) != (row < rows.Length && condition(rows[row])))];
    return [.. borders.Chunk(2).Select(pair => (pair[0], pair[1]))];
}

// The rival: an alert where a value is further from the mean than all but as few training rows.
static Judged[] FixedLimits(Reading[] training, Reading[] test)
{
    var mean = training.Average(row => row.Value);
    var threshold = training.Select(row => Math.Abs(row.Value - mean)).Order().ElementAt((int)(Percentile / 100 * training.Length));
    return [.. test.Select(row => new Judged { Label = row.Label, Score = Math.Abs(row.Value - mean), PredictedLabel = Math.Abs(row.Value - mean) > threshold })];
}

// Twenty weeks: peaks in the morning and in the evening, later at weekends. In the second half pipes burst and meters fail.
static IEnumerable<FormattableString> WaterTaken()
{
    var random = new Random(3);
    var wander = 0.0;
    for (var hour = 0; hour < 20 * 7 * 24; hour++)
    {
        var (day, ofDay) = (hour / 24, hour % 24);
        wander = 0.9 * wander + 0.6 * random.NextNormal();
        var flow = Usual(day, ofDay) + wander + random.NextNormal();
        var changed = (day, ofDay) switch
        {
            // A pipe bursts at night and is mended at noon.
            (80, < 12) => flow + 18,
            // The meter is stuck.
            (93, > 5 and < 22) => 31,
            // A wrong reading.
            (101, 15) => flow + 45,
            // A fire is fought.
            (112, > 2 and < 6) => flow + 30,
            // A pump fails.
            (125, > 16 and < 21) => 0.3 * flow,
            // The clock of the meter goes six hours wrong.
            (133, _) => Usual(day, (ofDay + 18) % 24) + wander,
            _ => flow,
        };
        yield return $"{new DateTime(2024, 3, 4).AddHours(hour):yyyy-MM-dd HH:mm},{changed:F1},{(changed == flow ? 0 : 1)}";
    }

    static double Usual(int day, int ofDay)
    {
        var late = day % 7 > 4 ? 2 : 0;
        return 12 + 32 * Math.Exp(-Math.Pow((ofDay - 7.5 - late) / 2, 2)) + 26 * Math.Exp(-Math.Pow((ofDay - 19) / 2.5, 2)) + (ofDay is > 6 and < 22 ? 8 + late : 0);
    }
}

/// <summary>A row of the series.</summary>
internal sealed class Reading
{
    public float Value { get; set; }

    /// <summary>1 = a known anomaly. Training does not read it.</summary>
    public float Label { get; set; }
}

/// <summary>A row with what is said of it.</summary>
internal sealed class Judged
{
    public float Value { get; set; }

    public float Label { get; set; }

    /// <summary>How far the value lies off what was expected.</summary>
    public float Score { get; set; }

    /// <summary>Whether it is an alert.</summary>
    public bool PredictedLabel { get; set; }

    public float Threshold { get; set; }

    public float Expected { get; set; }
}
