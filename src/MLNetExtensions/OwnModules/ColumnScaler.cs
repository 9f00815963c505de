namespace MLNetExtensions.Torch;

/// <summary>Brings each slot of a column to mean 0 and population variance 1 over the rows it was fitted to. A constant slot is only moved.</summary>
internal sealed class ColumnScaler(double[] means, double[] deviations)
{
    internal double[] Means { get; } = means;

    /// <summary>The standard deviations; 1 for a constant slot.</summary>
    internal double[] Deviations { get; } = deviations;

    internal static ColumnScaler None(int width) => new(new double[width], [.. Enumerable.Repeat(1.0, width)]);

    internal static ColumnScaler Fit(RowBuffer<float> values, ReadOnlySpan<int> rows)
    {
        var width = values[rows[0]].Length;
        var means = new double[width];
        var deviations = new double[width];
        var constant = Enumerable.Repeat(true, width).ToArray();
        var first = values[rows[0]];
        foreach (var row in rows)
        {
            var source = values[row];
            for (var i = 0; i < width; i++)
            {
                means[i] += source[i] / (double)rows.Length;
                constant[i] &= source[i] == first[i];
            }
        }
        foreach (var row in rows)
        {
            var source = values[row];
            for (var i = 0; i < width; i++)
            {
                var d = source[i] - means[i];
                deviations[i] += d * d / rows.Length;
            }
        }
        for (var i = 0; i < width; i++)
        {
            deviations[i] = constant[i] ? 1 : Math.Sqrt(deviations[i]);
        }
        return new(means, deviations);
    }

    internal void Standardize(ReadOnlySpan<float> source, Span<float> target)
    {
        for (var i = 0; i < source.Length; i++)
        {
            target[i] = (float)((source[i] - Means[i]) / Deviations[i]);
        }
    }

    internal void Restore(ReadOnlySpan<float> source, Span<float> target)
    {
        for (var i = 0; i < source.Length; i++)
        {
            target[i] = (float)(source[i] * Deviations[i] + Means[i]);
        }
    }
}
