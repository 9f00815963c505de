using System.CommandLine;
using System.Globalization;
using Forecasting;
using Samples;

// The same numbers look the same everywhere.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var data = new Option<string?>("--data") { Description = "A CSV file with a header, one row per time step. Without it: three years of hourly load, made by the sample." };
var columns = new Option<string?>("--columns") { Description = "The columns to forecast, by name: a,b,c. Without it: all numeric ones." };
var model = new Option<ForecastingModel>("--model") { Description = "The forecaster: olinear or timesnet.", DefaultValueFactory = _ => ForecastingModel.OLinear };
var window = CommandLine.Positive("--window", "The number of rows that a forecast looks back on. 168.");
var horizon = CommandLine.Positive("--horizon", "The number of rows to forecast. 24.");
var epochs = CommandLine.Positive("--epochs", "The most epochs to train. 12; 4 for TimesNet.");
var width = CommandLine.Positive("--width", "The width of the model. 64; 16 for TimesNet, where it must be even.");
var season = new Option<int?>("--season") { Description = "The number of rows in a season, for the naive forecast. Without it: a week of the made data, otherwise 24." };
var output = new Option<string>("--output") { Description = "The folder for the model and the plots.", DefaultValueFactory = _ => Path.Combine("artifacts", "forecasting") };

var command = new RootCommand("Forecasts all channels of a series jointly, measures the forecasts, and saves model and plots.") { data, columns, model, window, horizon, epochs, width, season, output };
command.SetAction(arguments => CommandLine.Run(token =>
{
    var isTimesNet = arguments.GetValue(model) == ForecastingModel.TimesNet;
    Walkthrough.Run(new()
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
        CancellationToken = token,
    });
}));
return command.Parse(args).Invoke();
