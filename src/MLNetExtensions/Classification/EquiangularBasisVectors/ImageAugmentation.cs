using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Shifts and mirrors the images of a training batch, each by draws of its own.</summary>
internal sealed class ImageAugmentation
{
    private const int DrawsPerImage = 3;

    private readonly ConvShape _shape;
    private readonly int _shift;
    private readonly bool _flip;

    /// <summary>Sets what is drawn.</summary>
    /// <param name="shape">The size of the images.</param>
    /// <param name="shift">The most pixels that an image moves up, down, left and right; 0 = it stays.</param>
    /// <param name="flip">Whether every other image, by chance, is mirrored from left to right.</param>
    internal ImageAugmentation(ConvShape shape, int shift, bool flip)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(shift);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shift, Math.Min(shape.Height, shape.Width));
        _shape = shape;
        _shift = shift;
        _flip = flip;
    }

    /// <summary>Changes images [B, channels, height, width], or the same numbers as rows. What moves in is the smallest value of the batch.</summary>
    /// <returns>[B, channels, height, width], on the device of the images.</returns>
    internal Tensor Apply(Tensor images, StepRandom random)
    {
        var (rows, pixels) = (images.size(0), (long)_shape.Height * _shape.Width);
        var flat = images.view(rows, _shape.Channels, pixels);
        var index = empty([rows, 1, pixels], dtype: ScalarType.Int64, device: CPU);
        var draws = rand([rows, DrawsPerImage], dtype: ScalarType.Float32, device: CPU, generator: random.Generator);
        FillIndex(MemoryMarshal.Cast<byte, long>(index.bytes), MemoryMarshal.Cast<byte, float>(draws.bytes));
        GC.KeepAlive(index);
        GC.KeepAlive(draws);
        // The background is one more pixel, after the last.
        var background = flat.min().expand(rows, _shape.Channels, 1);
        return cat([flat, background], 2).gather(2, index.to(images.device).expand(rows, _shape.Channels, pixels)).view(rows, _shape.Channels, _shape.Height, _shape.Width);
    }

    /// <summary>Where each pixel comes from.</summary>
    private void FillIndex(Span<long> index, ReadOnlySpan<float> draws)
    {
        var (height, width) = (_shape.Height, _shape.Width);
        var next = 0;
        for (var image = 0; image < draws.Length / DrawsPerImage; image++)
        {
            var draw = draws.Slice(image * DrawsPerImage, DrawsPerImage);
            var (down, right) = (Shift(draw[0]), Shift(draw[1]));
            var mirrored = _flip && draw[2] < 0.5f;
            for (var y = 0; y < height; y++)
            {
                var isRow = (uint)(y + down) < height;
                for (var x = 0; x < width; x++)
                {
                    var column = (mirrored ? width - 1 - x : x) + right;
                    index[next++] = isRow && (uint)column < width ? (y + down) * width + column : height * width;
                }
            }
        }
    }

    private int Shift(float draw) => (int)(draw * (2 * _shift + 1)) - _shift;
}
