namespace MLNetExtensions.Tensors;

/// <summary>What is done to the values before the training, and undone in the scores.</summary>
public enum TensorScaling
{
    /// <summary>Their mean is subtracted, and they are divided by their standard deviation.</summary>
    ZScore,

    /// <summary>They are divided by their standard deviation.</summary>
    Deviation,

    /// <summary>Nothing.</summary>
    None,
}
