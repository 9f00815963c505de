using System.Numerics;
using System.Numerics.Tensors;

namespace MLNetExtensions.Tensors;

/// <summary>
/// What the messages to other modes need of a mode's functions: for each of its coordinates the means [R] and the packed second moments V + m m' [R(R+1)/2], side by
/// side and padded with zeros to whole vectors of the machine.
/// </summary>
internal sealed class ModeMoments
{
    internal ModeMoments(int points, int rank)
    {
        Rank = rank;
        Stride = (rank + SmallMatrix.Packed(rank) + Vector<double>.Count - 1) / Vector<double>.Count * Vector<double>.Count;
        Values = new double[points * Stride];
    }

    internal int Rank { get; }

    /// <summary>The distance of two coordinates.</summary>
    internal int Stride { get; }

    /// <summary>The numbers of the packed second moments.</summary>
    internal int Pairs => SmallMatrix.Packed(Rank);

    internal double[] Values { get; }

    internal ReadOnlySpan<double> Mean(int point) => Values.AsSpan(point * Stride, Rank);

    internal ReadOnlySpan<double> Second(int point) => Values.AsSpan(point * Stride + Rank, Pairs);

    /// <summary>Sets a coordinate from a mean and a covariance [R, R].</summary>
    internal void Set(int point, ReadOnlySpan<double> mean, ReadOnlySpan<double> covariance)
    {
        var target = Values.AsSpan(point * Stride, Stride);
        mean[..Rank].CopyTo(target);
        for (int r = 0, next = Rank; r < Rank; r++)
        {
            for (var s = r; s < Rank; s++)
            {
                target[next++] = covariance[r * Rank + s] + mean[r] * mean[s];
            }
        }
    }

    /// <summary>Multiplies every function by a factor.</summary>
    internal void Scale(ReadOnlySpan<double> factors)
    {
        var products = new double[Stride];
        factors.CopyTo(products);
        for (int r = 0, next = Rank; r < Rank; r++)
        {
            for (var s = r; s < Rank; s++)
            {
                products[next++] = factors[r] * factors[s];
            }
        }
        for (var start = 0; start < Values.Length; start += Stride)
        {
            var values = Values.AsSpan(start, products.Length);
            TensorPrimitives.Multiply(values, products, values);
        }
    }

    /// <summary>Σ η'm - ½ tr(ΛS) over coordinates, for messages in the same layout.</summary>
    internal double Energy(ReadOnlySpan<double> messages)
    {
        var weights = new double[Stride];
        weights.AsSpan(0, Rank).Fill(1);
        for (int r = 0, next = Rank; r < Rank; r++)
        {
            for (var s = r; s < Rank; s++)
            {
                weights[next++] = r == s ? -0.5 : -1;
            }
        }
        var sum = 0.0;
        for (var start = 0; start < messages.Length; start += Stride)
        {
            var message = messages.Slice(start, weights.Length);
            var values = Values.AsSpan(start, weights.Length);
            var part = 0.0;
            for (var i = 0; i < weights.Length; i++)
            {
                part += weights[i] * message[i] * values[i];
            }
            sum += part;
        }
        return sum;
    }
}
