using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>How the nearest rows are looked for.</summary>
internal sealed record NeighborSearch
{
    /// <summary>Up to this many rows every pair is looked at.</summary>
    internal int ExactRows { get; init; } = 200_000;

    /// <summary>The same on a GPU. Above it the search takes place on the CPU.</summary>
    internal int ExactRowsOnGpu { get; init; } = 5_000_000;

    /// <summary>The number of coarse cells; null: the square root of the number of rows.</summary>
    internal int? Cells { get; init; }

    /// <summary>The number of cells that each row is compared with, the nearest ones.</summary>
    internal int Probes { get; init; } = 16;

    /// <summary>The number of rows whose neighbours are also looked for among all rows, to tell the recall of a search in cells.</summary>
    internal int RecallRows { get; init; } = 500;

    /// <summary>
    /// Whether rows may be numbered in another order: that of the cells, in which near rows stand near each other, so that what is gathered by neighbours stays in the caches.
    /// </summary>
    internal bool CanReorder { get; init; }

    /// <summary>For tests: the operations of a GPU on the CPU.</summary>
    internal bool UseTensorOperations { get; init; }
}

/// <summary>The nearest rows of each row, the nearest first; of equally far ones the one with the lower number.</summary>
/// <param name="Index">The numbers of the rows, Int64 [N, k].</param>
/// <param name="SquaredDistance">Their squared distances, [N, k].</param>
/// <param name="Recall">The share of the true neighbours that were found, measured on a sample; null if all pairs were looked at.</param>
/// <param name="Order">The rows in another order, in which they are numbered and listed here; null: as they came.</param>
internal sealed record Neighbors(Tensor Index, Tensor SquaredDistance, double? Recall, int[]? Order = null);
