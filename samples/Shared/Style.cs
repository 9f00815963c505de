using ScottPlot;

namespace Samples;

/// <summary>How the plots of samples look.</summary>
internal static class Style
{
    public const int Width = 1100;

    public static readonly Color Muted = Color.FromHex("#8A8F98");
    public static readonly Color Truth = Color.FromHex("#1F2933");
    public static readonly Color Model = Color.FromHex("#D9480F");

    /// <summary>A line over neighbouring values; NaN breaks it.</summary>
    public static void Line(Plot plot, double[] values, double firstX, Color color, string? name, float width = 1.5f)
    {
        for (var start = 0; start < values.Length; start++)
        {
            var end = start;
            while (end < values.Length && !double.IsNaN(values[end]))
            {
                end++;
            }
            if (end > start)
            {
                var line = plot.Add.Signal(values[start..end], color: color);
                line.Data.XOffset = firstX + start;
                line.LineWidth = width;
                line.MaximumMarkerSize = 0;
                // One entry in the legend for all parts.
                line.LegendText = name ?? "";
                name = null;
                start = end;
            }
        }
    }

    /// <summary>The room between two lines.</summary>
    public static void Band(Plot plot, double[] x, double[] lower, double[] upper, Color color, string? name)
    {
        var band = plot.Add.FillY(x, lower, upper);
        band.FillColor = color.WithAlpha(0.18);
        band.LineWidth = 0;
        band.MarkerSize = 0;
        band.LegendText = name ?? "";
    }

    /// <summary>Bars at 0, 1, 2 …, moved aside to stand beside others.</summary>
    public static void Bars(Plot plot, double[] values, double shift, Color color, string? name)
    {
        var bars = plot.Add.Bars(values.Select((value, i) => new Bar { Position = i + shift, Value = value, Size = 0.38, FillColor = color, LineWidth = 0 }).ToArray());
        bars.LegendText = name ?? "";
    }

    public static void Finish(Plot plot, Alignment? legend)
    {
        plot.ShowLegend(legend ?? Alignment.UpperLeft, Orientation.Horizontal).ShadowColor = Colors.Transparent;
        plot.Legend.IsVisible = legend is not null;
        plot.Axes.Bottom.Label.Bold = false;
        plot.Axes.Left.Label.Bold = false;
        // Room for the legend.
        plot.Axes.Margins(0.01, 0.01, 0.08, legend is null ? 0.08 : 0.3);
        plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Axes.Top.FrameLineStyle.Width = 0;
    }
}
