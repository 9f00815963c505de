using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>What fixes the tensors of a <see cref="MlpTrunk"/>.</summary>
internal sealed record MlpShape
{
    public required int Inputs { get; init; }

    /// <summary>The widths of the hidden layers; the last is the number of features.</summary>
    public IReadOnlyList<int> Widths { get; init; } = [256, 256];

    public BatchNormalizationSettings Normalization { get; init; } = BatchNormalizationSettings.Default;

    /// <exception cref="ArgumentOutOfRangeException">A size is out of its range.</exception>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Inputs, 1);
        ArgumentOutOfRangeException.ThrowIfZero(Widths.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(Widths.Min(), 1, nameof(Widths));
    }
}

/// <summary>A multi-layer perceptron for tables and embeddings: in each layer a linear map without bias, batch normalisation and ReLU.</summary>
internal sealed class MlpTrunk : ITrunk
{
    private readonly Layers _layers;
    private readonly List<(Tensor Weight, BatchNormalization Normalization)> _hidden = [];

    /// <summary>Makes the network; see <see cref="Layers"/> for the arguments after the shape.</summary>
    internal MlpTrunk(MlpShape shape, Generator? generator, ScalarType dtype, Device device)
    {
        shape.Check();
        Shape = shape;
        _layers = new(generator, dtype, device);
        long inputs = shape.Inputs;
        foreach (var (i, width) in shape.Widths.Index())
        {
            _hidden.Add((_layers.Linear($"hidden{i}.weight", [width, inputs], inputs), _layers.BatchNormalization($"hidden{i}.bn", width, shape.Normalization)));
            inputs = width;
        }
    }

    internal MlpShape Shape { get; }

    public int Features => Shape.Widths[^1];

    public Device Device => _layers.Device;

    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => _layers.Parameters.Items;

    public IReadOnlyList<KeyValuePair<string, Tensor>> Buffers => _layers.Buffers.Items;

    public Tensor Forward(Tensor x, bool training, StepRandom? random = null)
    {
        foreach (var (weight, normalization) in _hidden)
        {
            x = normalization.Apply(nn.functional.linear(x, weight), training).relu();
        }
        return x;
    }

    public void Dispose() => _layers.Dispose();
}
