namespace MLNetExtensions;

/// <summary>With which weight a row enters the prototypes.</summary>
public enum FewShotMembership
{
    /// <summary>1 in its best class, 0 in the others.</summary>
    Hard,

    /// <summary>Its assignments. Means of all rows collapse towards one point where the assignments are nearly even: see the page on this trainer.</summary>
    Soft,
}
