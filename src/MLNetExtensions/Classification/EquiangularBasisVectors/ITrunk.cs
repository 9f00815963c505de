using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>The part of a classifier's network that makes features out of inputs.</summary>
internal interface ITrunk : IDisposable
{
    /// <summary>F, the number of features.</summary>
    int Features { get; }

    Device Device { get; }

    /// <summary>What is trained.</summary>
    IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <summary>What moves in training without a gradient.</summary>
    IReadOnlyList<KeyValuePair<string, Tensor>> Buffers { get; }

    /// <summary>
    /// The features [B, F] of inputs [B, …], with the random numbers of the step in training. The caller keeps a dispose scope open. Threads may share the network in evaluation, not in
    /// training, which moves the buffers.
    /// </summary>
    Tensor Forward(Tensor x, bool training, StepRandom? random = null);
}
