using System.Numerics;

namespace MLNetExtensions.TimeSeries;

/// <summary>What is computed of anomaly scores and flags, whatever made them.</summary>
internal static class AnomalyScores
{
    /// <summary>The score of a row: the mean over the channels of the squared error, standardised.</summary>
    internal static double OfRow<T>(ReadOnlySpan<T> values, ReadOnlySpan<T> expected)
        where T : INumberBase<T>
    {
        double sum = 0;
        for (var i = 0; i < values.Length; i++)
        {
            var error = double.CreateTruncating(values[i]) - double.CreateTruncating(expected[i]);
            sum += error * error;
        }
        return sum / values.Length;
    }

    /// <summary>The same as Single: the largest where it is larger than any, so that an outlandish value is still the most anomalous.</summary>
    internal static float OfRowAsSingle(ReadOnlySpan<float> values, ReadOnlySpan<float> expected) => (float)Math.Min(OfRow(values, expected), float.MaxValue);

    /// <summary>A percentile, linear between the order statistics: the value at position (n - 1) q / 100 of the sorted scores.</summary>
    /// <param name="scores">The scores, at least one, in any order.</param>
    /// <param name="percentile">q, from 0 to 100.</param>
    internal static double Percentile(IEnumerable<double> scores, double percentile)
    {
        double[] sorted = [.. scores.Order()];
        var position = (sorted.Length - 1) * percentile / 100;
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] == sorted[above] ? sorted[below] : sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }

    /// <summary>The events of a sequence: the runs of rows whose truth is true.</summary>
    internal static IEnumerable<Range> Events(IReadOnlyList<bool> truth)
    {
        for (var start = 0; start < truth.Count; start++)
        {
            if (truth[start])
            {
                var end = start;
                while (end < truth.Count && truth[end])
                {
                    end++;
                }
                yield return start..end;
                start = end;
            }
        }
    }

    /// <summary>Point adjustment: an event of which one row is flagged counts as flagged in all its rows; flags elsewhere stay.</summary>
    internal static bool[] Adjust(IReadOnlyList<bool> truth, IReadOnlyList<bool> flags)
    {
        bool[] adjusted = [.. flags];
        foreach (var one in Events(truth))
        {
            var rows = adjusted.AsSpan(one);
            if (rows.Contains(true))
            {
                rows.Fill(true);
            }
        }
        return adjusted;
    }

    /// <summary>Precision, recall and F1 of flags. Without any flag the precision is 0; without any true row recall and F1 are NaN.</summary>
    internal static (double Precision, double Recall, double F1) Agreement(IReadOnlyList<bool> truth, IReadOnlyList<bool> flags)
    {
        var (hits, flagged, actual) = (0L, 0L, 0L);
        for (var i = 0; i < truth.Count; i++)
        {
            hits += truth[i] && flags[i] ? 1 : 0;
            flagged += flags[i] ? 1 : 0;
            actual += truth[i] ? 1 : 0;
        }
        return (flagged == 0 ? 0 : (double)hits / flagged, actual == 0 ? double.NaN : (double)hits / actual, actual == 0 ? double.NaN : 2.0 * hits / (flagged + actual));
    }

    /// <summary>
    /// The area under the ROC curve, the probability that a true row has a larger score than another (a tie counts half), and the average precision, the mean of the precision over the true rows when rows
    /// are flagged in the order of their scores, those of equal scores together. NaN where they are not defined.
    /// </summary>
    internal static (double AreaUnderRocCurve, double AveragePrecision) Ranking(IReadOnlyList<bool> truth, IReadOnlyList<double> scores)
    {
        int[] order = [.. Enumerable.Range(0, scores.Count).OrderByDescending(i => scores[i])];
        long actual = truth.Count(value => value);
        var others = truth.Count - actual;
        var (hits, alarms, area, precision) = (0L, 0L, 0.0, 0.0);
        for (var i = 0; i < order.Length;)
        {
            var (newHits, newAlarms) = (0L, 0L);
            var score = scores[order[i]];
            for (; i < order.Length && scores[order[i]] == score; i++)
            {
                newHits += truth[order[i]] ? 1 : 0;
                newAlarms += truth[order[i]] ? 0 : 1;
            }
            area += newAlarms * (hits + 0.5 * newHits);
            hits += newHits;
            alarms += newAlarms;
            precision += newHits * ((double)hits / (hits + alarms));
        }
        return (actual == 0 || others == 0 ? double.NaN : area / actual / others, actual == 0 ? double.NaN : precision / actual);
    }
}
