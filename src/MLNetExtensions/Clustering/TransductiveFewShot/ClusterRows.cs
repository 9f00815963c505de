using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>The rows of clusters of about one size, where each row belongs to one cluster.</summary>
/// <param name="Clusters">The numbers of the clusters, those of a problem following those of the problem before.</param>
/// <param name="Rows">The numbers of their rows, those of a problem following those of the problem before, Int64 [C, M]; any row where a cluster has fewer.</param>
/// <param name="IsRow">Which are rows of the cluster, Bool [C, 1, M].</param>
internal sealed record ClusterRows(long[] Clusters, Tensor Rows, Tensor IsRow)
{
    /// <summary>All clusters that have rows.</summary>
    /// <param name="weights">1 for the cluster of a row, else 0, [B, K, N].</param>
    internal static List<ClusterRows> Of(Tensor weights)
    {
        var (classes, count) = ((int)weights.size(1), (int)weights.size(2));
        var isOwn = ProblemBatch.Copy<bool>(weights.gt(TensorOps.Constant(0)));
        var sizes = new int[isOwn.Length / count];
        for (var cluster = 0; cluster < sizes.Length; cluster++)
        {
            sizes[cluster] = isOwn.AsSpan(cluster * count, count).Count(true);
        }
        var parts = new List<ClusterRows>();
        foreach (var group in Enumerable.Range(0, sizes.Length).Where(cluster => sizes[cluster] > 0).GroupBy(cluster => ProblemBatch.PaddedSize(sizes[cluster])))
        {
            int[] clusters = [.. group];
            var rows = zeros([clusters.Length, group.Key], dtype: ScalarType.Int64, device: CPU);
            var isRow = zeros([clusters.Length, 1, group.Key], dtype: ScalarType.Bool, device: CPU);
            var rowValues = MemoryMarshal.Cast<byte, long>(rows.bytes);
            var flags = MemoryMarshal.Cast<byte, bool>(isRow.bytes);
            for (var i = 0; i < clusters.Length; i++)
            {
                var own = isOwn.AsSpan(clusters[i] * count, count);
                var first = (long)(clusters[i] / classes) * count;
                var next = i * group.Key;
                flags.Slice(next, sizes[clusters[i]]).Fill(true);
                for (var row = own.IndexOf(true); next < i * group.Key + sizes[clusters[i]]; next++)
                {
                    rowValues[next] = first + row;
                    row += 1 + Math.Max(0, own[(row + 1)..].IndexOf(true));
                }
            }
            GC.KeepAlive(rows);
            GC.KeepAlive(isRow);
            parts.Add(new([.. clusters.Select(cluster => (long)cluster)], rows.to(weights.device), isRow.to(weights.device)));
        }
        return parts;
    }
}
