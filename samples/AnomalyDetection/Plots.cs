using Samples;
using ScottPlot;

namespace AnomalyDetection;

/// <summary>The picture of the sample.</summary>
internal static class Plots
{
    private static readonly Color s_known = Color.FromHex("#F5C542").WithAlpha(0.45);

    /// <summary>The series with the alerts on it, above the scores with their threshold; known anomalies are shaded.</summary>
    public static void SaveAlerts(IReadOnlyList<ScoredPoint> rows, int firstRow, string title, string path)
    {
        var plots = new Multiplot();
        plots.AddPlots(2);
        var (series, scores) = (plots.GetPlot(0), plots.GetPlot(1));
        foreach (var plot in new[] { series, scores })
        {
            Shade(plot, rows, firstRow);
        }
        Style.Line(series, [.. rows.Select(row => (double)row.Value)], firstRow, Style.Truth, "value", 1);
        int[] alerts = [.. Enumerable.Range(0, rows.Count).Where(row => rows[row].PredictedLabel)];
        if (alerts.Length > 0)
        {
            var markers = series.Add.Markers(alerts.Select(row => (double)firstRow + row).ToArray(), alerts.Select(row => (double)rows[row].Value).ToArray(), MarkerShape.FilledCircle, 6, Style.Model);
            markers.LegendText = $"alert ({alerts.Length})";
        }
        series.Title(title);
        Style.Finish(series, Alignment.UpperLeft);

        static double Level(float score) => Math.Log10(Math.Max(score, 1e-6));
        Style.Line(scores, [.. rows.Select(row => float.IsNaN(row.Score) ? double.NaN : Level(row.Score))], firstRow, Style.Muted, null, 1);
        var threshold = scores.Add.HorizontalLine(Level(rows[0].Threshold), 1.5f, Style.Model, LinePattern.Dashed);
        threshold.LegendText = "threshold";
        scores.YLabel("score, log10");
        scores.XLabel("row");
        Style.Finish(scores, Alignment.UpperLeft);
        Picture.Save(plots, path, Style.Width, 700);
    }

    private static void Shade(Plot plot, IReadOnlyList<ScoredPoint> rows, int firstRow)
    {
        for (var row = 0; row < rows.Count; row++)
        {
            if (rows[row].Label > 0)
            {
                var end = row;
                while (end < rows.Count && rows[end].Label > 0)
                {
                    end++;
                }
                plot.Add.HorizontalSpan(firstRow + row - 0.5, firstRow + end - 0.5, s_known);
                row = end;
            }
        }
    }
}
