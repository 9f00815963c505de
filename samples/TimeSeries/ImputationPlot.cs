using Samples;
using ScottPlot;

namespace TimeSeries;

/// <summary>The picture of the imputation.</summary>
internal static class ImputationPlot
{
    private const int Shown = 14 * 24;

    /// <summary>The two weeks with the most gaps: what is there, what was filled, and what is true; one channel above the other.</summary>
    public static void Save(float[][] truth, float[][] rows, float[][] filled, float[][] lines, IReadOnlyList<string> channels, string path)
    {
        var first = Enumerable.Range(0, (rows.Length - Shown) / 24 + 1).Select(day => 24 * day).MaxBy(start => rows[start..(start + Shown)].Sum(row => row.Count(float.IsNaN)));
        var plots = new Multiplot();
        plots.AddPlots(channels.Count);
        for (var channel = 0; channel < channels.Count; channel++)
        {
            var plot = plots.GetPlot(channel);
            foreach (var gap in Gaps(rows, channel, first))
            {
                plot.Add.HorizontalSpan(gap.Start - 0.5, gap.End - 0.5, Style.Muted.WithAlpha(0.15));
            }
            double[] Of(float[][] values, bool inGaps) => [.. Enumerable.Range(first, Shown).Select(row => inGaps && !IsNearGap(rows, row, channel) ? double.NaN : values[row][channel])];
            Style.Line(plot, Of(truth, inGaps: false), first, Style.Truth, "actual");
            Style.Line(plot, Of(lines, inGaps: true), first, Style.Muted, "lines");
            Style.Line(plot, Of(filled, inGaps: true), first, Style.Model, "TimesNet", 2.5f);
            plot.Title(channels[channel]);
            if (channel == channels.Count - 1)
            {
                plot.XLabel("hour; gaps are shaded");
            }
            Style.Finish(plot, channel == 0 ? Alignment.UpperLeft : null);
        }
        Picture.Save(plots, path, Style.Width, 60 + 240 * channels.Count);
    }

    // With the values on both sides, so that lines begin and end there.
    private static bool IsNearGap(float[][] rows, int row, int channel)
        => Enumerable.Range(row - 1, 3).Any(near => near >= 0 && near < rows.Length && float.IsNaN(rows[near][channel]));

    private static IEnumerable<(int Start, int End)> Gaps(float[][] rows, int channel, int first)
    {
        for (var row = first; row < first + Shown; row++)
        {
            var start = row;
            while (row < first + Shown && float.IsNaN(rows[row][channel]))
            {
                row++;
            }
            if (row > start)
            {
                yield return (start, row);
            }
        }
    }
}
