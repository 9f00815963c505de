namespace MLNetExtensions.Tensors;

/// <summary>How a tensor completion computes a cell's value out of its entities.</summary>
public enum TensorCompletionModel
{
    /// <summary>A multi-layer perceptron over the embeddings of the entities, one beside the other.</summary>
    Mlp,

    /// <summary>
    /// The sum of the products of the entities' factors (CANDECOMP/PARAFAC), fitted by least squares and not by gradient: fast, and mostly the most accurate where a tensor is a sum of few
    /// products.
    /// </summary>
    Cp,

    /// <summary>A core tensor times a factor of each entity, with a rank for each mode.</summary>
    Tucker,

    /// <summary>The convolutions of CoSTCo (Liu et al., KDD 2019) over the embeddings of the entities.</summary>
    CoSTCo,
}
