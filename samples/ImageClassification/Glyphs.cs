using System.Numerics;

namespace ImageClassification;

/// <summary>Made images: letters and shapes of strokes, each drawn with a place, size, slant, thickness and noise of its own, and worn away in one place.</summary>
internal static class Glyphs
{
    public const int Side = 24;

    /// <summary>What the sample holds back at first, to meet it as something unknown.</summary>
    public const string HeldBack = "star";

    private const int Corners = 20;
    private const float Noise = 100;
    private const float Worn = 5;

    // Lines through points of the square from -1 to 1, y downwards.
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
        return new(Side, Side, Draw(trainingPerClass), Draw(testPerClass));

        LabelledImage[] Draw(int perClass)
        {
            LabelledImage[] images = [.. s_strokes.Keys.SelectMany(name => Enumerable.Range(0, perClass).Select(_ => new LabelledImage { Class = name, Pixels = Glyphs.Draw(s_strokes[name], random) }))];
            random.Shuffle(images);
            return images;
        }
    }

    private static float[] Draw(Vector2[][] strokes, Random random)
    {
        var half = Between(random, 0.24f, 0.36f) * Side;
        var transform = Matrix3x2.CreateScale(half * Between(random, 0.8f, 1), half)
            * Matrix3x2.CreateSkew(Between(random, -0.3f, 0.3f), 0)
            * Matrix3x2.CreateRotation(Between(random, -0.3f, 0.3f))
            * Matrix3x2.CreateTranslation(Side / 2f + Between(random, -2, 2), Side / 2f + Between(random, -2, 2));
        Vector2[][] placed = [.. strokes.Select(stroke => stroke.Select(point => Vector2.Transform(point, transform)).ToArray())];
        var thickness = Between(random, 1.2f, 3);
        var ink = Between(random, 120, 255);
        var worn = new Vector2(Between(random, 0, Side), Between(random, 0, Side));
        var pixels = new float[Side * Side];
        for (var i = 0; i < pixels.Length; i++)
        {
            var centre = new Vector2(i % Side + 0.5f, i / Side + 0.5f);
            var distance = placed.Min(stroke => stroke.Zip(stroke.Skip(1)).Min(line => Distance(centre, line.First, line.Second)));
            var isWorn = Vector2.Distance(centre, worn) < Worn;
            var value = (isWorn ? 0 : ink * Math.Clamp((thickness + 1) / 2 - distance, 0, 1)) + Noise * (random.NextSingle() - 0.5f);
            pixels[i] = Math.Clamp(value, 0, 255);
        }
        return pixels;
    }

    /// <summary>The distance of a point from a line between two others.</summary>
    private static float Distance(Vector2 point, Vector2 from, Vector2 to)
    {
        var along = to - from;
        var part = Math.Clamp(Vector2.Dot(point - from, along) / along.LengthSquared(), 0, 1);
        return Vector2.Distance(point, from + part * along);
    }

    /// <summary>The corners on a circle, each joined to the one <paramref name="step"/> further.</summary>
    private static Vector2[] Polygon(int corners, int step)
        => [.. Enumerable.Range(0, corners + 1).Select(i => i * step * MathF.Tau / corners).Select(angle => new Vector2(MathF.Sin(angle), -MathF.Cos(angle)))];

    private static float Between(Random random, float least, float most) => least + (most - least) * random.NextSingle();
}
