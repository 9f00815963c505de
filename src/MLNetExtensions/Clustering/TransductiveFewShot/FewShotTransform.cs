namespace MLNetExtensions;

/// <summary>What is done to the features of a row before anything else. Lengths are taken as at least 1e-12.</summary>
public enum FewShotTransform
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Divided by their length.</summary>
    L2,

    /// <summary>Less the mean of the base classes, then divided by their length (SimpleShot).</summary>
    CenteredL2,

    /// <summary>The square root of the features plus 1e-6, negative ones taken as 0, then divided by their length (PT-MAP).</summary>
    PowerL2,
}
