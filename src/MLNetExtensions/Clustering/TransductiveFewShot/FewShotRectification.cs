namespace MLNetExtensions;

/// <summary>Whether the prototypes of the start, the means of the labelled rows, are first drawn towards the rows that are most like them (BD-CSPN).</summary>
public enum FewShotRectification
{
    /// <summary>They are not.</summary>
    None,

    /// <summary>Sums weighted by the confidence, divided by the number of rows, as published: prototypes of unsure classes come out short.</summary>
    Published,

    /// <summary>Means weighted by the confidence.</summary>
    Normalized,
}
