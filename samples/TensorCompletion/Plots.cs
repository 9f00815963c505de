using Samples;
using ScottPlot;

namespace TensorCompletion;

/// <summary>The pictures of the sample.</summary>
internal static class Plots
{
    private const int MostBars = 20;

    /// <summary>The most important keys of each mode, beside what they would have by the number of their cells alone; one mode above the other.</summary>
    public static void SaveImportances(IReadOnlyList<(string Mode, KeyImportance[] Keys)> modes, string path)
    {
        var plots = new Multiplot();
        plots.AddPlots(modes.Count);
        foreach (var (i, (mode, keys)) in modes.Index())
        {
            var plot = plots.GetPlot(i);
            var shown = keys[..Math.Min(MostBars, keys.Length)];
            double cells = keys.Sum(key => key.Cells);
            Style.Bars(plot, [.. shown.Select(key => 100 * key.Importance)], -0.2, Style.Model, "importance");
            Style.Bars(plot, [.. shown.Select(key => 100 * key.Cells / cells)], 0.2, Style.Muted, "part of the cells");
            plot.Axes.Bottom.SetTicks([.. shown.Select((_, bar) => (double)bar)], [.. shown.Select(key => key.Key)]);
            plot.Axes.Bottom.TickLabelStyle.Rotation = shown.Length > MostBars / 2 ? 30 : 0;
            plot.Axes.Bottom.TickLabelStyle.Alignment = shown.Length > MostBars / 2 ? Alignment.MiddleLeft : Alignment.UpperCenter;
            plot.Axes.Bottom.MinimumSize = 60;
            plot.Title(keys.Length > shown.Length ? $"{mode}: the {shown.Length} most important of {keys.Length}" : mode);
            plot.YLabel("percent");
            Style.Finish(plot, i == 0 ? Alignment.UpperRight : null);
            plot.Axes.SetLimitsY(0, 1.25 * shown.Max(key => Math.Max(100 * key.Importance, 100 * key.Cells / cells)));
        }
        Picture.Save(plots, path, Style.Width, 300 * modes.Count);
    }

    /// <summary>The errors of each seed without and with augmentation, and that of the mean.</summary>
    public static void SaveErrors(double[] without, double[] with, double ofMean, string path)
    {
        using var plot = new Plot();
        Style.Bars(plot, without, -0.2, Style.Muted, "without augmentation");
        Style.Bars(plot, with, 0.2, Style.Model, "with augmentation (DAIN)");
        var line = plot.Add.HorizontalLine(ofMean);
        line.Color = Style.Truth;
        line.LinePattern = LinePattern.Dashed;
        line.LegendText = "the mean of the training cells";
        plot.Axes.Bottom.SetTicks([.. without.Select((_, seed) => (double)seed)], [.. without.Select((_, seed) => $"seed {seed + 1}")]);
        plot.Title("Error of cells that the training did not see");
        plot.YLabel("root mean squared error");
        Style.Finish(plot, Alignment.UpperRight);
        plot.Axes.SetLimitsY(0, 1.3 * new[] { ofMean, without.Max(), with.Max() }.Max());
        Picture.Save(plot, path, Style.Width, 500);
    }
}
