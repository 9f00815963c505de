using System.Numerics;

namespace Samples;

/// <summary>Drawings of strokes, each with a place, size, slant, thickness and noise of its own, and worn away in one place.</summary>
internal static class Strokes
{
    public const int Side = 24;

    private const float Noise = 100;
    private const float Worn = 5;

    /// <summary>Draws lines through points of the square from -1 to 1, y downwards.</summary>
    /// <returns>The grey values from 0, the background, to 255, row by row.</returns>
    public static float[] Draw(Vector2[][] strokes, Random random)
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

    private static float Between(Random random, float least, float most) => least + (most - least) * random.NextSingle();
}
