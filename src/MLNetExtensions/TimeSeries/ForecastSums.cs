namespace MLNetExtensions.TimeSeries;

/// <summary>Sums of the errors of point forecasts.</summary>
internal sealed class ErrorSums
{
    private double _squared;
    private double _absolute;
    private double _symmetric;
    private double _scaled;
    private long _count;
    private long _scaledCount;

    /// <param name="actual">The actual value.</param>
    /// <param name="forecast">The forecast.</param>
    /// <param name="scale">What the error is divided by; NaN or zero: it counts among the unscaled errors alone.</param>
    internal void Add(double actual, double forecast, double scale)
    {
        var error = Math.Abs(forecast - actual);
        _squared += error * error;
        _absolute += error;
        _symmetric += error == 0 ? 0 : error / (Math.Abs(forecast) + Math.Abs(actual));
        _count++;
        if (scale > 0)
        {
            _scaled += error / scale;
            _scaledCount++;
        }
    }

    internal void Add(ErrorSums other)
    {
        _squared += other._squared;
        _absolute += other._absolute;
        _symmetric += other._symmetric;
        _scaled += other._scaled;
        _count += other._count;
        _scaledCount += other._scaledCount;
    }

    internal ForecastErrors Means => new(_squared / _count, _absolute / _count, Math.Sqrt(_squared / _count), 200 * _symmetric / _count, _scaled / _scaledCount);
}

/// <summary>Sums over intervals.</summary>
/// <param name="level">The part that should lie within; NaN where it is not known.</param>
internal sealed class IntervalSums(double level)
{
    private double _width;
    private double _lower;
    private double _upper;
    private long _covered;
    private long _count;

    internal void Add(double actual, double lower, double upper)
    {
        _width += upper - lower;
        _lower += QuantileLoss(actual, lower, (1 - level) / 2);
        _upper += QuantileLoss(actual, upper, (1 + level) / 2);
        _covered += lower <= actual && actual <= upper ? 1 : 0;
        _count++;
    }

    internal void Add(IntervalSums other)
    {
        _width += other._width;
        _lower += other._lower;
        _upper += other._upper;
        _covered += other._covered;
        _count += other._count;
    }

    // The interval score is the sum of the two losses, times 2 / (1 - level).
    internal IntervalMetrics Means(long forecasts, long skipped)
        => new(level, (double)_covered / _count, _width / _count, _lower / _count, _upper / _count, (_lower + _upper) / _count * 2 / (1 - level), forecasts, skipped);

    private static double QuantileLoss(double actual, double quantile, double level) => actual >= quantile ? level * (actual - quantile) : (1 - level) * (quantile - actual);
}

/// <summary>Sums over one part of the forecasts: a slot, a group, or several together.</summary>
internal sealed class ForecastSums(double? level)
{
    private readonly ErrorSums _model = new();
    private readonly ErrorSums _naive = new();
    private readonly IntervalSums? _interval = level is { } known ? new(known) : null;

    internal ForecastCounts Counts { get; set; } = new(0, 0, 0);

    internal void Add(double actual, double forecast, double naive, double scale)
    {
        _model.Add(actual, forecast, scale);
        _naive.Add(actual, naive, scale);
    }

    internal void AddBounds(double actual, double lower, double upper) => _interval!.Add(actual, lower, upper);

    internal void Add(ForecastSums other)
    {
        _model.Add(other._model);
        _naive.Add(other._naive);
        _interval?.Add(other._interval!);
    }

    internal ForecastPart Part(string name) => new(name, _model.Means, _naive.Means, _interval?.Means(Counts.Bounded, Counts.Forecasts - Counts.Bounded), Counts.Forecasts, Counts.Skipped);

    /// <summary>The sum of several parts of the same forecasts.</summary>
    internal static ForecastSums Of(double? level, ForecastCounts counts, IEnumerable<ForecastSums> parts)
    {
        var sums = new ForecastSums(level) { Counts = counts };
        foreach (var part in parts)
        {
            sums.Add(part);
        }
        return sums;
    }
}

/// <summary>Numbers of rows.</summary>
/// <param name="Forecasts">Those compared.</param>
/// <param name="Skipped">Those left out.</param>
/// <param name="Bounded">Those compared whose bounds are there.</param>
internal readonly record struct ForecastCounts(long Forecasts, long Skipped, long Bounded);
