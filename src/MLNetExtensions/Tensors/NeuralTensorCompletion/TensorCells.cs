namespace MLNetExtensions.Tensors;

/// <summary>The known cells of a tensor.</summary>
/// <param name="order">N, the number of modes.</param>
/// <param name="index">The entities of each cell, one cell after the other: numbers from 0.</param>
/// <param name="values">The value of each cell.</param>
/// <param name="weights">What each cell counts; null = 1.</param>
internal sealed class TensorCells(int order, int[] index, double[] values, float[]? weights = null)
{
    internal int Order => order;

    internal int Count => values.Length;

    internal int[] Index => index;

    internal double[] Values => values;

    internal float[]? Weights => weights;

    /// <summary>The entities of a cell.</summary>
    internal ReadOnlySpan<int> this[int cell] => index.AsSpan(cell * order, order);

    internal float WeightOf(int cell) => weights is null ? 1 : weights[cell];

    /// <summary>These cells and further ones behind them, all of one weight.</summary>
    internal TensorCells Append(int[] moreIndex, double[] moreValues, float weight)
    {
        var isWeighted = weights is not null || weight != 1;
        float[]? allWeights = isWeighted ? [.. weights ?? Enumerable.Repeat(1f, Count), .. Enumerable.Repeat(weight, moreValues.Length)] : null;
        return new(order, [.. index, .. moreIndex], [.. values, .. moreValues], allWeights);
    }
}
