using MLNetExtensions.TimeSeries;
using ScottPlot;

namespace Forecasting;

/// <summary>The pictures of the sample.</summary>
internal static class Plots
{
    private const int Width = 1100;
    private const int MostChannels = 3;

    private static readonly Color s_history = Color.FromHex("#8A8F98");
    private static readonly Color s_truth = Color.FromHex("#1F2933");
    private static readonly Color s_forecast = Color.FromHex("#D9480F");

    /// <summary>The end of the window, what was forecast and what came, for the first channels, one above the other.</summary>
    public static void SaveForecast(ForecastWindow window, IReadOnlyList<string> channels, string path)
    {
        var shown = Math.Min(MostChannels, channels.Count);
        var plots = new Multiplot();
        plots.AddPlots(shown);
        var history = window.History.TakeLast(3 * window.Truth.Length).ToArray();
        for (var c = 0; c < shown; c++)
        {
            var plot = plots.GetPlot(c);
            var last = history[^1][c];
            Line(plot, [.. history.Select(row => row[c])], 1 - history.Length, s_history, "end of the window");
            // Both begin at the last known value.
            Line(plot, [last, .. window.Truth.Select(row => row[c])], 0, s_truth, "actual");
            Line(plot, [last, .. window.Forecast.Select(row => row[c])], 0, s_forecast, "forecast", LinePattern.Solid, 2.5f);
            plot.Add.VerticalLine(0, 1, s_history, LinePattern.Dotted);
            plot.Title(channels[c]);
            if (c == shown - 1)
            {
                plot.XLabel("rows after the end of the window");
            }
            Finish(plot, Alignment.UpperLeft);
            // Room for the legend, which stands in the first plot for all.
            plot.Axes.Margins(0.01, 0.01, 0.08, c == 0 ? 0.3 : 0.08);
            plot.Legend.Orientation = Orientation.Horizontal;
            plot.Legend.IsVisible = c == 0;
        }
        plots.SavePng(path, Width, 60 + 260 * shown);
    }

    /// <summary>The mean absolute error of each step ahead.</summary>
    public static void SaveErrorByStep(ForecastingMetrics metrics, int seasonality, string path)
    {
        using var plot = new Plot();
        Line(plot, [.. metrics.SeasonalNaivePerStep.Select(errors => errors.MeanAbsoluteError)], 1, s_history, $"naive: {seasonality} rows before");
        Line(plot, [.. metrics.PerStep.Select(errors => errors.MeanAbsoluteError)], 1, s_forecast, "OLinear", LinePattern.Solid, 2.5f);
        plot.Title("Mean absolute error by step, all test windows and channels");
        plot.XLabel("rows ahead");
        plot.YLabel("mean absolute error");
        Finish(plot, Alignment.LowerRight);
        plot.Axes.SetLimitsY(0, 1.1 * metrics.SeasonalNaivePerStep.Concat(metrics.PerStep).Max(errors => errors.MeanAbsoluteError));
        plot.SavePng(path, Width, 500);
    }

    private static void Line<T>(Plot plot, T[] values, double firstX, Color color, string name, LinePattern pattern = default, float width = 1.5f)
        where T : struct
    {
        var line = plot.Add.Signal(values, color: color);
        line.Data.XOffset = firstX;
        line.LegendText = name;
        line.LinePattern = pattern;
        line.LineWidth = width;
        line.MaximumMarkerSize = 0;
    }

    private static void Finish(Plot plot, Alignment legend)
    {
        plot.ShowLegend(legend).ShadowColor = Colors.Transparent;
        plot.Axes.Bottom.Label.Bold = false;
        plot.Axes.Left.Label.Bold = false;
        plot.Axes.Margins(horizontal: 0.01);
        plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Axes.Top.FrameLineStyle.Width = 0;
    }
}
