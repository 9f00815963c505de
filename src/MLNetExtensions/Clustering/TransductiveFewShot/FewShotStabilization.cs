namespace MLNetExtensions;

/// <summary>What keeps the objective from rising where the weight of the graph is large.</summary>
public enum FewShotStabilization
{
    /// <summary>Nothing, as published: the assignments may swing between two states.</summary>
    None,

    /// <summary>Shorter steps, just short enough. The same objective and the same results as without.</summary>
    Damping,

    /// <summary>Each row becomes its own neighbour, with just enough weight. Large graph weights then freeze the assignments early.</summary>
    DiagonalShift,
}
