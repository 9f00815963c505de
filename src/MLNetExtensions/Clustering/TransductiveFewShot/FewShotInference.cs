namespace MLNetExtensions;

/// <summary>What the rows that are scored know of each other.</summary>
public enum FewShotInference
{
    /// <summary>The rows of an episode, or of the whole view, are solved together: each score depends on all of them.</summary>
    Transductive,

    /// <summary>Row by row, by the distances to the prototypes of Fit.</summary>
    Prototype,
}
