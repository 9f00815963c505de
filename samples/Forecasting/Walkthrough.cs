using Microsoft.ML;
using Samples;
using Spectre.Console;

namespace Forecasting;

/// <summary>The sample from data to plots, step by step.</summary>
internal static class Walkthrough
{
    private const double TestFraction = 0.2;
    private const int RolledHorizons = 3;

    public static void Run(ForecastingSettings settings)
    {
        var ml = new MLContext(seed: 1);
        Directory.CreateDirectory(settings.OutputFolder);

        Say.Step("1. Data");
        var dataPath = settings.DataPath ?? InOutput("load.csv");
        if (settings.DataPath is null)
        {
            LoadData.Write(dataPath);
        }
        var series = LoadForecasting.LoadIDataViewFromFile(ml, dataPath, settings.Columns);
        var channels = CsvSeries.ChannelNames(series);
        var split = ml.Forecasting.TrainTestSplit(series, TestFraction, settings.WindowSize);
        Say.Line($"{Path.GetRelativePath(Environment.CurrentDirectory, dataPath)}: {channels.Length} channels ({string.Join(", ", channels.Take(8))}{(channels.Length > 8 ? ", …" : "")}).");
        Say.Line($"The last {TestFraction:P0} of the rows are kept for the test; a forecast looks back on {settings.WindowSize} rows and ahead on {settings.Horizon}.");

        Say.Step($"2. Training of {settings.Model}");
        var model = TrainingDisplay.Show(progress => LoadForecasting.TrainModel(ml, split.TrainSet, settings, progress));
        if (settings.CancellationToken.IsCancellationRequested)
        {
            Say.Line("Cancelled: going on with the best epoch so far.");
        }

        Say.Step("3. Save and load");
        var modelPath = InOutput("LoadForecasting.mlnet");
        LoadForecasting.SaveModel(ml, model, series, modelPath);
        // What follows is the work of the file alone, as in another process.
        var fresh = new MLContext();
        var loaded = LoadForecasting.LoadModel(fresh, modelPath);
        LoadForecasting.RequireEqualForecasts(model, loaded, split.TestSet);
        Say.Line("The loaded model forecasts the test rows bit for bit as the trained one.");

        Say.Step("4. Evaluation of the loaded model");
        var metrics = LoadForecasting.Evaluate(fresh, loaded, split, settings.Seasonality);
        AnsiConsole.Write(LoadForecasting.MetricsTable(metrics, settings.Model, settings.Seasonality));

        Say.Line($"{metrics.Interval!.Coverage:P1} of the values of the test rows lie between the bounds of {LoadForecasting.ConfidenceLevel:P0}.");

        Say.Step("5. On line");
        using var engine = LoadForecasting.CreateEngine(fresh, loaded, channels.Length);
        var difference = LoadForecasting.FollowLastRows(fresh, loaded, engine, split.TestSet, settings.WindowSize, settings.Horizon);
        Say.Line(difference < 1e-5
            ? $"An engine took the last rows one by one: its {settings.Horizon} forecasts equal those of Transform."
            : throw new InvalidOperationException($"The engine's forecasts differ from those of Transform by {difference:E1}."));
        var ahead = RolledHorizons * settings.Horizon;
        var rolled = engine.Predict(ahead).Forecast;
        Say.Line($"From the last row on, {ahead} rows ahead, {RolledHorizons} times the horizon, {channels[0]}: "
            + string.Join(", ", Enumerable.Range(1, RolledHorizons).Select(i => $"{rolled[(i * settings.Horizon - 1) * channels.Length]:G4} in row +{i * settings.Horizon}")) + ".");
        var checkPointPath = InOutput("LoadForecasting.online.mlnet");
        engine.CheckPoint(checkPointPath);
        using (var resumed = LoadForecasting.CreateEngine(fresh, LoadForecasting.LoadModel(fresh, checkPointPath), channels.Length))
        {
            Say.Line(resumed.Predict(ahead).Forecast.AsSpan().SequenceEqual(rolled)
                ? "An engine of the saved checkpoint goes on from the same row."
                : throw new InvalidOperationException("The engine of the checkpoint forecasts other values."));
        }

        Say.Step("6. Plots");
        var last = LoadForecasting.ForecastLastWindow(fresh, loaded, split.TestSet, settings.WindowSize, settings.Horizon);
        Plots.SaveForecast(last, channels, InOutput("forecast.png"));
        Plots.SaveErrorByStep(metrics, settings.Model, settings.Seasonality, InOutput("error-by-step.png"));
        foreach (var path in new[] { modelPath, checkPointPath, InOutput("forecast.png"), InOutput("error-by-step.png") })
        {
            Say.Path(path);
        }
        // OLinear alone says how much each channel listens to each other one.
        if (settings.Model == ForecastingModel.OLinear)
        {
            Plots.SaveInfluence(loaded.GetChannelInfluence(fresh), InOutput("influence.png"));
            Say.Path(InOutput("influence.png"));
        }

        string InOutput(string name) => Path.Combine(settings.OutputFolder, name);
    }
}
