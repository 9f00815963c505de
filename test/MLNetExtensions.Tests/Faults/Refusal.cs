using System.Collections;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.Tests.Faults;

/// <summary>What an estimator may answer to options and data that are not good.</summary>
internal static class Refusal
{
    /// <summary>Asserts that an exception is a refusal of the contract: marked, of one of its types, and naming one of the things that were changed.</summary>
    internal static void AssertProper(Exception thrown, IReadOnlyCollection<string> changed)
    {
        var e = Marked(thrown);
        Assert.IsTrue(e is ArgumentOutOfRangeException or ArgumentNullException or InvalidOperationException, $"Not a refusal: {thrown}");
        if (e is ArgumentException)
        {
            Assert.IsTrue(changed.Any(name => e.Message.Contains(name, StringComparison.Ordinal)), $"It names none of {string.Join(", ", changed)}: {thrown}");
        }
    }

    /// <summary>The deliberate exception: the innermost that is marked.</summary>
    internal static Exception Marked(Exception thrown)
    {
        Exception? marked = null;
        for (var e = thrown; e is not null; e = e.InnerException)
        {
            marked = e.IsMarked() ? e : marked;
        }
        return marked ?? throw new AssertFailedException($"Not marked: {thrown}");
    }

    /// <summary>Whether a score is NaN.</summary>
    internal static bool HasNaN(Snapshot scores, int from) => scores.Rows.Any(row => row.Values.Skip(from).SelectMany(value => Numbers(value!)).Any(double.IsNaN));

    /// <summary>Asserts that scores are finite, or NaN where that is allowed.</summary>
    /// <param name="entry">The estimator.</param>
    /// <param name="scores">The rows.</param>
    /// <param name="from">The first column that is a score.</param>
    /// <param name="nanAllowed">Whether scores may be NaN.</param>
    internal static void AssertFinite(ConformanceEntry entry, Snapshot scores, int from, bool nanAllowed)
    {
        if (entry.GivesInfinity)
        {
            return;
        }
        for (var row = 0; row < scores.Rows.Count; row++)
        {
            for (var column = from; column < scores.Rows[row].Values.Length; column++)
            {
                var given = scores.Rows[row].Values[..from].SelectMany(value => Numbers(value!)).Where(double.IsInfinity).ToHashSet();
                foreach (var value in Numbers(scores.Rows[row].Values[column]!))
                {
                    // What was observed comes back as it was.
                    Assert.IsFalse(double.IsInfinity(value) && !given.Contains(value) || double.IsNaN(value) && !nanAllowed, $"The score of row {row}, output {column - from}, is {value}.");
                }
            }
        }
    }

    private static IEnumerable<double> Numbers(object value) => value switch
    {
        float number => [number],
        double number => [number],
        IList list => list.Cast<object>().SelectMany(Numbers),
        _ => [],
    };
}
