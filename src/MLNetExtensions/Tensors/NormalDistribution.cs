namespace MLNetExtensions.Tensors;

/// <summary>The normal distribution of mean 0 and variance 1.</summary>
internal static class NormalDistribution
{
    // Beyond, what lies outside is less than the last digit of a probability.
    private const double Farthest = 8.5;

    /// <summary>The logarithm of the density.</summary>
    internal static double LogDensity(double z) => -0.5 * (z * z + Math.Log(2 * Math.PI));

    /// <summary>The probability of a smaller value, to 1e-15 (Marsaglia, 2004: Taylor's series about 0).</summary>
    internal static double Cumulative(double z)
    {
        if (!(Math.Abs(z) <= Farthest))
        {
            return z < 0 ? 0 : z > 0 ? 1 : double.NaN;
        }
        var (sum, term, last) = (z, z, 0.0);
        for (var i = 3; sum != last; i += 2)
        {
            last = sum;
            term *= z * z / i;
            sum += term;
        }
        return 0.5 + sum * Math.Exp(LogDensity(z));
    }

    /// <summary>The value that is larger with the probability <paramref name="probability"/>, which lies within (0, 1).</summary>
    internal static double Quantile(double probability)
    {
        var (low, high) = (-Farthest, Farthest);
        // As many halvings as a Double has digits, and some for what lies near 0.
        for (var i = 0; i < 64; i++)
        {
            var middle = low + (high - low) / 2;
            (low, high) = Cumulative(middle) < probability ? (middle, high) : (low, middle);
        }
        return high;
    }

    /// <summary>
    /// The continuous ranked probability score of a normal forecast that is <paramref name="z"/> deviations off, in deviations (Gneiting and Raftery, 2007): the smaller the better.
    /// </summary>
    internal static double RankedProbabilityScore(double z) => z * (2 * Cumulative(z) - 1) + 2 * Math.Exp(LogDensity(z)) - 1 / Math.Sqrt(Math.PI);
}
