namespace MLNetExtensions;

/// <summary>The assignment problem.</summary>
internal static class Assignment
{
    /// <summary>
    /// Gives each row a column of its own so that the sum of the costs is least: the Hungarian method with shortest augmenting paths, which takes time with the third power of the size.
    /// </summary>
    /// <param name="costs">Square.</param>
    /// <returns>The column of each row.</returns>
    internal static int[] Minimize(long[,] costs)
    {
        // Column 'size' stands for no column: a path starts there, with the row that has none yet.
        var size = costs.GetLength(0);
        var rowPrices = new long[size];
        var columnPrices = new long[size + 1];
        var rowOf = Enumerable.Repeat(-1, size + 1).ToArray();
        for (var start = 0; start < size; start++)
        {
            var distances = Enumerable.Repeat(long.MaxValue, size).ToArray();
            var before = new int[size];
            var reached = new bool[size + 1];
            var column = size;
            rowOf[size] = start;
            while (rowOf[column] >= 0)
            {
                reached[column] = true;
                var row = rowOf[column];
                var (next, least) = (-1, long.MaxValue);
                for (var j = 0; j < size; j++)
                {
                    if (reached[j])
                    {
                        continue;
                    }
                    var reduced = costs[row, j] - rowPrices[row] - columnPrices[j];
                    if (reduced < distances[j])
                    {
                        (distances[j], before[j]) = (reduced, column);
                    }
                    if (distances[j] < least)
                    {
                        (next, least) = (j, distances[j]);
                    }
                }
                for (var j = 0; j <= size; j++)
                {
                    if (reached[j])
                    {
                        rowPrices[rowOf[j]] += least;
                        columnPrices[j] -= least;
                    }
                    else
                    {
                        distances[j] -= least;
                    }
                }
                column = next;
            }
            while (column != size)
            {
                rowOf[column] = rowOf[before[column]];
                column = before[column];
            }
        }
        var columnOf = new int[size];
        for (var j = 0; j < size; j++)
        {
            columnOf[rowOf[j]] = j;
        }
        return columnOf;
    }
}
