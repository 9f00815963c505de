namespace MLNetExtensions;

/// <summary>What a training row weighs by the size of its class. The mean weight is 1.</summary>
public enum ClassWeighting
{
    /// <summary>All rows weigh the same.</summary>
    None,

    /// <summary>1 over the number of rows of the class: all classes weigh the same.</summary>
    Balanced,

    /// <summary>1 over the square root of that number: half-way.</summary>
    SquareRoot,
}
