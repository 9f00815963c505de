using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// A trained forecaster: the forecast in a row is for the rows of its series that follow it. A row whose window is not full, or holds a value that is not finite or
/// too large to be computed with, gets NaN.
/// </summary>
public abstract class ForecastingTransformer : SequenceScoringTransformer
{
    private protected ForecastingTransformer(IHost host, ForecastingModel model)
        : base(host)
    {
        Model = model;
        var series = Series.SeriesColumn(model.Options.InputColumnName, model.Channels);
        InputColumn? group = model.Options.GroupColumnName is { } groupName ? RowGroups.Column(groupName) : null;
        InputColumn? time = model.Options.Time is { } marks ? Series.TimeColumn(marks.ColumnName) : null;
        Inputs = [.. new[] { series, group, time }.OfType<InputColumn>()];
    }

    /// <summary>The number of rows that a forecast looks back on.</summary>
    public int WindowSize => Model.Options.WindowSize;

    /// <summary>The number of steps that are forecast.</summary>
    public int Horizon => Model.Options.Horizon;

    /// <summary>The names of the channels, in the order of the slots of the series column.</summary>
    public IReadOnlyList<string> ChannelNames => Model.Options.ChannelNames;

    /// <summary>The slots of the series column that are forecast, in the order of the forecast's channels.</summary>
    public IReadOnlyList<int> TargetChannels => Model.Options.TargetChannels;

    private protected sealed override IEnumerable<(string Name, string Value)> Facts =>
    [
        ("window size", Html.Number((long)WindowSize)),
        ("horizon", Html.Number((long)Horizon)),
        ("channels", string.Join(", ", ChannelNames)),
        ("forecast", string.Join(", ", TargetChannels.Select(channel => ChannelNames[channel]))),
    ];

    internal ForecastingModel Model { get; }

    internal override IReadOnlyList<InputColumn> Inputs { get; }

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema) => GetOutputs(Horizon);

    internal IReadOnlyList<OutputColumn> GetOutputs(int horizon)
    {
        var names = TargetChannels.Select(channel => ChannelNames[channel]).ToArray();
        var options = Model.Options;
        return options.LowerBoundColumnName is null
            ? [ForecastColumns.Deliver(options.OutputColumnName, horizon, names, TargetChannels)]
            : [
                ForecastColumns.Deliver(options.OutputColumnName, horizon, names, TargetChannels),
                ForecastColumns.Deliver(options.LowerBoundColumnName, horizon, names, TargetChannels, options.ConfidenceLevel),
                ForecastColumns.Deliver(options.UpperBoundColumnName!, horizon, names, TargetChannels, options.ConfidenceLevel),
            ];
    }

    /// <summary>Finds the forecaster of a model.</summary>
    /// <exception cref="InvalidOperationException">There is none, or several and none is named.</exception>
    internal static TForecaster Find<TForecaster>(IExceptionContext context, ITransformer model, string? outputColumnName)
        where TForecaster : ForecastingTransformer
    {
        TForecaster[] found = [.. TransformerTree.Leaves(model).OfType<TForecaster>().Where(leaf => outputColumnName is null || leaf.Model.Options.OutputColumnName == outputColumnName)];
        return found switch
        {
            [var only] => only,
            [] => throw Check.BadData(context, $"The model holds no {typeof(TForecaster).Name}{(outputColumnName is null ? "" : $" with the output column '{outputColumnName}'")}."),
            _ => throw Check.BadData(context, $"The model holds several forecasters: name the output column of one, {string.Join(", ", found.Select(leaf => $"'{leaf.Model.Options.OutputColumnName}'"))}."),
        };
    }

    internal override int OnnxWindowSize => WindowSize;

    internal override void WriteOnnx(OnnxScoring onnx) => ForecastingOnnx.Write(onnx, this);

    /// <summary>Writes the graph of <see cref="Forecast(Tensor, Tensor)"/>: Single [rows, T, N] to Single [rows, H, N].</summary>
    /// <param name="onnx">The graph.</param>
    /// <param name="windows">Standardised windows.</param>
    /// <param name="marks">Single [rows, T, M]; null = the network is not told of the time.</param>
    internal virtual string WriteForecast(OnnxScoring onnx, string windows, string? marks) => throw onnx.Refuse("cannot be written as ONNX.");

    internal override BatchScorer CreateScorer(ScoringSchema schema) => new ForecastScorer(this);

    /// <summary>The rows of buffers of <see cref="Inputs"/>.</summary>
    internal ForecastRows CreateRows(Func<int, RowBuffer> bufferOf)
        => new(Model.Options, (RowBuffer<double>)bufferOf(0), Model.Options.GroupColumnName is null ? null : (RowBuffer<string>)bufferOf(1), Model.Options.Time is null ? null : (RowBuffer<DateTime>)bufferOf(Inputs.Count - 1));

    /// <summary>Room for standardised windows.</summary>
    internal WindowBatch CreateWindows() => new(Model.Channels, WindowSize, Model.Options.Time);

    /// <summary>Forecasts standardised windows.</summary>
    /// <param name="windows">[B, T, N], strided as it may be.</param>
    /// <param name="marks">[B, T, M]; null = the network is not told of the time.</param>
    /// <returns>[B, H, N], on the CPU.</returns>
    internal abstract Tensor Forecast(Tensor windows, Tensor? marks);

    /// <summary>Makes a transformer with the same weights and other rows to go on from.</summary>
    internal abstract ForecastingTransformer WithHistories(IReadOnlyDictionary<string, double[]> histories);

    /// <summary>Forecasts from complete windows, in the units of the data.</summary>
    /// <param name="windows">The windows, each [N, T] of standardised values.</param>
    /// <param name="scalers">The scale of each window.</param>
    /// <param name="write">Is given the number of a window, and its forecast and bounds, [H, C'] each; the bounds are empty if there are none.</param>
    internal void Forecast(WindowBatch windows, IReadOnlyList<ColumnScaler> scalers, ForecastWriter write)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var input = windows.ToTensor();
        var result = Forecast(input.permute(1, 2, 0), windows.MarksToTensor()).contiguous();
        var scores = MemoryMarshal.Cast<byte, float>(result.bytes);
        var (channels, targets) = (Model.Channels, TargetChannels.Count);
        var quantiles = Model.Quantiles;
        var forecast = new float[Horizon * targets];
        var (lower, upper) = quantiles is null ? ([], []) : (new float[forecast.Length], new float[forecast.Length]);
        var deviations = new double[targets];
        for (var window = 0; window < windows.Count; window++)
        {
            var scaler = scalers[window];
            for (var j = 0; quantiles is not null && j < targets; j++)
            {
                deviations[j] = WindowBatch.Deviation(windows[TargetChannels[j], window]);
            }
            for (var i = 0; i < forecast.Length; i++)
            {
                var channel = TargetChannels[i % targets];
                double score = scores[(window * Horizon + i / targets) * channels + channel];
                forecast[i] = scaler.RestoreSingle(score, channel);
                if (quantiles is not null)
                {
                    var margin = quantiles[i] * deviations[i % targets];
                    lower[i] = scaler.RestoreSingle(score - margin, channel);
                    upper[i] = scaler.RestoreSingle(score + margin, channel);
                }
            }
            write(window, forecast, lower, upper);
        }
        GC.KeepAlive(result);
    }

    /// <summary>Keeps the last rows of each series of its cursor, so that a batch of rows becomes a batch of windows.</summary>
    private sealed class ForecastScorer(ForecastingTransformer model) : BatchScorer
    {
        private readonly Dictionary<string, (WindowRing Ring, ColumnScaler Scaler)> _series = [];
        private readonly WindowBatch _windows = model.CreateWindows();
        private readonly List<ColumnScaler> _scalers = [];
        private readonly List<int> _rows = [];
        private long _seen;
        private long _missing;

        internal override void Score(ScoringBatch batch)
        {
            var rows = model.CreateRows(batch.Input);
            _windows.Clear(batch.Count);
            _scalers.Clear();
            _rows.Clear();
            for (var row = 0; row < batch.Count; row++)
            {
                var name = rows.GroupOf(row);
                if (!_series.TryGetValue(name, out var series))
                {
                    _series.Add(name, series = (new(model.Model.Options.Columns, model.WindowSize), model.Model.ScalerOf(name)));
                }
                series.Ring.Add(rows[row]);
                if (series.Ring.IsComplete)
                {
                    _windows.Add(series.Ring, series.Scaler);
                    _scalers.Add(series.Scaler);
                    _rows.Add(row);
                }
            }
            var outputs = Enumerable.Range(0, model.Model.Options.LowerBoundColumnName is null ? 1 : 3).Select(i => batch.Output<float>(i)).ToArray();
            foreach (var output in outputs)
            {
                output.AddRows(batch.Count).Fill(float.NaN);
            }
            if (_rows.Count > 0)
            {
                model.Forecast(_windows, _scalers, (window, forecast, lower, upper) =>
                {
                    forecast.CopyTo(outputs[0][_rows[window]]);
                    if (outputs.Length > 1)
                    {
                        lower.CopyTo(outputs[1][_rows[window]]);
                        upper.CopyTo(outputs[2][_rows[window]]);
                    }
                });
            }
            _seen += batch.Count;
            _missing += batch.Count - _rows.Count;
        }

        internal override void Complete()
        {
            if (_missing > 0)
            {
                using var channel = model.Host.Start("Forecast");
                channel.Warning($"{_missing} of {_seen} rows have no forecast: fewer than {model.WindowSize} rows of their series lie before them, or a value among these is missing.");
            }
        }
    }
}

/// <summary>Takes the forecast of a window, and its bounds.</summary>
internal delegate void ForecastWriter(int window, ReadOnlySpan<float> forecast, ReadOnlySpan<float> lower, ReadOnlySpan<float> upper);
