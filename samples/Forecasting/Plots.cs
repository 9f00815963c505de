using MLNetExtensions.TimeSeries;
using ScottPlot;

namespace Forecasting;

/// <summary>The pictures of the sample.</summary>
internal static class Plots
{
    private const int Width = 1100;
    private const int MostChannels = 3;
    private const int MostNames = 30;
    private const int MostNumbers = 12;

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
            Band(plot, window, c);
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
    public static void SaveErrorByStep(ForecastingMetrics metrics, ForecastingModel model, int seasonality, string path)
    {
        using var plot = new Plot();
        Line(plot, [.. metrics.SeasonalNaivePerStep.Select(errors => errors.MeanAbsoluteError)], 1, s_history, $"naive: {seasonality} rows before");
        Line(plot, [.. metrics.PerStep.Select(errors => errors.MeanAbsoluteError)], 1, s_forecast, $"{model}", LinePattern.Solid, 2.5f);
        plot.Title("Mean absolute error by step, all test windows and channels");
        plot.XLabel("rows ahead");
        plot.YLabel("mean absolute error");
        Finish(plot, Alignment.LowerRight);
        plot.Axes.SetLimitsY(0, 1.1 * metrics.SeasonalNaivePerStep.Concat(metrics.PerStep).Max(errors => errors.MeanAbsoluteError));
        plot.SavePng(path, Width, 500);
    }

    /// <summary>How much each channel listens to each other one, in the first layer.</summary>
    public static void SaveInfluence(ChannelInfluence influence, string path)
    {
        var weights = influence.Layers[0];
        var channels = influence.ChannelNames.Count;
        using var plot = new Plot();
        var map = plot.Add.Heatmap(weights);
        map.Colormap = new ScottPlot.Colormaps.Viridis();
        var bar = plot.Add.ColorBar(map);
        bar.Label = "weight";
        bar.LabelStyle.Bold = false;
        var places = Enumerable.Range(0, channels).Select(i => (double)i).ToArray();
        string[] names = [.. influence.ChannelNames];
        plot.Axes.Bottom.SetTicks(places, names);
        // Row 0 of the matrix stands at the top.
        plot.Axes.Left.SetTicks([.. places.Reverse()], names);
        plot.Axes.Bottom.TickLabelStyle.IsVisible = plot.Axes.Left.TickLabelStyle.IsVisible = channels <= MostNames;
        plot.Axes.Bottom.MajorTickStyle.Length = plot.Axes.Left.MajorTickStyle.Length = 0;
        if (channels <= MostNumbers)
        {
            var (least, most) = (weights.Cast<double>().Min(), weights.Cast<double>().Max());
            for (var i = 0; i < channels; i++)
            {
                for (var j = 0; j < channels; j++)
                {
                    var text = plot.Add.Text($"{weights[i, j]:F2}", j, channels - 1 - i);
                    text.LabelAlignment = Alignment.MiddleCenter;
                    text.LabelFontColor = weights[i, j] > least + 0.65 * (most - least) ? Colors.Black : Colors.White;
                }
            }
        }
        plot.Title("What informs the forecast of a channel: weights of the first layer");
        plot.XLabel("informs");
        plot.YLabel("is forecast");
        plot.Axes.Bottom.Label.Bold = plot.Axes.Left.Label.Bold = false;
        plot.Axes.Margins(0, 0);
        plot.HideGrid();
        plot.SavePng(path, 800, 700);
    }

    private static void Band(Plot plot, ForecastWindow window, int channel)
    {
        var steps = Enumerable.Range(1, window.Truth.Length).Select(step => (double)step).ToArray();
        var band = plot.Add.FillY(steps, [.. window.Lower.Select(row => (double)row[channel])], [.. window.Upper.Select(row => (double)row[channel])]);
        band.FillColor = s_forecast.WithAlpha(0.18);
        band.LineWidth = 0;
        band.MarkerSize = 0;
        band.LegendText = $"{LoadForecasting.ConfidenceLevel:P0} bounds";
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
