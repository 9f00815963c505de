using System.Numerics;
using System.Runtime.InteropServices;

namespace MLNetExtensions.Tensors;

/// <summary>
/// f = Σ_r Π_k u^k_r: E[a] and E[a a'] of a row are element-wise products of the other modes' means and second moments, which lie side by side.
/// </summary>
internal sealed class CpForm(TensorEntries entries, ModeMoments[] moments, int threads) : ITensorForm
{
    public void Messages(int mode, double[] messages) => entries.ForRanges(mode, threads, (from, to) =>
    {
        if (entries.Modes == 3)
        {
            OfThreeModes(mode, messages, from, to);
        }
        else
        {
            OfAnyModes(mode, messages, from, to);
        }
    });

    public double SquaredError()
    {
        var mode = entries.Modes - 1;
        var rank = moments[mode].Rank;
        var errors = new double[entries.Points[mode].Length];
        entries.ForRanges(mode, threads, (from, to) =>
        {
            Span<double> product = rank <= 64 ? stackalloc double[rank] : new double[rank];
            var starts = entries.Starts(mode);
            var targets = entries.Targets(mode);
            for (var i = from; i < to; i++)
            {
                for (var n = starts[i]; n < starts[i + 1]; n++)
                {
                    moments[mode].Mean(i).CopyTo(product);
                    for (var other = 0; other < mode; other++)
                    {
                        var mean = moments[other].Mean(entries.Places(mode, other)[n]);
                        for (var r = 0; r < product.Length; r++)
                        {
                            product[r] *= mean[r];
                        }
                    }
                    var error = targets[n];
                    foreach (var part in product)
                    {
                        error -= part;
                    }
                    errors[i] += error * error;
                }
            }
        });
        return errors.Sum();
    }

    private void OfThreeModes(int mode, double[] messages, int from, int to)
    {
        var (one, two) = (mode == 0 ? 1 : 0, mode == 2 ? 1 : 2);
        var vectors = moments[mode].Stride / Vector<double>.Count;
        var first = Vectors(moments[one].Values);
        var second = Vectors(moments[two].Values);
        var firstPlaces = entries.Places(mode, one);
        var secondPlaces = entries.Places(mode, two);
        var starts = entries.Starts(mode);
        var targets = entries.Targets(mode);
        var sums = MemoryMarshal.Cast<double, Vector<double>>(messages.AsSpan());
        for (var v = 0; v < vectors; v++)
        {
            var (withTarget, without) = Lanes(mode, v);
            if (withTarget == Vector<double>.Zero)
            {
                for (var i = from; i < to; i++)
                {
                    var sum = Vector<double>.Zero;
                    for (var n = starts[i]; n < starts[i + 1]; n++)
                    {
                        sum += first[firstPlaces[n] * vectors + v] * second[secondPlaces[n] * vectors + v];
                    }
                    sums[i * vectors + v] = sum;
                }
            }
            else
            {
                for (var i = from; i < to; i++)
                {
                    var sum = Vector<double>.Zero;
                    for (var n = starts[i]; n < starts[i + 1]; n++)
                    {
                        var factor = withTarget * targets[n] + without;
                        sum += first[firstPlaces[n] * vectors + v] * second[secondPlaces[n] * vectors + v] * factor;
                    }
                    sums[i * vectors + v] = sum;
                }
            }
        }
    }

    private void OfAnyModes(int mode, double[] messages, int from, int to)
    {
        var vectors = moments[mode].Stride / Vector<double>.Count;
        var starts = entries.Starts(mode);
        var targets = entries.Targets(mode);
        var sums = MemoryMarshal.Cast<double, Vector<double>>(messages.AsSpan());
        for (var v = 0; v < vectors; v++)
        {
            var (withTarget, without) = Lanes(mode, v);
            for (var i = from; i < to; i++)
            {
                var sum = Vector<double>.Zero;
                for (var n = starts[i]; n < starts[i + 1]; n++)
                {
                    var product = withTarget * targets[n] + without;
                    for (var other = 0; other < moments.Length; other++)
                    {
                        if (other != mode)
                        {
                            product *= Vectors(moments[other].Values)[entries.Places(mode, other)[n] * vectors + v];
                        }
                    }
                    sum += product;
                }
                sums[i * vectors + v] = sum;
            }
        }
    }

    /// <summary>1 in those lanes of a vector that belong to means, and so take the target, and 1 in the others.</summary>
    private (Vector<double> WithTarget, Vector<double> Without) Lanes(int mode, int vector)
    {
        Span<double> lanes = stackalloc double[Vector<double>.Count];
        for (var i = 0; i < lanes.Length; i++)
        {
            lanes[i] = vector * lanes.Length + i < moments[mode].Rank ? 1 : 0;
        }
        var withTarget = new Vector<double>(lanes);
        return (withTarget, Vector<double>.One - withTarget);
    }

    private static ReadOnlySpan<Vector<double>> Vectors(double[] values) => MemoryMarshal.Cast<double, Vector<double>>(values.AsSpan());
}
