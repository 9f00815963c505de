using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Classification;

/// <summary>Passes its inputs on.</summary>
internal sealed class NoTrunk(int features) : ITrunk
{
    public int Features => features;

    public Device Device => CPU;

    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => [];

    public IReadOnlyList<KeyValuePair<string, Tensor>> Buffers => [];

    public Tensor Forward(Tensor x, bool training, StepRandom? random = null) => x;

    public void Dispose()
    {
    }
}
