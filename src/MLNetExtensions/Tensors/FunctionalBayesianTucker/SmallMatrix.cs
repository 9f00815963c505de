using System.Numerics;
using System.Runtime.InteropServices;

namespace MLNetExtensions.Tensors;

/// <summary>
/// Products and inverses of matrices of a few rows in row-major spans. Symmetric ones are packed: the upper triangle, row after row.
/// </summary>
internal static class SmallMatrix
{
    /// <summary>The numbers of a packed symmetric matrix.</summary>
    internal static int Packed(int size) => size * (size + 1) / 2;

    internal static void Unpack(ReadOnlySpan<double> packed, Span<double> full, int size)
    {
        var next = 0;
        for (var i = 0; i < size; i++)
        {
            full[i * size + i] = packed[next++];
            for (var j = i + 1; j < size; j++)
            {
                full[i * size + j] = full[j * size + i] = packed[next++];
            }
        }
    }

    /// <summary>Packs the mean of the matrix and its transpose.</summary>
    internal static void Pack(ReadOnlySpan<double> full, Span<double> packed, int size)
    {
        var next = 0;
        for (var i = 0; i < size; i++)
        {
            packed[next++] = full[i * size + i];
            for (var j = i + 1; j < size; j++)
            {
                packed[next++] = 0.5 * (full[i * size + j] + full[j * size + i]);
            }
        }
    }

    /// <summary>y += a x.</summary>
    internal static void AddScaled(Span<double> y, double a, ReadOnlySpan<double> x)
    {
        x = x[..y.Length];
        var i = 0;
        if (y.Length >= Vector<double>.Count)
        {
            var scale = new Vector<double>(a);
            var targets = MemoryMarshal.Cast<double, Vector<double>>(y);
            var sources = MemoryMarshal.Cast<double, Vector<double>>(x);
            for (var v = 0; v < targets.Length; v++)
            {
                targets[v] += scale * sources[v];
            }
            i = targets.Length * Vector<double>.Count;
        }
        for (; i < y.Length; i++)
        {
            y[i] += a * x[i];
        }
    }

    /// <summary>C = A B with A [rows, inner] and B [inner, columns].</summary>
    internal static void Multiply(ReadOnlySpan<double> a, ReadOnlySpan<double> b, Span<double> c, int rows, int inner, int columns)
    {
        for (var i = 0; i < rows; i++)
        {
            var target = c.Slice(i * columns, columns);
            target.Clear();
            var row = a.Slice(i * inner, inner);
            for (var k = 0; k < row.Length; k++)
            {
                var factor = row[k];
                var source = b.Slice(k * columns, target.Length);
                for (var j = 0; j < target.Length; j++)
                {
                    target[j] += factor * source[j];
                }
            }
        }
    }

    /// <summary>C = A B' with A [rows, inner] and B [columns, inner].</summary>
    internal static void MultiplyTransposed(ReadOnlySpan<double> a, ReadOnlySpan<double> b, Span<double> c, int rows, int inner, int columns)
    {
        for (var i = 0; i < rows; i++)
        {
            var row = a.Slice(i * inner, inner);
            for (var j = 0; j < columns; j++)
            {
                c[i * columns + j] = Dot(row, b.Slice(j * inner, inner));
            }
        }
    }

    /// <summary>The product of two short vectors.</summary>
    internal static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        b = b[..a.Length];
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /// <summary>Replaces a matrix by its inverse, with partial pivoting; returns ln |det|.</summary>
    internal static double Invert(Span<double> matrix, int size, Span<int> pivots)
    {
        if (size == 1)
        {
            var value = matrix[0];
            matrix[0] = 1 / value;
            return Math.Log(Math.Abs(value));
        }
        if (size == 2)
        {
            var (p, q, r, s) = (matrix[0], matrix[1], matrix[2], matrix[3]);
            var determinant = p * s - q * r;
            matrix[0] = s / determinant;
            matrix[1] = -q / determinant;
            matrix[2] = -r / determinant;
            matrix[3] = p / determinant;
            return Math.Log(Math.Abs(determinant));
        }
        var product = 1.0;
        var log = 0.0;
        for (var k = 0; k < size; k++)
        {
            var pivot = k;
            for (var i = k + 1; i < size; i++)
            {
                if (Math.Abs(matrix[i * size + k]) > Math.Abs(matrix[pivot * size + k]))
                {
                    pivot = i;
                }
            }
            pivots[k] = pivot;
            var row = matrix.Slice(k * size, size);
            if (pivot != k)
            {
                var other = matrix.Slice(pivot * size, size);
                for (var j = 0; j < row.Length; j++)
                {
                    (row[j], other[j]) = (other[j], row[j]);
                }
            }
            product *= Math.Abs(row[k]);
            if (product is < 1e-100 or > 1e100)
            {
                log += Math.Log(product);
                product = 1;
            }
            var inverse = 1 / row[k];
            row[k] = 1;
            for (var j = 0; j < row.Length; j++)
            {
                row[j] *= inverse;
            }
            for (var i = 0; i < size; i++)
            {
                if (i == k)
                {
                    continue;
                }
                var target = matrix.Slice(i * size, row.Length);
                var factor = target[k];
                target[k] = 0;
                for (var j = 0; j < row.Length; j++)
                {
                    target[j] -= factor * row[j];
                }
            }
        }
        for (var k = size - 1; k >= 0; k--)
        {
            var pivot = pivots[k];
            if (pivot == k)
            {
                continue;
            }
            for (var i = 0; i < size; i++)
            {
                (matrix[i * size + k], matrix[i * size + pivot]) = (matrix[i * size + pivot], matrix[i * size + k]);
            }
        }
        return log + Math.Log(product);
    }
}
