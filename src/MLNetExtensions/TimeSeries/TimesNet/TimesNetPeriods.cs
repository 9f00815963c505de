namespace MLNetExtensions.TimeSeries;

/// <summary>Whose spectrum chooses the periods by which TimesNet folds a window.</summary>
public enum PeriodSelection
{
    /// <summary>Each window's own: its result does not depend on the windows beside it.</summary>
    PerRow,

    /// <summary>The mean of all windows of a batch, as in the published code: a result depends on the windows beside it.</summary>
    Batch,

    /// <summary>The mean of all training windows, fixed when training ends. Until then as <see cref="PerRow"/>.</summary>
    Frozen,
}

/// <summary>How a pass through the network chooses its periods, and which it leaves out.</summary>
/// <param name="Selection">Whose spectrum chooses.</param>
/// <param name="SkipWeightBelow">Periods whose mixing weight is smaller are left out; 0 = none.</param>
/// <param name="Frequencies">The k frequencies of each layer that <see cref="PeriodSelection.Frozen"/> uses; null = none were kept.</param>
internal sealed record TimesNetPeriods(PeriodSelection Selection, double SkipWeightBelow = 0, IReadOnlyList<IReadOnlyList<int>>? Frequencies = null);

/// <summary>The periods of the windows of a batch in one layer.</summary>
internal static class PeriodFinder
{
    /// <summary>The k frequencies of each window, the largest amplitude first; equal ones by frequency.</summary>
    /// <param name="amplitudes">[B, ⌊T/2⌋ + 1].</param>
    /// <param name="rows">B.</param>
    /// <param name="k">How many to choose.</param>
    /// <param name="selection">Whose amplitudes choose.</param>
    /// <returns>[B, k].</returns>
    internal static int[] Choose(ReadOnlySpan<double> amplitudes, int rows, int k, PeriodSelection selection)
    {
        var bins = amplitudes.Length / rows;
        var result = new int[rows * k];
        if (selection == PeriodSelection.Batch)
        {
            Top(Mean(amplitudes, rows), result.AsSpan(0, k));
            for (var row = 1; row < rows; row++)
            {
                result.AsSpan(0, k).CopyTo(result.AsSpan(row * k));
            }
            return result;
        }
        for (var row = 0; row < rows; row++)
        {
            Top(amplitudes.Slice(row * bins, bins), result.AsSpan(row * k, k));
        }
        return result;
    }

    /// <summary>The mean over the windows, [⌊T/2⌋ + 1].</summary>
    internal static double[] Mean(ReadOnlySpan<double> amplitudes, int rows)
    {
        var mean = new double[amplitudes.Length / rows];
        for (var i = 0; i < amplitudes.Length; i++)
        {
            mean[i % mean.Length] += amplitudes[i] / rows;
        }
        return mean;
    }

    /// <summary>Writes the frequencies of the largest amplitudes, that of the mean (0) left out.</summary>
    internal static void Top(ReadOnlySpan<double> amplitudes, Span<int> frequencies)
    {
        for (var i = 0; i < frequencies.Length; i++)
        {
            var best = 0;
            for (var f = 1; f < amplitudes.Length; f++)
            {
                // A NaN never wins: a window with one keeps valid periods, and its result is NaN all the same.
                if (!frequencies[..i].Contains(f) && (best == 0 || amplitudes[f] > amplitudes[best]))
                {
                    best = f;
                }
            }
            frequencies[i] = best;
        }
    }

    /// <summary>The groups of windows that share a period, in ascending order of the period.</summary>
    /// <param name="frequencies">[B, k].</param>
    /// <param name="amplitudes">[B, ⌊T/2⌋ + 1].</param>
    /// <param name="rows">B.</param>
    /// <param name="steps">T.</param>
    /// <param name="skipWeightBelow">Windows whose mixing weight of a period is smaller are left out of its group.</param>
    internal static IReadOnlyList<PeriodGroup> Group(int[] frequencies, ReadOnlySpan<double> amplitudes, int rows, int steps, double skipWeightBelow)
    {
        var k = frequencies.Length / rows;
        var bins = amplitudes.Length / rows;
        var groups = new SortedDictionary<int, List<long>>();
        var weights = new double[k];
        var merged = new Dictionary<int, double>();
        for (var row = 0; row < rows; row++)
        {
            var chosen = frequencies.AsSpan(row * k, k);
            Softmax(amplitudes.Slice(row * bins, bins), chosen, weights);
            merged.Clear();
            for (var i = 0; i < k; i++)
            {
                var period = steps / chosen[i];
                merged[period] = merged.GetValueOrDefault(period) + weights[i];
            }
            foreach (var (period, weight) in merged)
            {
                // Windows with a NaN take part in all of theirs.
                if (!(weight < skipWeightBelow))
                {
                    if (!groups.TryGetValue(period, out var group))
                    {
                        groups.Add(period, group = []);
                    }
                    group.Add(row);
                }
            }
        }
        return [.. groups.Select(group => new PeriodGroup(group.Key, [.. group.Value]))];
    }

    private static void Softmax(ReadOnlySpan<double> amplitudes, ReadOnlySpan<int> chosen, Span<double> weights)
    {
        var largest = double.NegativeInfinity;
        foreach (var f in chosen)
        {
            largest = Math.Max(largest, amplitudes[f]);
        }
        var sum = 0.0;
        for (var i = 0; i < chosen.Length; i++)
        {
            sum += weights[i] = Math.Exp(amplitudes[chosen[i]] - largest);
        }
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] /= sum;
        }
    }
}

/// <summary>Windows that are folded by the same period.</summary>
/// <param name="Period">The period.</param>
/// <param name="Rows">The windows, ascending.</param>
internal sealed record PeriodGroup(int Period, long[] Rows);
