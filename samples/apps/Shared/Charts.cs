using ScottPlot;

namespace Samples.Apps;

/// <summary>Charts of the apps.</summary>
internal static class Charts
{
    // Without a name, Linux may come to any font, whatever it looks like.
    private static readonly string[] s_fonts = ["Segoe UI", "Helvetica Neue", "DejaVu Sans", "Liberation Sans", "Noto Sans", "Arial"];

    /// <summary>The colour of what a model is compared with.</summary>
    public static readonly Color Rival = Color.FromHex("#1971C2");

    /// <summary>Draws a chart with titles, in the looks of all samples.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="xTitle">The horizontal axis, with its unit.</param>
    /// <param name="yTitle">The vertical axis, with its unit.</param>
    /// <param name="legend">Where the legend stands; null = there is none.</param>
    /// <param name="draw">Draws the content.</param>
    /// <param name="fromZero">Whether the vertical axis begins at 0.</param>
    public static Plot Draw(string title, string xTitle, string yTitle, Alignment? legend, Action<Plot> draw, bool fromZero = false)
    {
        var plot = new Plot();
        draw(plot);
        plot.Title(title);
        plot.XLabel(xTitle);
        plot.YLabel(yTitle);
        Style.Finish(plot, legend);
        if (fromZero)
        {
            plot.Axes.AutoScale();
            plot.Axes.SetLimitsY(0, plot.Axes.GetLimits().Top);
        }
        return plot;
    }

    /// <summary>A line over numbered steps, from 1 on.</summary>
    public static void Line(Plot plot, IEnumerable<double> values, Color color, string name, double firstX = 1, float width = 1.5f) => Style.Line(plot, [.. values], firstX, color, name, width);

    /// <summary>A field over two axes, and where it was measured.</summary>
    public static Plot Map(string title, string xTitle, string yTitle, string unit, double[,] values, (double Least, double Most) x, (double Least, double Most) y, ScottPlot.Range? range, IReadOnlyList<(double X, double Y)> measured)
    {
        var plot = new Plot();
        var map = plot.Add.Heatmap(values);
        map.Colormap = new ScottPlot.Colormaps.Viridis();
        // Row 0 of the values stands at the bottom.
        map.FlipVertically = true;
        map.Extent = new(x.Least, x.Most, y.Least, y.Most);
        map.ManualRange = range;
        var bar = plot.Add.ColorBar(map);
        bar.Label = unit;
        bar.LabelStyle.Bold = false;
        plot.Add.Markers(measured.Select(one => one.X).ToArray(), measured.Select(one => one.Y).ToArray(), MarkerShape.FilledCircle, 2, Colors.White.WithAlpha(0.5));
        plot.Title(title);
        plot.XLabel(xTitle);
        plot.YLabel(yTitle);
        plot.Axes.Bottom.Label.Bold = plot.Axes.Left.Label.Bold = false;
        plot.HideGrid();
        plot.Axes.SetLimits(x.Least, x.Most, y.Least, y.Most);
        return plot;
    }

    /// <summary>Makes all charts use a font without serifs that this machine has.</summary>
    public static void SetFont() => Fonts.Default = s_fonts.FirstOrDefault(name => Fonts.GetTypeface(name, bold: false, italic: false)?.FamilyName == name, Fonts.Default);
}
