using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace MLNetExtensions.TimeSeries;

/// <summary>The correlation between the lags of a series whose eigenvectors are the axes of OLinear's rotated domain.</summary>
public enum LagCorrelation
{
    /// <summary>The covariance of the lags with each column divided by its variance: the matrix behind the published results.</summary>
    ColumnNormalizedCovariance,

    /// <summary>The Pearson correlation of the lags.</summary>
    Pearson,

    /// <summary>No rotation.</summary>
    Identity,
}

/// <summary>
/// An orthonormal basis of windows of K steps: the eigenvectors of the lag correlation, averaged over the channels. It is a constant of the network and
/// belongs into the saved model, since another library may choose other signs.
/// </summary>
internal sealed class OrthogonalBasis
{
    /// <summary>The smallest variance of a lag that counts; a channel below it takes no part. Meant for standardised values.</summary>
    internal const double VarianceThreshold = 1e-4;

    private OrthogonalBasis(int size, double[] correlation, double[] eigenvalues, double[] matrix, bool[] channelKept)
    {
        Size = size;
        Correlation = correlation;
        Eigenvalues = eigenvalues;
        Matrix = matrix;
        ChannelKept = channelKept;
    }

    /// <summary>K.</summary>
    internal int Size { get; }

    /// <summary>S [K, K], the averaged lag correlation. Only its lower triangle enters the decomposition.</summary>
    internal double[] Correlation { get; }

    /// <summary>[K], descending.</summary>
    internal double[] Eigenvalues { get; }

    /// <summary>Q [K, K]: the rows are the eigenvectors, the entry of largest absolute value positive.</summary>
    internal double[] Matrix { get; }

    /// <summary>Which channels passed the variance threshold.</summary>
    internal bool[] ChannelKept { get; }

    /// <summary>The fewest rows from which a basis of the given size can be estimated.</summary>
    internal static int MinimumRows(int size) => size + 1;

    /// <summary>Estimates the basis from the first rows of one series.</summary>
    internal static OrthogonalBasis Compute(ReadOnlySpan<double> series, int channels, int rows, int size, LagCorrelation kind, double varianceThreshold = VarianceThreshold)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, MinimumRows(size));
        return Compute(series, channels, [0..rows], size, kind, varianceThreshold);
    }

    /// <summary>
    /// Estimates the basis. Of several series the matrices are averaged, each with the weight of its number of windows; those shorter than K + 1 rows are left out.
    /// </summary>
    /// <param name="series">[rows, channels], row-major; NaN counts as 0.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="segments">The rows of each series that are used.</param>
    /// <param name="size">K.</param>
    /// <param name="kind">The matrix to decompose.</param>
    /// <param name="varianceThreshold">Channels with a lag of smaller variance, on the scale of <paramref name="series"/>, are left out.</param>
    /// <exception cref="ArgumentOutOfRangeException">A segment reaches beyond the series.</exception>
    /// <exception cref="ArgumentException">A value is infinite or too large for its square.</exception>
    internal static OrthogonalBasis Compute(ReadOnlySpan<double> series, int channels, IReadOnlyList<Range> segments, int size, LagCorrelation kind, double varianceThreshold = VarianceThreshold)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);

        var kept = new bool[channels];
        if (kind == LagCorrelation.Identity)
        {
            Array.Fill(kept, true);
            return Identity(size, kept);
        }
        var sum = new double[size * size];
        var covariance = new double[size * size];
        // One series is not weighted: its average is the plain one.
        var total = 0.0;
        foreach (var segment in segments)
        {
            var (start, rows) = segment.GetOffsetAndLength(series.Length / channels);
            if (rows < MinimumRows(size))
            {
                continue;
            }
            var values = series.Slice(start * channels, rows * channels);
            var weight = segments.Count == 1 ? 1.0 : rows - size + 1;
            var channel = new double[rows];
            for (var j = 0; j < channels; j++)
            {
                CentredChannel(values, channels, j, channel);
                LagCovariance(channel, size, covariance);
                if (!IsVarying(covariance, size, varianceThreshold))
                {
                    continue;
                }
                kept[j] = true;
                total += weight;
                Normalize(covariance, size, kind);
                TensorPrimitives.MultiplyAdd(covariance, weight, sum, sum);
            }
        }
        if (total == 0)
        {
            return Identity(size, kept);
        }
        TensorPrimitives.Divide(sum, total, sum);
        // The decomposition returns quietly with garbage where a value is not finite.
        if (!TensorPrimitives.IsFiniteAll<double>(sum))
        {
            throw new ArgumentException("The series holds values that are infinite or too large.", nameof(series));
        }
        var (eigenvalues, matrix) = Decompose(sum, size);
        return new(size, sum, eigenvalues, matrix, kept);
    }

    /// <summary>Q as a tensor [K, K] of the open dispose scope.</summary>
    internal Tensor ToTensor(ScalarType dtype, Device device) => ConstantTensor.Create(Matrix, [Size, Size], dtype, device);

    /// <summary>
    /// The sample covariance C [K, K] of the K lags of a channel, each with M = m - K + 1 entries. Along a diagonal the windows of the sums overlap in all
    /// but one entry, so that each entry follows from the one before it: O(mK + K²).
    /// </summary>
    internal static void LagCovariance(ReadOnlySpan<double> channel, int size, Span<double> covariance)
    {
        var m = channel.Length - size + 1;
        Span<double> means = size <= 512 ? stackalloc double[size] : new double[size];
        var sum = TensorPrimitives.Sum(channel[..m]);
        for (var a = 0; a < size; a++)
        {
            means[a] = sum / m;
            if (a + 1 < size)
            {
                sum += channel[a + m] - channel[a];
            }
        }
        for (var lag = 0; lag < size; lag++)
        {
            var product = TensorPrimitives.Dot(channel[..m], channel.Slice(lag, m));
            for (var a = 0; a + lag < size; a++)
            {
                var b = a + lag;
                var value = (product - m * means[a] * means[b]) / (m - 1);
                covariance[a * size + b] = value;
                covariance[b * size + a] = value;
                if (b + 1 < size)
                {
                    product += channel[a + m] * channel[b + m] - channel[a] * channel[b];
                }
            }
        }
    }

    /// <summary>A channel without its mean: the rounding of the sums of products then stays small.</summary>
    internal static void CentredChannel(ReadOnlySpan<double> series, int channels, int channel, Span<double> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var value = series[i * channels + channel];
            values[i] = double.IsNaN(value) ? 0 : value;
        }
        TensorPrimitives.Subtract(values, TensorPrimitives.Sum<double>(values) / values.Length, values);
    }

    private static bool IsVarying(ReadOnlySpan<double> covariance, int size, double threshold)
    {
        for (var k = 0; k < size; k++)
        {
            if (covariance[k * size + k] < threshold)
            {
                return false;
            }
        }
        return true;
    }

    private static void Normalize(Span<double> covariance, int size, LagCorrelation kind)
    {
        Span<double> divisor = size <= 512 ? stackalloc double[size] : new double[size];
        for (var k = 0; k < size; k++)
        {
            divisor[k] = covariance[k * size + k];
        }
        if (kind == LagCorrelation.Pearson)
        {
            TensorPrimitives.Sqrt(divisor, divisor);
        }
        for (var a = 0; a < size; a++)
        {
            var row = covariance.Slice(a * size, size);
            TensorPrimitives.Divide(row, divisor, row);
            if (kind == LagCorrelation.Pearson)
            {
                TensorPrimitives.Divide(row, divisor[a], row);
            }
        }
    }

    private static (double[] Eigenvalues, double[] Matrix) Decompose(double[] correlation, int size)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (ascending, columns) = linalg.eigh(ConstantTensor.Create(correlation, [size, size], ScalarType.Float64, CPU), 'L');
        var eigenvalues = new double[size];
        var matrix = new double[size * size];
        MemoryMarshal.Cast<byte, double>(ascending.bytes).CopyTo(eigenvalues);
        MemoryMarshal.Cast<byte, double>(columns.t().contiguous().bytes).CopyTo(matrix);
        Array.Reverse(eigenvalues);
        for (int top = 0, bottom = size - 1; top < bottom; top++, bottom--)
        {
            for (var i = 0; i < size; i++)
            {
                (matrix[top * size + i], matrix[bottom * size + i]) = (matrix[bottom * size + i], matrix[top * size + i]);
            }
        }
        for (var k = 0; k < size; k++)
        {
            var row = matrix.AsSpan(k * size, size);
            if (row[TensorPrimitives.IndexOfMaxMagnitude<double>(row)] < 0)
            {
                TensorPrimitives.Negate(row, row);
            }
        }
        return (eigenvalues, matrix);
    }

    private static OrthogonalBasis Identity(int size, bool[] kept)
    {
        var eigenvalues = new double[size];
        Array.Fill(eigenvalues, 1);
        var identity = new double[size * size];
        for (var k = 0; k < size; k++)
        {
            identity[k * size + k] = 1;
        }
        return new(size, identity, eigenvalues, (double[])identity.Clone(), kept);
    }
}

/// <summary>The fixed channel mixing of OLinear-C: the row softmax of the Pearson correlation between the channels.</summary>
internal static class ChannelCorrelation
{
    /// <summary>R [N, N] over the first rows of a row-major series [rows, N]; NaN counts as 0, a constant channel correlates with itself only.</summary>
    /// <exception cref="ArgumentException">A value is infinite or too large for its square.</exception>
    internal static double[] Pearson(ReadOnlySpan<double> series, int channels, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)rows * channels, series.Length, nameof(rows));

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var centred = new double[channels * rows];
        for (var j = 0; j < channels; j++)
        {
            var channel = centred.AsSpan(j * rows, rows);
            OrthogonalBasis.CentredChannel(series, channels, j, channel);
            var norm = TensorPrimitives.Norm<double>(channel);
            if (!double.IsFinite(norm))
            {
                throw new ArgumentException("The series holds values that are infinite or too large.", nameof(series));
            }
            // What is left of a constant is the rounding of its mean.
            if (norm <= 1e-12 * Math.Sqrt(rows) * LargestMagnitude(series, channels, j, rows))
            {
                channel.Clear();
            }
            else
            {
                TensorPrimitives.Divide(channel, norm, channel);
            }
        }
        var x = ConstantTensor.Create(centred, [channels, rows], ScalarType.Float64, CPU);
        var correlation = new double[channels * channels];
        MemoryMarshal.Cast<byte, double>(mm(x, x.t()).bytes).CopyTo(correlation);
        for (var j = 0; j < channels; j++)
        {
            correlation[j * channels + j] = 1;
        }
        return correlation;
    }

    /// <summary>R [N, N] over the given rows of several series together.</summary>
    internal static double[] Pearson(ReadOnlySpan<double> series, int channels, IReadOnlyList<Range> segments)
    {
        var values = new List<double>();
        foreach (var segment in segments)
        {
            var (start, rows) = segment.GetOffsetAndLength(series.Length / channels);
            values.AddRange(series.Slice(start * channels, rows * channels));
        }
        return Pearson(values.ToArray(), channels, values.Count / channels);
    }

    /// <summary>A [N, N], rows that sum to 1.</summary>
    internal static double[] RowSoftmax(ReadOnlySpan<double> correlation, int channels)
    {
        var a = new double[channels * channels];
        for (var row = 0; row < a.Length; row += channels)
        {
            TensorPrimitives.SoftMax(correlation.Slice(row, channels), a.AsSpan(row, channels));
        }
        return a;
    }

    private static double LargestMagnitude(ReadOnlySpan<double> series, int channels, int channel, int rows)
    {
        var largest = 0.0;
        for (var i = 0; i < rows; i++)
        {
            var value = Math.Abs(series[i * channels + channel]);
            largest = value > largest ? value : largest;
        }
        return largest;
    }
}
