namespace MLNetExtensions;

/// <summary>How small the largest |cosine| of N unit vectors in d dimensions can be; 0 where a bound says nothing.</summary>
internal static class BasisBounds
{
    internal static double Welch(long n, long d) => n > d ? Math.Sqrt((double)(n - d) / ((double)d * (n - 1))) : 0;

    internal static double Levenshtein(long n, long d)
    {
        double count = n, dimension = d;
        return count > dimension * (dimension + 1) / 2
            ? Math.Sqrt((3 * count - dimension * dimension - 2 * dimension) / ((dimension + 2) * (count - dimension)))
            : 0;
    }

    /// <summary>The best of Welch's bounds of the orders 2, 3 and 4.</summary>
    internal static double WelchOfHigherOrder(long n, long d)
    {
        if (n == 1)
        {
            return 0;
        }
        var best = 0.0;
        // The number of monomials of degree k: binomial(d + k - 1, k), beyond 64 bits for d in the thousands.
        double monomials = d;
        for (var k = 2; k <= 4; k++)
        {
            monomials *= (d + k - 1) / (double)k;
            best = Math.Max(best, Math.Pow(Math.Max(0, n / monomials - 1) / (n - 1), 1 / (2.0 * k)));
        }
        return best;
    }

    internal static double Best(long n, long d) => Math.Max(Welch(n, d), Math.Max(Levenshtein(n, d), WelchOfHigherOrder(n, d)));

    /// <summary>About what random directions have, somewhat above it for d ≥ 16; above 1 it says nothing.</summary>
    internal static double RandomEstimate(long n, long d) => Math.Sqrt(2 * Math.Log(Math.Max(2, n * (n - 1.0) / 2)) / d);
}
