using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Classification;

[TestClass]
public sealed class ImageAugmentationTests
{
    private const int Images = 1000;
    private const float Background = -3;

    private static readonly ConvShape s_shape = new() { Channels = 2, Height = 8, Width = 9, Blocks = ConvShape.DefaultBlocks(4) };

    [TestMethod]
    [DataRow(0, false)]
    [DataRow(2, false)]
    [DataRow(0, true)]
    [DataRow(2, true)]
    public void EveryImageIsAShiftedOrMirroredCopy(int shift, bool flip)
    {
        using var scope = NewDisposeScope();
        var x = Pixels();
        var pixels = x.data<float>().ToArray();
        using var random = new StepRandom(1, 1, 1);
        var result = new ImageAugmentation(s_shape, shift, flip).Apply(x, random);
        CollectionAssert.AreEqual(x.shape, result.shape);
        var changed = result.contiguous().data<float>().ToArray();
        var seen = new HashSet<(int, int, bool)>();
        for (var i = 0; i < Images; i++)
        {
            var image = i;
            var matches = Candidates().Where(candidate => IsCopy(pixels, changed, image, candidate)).ToArray();
            Assert.HasCount(1, matches, $"image {i}");
            seen.Add(matches[0]);
        }
        Assert.HasCount(Candidates().Count(), seen, "every kind occurs");

        IEnumerable<(int Down, int Right, bool Mirrored)> Candidates()
            => from down in Enumerable.Range(-shift, 2 * shift + 1)
               from right in Enumerable.Range(-shift, 2 * shift + 1)
               from mirrored in flip ? new[] { false, true } : [false]
               select (down, right, mirrored);
    }

    [TestMethod]
    public void TheStepDecides()
    {
        using var scope = NewDisposeScope();
        var x = Pixels();
        var augmentation = new ImageAugmentation(s_shape, 2, flip: true);
        using var first = new StepRandom(1, 1, 1);
        using var same = new StepRandom(1, 1, 1);
        using var next = new StepRandom(1, 1, 2);
        var result = augmentation.Apply(x, first);
        Draw.AssertBitEqual(result, augmentation.Apply(x.flatten(1), same));
        Assert.IsGreaterThan(0.1, Draw.Difference(result, augmentation.Apply(x, next)));
    }

    [TestMethod]
    public void ShiftsOutOfTheImageAreRefused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImageAugmentation(s_shape, -1, false));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImageAugmentation(s_shape, 8, false));
    }

    private static Tensor Pixels()
    {
        var x = Draw.Normal(1, ScalarType.Float32, Images, s_shape.Channels, s_shape.Height, s_shape.Width).abs();
        x[0, 0, 0, 0] = tensor(Background);
        return x;
    }

    private static bool IsCopy(float[] pixels, float[] changed, int image, (int Down, int Right, bool Mirrored) kind)
    {
        var start = image * (int)s_shape.Pixels;
        for (var c = 0; c < s_shape.Channels; c++)
        {
            for (var y = 0; y < s_shape.Height; y++)
            {
                for (var x = 0; x < s_shape.Width; x++)
                {
                    int Index(int row, int column) => start + (c * s_shape.Height + row) * s_shape.Width + column;
                    var (row, column) = (y + kind.Down, (kind.Mirrored ? s_shape.Width - 1 - x : x) + kind.Right);
                    var isInside = row >= 0 && row < s_shape.Height && column >= 0 && column < s_shape.Width;
                    if (changed[Index(y, x)] != (isInside ? pixels[Index(row, column)] : Background))
                    {
                        return false;
                    }
                }
            }
        }
        return true;
    }
}
