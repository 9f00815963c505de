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

    /// <summary>
    /// 200 |forecast − actual| / (|forecast| + |actual|), in percent: from 0 to 200 (SMAPE, as in the M4 competition); 0 where both are zero. The denominator counts as a
    /// constant for the gradient. A ratio of values in their own units: needs <see cref="ForecastingOptions.Standardize"/> = false, and values that do not change sign.
    /// </summary>
    SymmetricAbsolutePercentageError,
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
        => Compute(_kind, forecast, target, _weights);

    /// <summary>The mean of the errors times their weights, of tensors of one shape; without weights they all weigh 1.</summary>
    internal static Tensor Compute(ForecastLoss kind, Tensor forecast, Tensor target, Tensor? weights)
    {
        var error = forecast.Minus(target);
        var cost = kind switch
        {
            ForecastLoss.AbsoluteError => error.abs(),
            ForecastLoss.SquaredError => error.Times(error),
            ForecastLoss.AbsoluteAndSquaredError => error.abs().Plus(error.Times(error)),
            ForecastLoss.SymmetricAbsolutePercentageError => error.abs().DividedBy(Scale(forecast, target)).Times(200),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
        };
        return (weights is null ? cost : cost.Times(weights)).mean();
    }

    // Where both are 0 so is the error, whatever it is divided by.
    private static Tensor Scale(Tensor forecast, Tensor target)
    {
        var scale = forecast.detach().abs().Plus(target.abs());
        return scale.masked_fill(scale.eq(TensorOps.Constant(0)), TensorOps.One);
    }

    public void Dispose() => _weights?.Dispose();
}
