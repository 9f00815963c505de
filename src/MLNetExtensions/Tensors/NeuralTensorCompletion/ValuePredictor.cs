namespace MLNetExtensions.Tensors;

/// <summary>Where the values of the cells that augment a tensor come from.</summary>
public enum ValuePredictor
{
    /// <summary>From the model of the first training.</summary>
    Self,

    /// <summary>From a CP model that is fitted to the training cells by least squares.</summary>
    Cp,
}
