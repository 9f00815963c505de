using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace WebApi.Models;

/// <summary>A forecaster of any number of channels, which reads them as one vector column <c>Values</c>.</summary>
internal sealed class Forecaster : ServedModel
{
    private readonly SchemaDefinition _input = SchemaDefinition.Create(typeof(SeriesRow));

    /// <summary>Loads and tries it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="engines">The most engines of <see cref="Forecast"/>.</param>
    public Forecaster(string path, int engines)
        : base(path)
    {
        try
        {
            var model = Leaves(Transformer).OfType<ForecastingTransformer>().SingleOrDefault() ?? throw new InvalidDataException("It holds no forecaster, or several.");
            if (model.TargetChannels.Count != model.ChannelNames.Count)
            {
                throw new InvalidDataException("It does not forecast all of its channels.");
            }
            (Channels, WindowSize, Horizon) = (model.ChannelNames, model.WindowSize, model.Horizon);
            Saved = ForecastState.Read(path);
            if (Saved is not null && Saved.Rows.Any(row => row.Length != Channels.Count || !row.All(float.IsFinite)))
            {
                throw new InvalidDataException("The readings saved with it are not of its channels.");
            }
            // A checkpoint is another file, but the same model.
            Version = Saved?.Version ?? Version;
            _input[nameof(SeriesRow.Values)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, Channels.Count);
            Pool = new(CreateEngine, engines);
            Live = CreateEngine();
            _ = Live.PredictResult();
        }
        catch
        {
            (Transformer as IDisposable)?.Dispose();
            throw;
        }
    }

    public IReadOnlyList<string> Channels { get; }

    public int WindowSize { get; }

    public int Horizon { get; }

    /// <summary>The readings that were saved with it.</summary>
    public ForecastState? Saved { get; }

    /// <summary>The engine that takes the readings, one thread at a time.</summary>
    public ForecastEngine<SeriesRow, object> Live { get; }

    public override string Description => $"forecasts {string.Join(", ", Channels)}, {Horizon} steps from {WindowSize}";

    private EnginePool<ForecastEngine<SeriesRow, object>> Pool { get; }

    /// <summary>Forecasts from rows alone, whatever the readings are.</summary>
    /// <param name="history">At least a window of rows, so that an engine remembers nothing of its last use.</param>
    /// <param name="horizon">The number of steps.</param>
    public ForecastResult Forecast(float[][] history, int horizon) => Pool.Use(engine =>
    {
        foreach (var row in history.AsSpan(history.Length - WindowSize))
        {
            engine.Update(new() { Values = row });
        }
        return engine.PredictResult(horizon);
    });

    protected override void DisposeEngines()
    {
        Pool.Dispose();
        Live.Dispose();
    }

    private static IEnumerable<ITransformer> Leaves(ITransformer model) => model is IEnumerable<ITransformer> chain ? chain.SelectMany(Leaves) : [model];

    // Its results are tables with names: no output column is read.
    private ForecastEngine<SeriesRow, object> CreateEngine() => Transformer.CreateForecastEngine<SeriesRow, object>(Context, inputSchemaDefinition: _input);
}

/// <summary>A row of the series.</summary>
internal sealed class SeriesRow
{
    [ColumnName(CsvSeries.ColumnName)]
    public float[] Values { get; set; } = [];
}
