using System.Text.Json;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>What fixes the tensors of a network: one of three trunks, and the dimension of its embeddings.</summary>
internal sealed record EbvNetworkShape(int Inputs, int Dimension, MlpShape? Mlp, ConvShape? ConvNet, FactoryReference? Factory, int Features)
{
    private const int LargestSize = 1 << 30;

    /// <summary>Makes the network.</summary>
    /// <param name="random">Draws the starting weights.</param>
    /// <param name="device">Where it computes.</param>
    /// <exception cref="InvalidOperationException">The factory of the user's network is not there or fails.</exception>
    internal EbvModule Create(StepRandom random, Device device)
    {
        var trunk = CreateTrunk(random, device);
        try
        {
            return new(trunk, Dimension, random.Generator, ScalarType.Float32);
        }
        catch
        {
            trunk.Dispose();
            throw;
        }
    }

    /// <summary>Checks what was read from a file, before memory is asked for.</summary>
    /// <param name="stored">The number of weights in the file.</param>
    /// <exception cref="FormatException">It is no network, or one of other weights.</exception>
    internal void Check(long stored)
    {
        var isOne = (Mlp is not null ? 1 : 0) + (ConvNet is not null ? 1 : 0) + (Factory is not null ? 1 : 0) == 1;
        if (!isOne || Inputs is < 1 or > LargestSize || Dimension is < 1 or > LargestSize || Features is < 1 or > LargestSize)
        {
            throw new FormatException("The options describe no network.");
        }
        try
        {
            Mlp?.Check();
            ConvNet?.Check();
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new FormatException($"The options describe no network: {e.Message}");
        }
        if ((Mlp is not null && (Mlp.Inputs != Inputs || Mlp.Widths[^1] != Features)) || (ConvNet is not null && (ConvNet.Pixels != Inputs || ConvNet.Blocks[^1].Width != Features))
            || (Factory is null && NumberOfWeights != stored))
        {
            throw new FormatException("The network that the options describe does not have these weights.");
        }
    }

    /// <summary>All of it as text, for the fingerprint of a training.</summary>
    public override string ToString() => JsonSerializer.Serialize(this, Json.Plain);

    /// <summary>Of our own trunks, with running statistics; a double, because a file may claim anything.</summary>
    private double NumberOfWeights
    {
        get
        {
            var sum = ((double)Features + 1) * Dimension;
            double inputs = Inputs;
            foreach (var width in Mlp?.Widths ?? [])
            {
                sum += (inputs + 4) * width;
                inputs = width;
            }
            if (ConvNet is not null)
            {
                sum += (9.0 * ConvNet.Channels + 4) * ConvNet.StemWidth;
                inputs = ConvNet.StemWidth;
                foreach (var (width, stride) in ConvNet.Blocks)
                {
                    sum += (9 * inputs + 9.0 * width + 8) * width + (inputs == width && stride == 1 ? 0 : (inputs + 4) * width);
                    inputs = width;
                }
            }
            return sum;
        }
    }

    private ITrunk CreateTrunk(StepRandom random, Device device)
        => Mlp is not null ? new MlpTrunk(Mlp, random.Generator, ScalarType.Float32, device)
            : ConvNet is not null ? new ConvTrunk(ConvNet, random.Generator, ScalarType.Float32, device)
            : new OwnTrunk(OwnModule.Create(Factory!, Inputs, Features, random, device));
}
