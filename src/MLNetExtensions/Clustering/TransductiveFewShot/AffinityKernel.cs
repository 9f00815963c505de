namespace MLNetExtensions;

/// <summary>The weight of two neighbouring rows.</summary>
public enum AffinityKernel
{
    /// <summary>1.</summary>
    Binary,

    /// <summary>exp(-||x - y||²/(2 width²)).</summary>
    Gaussian,
}
