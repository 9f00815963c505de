using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>A network of the user as trunk: what it computes for a row are the features.</summary>
/// <param name="own">The network, which this one takes over.</param>
internal sealed class OwnTrunk(OwnModule own) : ITrunk
{
    private bool? _training;

    internal FactoryReference Factory => own.Factory;

    public int Features => own.OutputSize;

    public Device Device { get; } = own.Device;

    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; } = [.. Named(own.Parameters(trained: true))];

    // What is not trained and still part of the network: running means, frozen weights.
    public IReadOnlyList<KeyValuePair<string, Tensor>> Buffers { get; } = [.. Named(own.State.Skip(own.Parameters(trained: true).Count()))];

    public Tensor Forward(Tensor x, bool training, StepRandom? random = null)
    {
        SetMode(training);
        if (!training && x.size(0) == 1)
        {
            // Some kernels complain on standard error about a batch of one.
            return own.Forward(cat([x, x], 0)).narrow(0, 0, 1);
        }
        return own.Forward(x, training ? random : null);
    }

    /// <summary>Puts the network into evaluation, so that threads that share it need not.</summary>
    internal void Evaluate() => SetMode(training: false);

    public void Dispose() => own.Dispose();

    private void SetMode(bool training)
    {
        if (training != _training)
        {
            own.Train(training);
            _training = training;
        }
    }

    /// <summary>Apart from the names of the head.</summary>
    private static IEnumerable<KeyValuePair<string, Tensor>> Named(IEnumerable<KeyValuePair<string, Tensor>> tensors)
        => tensors.Select(item => KeyValuePair.Create("module." + item.Key, item.Value));
}
