namespace MLNetExtensions;

/// <summary>What makes up for classes of different sizes.</summary>
internal static class ClassBalance
{
    /// <summary>The logarithm of each class's share of the rows, to add to its logit in training; a class without rows counts as one with one.</summary>
    internal static double[] LogPriors(IReadOnlyList<long> counts)
    {
        double total = counts.Sum();
        return [.. counts.Select(count => Math.Log(Math.Max(count, 1) / total))];
    }

    /// <summary>The weight of each row of a class: its size to the power of -<paramref name="exponent"/>, the mean over all rows being 1. Classes without rows weigh 0.</summary>
    /// <param name="counts">The rows of each class.</param>
    /// <param name="exponent">1 = all classes count alike, 1/2 = half-way, 0 = all rows count alike.</param>
    internal static double[] Weights(IReadOnlyList<long> counts, double exponent)
    {
        double[] weights = [.. counts.Select(count => count == 0 ? 0 : Math.Pow(count, -exponent))];
        var mean = weights.Zip(counts, (weight, count) => weight * count).Sum() / counts.Sum();
        return [.. weights.Select(weight => weight / mean)];
    }
}
