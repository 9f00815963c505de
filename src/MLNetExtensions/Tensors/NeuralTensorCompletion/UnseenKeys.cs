namespace MLNetExtensions.Tensors;

/// <summary>What a row scores whose key is missing, or was not in the training.</summary>
public enum UnseenKeys
{
    /// <summary>The key counts as the mean of those of its mode that were: their mean embedding, and no bias.</summary>
    Mean,

    /// <summary>NaN, as ML.NET's matrix factorisation gives.</summary>
    NaN,
}
