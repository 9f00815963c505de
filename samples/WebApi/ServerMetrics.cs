using System.Diagnostics.Metrics;

namespace WebApi;

/// <summary>What the server counts, as instruments of System.Diagnostics.Metrics: any listener may read them.</summary>
internal sealed class ServerMetrics
{
    public const string MeterName = "MLNetExtensions.WebApi";

    private const string Model = "model";

    private readonly Histogram<double> _duration;
    private readonly UpDownCounter<int> _inUse;
    private readonly Counter<long> _rejected;
    private readonly Counter<long> _readings;
    private readonly Counter<long> _swaps;
    private readonly Counter<long> _checkpoints;
    private long _row;

    public ServerMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _duration = meter.CreateHistogram("webapi.scoring.duration", "s", "The time that a request held an engine.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5] });
        _inUse = meter.CreateUpDownCounter<int>("webapi.engines.used", "{engine}", "The engines that serve a request.");
        _rejected = meter.CreateCounter<long>("webapi.requests.rejected", "{request}", "The requests answered by 503, because too many waited.");
        _readings = meter.CreateCounter<long>("webapi.readings", "{row}", "The readings taken.");
        _swaps = meter.CreateCounter<long>("webapi.models.replaced", "{file}", "The model files offered, by outcome.");
        _checkpoints = meter.CreateCounter<long>("webapi.checkpoints", "{file}", "The checkpoints written.");
        meter.CreateObservableGauge("webapi.forecast.row", () => Interlocked.Read(ref _row), "{row}", "The number of the last reading.");
    }

    public void Entered(string model) => _inUse.Add(1, new KeyValuePair<string, object?>(Model, model));

    public void Left(string model, string operation, TimeSpan time)
    {
        _inUse.Add(-1, new KeyValuePair<string, object?>(Model, model));
        _duration.Record(time.TotalSeconds, new(Model, model), new("operation", operation));
    }

    public void Rejected(string model) => _rejected.Add(1, new KeyValuePair<string, object?>(Model, model));

    public void Read(int rows, long last)
    {
        _readings.Add(rows);
        Interlocked.Exchange(ref _row, last);
    }

    public void Offered(string model, bool taken) => _swaps.Add(1, new(Model, model), new("outcome", taken ? "taken" : "refused"));

    public void Checkpoint() => _checkpoints.Add(1);
}
