using System.Numerics.Tensors;

namespace MLNetExtensions.Tensors;

/// <summary>The inverse of a positive definite matrix by Cholesky's method.</summary>
internal static class SymmetricInverse
{
    /// <summary>Replaces a symmetric matrix by its inverse.</summary>
    /// <returns>ln det of the matrix; NaN where it is not positive definite.</returns>
    internal static double Invert(Span<double> matrix, int size)
    {
        var logDeterminant = 0.0;
        for (var i = 0; i < size; i++)
        {
            var row = matrix.Slice(i * size, size);
            for (var j = 0; j < i; j++)
            {
                row[j] = (row[j] - Dot(row[..j], matrix.Slice(j * size, j))) / matrix[j * (size + 1)];
            }
            var pivot = row[i] - Dot(row[..i], row[..i]);
            if (!(pivot > 0))
            {
                return double.NaN;
            }
            logDeterminant += Math.Log(pivot);
            row[i] = Math.Sqrt(pivot);
        }
        // The inverse of the lower factor, transposed into the upper triangle, so that its columns are contiguous: row j holds column j from place j on.
        var inverse = new double[size * size];
        for (var j = 0; j < size; j++)
        {
            var column = inverse.AsSpan(j * size, size);
            column[j] = 1 / matrix[j * (size + 1)];
            for (var i = j + 1; i < size; i++)
            {
                column[i] = -Dot(matrix.Slice(i * size + j, i - j), column[j..i]) / matrix[i * (size + 1)];
            }
        }
        // L⁻ᵀ L⁻¹: the products of its columns from the later one's place on.
        for (var i = 0; i < size; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                matrix[i * size + j] = matrix[j * size + i] = Dot(inverse.AsSpan(i * size + i, size - i), inverse.AsSpan(j * size + i, size - i));
            }
        }
        return logDeterminant;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b) => a.Length < 8 ? SmallMatrix.Dot(a, b) : TensorPrimitives.Dot(a, b);
}
