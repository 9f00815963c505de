using System.Numerics;

namespace MLNetExtensions;

/// <summary>
/// Brings each slot of a column to mean 0 and population variance 1 over the rows it was fitted to. A constant slot is only moved; values that are missing (NaN) do not count, and a slot without any
/// value stays as it is.
/// </summary>
internal sealed class ColumnScaler(double[] means, double[] deviations)
{
    private delegate ReadOnlySpan<T> RowAt<T>(int row);

    internal double[] Means { get; } = means;

    /// <summary>The standard deviations; 1 for a constant slot.</summary>
    internal double[] Deviations { get; } = deviations;

    internal static ColumnScaler None(int width) => new(new double[width], [.. Enumerable.Repeat(1.0, width)]);

    /// <summary>The scale that a model file holds.</summary>
    /// <exception cref="FormatException">The numbers are no means and deviations.</exception>
    internal static ColumnScaler Read(IReadOnlyList<double> means, IReadOnlyList<double> deviations)
        => means.Count == deviations.Count && means.All(double.IsFinite) && deviations.All(value => double.IsFinite(value) && value > 0)
            ? new([.. means], [.. deviations])
            : throw new FormatException("A scale is not finite or not positive.");

    /// <summary>Fits to the rows [rows, width] of an array.</summary>
    /// <param name="values">The rows.</param>
    /// <param name="width">The number of slots.</param>
    /// <param name="sample">Whether to the sample variance, whose divisor is one less than the number of rows.</param>
    /// <param name="fallback">What a slot without any value gets; null = it stays as it is.</param>
    internal static ColumnScaler Fit(double[] values, int width, bool sample = false, ColumnScaler? fallback = null)
        => Fit(width, values.Length / width, row => values.AsSpan(row * width, width), sample, fallback);

    /// <summary>Fits to some rows of a column.</summary>
    internal static ColumnScaler Fit(RowBuffer<float> values, int[] rows) => Fit<float>(values[rows[0]].Length, rows.Length, row => values[rows[row]]);

    /// <summary>Fits one scale to all slots of some rows of a column of known size.</summary>
    internal static ColumnScaler FitGlobal(RowBuffer<float> values, int[] rows)
    {
        var width = values[rows[0]].Length;
        return Fit<float>(1, checked(rows.Length * width), i => values[rows[i / width]].Slice(i % width, 1));
    }

    private static ColumnScaler Fit<T>(int width, int rows, RowAt<T> rowAt, bool sample = false, ColumnScaler? fallback = null)
        where T : INumberBase<T>
    {
        var means = new double[width];
        var deviations = new double[width];
        var largest = new double[width];
        var constant = Enumerable.Repeat(true, width).ToArray();
        var counts = new int[width];
        var first = new T[width];
        for (var row = 0; row < rows; row++)
        {
            var values = rowAt(row);
            for (var i = 0; i < width; i++)
            {
                if (!T.IsNaN(values[i]) && counts[i]++ == 0)
                {
                    first[i] = values[i];
                }
            }
        }
        for (var row = 0; row < rows; row++)
        {
            var values = rowAt(row);
            for (var i = 0; i < width; i++)
            {
                if (!T.IsNaN(values[i]))
                {
                    means[i] += double.CreateTruncating(values[i]) / counts[i];
                    constant[i] &= values[i] == first[i];
                }
            }
        }
        for (var row = 0; row < rows; row++)
        {
            var values = rowAt(row);
            for (var i = 0; i < width; i++)
            {
                if (!T.IsNaN(values[i]))
                {
                    largest[i] = Math.Max(largest[i], Math.Abs(double.CreateTruncating(values[i]) - means[i]));
                }
            }
        }
        // Brought near 1 by a power of two, which costs no digit, so that squares neither overflow nor vanish.
        var exponents = largest.Select(value => value > 0 && double.IsFinite(value) ? Math.ILogB(value) : 0).ToArray();
        for (var row = 0; row < rows; row++)
        {
            var values = rowAt(row);
            for (var i = 0; i < width; i++)
            {
                if (!T.IsNaN(values[i]))
                {
                    var d = Math.ScaleB(double.CreateTruncating(values[i]) - means[i], -exponents[i]);
                    deviations[i] += d * d / counts[i];
                }
            }
        }
        for (var i = 0; i < width; i++)
        {
            deviations[i] = constant[i] ? 1 : Math.ScaleB(Math.Sqrt(sample ? deviations[i] * counts[i] / (counts[i] - 1) : deviations[i]), exponents[i]);
            if (counts[i] == 0 && fallback is not null)
            {
                (means[i], deviations[i]) = (fallback.Means[i], fallback.Deviations[i]);
            }
        }
        return new(means, deviations);
    }

    internal double Standardize(double value, int slot) => (value - Means[slot]) / Deviations[slot];

    internal double Restore(double value, int slot) => value * Deviations[slot] + Means[slot];

    /// <summary>The same as Single: the largest where it is larger than any, NaN where what is standardised is not finite.</summary>
    internal float RestoreSingle(double value, int slot) => double.IsFinite(value) ? (float)Math.Clamp(Restore(value, slot), -float.MaxValue, float.MaxValue) : float.NaN;

    /// <summary>Standardises one row after the other.</summary>
    internal void Standardize(ReadOnlySpan<double> values, Span<double> result)
    {
        for (var i = 0; i < values.Length; i++)
        {
            result[i] = Standardize(values[i], i % Means.Length);
        }
    }

    /// <summary>Standardises a row; one scale holds for all its slots.</summary>
    internal void Standardize(ReadOnlySpan<float> row, Span<float> result)
    {
        if (Means.Length == 1)
        {
            for (var i = 0; i < row.Length; i++)
            {
                result[i] = (float)Standardize(row[i], 0);
            }
            return;
        }
        for (var i = 0; i < row.Length; i++)
        {
            result[i] = (float)Standardize(row[i], i);
        }
    }

    /// <summary>Takes the standardisation of a row back, see <see cref="RestoreSingle"/>.</summary>
    internal void Restore(ReadOnlySpan<float> row, Span<float> result)
    {
        for (var i = 0; i < row.Length; i++)
        {
            result[i] = RestoreSingle(row[i], i);
        }
    }
}
