using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>
/// The plainest rival: the last value of the window, and to it a linear map of how the window differs from it, by ridge least squares on the standardised training windows; one
/// map for all channels (NLinear, arXiv 2205.13504, solved instead of trained).
/// </summary>
internal sealed class LinearForecaster : IDisposable
{
    // Of the mean of the diagonal: enough to solve for the last value, whose difference is always 0.
    private const double Ridge = 1e-6;

    private readonly int _window;
    private readonly Tensor _map;

    /// <param name="rows">The training rows.</param>
    /// <param name="deviations">The scale of each channel.</param>
    /// <param name="window">The rows that a forecast looks back on.</param>
    /// <param name="horizon">The rows to forecast.</param>
    public LinearForecaster(ReadOnlySpan<float[]> rows, double[] deviations, int window, int horizon)
    {
        _window = window;
        using var scope = NewDisposeScope();
        var gram = zeros(window, window + horizon, dtype: ScalarType.Float64);
        for (var channel = 0; channel < deviations.Length; channel++)
        {
            using var step = NewDisposeScope();
            var values = new double[rows.Length];
            for (var row = 0; row < values.Length; row++)
            {
                values[row] = rows[row][channel] / deviations[channel];
            }
            var windows = tensor(values).unfold(0, window + horizon, 1);
            windows = windows - windows.narrow(1, window - 1, 1);
            gram.add_(windows.narrow(1, 0, window).t().matmul(windows));
        }
        var left = gram.narrow(1, 0, window);
        left = left + eye(window, dtype: ScalarType.Float64) * (left.diagonal().mean() * Ridge);
        _map = linalg.solve(left, gram.narrow(1, window, horizon)).DetachFromDisposeScope();
    }

    /// <summary>Forecasts from each row, step by step, channel by channel within a step; rows without a whole window before them have no values.</summary>
    public IEnumerable<float[]> Forecast(float[][] rows)
    {
        for (var row = 0; row < rows.Length; row++)
        {
            yield return row < _window - 1 ? [] : Forecast(rows.AsSpan(row - _window + 1, _window));
        }
    }

    private float[] Forecast(ReadOnlySpan<float[]> window)
    {
        using var scope = NewDisposeScope();
        var values = tensor(window.ToArray().SelectMany(row => row.Select(value => (double)value)).ToArray(), [_window, window[0].Length]);
        var last = values.narrow(0, _window - 1, 1);
        return (_map.t().matmul(values - last) + last).to(ScalarType.Float32).contiguous().data<float>().ToArray();
    }

    public void Dispose() => _map.Dispose();
}
