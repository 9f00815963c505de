namespace MLNetExtensions;

/// <summary>How often each predicted cluster meets each class.</summary>
internal sealed class CountTable
{
    private readonly long[,] _counts;
    private readonly long _rows;

    /// <param name="pairs">The class and the cluster of each row; any numbers. Null: the row is in no cluster.</param>
    internal CountTable(IReadOnlyCollection<(ulong Class, ulong? Cluster)> pairs)
    {
        var classes = Numbers(pairs.Select(pair => pair.Class));
        // Rows without a cluster are a cluster of their own where information is measured, but match no class.
        var clusters = Numbers(pairs.Select(pair => pair.Cluster ?? ulong.MaxValue));
        _counts = new long[clusters.Count, classes.Count];
        _rows = pairs.Count;
        Unassigned = clusters.GetValueOrDefault(ulong.MaxValue, -1);
        foreach (var (label, cluster) in pairs)
        {
            _counts[clusters[cluster ?? ulong.MaxValue], classes[label]]++;
        }

        static Dictionary<ulong, int> Numbers(IEnumerable<ulong> values) => values.Distinct().Order().Index().ToDictionary(item => item.Item, item => item.Index);
    }

    private int Unassigned { get; }

    /// <summary>The mutual information of classes and clusters, divided by the mean of their entropies; 1 where both are single.</summary>
    internal double NormalizedMutualInformation()
    {
        var (clusters, classes) = (_counts.GetLength(0), _counts.GetLength(1));
        var ofClusters = new long[clusters];
        var ofClasses = new long[classes];
        for (var i = 0; i < clusters; i++)
        {
            for (var j = 0; j < classes; j++)
            {
                ofClusters[i] += _counts[i, j];
                ofClasses[j] += _counts[i, j];
            }
        }
        if (clusters == 1 && classes == 1)
        {
            return 1;
        }
        double information = 0;
        for (var i = 0; i < clusters; i++)
        {
            for (var j = 0; j < classes; j++)
            {
                if (_counts[i, j] > 0)
                {
                    information += (double)_counts[i, j] / _rows * Math.Log((double)_counts[i, j] * _rows / ((double)ofClusters[i] * ofClasses[j]));
                }
            }
        }
        return Math.Max(0, information) / ((Entropy(ofClusters) + Entropy(ofClasses)) / 2);
    }

    /// <summary>The part of the rows that are right when each cluster stands for at most one class, and each class for at most one cluster, chosen so that most rows are.</summary>
    internal double MatchedAccuracy()
    {
        var (clusters, classes) = (_counts.GetLength(0), _counts.GetLength(1));
        // Square: what is added wins nothing.
        var size = Math.Max(clusters, classes);
        var costs = new long[size, size];
        for (var i = 0; i < clusters; i++)
        {
            for (var j = 0; j < classes; j++)
            {
                costs[i, j] = i == Unassigned ? 0 : -_counts[i, j];
            }
        }
        var classOf = Assignment.Minimize(costs);
        return (double)-classOf.Index().Sum(item => costs[item.Index, item.Item]) / _rows;
    }

    private double Entropy(long[] counts) => -counts.Where(count => count > 0).Sum(count => (double)count / _rows * Math.Log((double)count / _rows));
}
