using System.Numerics;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetExtensions;

/// <summary>First prototypes for clusters without labelled rows.</summary>
internal static class Seeding
{
    /// <summary>More rows than this, and more than <see cref="RowsOfCluster"/> for each cluster, are represented by a sample.</summary>
    private const int SmallestSample = 20_000;

    private const int RowsOfCluster = 100;

    /// <summary>
    /// K-means++ (Arthur and Vassilvitskii, 2007) in its greedy form: each further prototype is a row, drawn with a probability that grows with its squared distance to the
    /// nearest prototype so far; of 2 + ln K drawn ones the one that leaves the smallest sum of squared distances.
    /// </summary>
    /// <param name="x">[N, D], Single or Double, N ≥ 1.</param>
    /// <param name="fixedPrototypes">[K0, D], the prototypes to continue from; null: none, and the first is any row.</param>
    /// <param name="count">K, all prototypes together.</param>
    /// <param name="seed">Determines the draws.</param>
    /// <returns>[K, D] on the device of <paramref name="x"/>: the fixed ones first. Where there are fewer different rows, some are repeated.</returns>
    internal static Tensor KMeansPlusPlus(Tensor x, Tensor? fixedPrototypes, int count, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var random = RowSample.Random(seed, 0);
        var rows = (int)x.size(0);
        var size = Math.Max(SmallestSample, RowsOfCluster * (long)count);
        var sample = rows <= size ? x : x.index_select(0, tensor(RowSample.Draw(rows, (int)size, random), device: x.device));
        var found = x.dtype == ScalarType.Float32 ? Draw<float>(sample, fixedPrototypes, count, random) : Draw<double>(sample, fixedPrototypes, count, random);
        var further = sample.index_select(0, tensor(found, device: x.device));
        return (fixedPrototypes is null ? further : cat([fixedPrototypes.to(x.dtype, x.device), further])).MoveToOuterDisposeScope();
    }

    /// <summary>The rows that become prototypes.</summary>
    private static int[] Draw<T>(Tensor sample, Tensor? fixedPrototypes, int count, Random random)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var dimension = (int)sample.size(1);
        var rows = ProblemBatch.Copy<T>(sample);
        var least = new double[sample.size(0)];
        Array.Fill(least, double.PositiveInfinity);
        var known = fixedPrototypes is null ? 0 : (int)fixedPrototypes.size(0);
        var prototypes = fixedPrototypes is null ? [] : ProblemBatch.Copy<T>(fixedPrototypes.to(sample.dtype));
        for (var prototype = 0; prototype < known; prototype++)
        {
            Lower(rows, prototypes.AsSpan(prototype * dimension, dimension), least, least);
        }
        var found = new int[count - known];
        var trials = 2 + (int)Math.Log(count);
        double[] trial = new double[least.Length], best = new double[least.Length];
        for (var next = 0; next < found.Length; next++)
        {
            if (known + next == 0)
            {
                found[0] = random.Next(least.Length);
                Lower(rows, rows.AsSpan(found[0] * dimension, dimension), least, least);
                continue;
            }
            var bestSum = double.PositiveInfinity;
            var sum = least.Sum();
            for (var i = 0; i < trials; i++)
            {
                var row = Choose(least, sum, random);
                var trialSum = Lower(rows, rows.AsSpan(row * dimension, dimension), least, trial);
                if (trialSum < bestSum)
                {
                    (bestSum, found[next]) = (trialSum, row);
                    (best, trial) = (trial, best);
                }
            }
            (least, best) = (best, least);
        }
        return found;
    }

    /// <summary>A row, by its share of the sum; any row if nothing is left to divide.</summary>
    private static int Choose(double[] shares, double sum, Random random)
    {
        if (sum <= 0)
        {
            return random.Next(shares.Length);
        }
        var left = random.NextDouble() * sum;
        var last = 0;
        for (var row = 0; row < shares.Length; row++)
        {
            if (shares[row] > 0)
            {
                last = row;
                left -= shares[row];
                if (left < 0)
                {
                    break;
                }
            }
        }
        return last;
    }

    /// <summary>The squared distances to the nearest prototype with one more of them; returns their sum.</summary>
    private static double Lower<T>(ReadOnlySpan<T> rows, ReadOnlySpan<T> prototype, ReadOnlySpan<double> before, Span<double> after)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var sum = 0.0;
        for (var row = 0; row < before.Length; row++)
        {
            var distance = double.CreateTruncating(TensorPrimitives.Distance(rows.Slice(row * prototype.Length, prototype.Length), prototype));
            after[row] = Math.Min(before[row], distance * distance);
            sum += after[row];
        }
        return sum;
    }
}
