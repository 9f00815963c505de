using MLNetExtensions.Torch;

namespace MLNetExtensions.Tensors;

/// <summary>Draws new cells: the entities of each mode independently of the others, by importances.</summary>
internal static class CellSampler
{
    private const int MostTries = 10;

    /// <summary>The numbers in [0, 1) of a stream that only the seed fixes.</summary>
    internal static Random Stream(int seed) => new((int)StepRandom.Derive(seed, -1, 0));

    /// <summary>Draws cells.</summary>
    /// <param name="importance">P_n for each mode.</param>
    /// <param name="count">The number of cells.</param>
    /// <param name="uniform">Gives the next number in [0, 1): all of the first mode, then all of the second, ….</param>
    /// <returns>The entities of the cells, one cell after the other.</returns>
    internal static int[] Draw(double[][] importance, int count, Func<double> uniform)
    {
        var order = importance.Length;
        var index = new int[count * order];
        foreach (var (mode, shares) in importance.Index())
        {
            var steps = Cumulate(shares);
            for (var cell = 0; cell < count; cell++)
            {
                index[cell * order + mode] = Find(steps, uniform());
            }
        }
        return index;
    }

    /// <summary>Draws cells that are training cells again, at most ten times each.</summary>
    /// <param name="index">The cells that were drawn, which are changed.</param>
    /// <param name="importance">P_n for each mode.</param>
    /// <param name="cells">The cells.</param>
    /// <param name="rows">The numbers of the training cells.</param>
    /// <param name="uniform">Gives the next number in [0, 1).</param>
    internal static void Redraw(int[] index, double[][] importance, TensorCells cells, int[] rows, Func<double> uniform)
    {
        var order = importance.Length;
        var comparer = new TupleComparer([.. cells.Index, .. index], order);
        var observed = new HashSet<int>(rows, comparer);
        double[][] steps = [.. importance.Select(Cumulate)];
        for (var cell = 0; cell < index.Length / order; cell++)
        {
            var tuple = comparer.Tuple(cells.Count + cell);
            for (var tries = 0; tries < MostTries && observed.Contains(cells.Count + cell); tries++)
            {
                for (var mode = 0; mode < order; mode++)
                {
                    tuple[mode] = Find(steps[mode], uniform());
                }
            }
            tuple.CopyTo(index.AsSpan(cell * order));
        }
    }

    private static double[] Cumulate(double[] shares)
    {
        var steps = new double[shares.Length];
        var sum = 0.0;
        for (var i = 0; i < steps.Length; i++)
        {
            sum += shares[i];
            steps[i] = sum;
        }
        for (var i = 0; i < steps.Length; i++)
        {
            steps[i] /= sum;
        }
        return steps;
    }

    /// <summary>How many steps are at most u: an entity of share 0 is never it.</summary>
    private static int Find(double[] steps, double u)
    {
        int low = 0, high = steps.Length - 1;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (steps[middle] <= u)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        return low;
    }

    /// <summary>Compares cells, given by their numbers, by their entities.</summary>
    private sealed class TupleComparer(int[] index, int order) : IEqualityComparer<int>
    {
        internal Span<int> Tuple(int cell) => index.AsSpan(cell * order, order);

        public bool Equals(int x, int y) => Tuple(x).SequenceEqual(Tuple(y));

        public int GetHashCode(int cell)
        {
            var hash = new HashCode();
            foreach (var entity in Tuple(cell))
            {
                hash.Add(entity);
            }
            return hash.ToHashCode();
        }
    }
}
