using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>The error that the training of a forecaster minimises.</summary>
public enum ForecastLoss
{
    /// <summary>The absolute error.</summary>
    AbsoluteError,

    /// <summary>The squared error.</summary>
    SquaredError,

    /// <summary>The sum of both.</summary>
    AbsoluteAndSquaredError,
}

/// <summary>
/// The mean over batch, steps and channels of the error times t^(-alpha), t = 1 … H. It is not divided by the sum of the weights: losses of different
/// horizons do not compare.
/// </summary>
internal sealed class StepWeightedLoss : IDisposable
{
    private readonly ForecastLoss _kind;
    private readonly Tensor? _weights;

    internal StepWeightedLoss(int horizon, double alpha, ForecastLoss kind, ScalarType dtype, Device device)
    {
        _kind = kind;
        if (alpha == 0)
        {
            return;
        }
        var weights = new double[horizon];
        for (var t = 1; t <= horizon; t++)
        {
            // Formed in float32 whatever the precision of the network, as behind the published results.
            weights[t - 1] = (float)Math.Pow(t, -alpha);
        }
        using var scope = NewDisposeScope();
        _weights = ConstantTensor.Create(weights, [1, horizon, 1], dtype, device).DetachFromDisposeScope();
    }

    /// <summary>The loss, a scalar, of a forecast and the truth, both [B, H, N].</summary>
    internal Tensor Compute(Tensor forecast, Tensor target)
    {
        var error = forecast.Minus(target);
        var cost = _kind switch
        {
            ForecastLoss.AbsoluteError => error.abs(),
            ForecastLoss.SquaredError => error.Times(error),
            _ => error.abs().Plus(error.Times(error)),
        };
        return (_weights is null ? cost : cost.Times(_weights)).mean();
    }

    public void Dispose() => _weights?.Dispose();
}
