namespace MLNetExtensions.Tensors;

/// <summary>How the cells that augment a tensor are drawn.</summary>
public enum TensorSampling
{
    /// <summary>Each mode's entities by the influence of their cells on the validation error (DAIN).</summary>
    Influence,

    /// <summary>Each mode's entities by the number of their cells.</summary>
    Frequency,

    /// <summary>Each mode's entities evenly.</summary>
    Uniform,

    /// <summary>Training cells once more, with their own values.</summary>
    Duplicate,

    /// <summary>None are drawn: there is a single training.</summary>
    None,
}
