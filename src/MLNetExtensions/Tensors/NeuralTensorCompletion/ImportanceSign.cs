namespace MLNetExtensions.Tensors;

/// <summary>How the signed influence of a cell counts for the importance of its entities.</summary>
public enum ImportanceSign
{
    /// <summary>By its amount.</summary>
    Absolute,

    /// <summary>Only if training on the cell lowers the validation error.</summary>
    PositiveOnly,
}
