using MLNetExtensions.TimeSeries;

namespace WebApi.Models;

/// <summary>
/// The forecaster and the readings, which all clients share. One request at a time touches the engine that takes the readings; a forecast of the same state is computed once.
/// Forecasts from a history of the request need no state, and go through a pool of engines.
/// </summary>
internal sealed class ForecastService(ServerSettings settings, ServerMetrics metrics, ReadingFeed feed, ILogger<ForecastService> logger)
    : ModelService<Forecaster>("forecaster", settings, metrics, logger)
{
    private readonly ServerMetrics _metrics = metrics;
    private readonly Turn _turn = new(settings.LongestWait, "Other requests hold the readings.");
    private readonly Turn _saving = new(settings.LongestWait, "The forecaster is being saved.");
    private readonly Queue<float[]> _rows = [];
    private readonly Dictionary<int, ForecastResponse> _forecasts = [];
    private long _row;
    private long _savedRow;

    public async Task<ForecastResponse> ForecastAsync(ForecastRequest request, CancellationToken cancellation)
    {
        using var place = await EnterAsync("forecast", cancellation);
        using var lease = Acquire();
        var model = lease.Model;
        var horizon = request.Horizon ?? model.Horizon;
        if (horizon < 1 || horizon > Settings.LongestHorizon)
        {
            throw RequestException.Invalid("horizon", $"Must be 1 to {Settings.LongestHorizon}.");
        }
        if (request.History is not null)
        {
            Numbers.Check(request.History, model.Channels.Count, model.WindowSize, Math.Max(model.WindowSize, Settings.KeptRows), "history");
            return Response(model, null, model.Forecast(request.History, horizon));
        }
        using var turn = await _turn.TakeAsync(cancellation);
        // Not the lease's: a new model may have come while this request waited.
        using var current = Acquire();
        if (!_forecasts.TryGetValue(horizon, out var known))
        {
            _forecasts.Add(horizon, known = Response(current.Model, _row, current.Model.Live.PredictResult(horizon)));
        }
        return known;
    }

    public async Task<ReadingsResponse> UpdateAsync(ReadingsRequest request, CancellationToken cancellation)
    {
        using var place = await EnterAsync("readings", cancellation);
        using var turn = await _turn.TakeAsync(cancellation);
        using var lease = Acquire();
        // All rows are checked before the first one is taken.
        Numbers.Check(request.Rows, lease.Model.Channels.Count, 1, Settings.MostRows, "rows");
        foreach (var row in request.Rows)
        {
            lease.Model.Live.Update(new() { Values = row });
            Keep(row);
        }
        _row += request.Rows.Length;
        _forecasts.Clear();
        _metrics.Read(request.Rows.Length, _row);
        feed.Publish(_row);
        return new(_row);
    }

    public async Task<HistoryResponse> HistoryAsync(int last, CancellationToken cancellation)
    {
        if (last < 1 || last > Settings.KeptRows)
        {
            throw RequestException.Invalid("last", $"Must be 1 to {Settings.KeptRows}.");
        }
        using var place = await EnterAsync("history", cancellation);
        using var turn = await _turn.TakeAsync(cancellation);
        using var lease = Acquire();
        float[][] rows = [.. _rows.TakeLast(last)];
        return new(_row - rows.Length + 1, lease.Model.Channels, rows, lease.Model.Horizon);
    }

    /// <summary>Writes the model with the readings, so that a restart goes on from the same row.</summary>
    public async Task<CheckpointResponse> CheckpointAsync(CancellationToken cancellation)
    {
        using var saving = await _saving.TakeAsync(cancellation);
        byte[] file;
        ForecastState state;
        using (await _turn.TakeAsync(cancellation))
        {
            using var lease = Acquire();
            state = StateOf(lease.Model, out file);
        }
        // The disk is not waited for with the turn in hand.
        state.Write(FilePath, file);
        _savedRow = state.Row;
        _metrics.Checkpoint();
        return new(Path.GetFileName(FilePath), state.Row);
    }

    /// <summary>The state at the end of the program, if it is not saved yet.</summary>
    public async Task StopAsync(CancellationToken cancellation)
    {
        if (Settings.CheckpointOnStop && Info is not null && _row != _savedRow)
        {
            var saved = await CheckpointAsync(cancellation);
            Logger.LogInformation("The forecaster is saved with reading {Row}.", saved.Row);
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _turn.Dispose();
        _saving.Dispose();
    }

    protected override Forecaster Open(string path) => new(path, Settings.EnginesPerModel);

    protected override void Train(string path, CancellationToken cancellation) => DemoModels.TrainForecaster(path, Settings.KeptRows, cancellation);

    protected override void Started(Forecaster model)
    {
        foreach (var row in model.Saved?.Rows ?? [])
        {
            Keep(row);
        }
        _row = _savedRow = model.Saved?.Row ?? 0;
        _metrics.Read(0, _row);
        feed.Publish(_row);
    }

    /// <summary>The new model goes on from the readings that the server has, and lies on the disk with them before it serves.</summary>
    protected override async Task InstallAsync(Forecaster next, string path, CancellationToken cancellation)
    {
        using var saving = await _saving.TakeAsync(cancellation);
        using var turn = await _turn.TakeAsync(cancellation);
        if (Info is null)
        {
            Started(next);
        }
        else
        {
            GoOn(next);
        }
        StateOf(next, out var file).Write(FilePath, file);
        Serve(next);
        _savedRow = _row;
        _forecasts.Clear();
        feed.Publish(_row);
    }

    private ForecastState StateOf(Forecaster model, out byte[] file)
    {
        using var stream = new MemoryStream();
        model.Live.CheckPoint(stream);
        file = stream.ToArray();
        return new(model.Version, _row, [.. _rows]);
    }

    private void GoOn(Forecaster next)
    {
        using (var lease = Acquire())
        {
            if (!next.Channels.SequenceEqual(lease.Model.Channels))
            {
                throw RequestException.Unusable($"The file forecasts {string.Join(", ", next.Channels)}, not {string.Join(", ", lease.Model.Channels)}.");
            }
        }
        if (_rows.Count < next.WindowSize && _row > 0)
        {
            throw RequestException.Unusable($"The file forecasts from {next.WindowSize} rows, and the server has {_rows.Count}.");
        }
        foreach (var row in _rows.TakeLast(next.WindowSize))
        {
            next.Live.Update(new() { Values = row });
        }
    }

    private void Keep(float[] row)
    {
        _rows.Enqueue(row);
        if (_rows.Count > Settings.KeptRows)
        {
            _rows.Dequeue();
        }
    }

    private static ForecastResponse Response(Forecaster model, long? row, ForecastResult result)
        => new(model.Version, row, result.ChannelNames, Numbers.Rows(result.Forecast), result.Lower is null ? null : Numbers.Rows(result.Lower), result.Upper is null ? null : Numbers.Rows(result.Upper));
}
