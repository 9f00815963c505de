using MLNetExtensions.Tensors;
using Samples;
using ScottPlot;

namespace TensorDecomposition;

/// <summary>The pictures of the sample.</summary>
internal static class Plots
{
    private const int PanelHeight = 280;

    private static readonly string[] s_functions = ["#D9480F", "#1971C2", "#2F9E44", "#9C36B5", "#F08C00", "#0C8599"];

    /// <summary>The functions of each mode, one mode above the other, with bands of two deviations.</summary>
    public static void SaveFunctions(IReadOnlyList<ModeFunction> modes, IReadOnlyList<string> names, string path)
    {
        var plots = new Multiplot();
        plots.AddPlots(modes.Count);
        foreach (var function in modes)
        {
            var plot = plots.GetPlot(function.Mode);
            double[] points = [.. function.Points];
            for (var r = 0; r < function.Rank; r++)
            {
                var color = Color.FromHex(s_functions[r % s_functions.Length]);
                double[] means = [.. points.Select((_, i) => function.Means[i, r])];
                double[] widths = [.. points.Select((_, i) => 2 * Math.Sqrt(function.Variances[i, r]))];
                Style.Band(plot, points, [.. means.Zip(widths, (mean, width) => mean - width)], [.. means.Zip(widths, (mean, width) => mean + width)], color, null);
                var line = plot.Add.ScatterLine(points, means, color);
                line.LineWidth = 1.5f;
                line.LegendText = $"function {r + 1}";
            }
            plot.XLabel(names[function.Mode]);
            Style.Finish(plot, function.Mode == 0 ? Alignment.UpperLeft : null);
        }
        plots.GetPlot(0).Title("The functions of each coordinate; bands: two standard deviations");
        Picture.Save(plots, path, Style.Width, PanelHeight * modes.Count);
    }

    /// <summary>A slice through the field: what is true, or what was measured there, beside what is predicted and how sure that is.</summary>
    public static void SaveSlice(FieldSlice slice, IReadOnlyList<string> names, string title, string path)
    {
        var plots = new Multiplot { Layout = new ScottPlot.MultiplotLayouts.Columns() };
        plots.AddPlots(3);
        var known = slice.Truth?.Cast<double>() ?? slice.Measured.Select(one => one.Value);
        var values = known.Concat(slice.Predicted.Cast<double>()).ToArray();
        var range = new ScottPlot.Range(values.Min(), values.Max() > values.Min() ? values.Max() : values.Min() + 1);
        if (slice.Truth is not null)
        {
            Map(plots.GetPlot(0), slice, slice.Truth, range, "truth", names);
        }
        else
        {
            Measured(plots.GetPlot(0), slice, range, names);
        }
        Map(plots.GetPlot(1), slice, slice.Predicted, range, "predicted", names);
        Map(plots.GetPlot(2), slice, slice.Deviations, null, "standard deviation of the prediction", names);
        plots.GetPlot(1).Title($"predicted: {title}");
        Picture.Save(plots, path, 1500, 460);
    }

    private static void Map(Plot plot, FieldSlice slice, double[,] values, ScottPlot.Range? range, string title, IReadOnlyList<string> names)
    {
        var map = plot.Add.Heatmap(values);
        map.Colormap = new ScottPlot.Colormaps.Viridis();
        // Row 0 of the values stands at the bottom.
        map.FlipVertically = true;
        map.Extent = new(slice.X[0], slice.X[^1], slice.Y[0], slice.Y[^1]);
        map.ManualRange = range;
        plot.Add.ColorBar(map);
        if (slice.Measured.Length > 0)
        {
            plot.Add.Markers(slice.Measured.Select(one => one.X).ToArray(), slice.Measured.Select(one => one.Y).ToArray(), MarkerShape.OpenCircle, 5, Colors.White);
        }
        Finish(plot, slice, title, names);
    }

    private static void Measured(Plot plot, FieldSlice slice, ScottPlot.Range range, IReadOnlyList<string> names)
    {
        var colors = new ScottPlot.Colormaps.Viridis();
        foreach (var (x, y, value) in slice.Measured)
        {
            plot.Add.Marker(x, y, MarkerShape.FilledCircle, 12, colors.GetColor((value - range.Min) / (range.Max - range.Min)));
        }
        Finish(plot, slice, "measured", names);
    }

    private static void Finish(Plot plot, FieldSlice slice, string title, IReadOnlyList<string> names)
    {
        plot.Title(title);
        plot.XLabel(names[0]);
        plot.YLabel(names[1]);
        plot.Axes.Bottom.Label.Bold = plot.Axes.Left.Label.Bold = false;
        plot.HideGrid();
        plot.Axes.SetLimits(slice.X[0], slice.X[^1], slice.Y[0], slice.Y[^1]);
    }
}
