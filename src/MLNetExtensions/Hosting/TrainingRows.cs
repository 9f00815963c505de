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

    /// <exception cref="InvalidOperationException">The weight of a row is not finite or negative, or all are 0.</exception>
    internal static void CheckWeights(IHost host, string name, RowBuffer<float> weights, int[] rows)
    {
        foreach (var row in rows)
        {
            if (!(weights[row][0] >= 0 && float.IsFinite(weights[row][0])))
            {
                throw Check.BadData(host, string.Create(CultureInfo.InvariantCulture, $"The weight column '{name}' holds {weights[row][0]} in row {row}: weights must be finite and not negative."));
            }
        }
        if (rows.All(row => weights[row][0] == 0))
        {
            throw Check.BadData(host, $"The weight column '{name}' is 0 in all {rows.Length} rows that can be trained on.");
        }
    }

    /// <summary>Splits rows at random for training and validation.</summary>
    /// <param name="host">Who trains.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="validationFraction">The part for validation, at least one row; 0: none.</param>
    /// <param name="seed">Draws the rows.</param>
    /// <param name="batchSize">What a last batch of one row shall be avoided for, which is no use to layers that normalise over the batch; 1 = it does not matter.</param>
    /// <exception cref="InvalidOperationException">There are too few.</exception>
    internal static (int[] Training, int[] Validation) Split(IHost host, int[] rows, double validationFraction, int seed, int batchSize = 1)
    {
        if (validationFraction == 0)
        {
            return (rows, []);
        }
        var validation = Math.Max((int)Math.Round(validationFraction * rows.Length), 1);
        if (rows.Length - validation < 1)
        {
            throw Check.BadData(host, $"There are {rows.Length} rows with a label, {validation} of them for validation: none is left to train on.");
        }
        if (batchSize > 1 && rows.Length - validation > batchSize && (rows.Length - validation) % batchSize == 1)
        {
            validation++;
        }
        var order = Shuffle(rows, seed);
        return (order[validation..], order[..validation]);
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
