using MLNetExtensions.Torch;

namespace MLNetExtensions;

/// <summary>Rows drawn at random.</summary>
internal static class RowSample
{
    /// <summary>The generator of one purpose.</summary>
    internal static Random Random(ulong seed, int purpose)
        => new(unchecked((int)StepRandom.Derive((int)seed, (int)(seed >> 32), purpose)));

    /// <summary>Different numbers below <paramref name="rows"/> in rising order: <paramref name="count"/> of them, or all where there are no more.</summary>
    internal static int[] Draw(int rows, int count, Random random)
    {
        if (count >= rows)
        {
            return [.. Enumerable.Range(0, rows)];
        }
        var drawn = new int[count];
        var next = 0;
        for (var row = 0; next < count; row++)
        {
            // Each row in turn, with the probability that leaves just enough.
            if (random.NextInt64(rows - row) < count - next)
            {
                drawn[next++] = row;
            }
        }
        return drawn;
    }
}
