using MLNetExtensions.Torch;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MLNetExtensions;

/// <summary>A residual block: its channels, and the stride of its first convolution.</summary>
internal sealed record ConvBlock(int Width, int Stride);

/// <summary>What fixes the tensors of a <see cref="ConvTrunk"/> and how it computes.</summary>
internal sealed record ConvShape
{
    internal const int SmallestSide = 8;

    public required int Channels { get; init; }

    public required int Height { get; init; }

    public required int Width { get; init; }

    /// <summary>The channels of the first convolution.</summary>
    public int StemWidth { get; init; } = 16;

    public int StemStride { get; init; } = 1;

    /// <summary>Size and stride of the max-pooling after the first convolution; 0: none.</summary>
    public int MaxPool { get; init; } = 2;

    /// <summary>The blocks; the channels of the last are the features.</summary>
    public required IReadOnlyList<ConvBlock> Blocks { get; init; }

    public BatchNormalizationSettings Normalization { get; init; } = BatchNormalizationSettings.Default;

    /// <summary>The number of values of an image.</summary>
    internal long Pixels => (long)Channels * Height * Width;

    /// <summary>The blocks of the usual network, of one, two and four times the width of the stem.</summary>
    internal static IReadOnlyList<ConvBlock> DefaultBlocks(int stemWidth) => [new(stemWidth, 1), new(2 * stemWidth, 2), new(4 * stemWidth, 2)];

    /// <exception cref="ArgumentOutOfRangeException">A size is out of its range.</exception>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Height, SmallestSide);
        ArgumentOutOfRangeException.ThrowIfLessThan(Width, SmallestSide);
        ArgumentOutOfRangeException.ThrowIfLessThan(StemWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(StemStride, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxPool);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxPool, (Math.Min(Height, Width) + StemStride - 1) / StemStride);
        ArgumentOutOfRangeException.ThrowIfZero(Blocks.Count);
        foreach (var block in Blocks)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(block.Width, 1);
            ArgumentOutOfRangeException.ThrowIfLessThan(block.Stride, 1);
        }
    }
}

/// <summary>A small residual network for images; the means of its last channels are the features.</summary>
internal sealed class ConvTrunk : ITrunk
{
    private readonly Layers _layers;
    private readonly Convolution _stem;
    private readonly List<(Convolution First, Convolution Second, Convolution? Short)> _blocks = [];

    /// <summary>Makes the network; see <see cref="Layers"/> for the arguments after the shape.</summary>
    internal ConvTrunk(ConvShape shape, Generator? generator, ScalarType dtype, Device device)
    {
        shape.Check();
        Shape = shape;
        _layers = new(generator, dtype, device);
        _stem = Convolution("stem.conv", "stem.bn", shape.Channels, shape.StemWidth, 3, shape.StemStride);
        var inputs = shape.StemWidth;
        foreach (var (i, (width, stride)) in shape.Blocks.Index())
        {
            _blocks.Add((
                Convolution($"block{i}.conv1", $"block{i}.bn1", inputs, width, 3, stride),
                Convolution($"block{i}.conv2", $"block{i}.bn2", width, width, 3, 1),
                inputs == width && stride == 1 ? null : Convolution($"block{i}.short.conv", $"block{i}.short.bn", inputs, width, 1, stride)));
            inputs = width;
        }

        Convolution Convolution(string name, string normalization, int inputs, int outputs, int size, int stride)
            => new(_layers.Convolution(name + ".weight", outputs, inputs, size), _layers.BatchNormalization(normalization, outputs, shape.Normalization), stride);
    }

    internal ConvShape Shape { get; }

    public int Features => Shape.Blocks[^1].Width;

    public Device Device => _layers.Device;

    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => _layers.Parameters.Items;

    public IReadOnlyList<KeyValuePair<string, Tensor>> Buffers => _layers.Buffers.Items;

    /// <summary>The features of images [B, channels, height, width], or of the same numbers as rows [B, pixels].</summary>
    public Tensor Forward(Tensor x, bool training, StepRandom? random = null)
    {
        x = x.view(-1, Shape.Channels, Shape.Height, Shape.Width);
        if (!training && x.size(0) == 1)
        {
            // A convolution of one image makes libtorch write to standard error on some processors, at every call.
            return Forward(cat([x, x], 0), training).narrow(0, 0, 1);
        }
        x = _stem.Apply(x, training).relu();
        if (Shape.MaxPool > 0)
        {
            x = functional.max_pool2d(x, Shape.MaxPool, Shape.MaxPool);
        }
        foreach (var (first, second, shortcut) in _blocks)
        {
            var u = second.Apply(first.Apply(x, training).relu(), training);
            x = u.Plus(shortcut?.Apply(x, training) ?? x).relu();
        }
        return x.mean([2, 3]);
    }

    public void Dispose() => _layers.Dispose();

    /// <summary>A convolution without bias, and the batch normalisation after it.</summary>
    private sealed record Convolution(Tensor Weight, BatchNormalization Normalization, long Stride)
    {
        internal Tensor Apply(Tensor x, bool training)
        {
            var padding = Weight.size(2) / 2;
            return Normalization.Apply(functional.conv2d(x, Weight, strides: [Stride, Stride], padding: [padding, padding]), training);
        }
    }
}
