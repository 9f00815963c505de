namespace MLNetExtensions.Tensors;

/// <summary>Whose gradients tell the influence of a training cell on the validation error.</summary>
public enum InfluenceLayers
{
    /// <summary>Those of the output layer's weights: next to no work.</summary>
    Output,

    /// <summary>Those of the output layer's weights and of its bias.</summary>
    OutputWithBias,

    /// <summary>Those of all weights: three more passes over the training cells in each epoch.</summary>
    All,
}
