using Forecasting;
using Microsoft.ML;
using Samples;

namespace AnomalyDetection;

/// <summary>The sample from data to the plot, step by step.</summary>
internal static class Walkthrough
{
    public static void Run(DetectionSettings settings)
    {
        var ml = new MLContext(seed: 1);
        Directory.CreateDirectory(settings.OutputFolder);

        Say.Step("1. Data");
        var dataPath = settings.DataPath ?? InOutput("demand.csv");
        if (settings.DataPath is null)
        {
            DemandData.Write(dataPath);
        }
        var rows = DemandAnomalies.LoadRows(dataPath, settings.ValueColumn, settings.LabelColumn);
        var trained = (int)(settings.TrainingFraction * rows.Length);
        if (trained < 1 || trained >= rows.Length)
        {
            throw new InvalidDataException($"'{dataPath}' has {rows.Length} rows: --train {settings.TrainingFraction} leaves none to train on, or none to score.");
        }
        var (training, test) = (ml.Data.LoadFromEnumerable(rows[..trained]), ml.Data.LoadFromEnumerable(rows[trained..]));
        Say.Line($"{Path.GetFileName(dataPath)}: {rows.Length} rows of '{settings.ValueColumn}', the first {trained} to train on.");

        Say.Step("2. Training");
        var model = TrainingDisplay.Show(progress => DemandAnomalies.TrainModel(ml, training, settings, progress));

        Say.Step("3. Save and load");
        var modelPath = InOutput("DemandAnomalies.mlnet");
        DemandAnomalies.SaveModel(ml, model, training, modelPath);
        // What follows is the work of the file alone, as in another process.
        var fresh = new MLContext();
        var loaded = DemandAnomalies.LoadModel(fresh, modelPath);
        DemandAnomalies.RequireEqualScores(fresh, model, loaded, test);
        Say.Line("The loaded model scores the test rows bit for bit as the trained one.");

        Say.Step("4. Alerts of the loaded model");
        var scored = DemandAnomalies.Score(fresh, loaded, test);
        Say.Line($"{scored.Count(row => row.PredictedLabel)} of {scored.Length} rows are alerts: their score is above {scored[0].Threshold:G3}, the {settings.ThresholdPercentile} % percentile of the training.");
        var worst = scored.Index().OrderByDescending(row => row.Item.Score).First();
        Say.Line($"The largest score, {worst.Item.Score:G3}, is that of row {trained + worst.Index}: {worst.Item.Value:G4} where {worst.Item.Expected:G4} was expected.");
        if (settings.LabelColumn is not null)
        {
            Say.Line(DemandAnomalies.Evaluate(fresh, loaded, test).ToString());
            Say.Line($"ML.NET's own evaluator agrees: area under the ROC curve {DemandAnomalies.AreaUnderRocCurve(fresh, loaded, test):G4}.");
        }

        Say.Step("5. Plot");
        Plots.SaveAlerts(scored, trained, $"{settings.ValueColumn}: alerts of TimesNet{(settings.LabelColumn is null ? "" : ", known anomalies shaded")}", InOutput("alerts.png"));
        Say.Path(modelPath);
        Say.Path(InOutput("alerts.png"));

        string InOutput(string name) => Path.Combine(settings.OutputFolder, name);
    }
}
