using MLNetExtensions.Torch;

namespace MLNetExtensions;

/// <summary>The part of the network that makes features out of the input.</summary>
public enum EquiangularBasisTrunk
{
    /// <summary>A multi-layer perceptron, for tables and embeddings.</summary>
    Mlp,

    /// <summary>A small residual network of convolutions, for images.</summary>
    ConvNet,

    /// <summary>A network of your own, made by a <see cref="TorchModuleFactory"/>.</summary>
    OwnModule,
}
