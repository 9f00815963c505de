using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

/// <summary>Forecasts that all stays as it is, and keeps what it was trained on.</summary>
internal sealed class LastValueEstimator(IHostEnvironment env, int horizon, string inputColumnName = "Series", Action<int>? onFit = null) : IEstimator<LastValueTransformer>
{
    private readonly IHost _host = env.Register(nameof(LastValueEstimator));

    /// <summary>The first channel of the rows of each training.</summary>
    internal List<double[]> Trainings { get; } = [];

    internal List<LastValueTransformer> Models { get; } = [];

    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => SchemaShapes.Append(inputSchema, ForecastColumns.Promise("Forecast"));

    public LastValueTransformer Fit(IDataView input)
    {
        onFit?.Invoke(Models.Count);
        var column = Series.SeriesColumn(inputColumnName);
        var values = (RowBuffer<double>)DataReader.Read(_host, input, default, column)[0];
        Trainings.Add([.. Enumerable.Range(0, values.Count).Select(row => values[row][0])]);
        Models.Add(new(_host, inputColumnName, horizon, ForecastColumns.ChannelNames(input.Schema[inputColumnName])));
        return Models[^1];
    }
}

internal sealed class LastValueTransformer(IHost host, string inputColumnName, int horizon, IReadOnlyList<string> channels) : SequenceScoringTransformer(host)
{
    internal bool WasDisposed { get; private set; }

    internal int ScoredRows { get; private set; }

    internal override IReadOnlyList<InputColumn> Inputs { get; } = [Series.SeriesColumn(inputColumnName, channels.Count)];

    internal override ModelSignature Signature => throw new NotSupportedException();

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema) => [ForecastColumns.Deliver("Forecast", horizon, channels, [.. Enumerable.Range(0, channels.Count)])];

    internal override BatchScorer CreateScorer(ScoringSchema schema) => new Scorer(this, horizon);

    internal override void Save(ModelWriter writer) => throw new NotSupportedException();

    private protected override void DisposeCore() => WasDisposed = true;

    private sealed class Scorer(LastValueTransformer model, int horizon) : BatchScorer
    {
        internal override void Score(ScoringBatch batch)
        {
            model.ScoredRows += batch.Count;
            for (var row = 0; row < batch.Count; row++)
            {
                var values = batch.Input<double>(0)[row];
                var forecast = batch.Output<float>(0).Add(horizon * values.Length);
                for (var i = 0; i < forecast.Length; i++)
                {
                    forecast[i] = (float)values[i % values.Length];
                }
            }
        }
    }
}
