using System.CommandLine;
using System.Globalization;
using Forecasting;

// The same numbers look the same everywhere.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var data = new Option<string?>("--data") { Description = "A CSV file with a header, one row per time step. Without it: three years of hourly load, made by the sample." };
var columns = new Option<string?>("--columns") { Description = "The columns to forecast, by name: a,b,c. Without it: all numeric ones." };
var model = new Option<ForecastingModel>("--model") { Description = "The forecaster: olinear or timesnet.", DefaultValueFactory = _ => ForecastingModel.OLinear };
var window = Positive("--window", "The number of rows that a forecast looks back on. 168.");
var horizon = Positive("--horizon", "The number of rows to forecast. 24.");
var epochs = Positive("--epochs", "The most epochs to train. 12; 4 for TimesNet.");
var width = Positive("--width", "The width of the model. 64; 16 for TimesNet, where it must be even.");
var season = new Option<int?>("--season") { Description = "The number of rows in a season, for the naive forecast. Without it: a week of the made data, otherwise 24." };
var output = new Option<string>("--output") { Description = "The folder for the model and the plots.", DefaultValueFactory = _ => Path.Combine("artifacts", "forecasting") };

var command = new RootCommand("Forecasts all channels of a series jointly, measures the forecasts, and saves model and plots.") { data, columns, model, window, horizon, epochs, width, season, output };
command.SetAction(arguments =>
{
    using var cancellation = new CancellationTokenSource();
    Console.CancelKeyPress += (_, key) =>
    {
        // The first Ctrl+C ends the training, the second one the program.
        key.Cancel = !cancellation.IsCancellationRequested;
        cancellation.Cancel();
    };
    var isTimesNet = arguments.GetValue(model) == ForecastingModel.TimesNet;
    var settings = new ForecastingSettings
    {
        Model = arguments.GetValue(model),
        DataPath = arguments.GetValue(data),
        Columns = arguments.GetValue(columns)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [],
        WindowSize = arguments.GetValue(window) ?? 168,
        Horizon = arguments.GetValue(horizon) ?? 24,
        MaximumNumberOfEpochs = arguments.GetValue(epochs) ?? (isTimesNet ? 4 : 12),
        Width = arguments.GetValue(width) ?? (isTimesNet ? 16 : 64),
        Seasonality = arguments.GetValue(season) ?? (arguments.GetValue(data) is null ? LoadData.HoursPerWeek : 24),
        OutputFolder = arguments.GetValue(output)!,
        CancellationToken = cancellation.Token,
    };
    try
    {
        Walkthrough.Run(settings);
        return 0;
    }
    catch (OperationCanceledException)
    {
        Console.Error.WriteLine("Cancelled before the first epoch had ended: nothing was saved.");
        return 130;
    }
    catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
    {
        Console.Error.WriteLine($"Error: {e.Message}");
        for (var cause = e.InnerException; cause is not null; cause = cause.InnerException)
        {
            Console.Error.WriteLine($"  {cause.Message}");
        }
        return 1;
    }
});
return command.Parse(args).Invoke();

static Option<int?> Positive(string name, string description)
{
    var option = new Option<int?>(name) { Description = description };
    option.Validators.Add(result =>
    {
        if (result.Tokens.Count > 0 && result.GetValueOrDefault<int?>() < 1)
        {
            result.AddError($"{name} must be positive.");
        }
    });
    return option;
}
