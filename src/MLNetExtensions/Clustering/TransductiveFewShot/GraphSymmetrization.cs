namespace MLNetExtensions;

/// <summary>How the graph, in which each row points to its nearest neighbours, is made symmetric.</summary>
public enum GraphSymmetrization
{
    /// <summary>It stays directed, as published: without a guarantee that the objective falls.</summary>
    None,

    /// <summary>The mean of both directions.</summary>
    Mean,

    /// <summary>The larger of both directions: a neighbour of either.</summary>
    Max,

    /// <summary>The smaller of both directions: neighbours of each other.</summary>
    Min,
}
