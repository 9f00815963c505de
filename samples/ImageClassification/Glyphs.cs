using System.Numerics;
using Samples;

namespace ImageClassification;

/// <summary>Made images: letters and shapes of strokes.</summary>
internal static class Glyphs
{
    /// <summary>What the sample holds back at first, to meet it as something unknown.</summary>
    public const string HeldBack = "star";

    private const int Corners = 20;

    private static readonly Dictionary<string, Vector2[][]> s_strokes = new()
    {
        ["A"] = [[new(-0.8f, 1), new(0, -1), new(0.8f, 1)], [new(-0.45f, 0.25f), new(0.45f, 0.25f)]],
        ["E"] = [[new(0.7f, -1), new(-0.7f, -1), new(-0.7f, 1), new(0.7f, 1)], [new(-0.7f, 0), new(0.4f, 0)]],
        ["F"] = [[new(0.7f, -1), new(-0.7f, -1), new(-0.7f, 1)], [new(-0.7f, 0), new(0.4f, 0)]],
        ["H"] = [[new(-0.7f, -1), new(-0.7f, 1)], [new(0.7f, -1), new(0.7f, 1)], [new(-0.7f, 0), new(0.7f, 0)]],
        ["K"] = [[new(-0.7f, -1), new(-0.7f, 1)], [new(0.7f, -1), new(-0.6f, 0), new(0.7f, 1)]],
        ["N"] = [[new(-0.7f, 1), new(-0.7f, -1), new(0.7f, 1), new(0.7f, -1)]],
        ["T"] = [[new(-0.8f, -1), new(0.8f, -1)], [new(0, -1), new(0, 1)]],
        ["Z"] = [[new(-0.8f, -1), new(0.8f, -1), new(-0.8f, 1), new(0.8f, 1)]],
        ["circle"] = [Polygon(Corners, 1)],
        ["square"] = [[new(-0.8f, -0.8f), new(0.8f, -0.8f), new(0.8f, 0.8f), new(-0.8f, 0.8f), new(-0.8f, -0.8f)]],
        ["triangle"] = [Polygon(3, 1)],
        [HeldBack] = [Polygon(5, 2)],
    };

    /// <summary>Draws images, as many of each class.</summary>
    public static ImageSet Generate(int trainingPerClass, int testPerClass, int seed)
    {
        var random = new Random(seed);
        return new(Strokes.Side, Strokes.Side, Draw(trainingPerClass), Draw(testPerClass));

        LabelledImage[] Draw(int perClass)
        {
            LabelledImage[] images = [.. s_strokes.Keys.SelectMany(name => Enumerable.Range(0, perClass).Select(_ => new LabelledImage { Class = name, Pixels = Strokes.Draw(s_strokes[name], random) }))];
            random.Shuffle(images);
            return images;
        }
    }

    /// <summary>The corners on a circle, each joined to the one <paramref name="step"/> further.</summary>
    private static Vector2[] Polygon(int corners, int step)
        => [.. Enumerable.Range(0, corners + 1).Select(i => i * step * MathF.Tau / corners).Select(angle => new Vector2(MathF.Sin(angle), -MathF.Cos(angle)))];
}
