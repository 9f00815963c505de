using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using ScottPlot;
using SkiaSharp;

namespace Samples;

/// <summary>Writes plots to files.</summary>
internal static partial class Picture
{
    /// <summary>Writes a plot as PNG, and beside it, under the same name, as SVG, which can be enlarged.</summary>
    public static void Save(Plot plot, string path, int width, int height)
    {
        plot.SavePng(path, width, height);
        SaveSvg(path, width, height, canvas => plot.Render(canvas, width, height));
    }

    /// <inheritdoc cref="Save(Plot, string, int, int)"/>
    public static void Save(Multiplot plots, string path, int width, int height)
    {
        plots.SavePng(path, width, height);
        SaveSvg(path, width, height, canvas => plots.Render(canvas, new PixelRect(0, width, height, 0)));
    }

    private static void SaveSvg(string path, int width, int height, Action<SKCanvas> draw)
    {
        using var written = new MemoryStream();
        // The end of the drawing is written when the canvas is disposed.
        using (var canvas = SKSvgCanvas.Create(SKRect.Create(width, height), written))
        {
            draw(canvas);
        }
        File.WriteAllText(Path.ChangeExtension(path, ".svg"), Compact(Encoding.UTF8.GetString(written.ToArray())));
    }

    /// <summary>Half the size or less, the same picture: tenths of a pixel, letters where the font places them, neighbouring lines of one pen in one path.</summary>
    private static string Compact(string svg)
    {
        svg = Coordinates().Replace(svg, attribute => Fraction().Replace(attribute.Value, number => double.Parse(number.Value, CultureInfo.InvariantCulture).ToString("0.#", CultureInfo.InvariantCulture)));
        svg = PlacesOfLetters().Replace(svg, "$1$2").Replace(" stroke-miterlimit=\"4\"", ""); // 4 is the default
        svg = svg.Replace("<image ", "<image style=\"image-rendering:pixelated\" "); // the cells of a heat map
        List<string> lines = [];
        var pen = "";
        foreach (var line in svg.Split('\n').Select(line => line.TrimStart('\t')))
        {
            var parts = Opaque().Match(line);
            if (parts.Success && parts.Groups[1].Value == pen)
            {
                lines[^1] = $"{lines[^1][..^3]}{parts.Groups[2].Value}\"/>";
            }
            else
            {
                lines.Add(line);
            }
            pen = parts.Success ? parts.Groups[1].Value : "";
        }
        return string.Join('\n', lines);
    }

    [GeneratedRegex(""" (?:d|transform)="[^"]*"(?=[ />])""")]
    private static partial Regex Coordinates();

    [GeneratedRegex("""-?\d+\.\d+(?:e-?\d+)?""")]
    private static partial Regex Fraction();

    [GeneratedRegex("""(<text[^>]*? x="[^",]*),[^"]*(" y="[^",]*),[^"]*(?=")""")]
    private static partial Regex PlacesOfLetters();

    [GeneratedRegex("""^<path (fill="none" stroke="[^"]*" stroke-width="[^"]*") d="([^"]*)"/>$""")]
    private static partial Regex Opaque();
}
