using System.Numerics;
using Samples;

namespace FewShot;

/// <summary>Characters that nobody writes: each a few strokes between points of a grid, drawn several times.</summary>
internal static class MadeCharacters
{
    private const int KnownCharacters = 30;
    private const int NewCharacters = 12;
    private const int Drawings = 30;
    private const int StrokesOfCharacter = 3;
    private const int GridPoints = 3;

    public static CharacterSet Generate(int seed)
    {
        var random = new Random(seed);
        CharacterImage[] images = [.. Enumerable.Range(0, KnownCharacters + NewCharacters).SelectMany(character =>
        {
            Vector2[][] strokes = [.. Enumerable.Range(0, StrokesOfCharacter).Select(_ => Stroke(random))];
            return Enumerable.Range(0, Drawings).Select(_ => new CharacterImage { Class = $"character {character + 1}", Pixels = Strokes.Draw(strokes, random) });
        })];
        return new(Strokes.Side, Strokes.Side, images[..(KnownCharacters * Drawings)], images[(KnownCharacters * Drawings)..]);
    }

    /// <summary>A line through two or three points.</summary>
    private static Vector2[] Stroke(Random random)
    {
        int[] points = [.. Enumerable.Range(0, GridPoints * GridPoints)];
        random.Shuffle(points);
        return [.. points.Take(random.Next(2, 4)).Select(point => new Vector2(point % GridPoints - 1, point / GridPoints - 1))];
    }
}
