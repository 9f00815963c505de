using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>What every forecaster knows of its data; saved with the model.</summary>
internal sealed record ForecastingSchema(string InputColumnName, string OutputColumnName, int WindowSize, int Horizon, IReadOnlyList<string> ChannelNames,
    IReadOnlyList<double> Means, IReadOnlyList<double> Deviations)
{
    internal int Channels => ChannelNames.Count;

    /// <exception cref="FormatException">The numbers do not fit together.</exception>
    internal void Check()
    {
        if (string.IsNullOrEmpty(InputColumnName) || string.IsNullOrEmpty(OutputColumnName) || WindowSize < 2 || Horizon < 1 || Channels < 1 || ChannelNames.Contains(null!)
            || Means.Count != Channels || Deviations.Count != Channels || !Means.All(double.IsFinite) || !Deviations.All(value => double.IsFinite(value) && value > 0))
        {
            throw new FormatException("The options describe no forecaster.");
        }
    }
}

/// <summary>
/// A trained forecaster: the forecast in a row is for the rows that follow it. A row whose window is not full, or holds a value that is not finite, gets NaN.
/// </summary>
public abstract class ForecastingTransformer : SequenceScoringTransformer
{
    private protected ForecastingTransformer(IHost host, ForecastingSchema schema, double[] history)
        : base(host)
    {
        ForecastingSchema = schema;
        History = history;
        Inputs = [Series.SeriesColumn(schema.InputColumnName, schema.Channels)];
    }

    /// <summary>The number of rows that a forecast looks back on.</summary>
    public int WindowSize => ForecastingSchema.WindowSize;

    /// <summary>The number of steps that are forecast.</summary>
    public int Horizon => ForecastingSchema.Horizon;

    /// <summary>The names of the channels, in the order of the slots of the series column.</summary>
    public IReadOnlyList<string> ChannelNames => ForecastingSchema.ChannelNames;

    internal ForecastingSchema ForecastingSchema { get; }

    /// <summary>The last windowSize rows of the data that the model was trained on.</summary>
    internal double[] History { get; }

    internal override IReadOnlyList<InputColumn> Inputs { get; }

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema)
        => [ForecastColumns.Deliver(ForecastingSchema.OutputColumnName, Horizon, ChannelNames, [.. Enumerable.Range(0, ForecastingSchema.Channels)])];

    internal override BatchScorer CreateScorer(ScoringSchema schema) => new ForecastScorer(this);

    /// <summary>Forecasts standardised windows.</summary>
    /// <param name="windows">[B, N, T], strided as it may be.</param>
    /// <returns>[B, H, N], on the CPU.</returns>
    internal abstract Tensor Forecast(Tensor windows);

    /// <summary>Keeps the last rows of its cursor, so that a batch of rows becomes a batch of windows.</summary>
    private sealed class ForecastScorer : BatchScorer
    {
        private readonly ForecastingTransformer _model;
        private readonly ChannelScaler _scaler;
        private readonly int _channels;
        private float[] _rows;
        private int _finiteRows;
        private long _seen;
        private long _missing;

        internal ForecastScorer(ForecastingTransformer model)
        {
            _model = model;
            _channels = model.ForecastingSchema.Channels;
            _scaler = new(model.ForecastingSchema.Means, model.ForecastingSchema.Deviations);
            _rows = new float[(model.WindowSize - 1) * _channels];
        }

        internal override void Score(ScoringBatch batch)
        {
            var count = batch.Count;
            var past = (_model.WindowSize - 1) * _channels;
            if (_rows.Length < past + count * _channels)
            {
                Array.Resize(ref _rows, past + count * _channels);
            }
            var complete = Append(batch.Input<double>(0).Values, _rows.AsSpan(past, count * _channels));
            var forecasts = batch.Output<float>(0).AddRows(count);
            var first = complete.IndexOf(true);
            if (first < 0)
            {
                forecasts.Fill(float.NaN);
            }
            else
            {
                Forecast(first, count, complete, forecasts);
            }
            _seen += count;
            _missing += complete.Count(false);
            _rows.AsSpan(count * _channels, past).CopyTo(_rows);
        }

        // Writes the standardised rows and returns for each whether the window that ends there is full and finite.
        private Span<bool> Append(ReadOnlySpan<double> values, Span<float> rows)
        {
            var complete = new bool[values.Length / _channels];
            for (var row = 0; row < complete.Length; row++)
            {
                var finite = true;
                for (var c = 0; c < _channels; c++)
                {
                    var value = (float)_scaler.Standardize(values[row * _channels + c], c);
                    finite &= float.IsFinite(value);
                    rows[row * _channels + c] = value;
                }
                _finiteRows = finite ? Math.Min(_finiteRows + 1, _model.WindowSize) : 0;
                complete[row] = _finiteRows == _model.WindowSize;
            }
            return complete;
        }

        private void Forecast(int first, int count, ReadOnlySpan<bool> complete, Span<float> forecasts)
        {
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            var rows = count - first + _model.WindowSize - 1;
            var series = empty(rows, _channels);
            _rows.AsSpan(first * _channels, rows * _channels).CopyTo(MemoryMarshal.Cast<byte, float>(series.bytes));
            var result = _model.Forecast(series.unfold(0, _model.WindowSize, 1)).contiguous();
            var scores = MemoryMarshal.Cast<byte, float>(result.bytes);
            var width = _model.Horizon * _channels;
            for (var row = 0; row < count; row++)
            {
                var target = forecasts.Slice(row * width, width);
                if (!complete[row])
                {
                    target.Fill(float.NaN);
                    continue;
                }
                var source = scores.Slice((row - first) * width, width);
                for (var i = 0; i < width; i += _channels)
                {
                    for (var c = 0; c < _channels; c++)
                    {
                        target[i + c] = (float)_scaler.Restore(source[i + c], c);
                    }
                }
            }
            GC.KeepAlive(result);
            GC.KeepAlive(series);
        }

        internal override void Complete()
        {
            if (_missing > 0)
            {
                using var channel = _model.Host.Start("Forecast");
                channel.Warning($"{_missing} of {_seen} rows have no forecast: fewer than {_model.WindowSize} rows lie before them, or a value among these is missing.");
            }
        }
    }
}
