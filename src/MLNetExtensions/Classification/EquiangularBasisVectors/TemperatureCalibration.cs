using MLNetExtensions.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Finds the factor by which the logits of held-out rows must be divided for their probabilities to be most likely (Guo et al., 2017).</summary>
internal static class TemperatureCalibration
{
    private const double Lowest = 0.01;
    private const double Highest = 100;
    private const int MostSteps = 200;

    // Numbers at a time, in double precision.
    private const long BlockSize = 1 << 20;

    /// <summary>T, within [0.01, 100].</summary>
    /// <param name="logits">[n, C].</param>
    /// <param name="labels">The numbers of the true classes, Int64 [n].</param>
    internal static double Fit(Tensor logits, Tensor labels)
    {
        // The likelihood is concave in 1/T: its slope has one zero, which Newton's steps on ln(1/T) find, kept within an interval that encloses it.
        double low = Math.Log(1 / Highest), high = Math.Log(1 / Lowest), at = 0;
        for (var step = 0; step < MostSteps; step++)
        {
            var (slope, curvature) = Derivatives(logits, labels, Math.Exp(at));
            if (slope == 0)
            {
                break;
            }
            (low, high) = slope < 0 ? (at, high) : (low, at);
            var next = at - slope / curvature;
            if (!(next > low && next < high))
            {
                next = (low + high) / 2;
            }
            if (next == at || Math.Abs(next - at) < 1e-13)
            {
                break;
            }
            at = next;
        }
        return Math.Exp(-at);
    }

    /// <summary>The mean negative log-likelihood of the true classes at a temperature.</summary>
    internal static double NegativeLogLikelihood(Tensor logits, Tensor labels, double temperature)
        => Mean(logits, labels, 1 / temperature, (scaled, own) => [scaled.logsumexp(1, keepdim: true).Minus(own).sum()])[0];

    /// <summary>Of the mean negative log-likelihood with respect to s = 1/T its first derivative, and the derivative of that with respect to ln s.</summary>
    private static (double Slope, double Curvature) Derivatives(Tensor logits, Tensor labels, double scale)
    {
        var means = Mean(logits, labels, scale, (scaled, own) =>
        {
            var probabilities = scaled.softmax(1);
            var mean = probabilities.Times(scaled).sum(1, keepdim: true);
            var deviation = scaled.Minus(mean);
            return [mean.Minus(own).sum(), probabilities.Times(deviation).Times(deviation).sum()];
        });
        return (means[0] / scale, means[1] / scale);
    }

    /// <summary>Means over the rows of sums over the logits times <paramref name="scale"/>, [n, C], and those of the true classes, [n, 1].</summary>
    private static double[] Mean(Tensor logits, Tensor labels, double scale, Func<Tensor, Tensor, Tensor[]> sums)
    {
        var count = logits.size(0);
        ArgumentOutOfRangeException.ThrowIfZero(count, nameof(logits));
        var size = Math.Max(1, BlockSize / logits.size(1));
        using var factor = scale.ToScalar();
        using var noGrad = no_grad();
        var totals = new double[2];
        for (long start = 0; start < count; start += size)
        {
            using var block = NewDisposeScope();
            var rows = Math.Min(size, count - start);
            var scaled = logits.narrow(0, start, rows).to(ScalarType.Float64).mul(factor);
            foreach (var (i, sum) in sums(scaled, scaled.gather(1, labels.narrow(0, start, rows).unsqueeze(1))).Index())
            {
                totals[i] += sum.cpu().item<double>();
            }
        }
        return [.. totals.Select(total => total / count)];
    }
}
