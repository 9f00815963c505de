using Samples;
using ScottPlot;

namespace FewShot;

/// <summary>A drawing in the plane of the plots.</summary>
/// <param name="X">Its place.</param>
/// <param name="Y">Its place.</param>
/// <param name="Class">What it is.</param>
/// <param name="Predicted">What it was taken for.</param>
/// <param name="IsShown">Whether the model was told.</param>
internal sealed record PlacedDrawing(double X, double Y, string Class, string Predicted, bool IsShown);

/// <summary>The pictures of the sample.</summary>
internal static class Plots
{
    /// <summary>The first drawings of each character, a row for each.</summary>
    public static void SaveDrawings(CharacterSet characters, IReadOnlyList<CharacterImage> images, string path)
        => ImageSheet.Save([.. images.GroupBy(image => image.Class).Select(drawings => (drawings.Key, drawings.Select(image => image.Pixels)))], characters.Height, characters.Width, "New characters", path);

    /// <summary>Drawings in the colour of what they were taken for, wrong ones ringed, and the mean of each colour.</summary>
    public static void SaveEmbedding(IReadOnlyList<PlacedDrawing> drawings, string title, string path)
    {
        using var plot = new Plot();
        var palette = new ScottPlot.Palettes.Category10();
        string[] classes = [.. drawings.Select(drawing => drawing.Class).Distinct().Order(StringComparer.Ordinal)];
        foreach (var (i, name) in classes.Index())
        {
            PlacedDrawing[] taken = [.. drawings.Where(drawing => drawing.Predicted == name)];
            var color = palette.GetColor(i);
            Mark(taken.Where(drawing => !drawing.IsShown), MarkerShape.FilledCircle, 8, color, $"taken for {name}");
            Mark(taken.Where(drawing => drawing.IsShown), MarkerShape.FilledSquare, 14, color, null);
            if (taken.Length > 0)
            {
                Mark([new(taken.Average(drawing => drawing.X), taken.Average(drawing => drawing.Y), name, name, false)], MarkerShape.Cross, 22, color, null);
            }
        }
        Mark(drawings.Where(drawing => drawing.Class != drawing.Predicted), MarkerShape.OpenCircle, 14, Style.Truth, "wrong");
        plot.Title(title);
        plot.XLabel("first principal component");
        plot.YLabel("second principal component");
        Style.Finish(plot, Alignment.UpperLeft);
        Picture.Save(plot, path, Style.Width, 800);

        void Mark(IEnumerable<PlacedDrawing> marked, MarkerShape shape, float size, Color color, string? name)
        {
            PlacedDrawing[] all = [.. marked];
            if (all.Length == 0)
            {
                return;
            }
            var markers = plot.Add.Markers(all.Select(drawing => drawing.X).ToArray(), all.Select(drawing => drawing.Y).ToArray(), shape, size, color);
            markers.LegendText = name ?? "";
            markers.MarkerStyle.LineWidth = 2;
        }
    }
}
