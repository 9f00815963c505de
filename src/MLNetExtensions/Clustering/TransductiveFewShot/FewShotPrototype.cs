namespace MLNetExtensions;

/// <summary>
/// What a prototype is, and what it costs to give a row x to the prototype c. "The weights" are the rows' assignments, or 1 for the best class and 0 for the
/// others (<see cref="FewShotMembership"/>).
/// </summary>
public enum FewShotPrototype
{
    /// <summary>The weighted mean; the cost is ||x - c||² (K-means).</summary>
    Mean,

    /// <summary>The place of highest density, found by mean shift from the prototype before; the cost is -exp(-||x - c||²/(2σ²)) (K-modes).</summary>
    Mode,

    /// <summary>The row of highest density; the cost is that of <see cref="Mode"/>.</summary>
    ModePoint,

    /// <summary>At first the densest row of each cluster, later the row with the largest assignment; the cost is that of <see cref="Mode"/>. Cheap, without a guarantee.</summary>
    ModeByproduct,

    /// <summary>The row with the smallest sum of distances; the cost is ||x - c|| (K-medians).</summary>
    Medoid,

    /// <summary>The prototypes of the start, which never move (LaplacianShot); the cost is that of <see cref="Mean"/>.</summary>
    Fixed,
}
