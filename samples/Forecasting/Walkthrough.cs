using Microsoft.ML;
using Spectre.Console;

namespace Forecasting;

/// <summary>The sample from data to plots, step by step.</summary>
internal static class Walkthrough
{
    private const double TestFraction = 0.2;

    public static void Run(ForecastingSettings settings)
    {
        var ml = new MLContext(seed: 1);
        Directory.CreateDirectory(settings.OutputFolder);

        Step("1. Data");
        var dataPath = settings.DataPath ?? InOutput("load.csv");
        if (settings.DataPath is null)
        {
            LoadData.Write(dataPath);
        }
        var series = LoadForecasting.LoadIDataViewFromFile(ml, dataPath, settings.Columns);
        var channels = CsvSeries.ChannelNames(series);
        var split = ml.Forecasting.TrainTestSplit(series, TestFraction, settings.WindowSize);
        Say($"{Relative(dataPath)}: {channels.Length} channels ({string.Join(", ", channels.Take(8))}{(channels.Length > 8 ? ", …" : "")}).");
        Say($"The last {TestFraction:P0} of the rows are kept for the test; a forecast looks back on {settings.WindowSize} rows and ahead on {settings.Horizon}.");

        Step("2. Training");
        var model = TrainingDisplay.Show(progress => LoadForecasting.TrainModel(ml, split.TrainSet, settings, progress));
        if (settings.CancellationToken.IsCancellationRequested)
        {
            Say("Cancelled: going on with the best epoch so far.");
        }

        Step("3. Save and load");
        var modelPath = InOutput("LoadForecasting.mlnet");
        LoadForecasting.SaveModel(ml, model, series, modelPath);
        // What follows is the work of the file alone, as in another process.
        var fresh = new MLContext();
        var loaded = LoadForecasting.LoadModel(fresh, modelPath);
        LoadForecasting.RequireEqualForecasts(model, loaded, split.TestSet);
        Say("The loaded model forecasts the test rows bit for bit as the trained one.");

        Step("4. Evaluation of the loaded model");
        var metrics = LoadForecasting.Evaluate(fresh, loaded, split, settings.Seasonality);
        AnsiConsole.Write(LoadForecasting.MetricsTable(metrics, settings.Seasonality));

        Step("5. Plots");
        var last = LoadForecasting.ForecastLastWindow(fresh, loaded, split.TestSet, settings.WindowSize, settings.Horizon);
        Plots.SaveForecast(last, channels, InOutput("forecast.png"));
        Plots.SaveErrorByStep(metrics, settings.Seasonality, InOutput("error-by-step.png"));
        foreach (var path in new[] { modelPath, InOutput("forecast.png"), InOutput("error-by-step.png") })
        {
            Say(Relative(path));
        }

        string InOutput(string name) => Path.Combine(settings.OutputFolder, name);
    }

    private static string Relative(string path) => Path.GetRelativePath(Environment.CurrentDirectory, path);

    private static void Step(string title)
    {
        Console.WriteLine();
        AnsiConsole.MarkupLineInterpolated($"[bold]{title}[/]");
    }

    // Not through AnsiConsole, which would wrap long lines.
    private static void Say(string text) => Console.WriteLine(text);
}
