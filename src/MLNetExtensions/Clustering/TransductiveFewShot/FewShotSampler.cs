using MLNetExtensions.Torch;

namespace MLNetExtensions;

/// <summary>One small problem: some rows of some classes are shown with their labels, further ones are asked.</summary>
/// <param name="Classes">The drawn classes, by their places among all.</param>
/// <param name="Support">For each drawn class the rows that are shown.</param>
/// <param name="Queries">For each drawn class the rows that are asked.</param>
internal sealed record FewShotEpisode(int[] Classes, int[][] Support, int[][] Queries);

/// <summary>
/// Draws episodes without replacement: the classes, then for each of them, in the order drawn, its rows. An episode follows from the seed and its number alone, so that every method sees the same ones.
/// </summary>
internal static class FewShotSampler
{
    // Keeps the numbers of episodes of different seeds apart.
    private const ulong SeedStride = 1000003;

    /// <param name="classes">The rows of each class, of which each has more than <paramref name="shots"/>.</param>
    /// <param name="ways">The number of classes to draw.</param>
    /// <param name="shots">The number of rows to show of each class.</param>
    /// <param name="queries">The number of rows to ask of each class; as many as there are where a class has fewer left.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="episode">The number of the episode, from 0.</param>
    internal static FewShotEpisode Draw(IReadOnlyList<int[]> classes, int ways, int shots, int queries, int seed, int episode)
    {
        var random = new SplitMix((ulong)seed * SeedStride + (ulong)episode);
        var drawn = random.Draw(classes.Count, ways);
        var support = new int[ways][];
        var asked = new int[ways][];
        for (var i = 0; i < ways; i++)
        {
            var rows = classes[drawn[i]];
            int[] order = [.. random.Draw(rows.Length, (int)Math.Min(rows.Length, (long)shots + queries)).Select(place => rows[place])];
            (support[i], asked[i]) = (order[..shots], order[shots..]);
        }
        return new(drawn, support, asked);
    }

    private struct SplitMix(ulong state)
    {
        private ulong _state = state;

        /// <summary>Some of the numbers from 0 to before <paramref name="count"/>, none twice.</summary>
        internal int[] Draw(int count, int taken)
        {
            int[] numbers = [.. Enumerable.Range(0, count)];
            for (var i = 0; i < taken; i++)
            {
                var other = i + (int)(StepRandom.Next(ref _state) % (ulong)(count - i));
                (numbers[i], numbers[other]) = (numbers[other], numbers[i]);
            }
            return numbers[..taken];
        }
    }
}
