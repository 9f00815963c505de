#:project ../../src/MLNetExtensions/MLNetExtensions.csproj
// File-based apps are prepared for ahead-of-time compilation, unless they say no. ML.NET compiles at run time.
#:property PublishAot=false

// How many bicycles will be wanted tomorrow? OLinear forecasts all stations of a city at once, with bounds, and a forecast engine takes the hours as they come in.
//
//   dotnet run samples/apps/forecast.cs
//   dotnet run samples/apps/forecast.cs -- --data FILE.csv --columns load,temperature --season 24

using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;
using Samples;
using Samples.Apps;
using ScottPlot;

const int HoursPerDay = 24;
const int HoursPerWeek = 7 * HoursPerDay;
const double Confidence = 0.9;

var app = new App("forecast", "A day ahead: forecasts with bounds", "Forecasts several series with OLinear, beside the seasonal-naive forecast, and goes on row by row with a forecast engine.",
    "A CSV file with a header and one row per time step. Without it: bicycles hired by the hour at four stations, made by the app.");
var columns = app.Names("--columns", "The columns to forecast: a,b,c. Without it: all with numbers.");
var window = app.Number("--window", HoursPerWeek, "The rows that a forecast looks back on.");
var horizon = app.Number("--horizon", HoursPerDay, "The rows that it looks ahead.");
var season = app.Number("--season", HoursPerWeek, "The rows after which the naive forecast repeats itself.");
var epochs = app.Number("--epochs", 15, "The most epochs to train.");
return app.Run(args, () =>
{
    var ml = new MLContext(seed: 1);

    app.Step("Data");
    var path = app.DataOr("time,Station,University,Harbour,Park", BicyclesHired());
    var series = CsvSeries.Load(ml, path, columns.Value);
    var channels = CsvSeries.ChannelNames(series);
    var split = ml.Forecasting.TrainTestSplit(series, testFraction: 0.2, windowSize: window.Value);
    app.Tell($"{Path.GetFileName(path)} has {Rows(series).Length} rows of {channels.Length} channels: {string.Join(", ", channels)}. The last fifth is kept for the test.");

    app.Step("Training");
    app.Tell($"OLinear looks back on {window.Value} rows and ahead on {horizon.Value}.");
    // A small network: seconds on one core. The bounds come from the errors on the last tenth of the training rows, which the weights do not see.
    var trained = TrainingDisplay.Show(progress => ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options
    {
        InputColumnName = CsvSeries.ColumnName,
        OutputColumnName = nameof(HourForecast.Forecast),
        ConfidenceLowerBoundColumnName = nameof(HourForecast.Lower),
        ConfidenceUpperBoundColumnName = nameof(HourForecast.Upper),
        ConfidenceLevel = Confidence,
        WindowSize = window.Value,
        Horizon = horizon.Value,
        Width = 32,
        NumberOfLayers = 1,
        LearningRate = 2e-3,
        BatchSize = 64,
        MaximumNumberOfEpochs = epochs.Value,
        Progress = progress,
        CancellationToken = app.CancellationToken,
    }).Fit(split.TrainSet));
    var model = app.SaveAndLoad(ml, trained, split.TestSet, nameof(HourForecast.Forecast));

    app.Step("Evaluation");
    var metrics = ml.Forecasting.Evaluate(model.Transform(split.TestSet), CsvSeries.ColumnName, nameof(HourForecast.Forecast), season.Value,
        lowerColumnName: nameof(HourForecast.Lower), upperColumnName: nameof(HourForecast.Upper), trainingData: split.TrainSet);
    app.Table(["mean absolute error", "OLinear", $"naive: {season.Value} rows before", "better by"],
        [.. metrics.PerChannel.Select((channel, i) => Compare(channel.Name, channel.Errors, metrics.PerChannel[i].SeasonalNaive)), Compare("all", metrics.Overall, metrics.SeasonalNaive)]);
    app.Tell($"{metrics.Interval!.Coverage:P1} of the values of the test rows lie between the bounds of {Confidence:P0}.");
    app.Chart(Charts.Draw("Error by step, all forecasts of the test rows", "rows ahead", "mean absolute error", Alignment.LowerRight, plot =>
    {
        Charts.Line(plot, metrics.SeasonalNaivePerStep.Select(step => step.MeanAbsoluteError), Charts.Rival, "seasonal naive");
        Charts.Line(plot, metrics.PerStep.Select(step => step.MeanAbsoluteError), Style.Model, "OLinear", width: 2.5f);
    }), "Error by step", height: 320);

    app.Step("On line");
    // The engine begins where the training ended. It takes the rows of the test as they come in, but for the last ones, which it forecasts.
    using var engine = model.CreateForecastEngine<HourRow, HourForecast>(ml, inputSchemaDefinition: HourRow.Schema(channels.Length));
    var past = Rows(split.TestSet);
    var (known, future) = (past[..^horizon.Value], past[^horizon.Value..]);
    foreach (var row in known.Skip(window.Value))
    {
        engine.Update(new() { Values = row });
    }
    var next = engine.Predict(horizon.Value);
    app.Tell($"The engine took {known.Length - window.Value} rows one by one and forecasts the next {horizon.Value}. {InBounds(next, future):P0} of what really came lies between its bounds.");
    foreach (var (c, name) in channels.Index().Take(4))
    {
        double[] Of(float[] values) => [.. values.Where((_, i) => i % channels.Length == c).Select(value => (double)value)];
        double[] history = [.. known.TakeLast(3 * horizon.Value).Select(row => (double)row[c])];
        double[] naive = [.. Enumerable.Range(0, horizon.Value).Select(step => (double)known[known.Length - season.Value + step % season.Value][c])];
        app.Chart(Charts.Draw(name, app.DataPath is null ? "hours after the last known one" : "rows after the last known one", app.DataPath is null ? "bicycles an hour" : name, Alignment.UpperLeft, plot =>
        {
            Style.Band(plot, [.. Enumerable.Range(1, horizon.Value).Select(step => (double)step)], Of(next.Lower), Of(next.Upper), Style.Model, $"{Confidence:P0} bounds");
            Charts.Line(plot, history, Style.Truth, "known", 1 - history.Length);
            Charts.Line(plot, future.Select(row => (double)row[c]).Prepend(history[^1]), Style.Truth, "what came", 0, 1);
            Charts.Line(plot, naive.Prepend(history[^1]), Charts.Rival, "seasonal naive", 0);
            Charts.Line(plot, Of(next.Forecast).Prepend(history[^1]), Style.Model, "forecast", 0, 2.5f);
        }), $"Forecast of {name}", height: 320);
    }
});

static string[] Compare(string name, ForecastErrors model, ForecastErrors naive)
    => [name, $"{model.MeanAbsoluteError:G4}", $"{naive.MeanAbsoluteError:G4}", $"{1 - model.MeanAbsoluteError / naive.MeanAbsoluteError:P1}"];

static double InBounds(HourForecast forecast, float[][] came)
    => came.SelectMany(row => row).Select((value, i) => value >= forecast.Lower[i] && value <= forecast.Upper[i] ? 1.0 : 0).Average();

static float[][] Rows(IDataView view) => [.. view.GetColumn<float[]>(CsvSeries.ColumnName)];

// Twenty weeks: people ride to work and home again, on sunny weekends to the park; rain keeps them at home, and it comes and goes.
static IEnumerable<FormattableString> BicyclesHired()
{
    var random = new Random(7);
    var (start, weather) = (new DateTime(2024, 4, 1), 0.0);
    for (var hour = 0; hour < 20 * HoursPerWeek; hour++)
    {
        var time = start.AddHours(hour);
        weather = 0.97 * weather + 0.2 * random.NextNormal();
        var (work, sun) = (time.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday ? 0.2 : 1, Math.Exp(0.25 * weather));
        var (morning, noon, evening) = (Peak(8, 1.2), Peak(13, 3), Peak(17.5, 1.8));
        yield return $"{time:yyyy-MM-dd HH:mm},{Count(120 * work * morning + 60 * evening):F0},{Count(70 * work * (morning + noon)):F0},{Count(20 * noon + 50 * work * evening):F0},{Count((110 - 70 * work) * noon + 15 * evening):F0}";

        double Peak(double at, double width) => Math.Exp(-Math.Pow((time.Hour - at) / width, 2) / 2);

        double Count(double expected) => Math.Max(0, sun * (3 + expected) + Math.Sqrt(3 + expected) * random.NextNormal());
    }
}

/// <summary>An hour, as it comes in.</summary>
internal sealed class HourRow
{
    public float[] Values { get; set; } = [];

    /// <summary>The number of channels comes from the file; where it is known, [VectorType(4)] on the property does.</summary>
    public static SchemaDefinition Schema(int channels)
    {
        var schema = SchemaDefinition.Create(typeof(HourRow));
        schema[nameof(Values)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, channels);
        return schema;
    }
}

/// <summary>What the engine returns: step by step, channel by channel within a step.</summary>
internal sealed class HourForecast
{
    public float[] Forecast { get; set; } = [];

    public float[] Lower { get; set; } = [];

    public float[] Upper { get; set; } = [];
}
