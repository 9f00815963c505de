using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Makes the named tensors of a network with their starting values, and owns them.</summary>
/// <param name="generator">Draws the starting weights on the CPU, so that they do not depend on the device; null leaves the drawn ones at 0.</param>
/// <param name="dtype">Float32 or Float64.</param>
/// <param name="device">Where the network computes.</param>
internal sealed class Layers(Generator? generator, ScalarType dtype, Device device) : IDisposable
{
    /// <summary>What is trained.</summary>
    internal ParameterSet Parameters { get; } = new();

    /// <summary>The running statistics.</summary>
    internal ParameterSet Buffers { get; } = new();

    internal Device Device => device;

    /// <summary>A weight or bias of a linear layer: evenly drawn within ±1/√(inputs).</summary>
    internal Tensor Linear(string name, long[] shape, long inputs)
        => Drawn(name, shape, (tensor, source) => Initialization.Uniform(tensor, 1 / Math.Sqrt(inputs), source));

    /// <summary>The weight [outputs, inputs, size, size] of a convolution: normal, so that the variance of the gradients stays (He et al., fan-out).</summary>
    internal Tensor Convolution(string name, long outputs, long inputs, long size)
        => Drawn(name, [outputs, inputs, size, size], (tensor, source) => Initialization.Normal(tensor, Math.Sqrt(2.0 / (size * size * outputs)), source));

    internal BatchNormalization BatchNormalization(string name, long channels, BatchNormalizationSettings settings)
    {
        using var scope = NewDisposeScope();
        return new(
            Parameters.Add(name + ".weight", ones(channels, dtype: dtype, device: device)),
            Parameters.Add(name + ".bias", zeros(channels, dtype: dtype, device: device)),
            Buffers.Add(name + ".running_mean", zeros(channels, dtype: dtype, device: device), trainable: false),
            Buffers.Add(name + ".running_var", ones(channels, dtype: dtype, device: device), trainable: false),
            settings);
    }

    public void Dispose()
    {
        Parameters.Dispose();
        Buffers.Dispose();
    }

    private Tensor Drawn(string name, long[] shape, Func<Tensor, Generator, Tensor> draw)
    {
        using var scope = NewDisposeScope();
        var value = zeros(shape, dtype: dtype, device: device);
        return Parameters.Add(name, generator is null ? value : draw(value, generator));
    }
}
