using System.Globalization;
using System.Numerics;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;

namespace MLNetExtensions;

/// <summary>The rows of data that a trainer of features and a label can use.</summary>
internal static class TrainingRows
{
    // Of StepRandom's epochs 0 is for initial weights and those from 1 on are for training.
    private const int SplitEpoch = -1;

    /// <summary>The rows that have a label. A warning tells how many have none.</summary>
    /// <exception cref="InvalidOperationException">There are none, or a feature of one is not finite.</exception>
    internal static int[] Usable<T>(IHost host, string featureColumnName, string labelColumnName, RowBuffer<T> features, Func<int, bool> isMissing)
        where T : INumberBase<T>
    {
        int[] rows = [.. Enumerable.Range(0, features.Count).Where(row => !isMissing(row))];
        if (rows.Length == 0)
        {
            throw Check.BadData(host, features.Count == 0
                ? "The training data has no rows."
                : $"No row can be trained on: the label column '{labelColumnName}' is missing in all {features.Count} rows.");
        }
        CheckFinite(host, featureColumnName, features, rows);
        if (rows.Length < features.Count)
        {
            using var channel = host.Start("Train");
            channel.Warning($"{features.Count - rows.Length} of {features.Count} rows are not trained on: the label column '{labelColumnName}' is missing there.");
        }
        return rows;
    }

    /// <exception cref="InvalidOperationException">A feature of one of the rows is not finite.</exception>
    internal static void CheckFinite<T>(IHost host, string featureColumnName, RowBuffer<T> features, IEnumerable<int> rows)
        where T : INumberBase<T>
    {
        foreach (var row in rows)
        {
            var values = features[row];
            for (var i = 0; i < values.Length; i++)
            {
                if (!T.IsFinite(values[i]))
                {
                    throw Check.BadData(host, string.Create(CultureInfo.InvariantCulture, $"The feature column '{featureColumnName}' holds {values[i]} in row {row}, slot {i}: training needs finite values. Replace them first, for instance by ReplaceMissingValues."));
                }
            }
        }
    }

    /// <summary>The rows in a random order, by which they are split for training and validation.</summary>
    internal static int[] Shuffle(int[] rows, int seed) => [.. StepRandom.Permutation(rows.Length, seed, SplitEpoch).Select(i => rows[i])];
}
