namespace MLNetExtensions.Tensors;

/// <summary>
/// The scale of the functions of a CP component is not determined by the rows: only their product is. Of the factors c_k whose product is 1 the best maximise
/// Σ n_k ln c_k - ½ c_k² E_k, where n_k is the number of states of the function in mode k and E_k their expected square under the prior.
/// </summary>
internal static class ScaleBalance
{
    private const int Halvings = 60;

    /// <summary>Replaces E_k of every component by c_k.</summary>
    /// <param name="dimensions">n_k.</param>
    /// <param name="values">For each mode E_k of each component.</param>
    internal static void Solve(double[] dimensions, double[][] values)
    {
        for (var r = 0; r < values[0].Length; r++)
        {
            var target = 0.0;
            foreach (var mode in values)
            {
                target += Math.Log(mode[r]);
            }
            if (!double.IsFinite(target))
            {
                foreach (var mode in values)
                {
                    mode[r] = 1;
                }
                continue;
            }
            // c² = (n + ν) / E; the product of all is 1 where Σ ln(n + ν), which grows with ν, is Σ ln E.
            var low = -dimensions.Min();
            var high = -low;
            while (Sum(dimensions, high) < target)
            {
                high *= 2;
            }
            for (var step = 0; step < Halvings; step++)
            {
                var middle = 0.5 * (low + high);
                (low, high) = Sum(dimensions, middle) < target ? (middle, high) : (low, middle);
            }
            for (var mode = 0; mode < values.Length; mode++)
            {
                values[mode][r] = Math.Sqrt((dimensions[mode] + high) / values[mode][r]);
            }
        }
    }

    private static double Sum(double[] dimensions, double shift)
    {
        var sum = 0.0;
        foreach (var dimension in dimensions)
        {
            sum += Math.Log(dimension + shift);
        }
        return sum;
    }
}
