using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>Compares forecasts with the rows that follow them.</summary>
internal static class ForecastEvaluator
{
    internal static ForecastingMetrics Evaluate(IHostEnvironment env, IDataView data, string labelColumnName, string forecastColumnName, int seasonality, IDataView? trainingData)
    {
        var host = env.Register(nameof(ForecastEvaluator));
        Check.NotNull(host, data);
        Check.ColumnName(host, labelColumnName);
        Check.ColumnName(host, forecastColumnName);
        Check.Option(host, seasonality > 0, seasonality, "Must be positive");
        var labelColumn = new InputColumn<double>(labelColumnName, "label", InputTypes.Number, InputShapes.Fixed);
        var label = labelColumn.Find(host, data.Schema);
        var forecastColumn = new InputColumn<double>(forecastColumnName, "forecast", InputTypes.Single, InputShapes.Vector);
        var forecast = forecastColumn.Find(host, data.Schema);
        var width = label.Type.GetValueCount();
        var channels = ForecastColumns.Channels(forecast);
        if (channels is not { Length: > 0 } || forecast.Type.GetValueCount() % channels.Length != 0)
        {
            throw host.ExceptSchemaMismatch("inputSchema", "forecast", forecastColumnName, $"a forecast with the annotation {ForecastColumns.ChannelIndices}", forecast.Type.ToString());
        }
        if (channels.Any(channel => channel < 0 || channel >= width))
        {
            throw host.ExceptSchemaMismatch("inputSchema", "label", labelColumnName, $"a vector of at least {channels.Max() + 1} channels, which '{forecastColumnName}' forecasts", label.Type.ToString());
        }
        var horizon = forecast.Type.GetValueCount() / channels.Length;
        // Labels first, alone: forecasts are computed once, as the second cursor streams by.
        var actual = (RowBuffer<double>)DataReader.Read(host, data, default, labelColumn)[0];
        var scales = trainingData is null ? null : SeasonalScales(host, trainingData, labelColumn with { Size = width }, channels, seasonality);
        var model = new ErrorSums(horizon, channels.Length);
        var naive = new ErrorSums(horizon, channels.Length);
        long forecasts = 0;
        long rows = 0;
        using var cursor = data.GetRowCursor([forecast]);
        var buffer = forecastColumn.CreateBuffer(forecast.Type, 1);
        var read = forecastColumn.Bind(cursor, forecast, buffer);
        var size = horizon * channels.Length;
        var (truth, forecasted, naiveForecast) = (new double[size], new double[size], new double[size]);
        while (cursor.MoveNext())
        {
            host.CheckAlive();
            var row = (int)rows++;
            if (row + horizon >= actual.Count || row + 1 < seasonality)
            {
                continue;
            }
            buffer.Clear();
            read();
            var finite = true;
            for (var step = 1; step <= horizon; step++)
            {
                // The last known value in the same phase of the season.
                var seasonBefore = row + step - seasonality * ((step + seasonality - 1) / seasonality);
                for (var c = 0; c < channels.Length; c++)
                {
                    var i = (step - 1) * channels.Length + c;
                    truth[i] = actual[row + step][channels[c]];
                    forecasted[i] = buffer[0][i];
                    naiveForecast[i] = actual[seasonBefore][channels[c]];
                    finite &= double.IsFinite(truth[i]) && double.IsFinite(forecasted[i]) && double.IsFinite(naiveForecast[i]);
                }
            }
            if (finite)
            {
                forecasts++;
                model.Add(truth, forecasted);
                naive.Add(truth, naiveForecast);
            }
        }
        if (forecasts == 0)
        {
            throw Check.BadData(host, $"None of the {rows} rows can be evaluated: each needs a forecast in '{forecastColumnName}', {horizon} rows after it and {seasonality} rows up to it in '{labelColumnName}'.");
        }
        return new(model.Errors(forecasts, scales), naive.Errors(forecasts, scales), model.PerStep(forecasts, scales), naive.PerStep(forecasts, scales), forecasts, rows - forecasts);
    }

    // The mean absolute difference to the value one season before, per channel.
    private static double[] SeasonalScales(IHost host, IDataView trainingData, InputColumn<double> labelColumn, int[] channels, int seasonality)
    {
        var history = (RowBuffer<double>)DataReader.Read(host, trainingData, default, labelColumn)[0];
        if (history.Count <= seasonality)
        {
            throw Check.BadData(host, $"The training data has {history.Count} rows: the scale of MASE needs more than one season of {seasonality}.");
        }
        return [.. channels.Select(channel => Enumerable.Range(seasonality, history.Count - seasonality)
            .Select(row => Math.Abs(history[row][channel] - history[row - seasonality][channel])).Where(double.IsFinite).DefaultIfEmpty(0).Average())];
    }

    /// <summary>Sums of squared and absolute errors for each step and channel.</summary>
    private sealed class ErrorSums(int horizon, int channels)
    {
        private readonly double[] _squared = new double[horizon * channels];
        private readonly double[] _absolute = new double[horizon * channels];

        internal void Add(double[] actual, double[] forecast)
        {
            for (var i = 0; i < actual.Length; i++)
            {
                var error = forecast[i] - actual[i];
                _squared[i] += error * error;
                _absolute[i] += Math.Abs(error);
            }
        }

        internal ForecastErrors Errors(long forecasts, double[]? scales) => Errors(0, horizon, forecasts, scales);

        internal IReadOnlyList<ForecastErrors> PerStep(long forecasts, double[]? scales) => [.. Enumerable.Range(0, horizon).Select(step => Errors(step, 1, forecasts, scales))];

        private ForecastErrors Errors(int step, int steps, long forecasts, double[]? scales)
        {
            var slots = Enumerable.Range(step * channels, steps * channels).ToArray();
            var scaled = scales is null ? [] : slots.Where(i => scales[i % channels] > 0).Select(i => _absolute[i] / scales[i % channels] / forecasts).ToArray();
            return new(slots.Average(i => _squared[i] / forecasts), slots.Average(i => _absolute[i] / forecasts), scaled.Length == 0 ? double.NaN : scaled.Average());
        }
    }
}
