using System.CommandLine;
using System.Globalization;
using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>What a forecaster is trained with; the width null = by the number of channels, the hidden width null = as the width.</summary>
internal sealed record ForecastSettings(int WindowSize, int Horizon, int? Width, double Dropout, double LearningRate, int Epochs, int Patience, int Batch, LearningRateSchedule Schedule, int? HiddenWidth = null);

/// <summary>The command line of a forecaster on a CSV file: what the user sets, and defaults that depend on the file.</summary>
internal sealed class ForecastFile
{
    private const int SmallFile = 2000;

    private readonly ForecastSettings _usual;
    private readonly ForecastSettings _small;
    private readonly ForecastSettings _ett;
    private readonly Option<string> _data = new("--data") { Description = "A CSV file with a header.", Required = true };
    private readonly Option<string?> _columns = new("--columns") { Description = "The channels, by name: a,b,c. Without it: all numeric columns." };
    private readonly Option<string> _split = new("--split")
    {
        Description = "The rows of training, validation and test: 'ett' (hourly or by the quarter of an hour), or parts.",
        DefaultValueFactory = _ => "0.7/0.1/0.2",
    };

    private readonly Option<int?> _window;
    private readonly Option<int?> _horizon;
    private readonly Option<int?> _width;
    private readonly Option<double?> _dropout;
    private readonly Option<double?> _learningRate;
    private readonly Option<int?> _epochs;
    private readonly Option<int?> _patience;
    private readonly Option<int?> _batch;
    private readonly Option<LearningRateSchedule?> _schedule;
    private readonly Option<int> _seed;
    private readonly Option<int?> _threads = new("--threads") { Description = "The number of threads. Without it: the number of cores." };

    /// <param name="seed">The seed where none is given.</param>
    /// <param name="usual">The defaults.</param>
    /// <param name="small">Those of a file of few rows.</param>
    /// <param name="ett">Those of the split of the ETT sets, whatever their size.</param>
    public ForecastFile(int seed, ForecastSettings usual, ForecastSettings small, ForecastSettings ett)
    {
        (_usual, _small, _ett) = (usual, small, ett);
        _window = Number<int?>("--window", "The rows that a forecast looks back on.", defaults => defaults.WindowSize);
        _horizon = Number<int?>("--horizon", "The rows to forecast.", defaults => defaults.Horizon);
        _width = Number<int?>("--width", "The width of the network.", defaults => defaults.Width?.ToString(CultureInfo.InvariantCulture) ?? "By the number of channels");
        _dropout = Number<double?>("--dropout", "The dropout rate.", defaults => defaults.Dropout);
        _learningRate = Number<double?>("--learning-rate", "The learning rate of the first epoch.", defaults => defaults.LearningRate);
        _epochs = Number<int?>("--epochs", "The most epochs to train.", defaults => defaults.Epochs);
        _patience = Number<int?>("--patience", "The epochs to wait for a better one.", defaults => defaults.Patience);
        _batch = Number<int?>("--batch", "The windows in a step.", defaults => defaults.Batch);
        _schedule = Number<LearningRateSchedule?>("--schedule", "How the learning rate falls.", defaults => defaults.Schedule);
        _seed = new("--seed") { Description = "The seed.", DefaultValueFactory = _ => seed };
    }

    /// <summary>Makes the command.</summary>
    /// <param name="name">Its name, with which its last line begins.</param>
    /// <param name="title">The name of the forecaster.</param>
    /// <param name="more">The options of this forecaster alone.</param>
    /// <param name="run">Runs it, given the arguments.</param>
    public Command Command(string name, string title, IEnumerable<Option> more, Action<ParseResult> run)
    {
        var command = new Command(name, $"{title} on a CSV file. A file of fewer than {SmallFile} rows has defaults of its own.") { _data, _columns, _split, _window, _horizon, _width };
        foreach (var option in (IEnumerable<Option>)[.. more, _dropout, _learningRate, _epochs, _patience, _batch, _schedule, _seed, _threads])
        {
            command.Add(option);
        }
        command.SetAction(run);
        return command;
    }

    /// <summary>The file.</summary>
    public string PathOf(ParseResult arguments) => arguments.GetValue(_data)!;

    /// <summary>Reads the file.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="timeColumn">A column with times to read too; null = none.</param>
    /// <returns>The series, the rows of each part, and what to train with.</returns>
    public (IDataView Series, SplitRows Split, ForecastSettings Settings) Load(ParseResult arguments, string? timeColumn = null)
    {
        var series = CsvSeries.Load(new MLContext(), PathOf(arguments), arguments.GetValue(_columns)?.Split(','), timeColumn);
        var rows = series.GetColumn<float[]>(CsvSeries.ColumnName).Count();
        var split = arguments.GetValue(_split)!;
        var defaults = split == SplitRows.Ett ? _ett : rows < SmallFile ? _small : _usual;
        return (series, SplitRows.Parse(split, rows), new(
            arguments.GetValue(_window) ?? defaults.WindowSize,
            arguments.GetValue(_horizon) ?? defaults.Horizon,
            arguments.GetValue(_width) ?? defaults.Width,
            arguments.GetValue(_dropout) ?? defaults.Dropout,
            arguments.GetValue(_learningRate) ?? defaults.LearningRate,
            arguments.GetValue(_epochs) ?? defaults.Epochs,
            arguments.GetValue(_patience) ?? defaults.Patience,
            arguments.GetValue(_batch) ?? defaults.Batch,
            arguments.GetValue(_schedule) ?? defaults.Schedule,
            arguments.GetValue(_width) is null ? defaults.HiddenWidth : null));
    }

    /// <summary>Sets what every forecaster has.</summary>
    public void Set(ParseResult arguments, ForecastSettings settings, ForecastingOptions options)
    {
        options.WindowSize = settings.WindowSize;
        options.Horizon = settings.Horizon;
        options.LearningRate = settings.LearningRate;
        options.MaximumNumberOfEpochs = settings.Epochs;
        options.Patience = settings.Patience;
        options.BatchSize = settings.Batch;
        options.Seed = arguments.GetValue(_seed);
        options.NumberOfThreads = arguments.GetValue(_threads);
    }

    private Option<T> Number<T>(string name, string description, Func<ForecastSettings, object> value)
    {
        var (usual, small, ett) = (value(_usual), value(_small), value(_ett));
        return new(name)
        {
            Description = $"{description} {usual}{(small.Equals(usual) ? "" : $"; {small} for a small file")}{(ett.Equals(usual) ? "" : $"; {ett} for the split ett")}.",
        };
    }
}
