using ScottPlot;

namespace Samples;

/// <summary>Small grey images of several classes in one picture.</summary>
internal static class ImageSheet
{
    private const int ImagesOfRow = 20;
    private const int Zoom = 2;

    /// <summary>Draws a row for each class, with its first images.</summary>
    /// <param name="rows">The names of the classes, and the grey values of their images, from 0, the background, up.</param>
    /// <param name="height">The height of an image.</param>
    /// <param name="width">The width of an image.</param>
    /// <param name="title">What the picture shows.</param>
    /// <param name="path">The PNG file.</param>
    public static void Save(IReadOnlyList<(string Name, IEnumerable<float[]> Images)> rows, int height, int width, string title, string path)
    {
        var (cellHeight, cellWidth) = (height + 2, width + 2);
        var values = new double[rows.Count * cellHeight, ImagesOfRow * cellWidth];
        foreach (var (row, (_, images)) in rows.Index())
        {
            foreach (var (column, pixels) in images.Take(ImagesOfRow).Index())
            {
                for (var i = 0; i < pixels.Length; i++)
                {
                    values[row * cellHeight + 1 + i / width, column * cellWidth + 1 + i % width] = pixels[i];
                }
            }
        }
        using var plot = new Plot();
        var map = plot.Add.Heatmap(values);
        map.Colormap = new ScottPlot.Colormaps.GrayscaleReversed();
        map.Smooth = false;
        // Row 0 of the pixels stands at the top.
        plot.Axes.Left.SetTicks([.. rows.Select((_, i) => (rows.Count - i - 0.5) * cellHeight)], [.. rows.Select(row => row.Name)]);
        plot.Axes.Bottom.TickLabelStyle.IsVisible = false;
        plot.Axes.Bottom.MajorTickStyle.Length = plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Axes.Margins(0, 0);
        plot.HideGrid();
        plot.Title(title);
        plot.SavePng(path, 180 + Zoom * ImagesOfRow * cellWidth, 60 + Zoom * rows.Count * cellHeight);
    }
}
