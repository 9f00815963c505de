namespace MLNetExtensions.Tensors;

/// <summary>P_n[a], the share of an entity in all influence: what the sampling of new cells goes by. Summed in double precision.</summary>
internal static class EntityImportance
{
    /// <summary>The importances by influence: Σ |I_i| over the entity's training cells, over Σ |I_i| of all.</summary>
    /// <param name="cells">The cells.</param>
    /// <param name="rows">The numbers of the training cells.</param>
    /// <param name="entities">D_n of each mode.</param>
    /// <param name="influence">I_i of each training cell.</param>
    /// <param name="sign">How the sign counts.</param>
    /// <returns>For each mode the importances of its entities, of sum 1; null if no cell has any, or one has an infinite one.</returns>
    internal static double[][]? ByInfluence(TensorCells cells, int[] rows, IReadOnlyList<int> entities, double[] influence, ImportanceSign sign)
    {
        double[] amounts = [.. influence.Select(value => sign == ImportanceSign.Absolute ? Math.Abs(value) : Math.Max(value, 0))];
        var sum = amounts.Sum();
        return sum > 0 && double.IsFinite(sum) ? Shares(cells, rows, entities, amounts) : null;
    }

    /// <summary>The importances by the number of training cells.</summary>
    internal static double[][] ByCount(TensorCells cells, int[] rows, IReadOnlyList<int> entities)
        => Shares(cells, rows, entities, [.. Enumerable.Repeat(1.0, rows.Length)]);

    /// <summary>The same importance for all entities of a mode.</summary>
    internal static double[][] Uniform(IReadOnlyList<int> entities)
        => [.. entities.Select(count => Enumerable.Repeat(1.0 / count, count).ToArray())];

    /// <summary>Moves importances towards even ones: (1 - <paramref name="mix"/>) P + mix / D_n.</summary>
    internal static double[][] Mix(double[][] importance, double mix)
        => mix == 0 ? importance : [.. importance.Select(mode => mode.Select(share => (1 - mix) * share + mix / mode.Length).ToArray())];

    private static double[][] Shares(TensorCells cells, int[] rows, IReadOnlyList<int> entities, double[] amounts)
    {
        double[][] shares = [.. entities.Select(count => new double[count])];
        var sum = amounts.Sum();
        foreach (var (i, row) in rows.Index())
        {
            var cell = cells[row];
            for (var mode = 0; mode < cell.Length; mode++)
            {
                shares[mode][cell[mode]] += amounts[i];
            }
        }
        foreach (var mode in shares)
        {
            for (var entity = 0; entity < mode.Length; entity++)
            {
                mode[entity] /= sum;
            }
        }
        return shares;
    }
}
