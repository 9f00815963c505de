using System.Diagnostics.CodeAnalysis;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// Forecasts on line: takes one row after the other and forecasts from the last ones. It begins with the end of the data that the model was trained on. One engine serves
/// one thread; engines of one model are independent of each other. The model must not be disposed before them.
/// </summary>
/// <typeparam name="TIn">A row of the data, as the pipeline reads it.</typeparam>
/// <typeparam name="TOut">The columns to return; forecasts and bounds are arrays of Single, step by step, channel by channel within a step.</typeparam>
public sealed class ForecastEngine<TIn, TOut> : IDisposable
    where TIn : class
    where TOut : class, new()
{
    private readonly IHost _host;
    private readonly MLContext _context;
    private readonly ITransformer _model;
    private readonly ForecastingTransformer _forecaster;
    private readonly IReadOnlyList<ITransformer> _following;
    private readonly EngineInput<TIn> _input;
    private readonly List<RowBuffer> _buffers = [];
    private readonly ForecastRows _rows;
    private readonly List<Action> _readers = [];
    private readonly Dictionary<string, WindowRing> _series = [];
    private readonly Dictionary<int, EngineOutput<TOut>> _outputs = [];
    private readonly WindowBatch _window;
    private string? _group;

    internal ForecastEngine(MLContext context, ITransformer model, string? outputColumnName, SchemaDefinition? inputSchemaDefinition)
    {
        _context = context;
        _host = ((IHostEnvironment)context).Register("ForecastEngine");
        Check.NotNull(_host, model);
        _model = model;
        ITransformer[] leaves = [.. TransformerTree.Leaves(model)];
        _forecaster = ForecastingTransformer.Find<ForecastingTransformer>(_host, model, outputColumnName);
        _forecaster.ThrowIfDisposed();
        var place = Array.IndexOf(leaves, _forecaster);
        _following = leaves[(place + 1)..];
        _input = new(context, leaves[..place], inputSchemaDefinition);
        foreach (var column in _forecaster.Inputs)
        {
            var found = column.Find(_host, _input.Row.Schema);
            var buffer = column.CreateBuffer(found.Type);
            _readers.Add(column.Bind(_input.Row, found, buffer));
            _buffers.Add(buffer);
        }
        _rows = _forecaster.CreateRows(i => _buffers[i]);
        _window = _forecaster.CreateWindows();
        foreach (var (name, rows) in Forecasting.Histories)
        {
            var ring = _series[name] = CreateRing();
            for (var start = 0; start < rows.Length; start += Forecasting.Options.Columns)
            {
                ring.Add(rows.AsSpan(start, Forecasting.Options.Columns));
            }
        }
        _group = Forecasting.Options.GroupColumnName is null ? "" : null;
    }

    private ForecastingModel Forecasting => _forecaster.Model;

    /// <summary>Takes the next row of a series. A value that is not finite counts as missing: there are no forecasts until it has left the window.</summary>
    /// <param name="row">The row.</param>
    /// <exception cref="ArgumentNullException"><paramref name="row"/> is null.</exception>
    public void Update(TIn row)
    {
        Check.NotNull(_host, row);
        _input.Set(row);
        foreach (var buffer in _buffers)
        {
            buffer.Clear();
        }
        foreach (var read in _readers)
        {
            read();
        }
        _group = _rows.GroupOf(0);
        if (!_series.TryGetValue(_group, out var ring))
        {
            _series.Add(_group, ring = CreateRing());
        }
        ring.Add(_rows[0]);
    }

    private WindowRing CreateRing() => new(Forecasting.Options.Columns, _forecaster.WindowSize);

    /// <summary>Forecasts the horizon that the model was trained for.</summary>
    /// <returns>The forecast, which is NaN if the window is not full or a value in it is missing, and the other columns of the row last taken.</returns>
    /// <exception cref="InvalidOperationException">The model knows many series, and no row has said yet which one is meant.</exception>
    public TOut Predict() => Predict(_forecaster.Horizon);

    /// <summary>
    /// Forecasts as many steps as asked. Beyond the horizon that the model was trained for, forecasts are taken for values and forecast from; there, bounds are NaN. A model with
    /// time features takes these rows to follow at the distance in time of the last two that it was given.
    /// </summary>
    /// <param name="horizon">The number of steps. Must be positive.</param>
    /// <param name="group">The series to forecast. Null: that of the row last taken.</param>
    /// <returns>The forecast, which is NaN if the window is not full or a value in it is missing, and the other columns of the row last taken.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="horizon"/> is not positive.</exception>
    /// <exception cref="InvalidOperationException">
    /// The horizon is beyond that of the model, which does not forecast all its channels; or the model knows many series, and no row has said yet which one is meant.
    /// </exception>
    public TOut Predict(int horizon, string? group = null)
    {
        var results = Compute(horizon, ref group);
        if (!_outputs.TryGetValue(horizon, out var output))
        {
            _outputs.Add(horizon, output = new(_host, _input.Row, _forecaster.GetOutputs(horizon), _following));
        }
        for (var i = 0; i < results.Length; i++)
        {
            var buffer = output.Buffer<float>(i);
            buffer.Clear();
            results[i].Span.CopyTo(buffer.Add(results[i].Length));
        }
        return output.Get();
    }

    /// <summary>The same as a table with names, to be printed or shown as HTML.</summary>
    /// <param name="horizon">The number of steps. Must be positive. Null: the horizon that the model was trained for.</param>
    /// <param name="group">The series to forecast. Null: that of the row last taken.</param>
    /// <returns>The forecast, and its bounds if the model has any.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="horizon"/> is not positive.</exception>
    /// <exception cref="InvalidOperationException">As for <see cref="Predict(int, string?)"/>.</exception>
    public ForecastResult PredictResult(int? horizon = null, string? group = null)
    {
        var steps = horizon ?? _forecaster.Horizon;
        var results = Compute(steps, ref group);
        var names = _forecaster.TargetChannels.Select(channel => _forecaster.ChannelNames[channel]).ToArray();
        return new(group, names, [.. results.Select(result =>
        {
            var table = new float[steps, names.Length];
            for (var i = 0; i < result.Length; i++)
            {
                table[i / names.Length, i % names.Length] = result.Span[i];
            }
            return table;
        })]);
    }

    // The forecast and its bounds, [H, C'] each; says which series it is of.
    private Memory<float>[] Compute(int horizon, [NotNull] ref string? group)
    {
        _forecaster.ThrowIfDisposed();
        Check.Option(_host, horizon > 0, horizon, "Must be positive");
        if (horizon > _forecaster.Horizon && !_forecaster.TargetChannels.SequenceEqual(Enumerable.Range(0, Forecasting.Channels)))
        {
            throw Check.BadData(_host, $"The model forecasts {_forecaster.Horizon} steps of {_forecaster.TargetChannels.Count} of its {Forecasting.Channels} channels: it cannot go on to {horizon} steps without the others.");
        }
        group ??= _group ?? throw Check.BadData(_host, "The model knows many series: name the one to forecast, or give a row of it first.");
        var targets = _forecaster.TargetChannels.Count;
        var results = new Memory<float>[Forecasting.Options.LowerBoundColumnName is null ? 1 : 3];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = new float[horizon * targets];
            results[i].Span.Fill(float.NaN);
        }
        if (_series.TryGetValue(group, out var ring) && ring.IsComplete)
        {
            Forecast(ring, Forecasting.ScalerOf(group), horizon, results);
        }
        return results;
    }

    /// <summary>Saves the model with the rows that this engine has taken, so that an engine made of the loaded model goes on from there.</summary>
    /// <param name="path">The model file. It is written beside and renamed, so that an old file stays whole if writing fails.</param>
    /// <exception cref="ArgumentNullException"><paramref name="path"/> is null.</exception>
    /// <exception cref="IOException">The disk is full, or the file cannot be there.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public void CheckPoint(string path)
    {
        Check.NotNull(_host, path);
        WholeFile.Write(path, CheckPoint);
    }

    /// <summary>Saves the model with the rows that this engine has taken.</summary>
    /// <param name="stream">Where to write the model file.</param>
    /// <exception cref="ArgumentNullException"><paramref name="stream"/> is null.</exception>
    public void CheckPoint(Stream stream)
    {
        Check.NotNull(_host, stream);
        using var clone = _forecaster.WithHistories(_series.ToDictionary(series => series.Key, series => series.Value.ToRows()));
        _context.Model.Save(TransformerTree.Replace(_model, _forecaster, clone), null, stream);
    }

    /// <summary>Frees the engine. The model stays.</summary>
    public void Dispose()
    {
        foreach (var output in _outputs.Values)
        {
            output.Dispose();
        }
        _outputs.Clear();
        _input.Dispose();
    }

    private void Forecast(WindowRing ring, ColumnScaler scaler, int horizon, Memory<float>[] results)
    {
        var channels = _forecaster.TargetChannels.Count;
        var size = _forecaster.Horizon * channels;
        for (var start = 0; start < horizon * channels; start += size)
        {
            var first = start == 0;
            var count = Math.Min(size, horizon * channels - start);
            _window.Clear(1);
            _window.Add(ring, scaler);
            var offset = start;
            _forecaster.Forecast(_window, [scaler], (_, forecast, lower, upper) =>
            {
                forecast[..count].CopyTo(results[0].Span[offset..]);
                if (first && results.Length > 1)
                {
                    lower[..count].CopyTo(results[1].Span);
                    upper[..count].CopyTo(results[2].Span);
                }
            });
            if (start + size < horizon * channels)
            {
                // From here on the forecast stands for the rows to come.
                ring = first ? ring.Copy() : ring;
                var row = new double[Forecasting.Options.Columns];
                for (var step = 0; step < size; step += channels)
                {
                    for (var c = 0; c < channels; c++)
                    {
                        row[c] = results[0].Span[start + step + c];
                    }
                    if (Forecasting.Options.Time is not null)
                    {
                        var times = ring.Channel(channels);
                        row[channels] = times[^1] + (times[^1] - times[^2]);
                    }
                    ring.Add(row);
                }
            }
        }
    }
}
