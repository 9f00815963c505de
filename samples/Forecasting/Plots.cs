using MLNetExtensions.TimeSeries;
using Samples;
using ScottPlot;

namespace Forecasting;

/// <summary>The pictures of the sample.</summary>
internal static class Plots
{
    private const int MostChannels = 3;

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
            Style.Line(plot, [.. history.Select(row => row[c])], 1 - history.Length, Style.Muted, "end of the window");
            // Both begin at the last known value.
            Style.Line(plot, [last, .. window.Truth.Select(row => row[c])], 0, Style.Truth, "actual");
            Style.Line(plot, [last, .. window.Forecast.Select(row => row[c])], 0, Style.Model, "forecast", 2.5f);
            plot.Add.VerticalLine(0, 1, Style.Muted, LinePattern.Dotted);
            plot.Title(channels[c]);
            if (c == shown - 1)
            {
                plot.XLabel("rows after the end of the window");
            }
            // The legend stands in the first plot for all.
            Style.Finish(plot, c == 0 ? Alignment.UpperLeft : null);
        }
        Picture.Save(plots, path, Style.Width, 60 + 260 * shown);
    }

    /// <summary>The mean absolute error of each step ahead.</summary>
    public static void SaveErrorByStep(ForecastingMetrics metrics, ForecastingModel model, int seasonality, string path)
    {
        using var plot = new Plot();
        Style.Line(plot, [.. metrics.SeasonalNaivePerStep.Select(errors => errors.MeanAbsoluteError)], 1, Style.Muted, $"naive: {seasonality} rows before");
        Style.Line(plot, [.. metrics.PerStep.Select(errors => errors.MeanAbsoluteError)], 1, Style.Model, $"{model}", 2.5f);
        plot.Title("Mean absolute error by step, all test windows and channels");
        plot.XLabel("rows ahead");
        plot.YLabel("mean absolute error");
        Style.Finish(plot, Alignment.LowerRight);
        plot.Axes.SetLimitsY(0, 1.1 * metrics.SeasonalNaivePerStep.Concat(metrics.PerStep).Max(errors => errors.MeanAbsoluteError));
        Picture.Save(plot, path, Style.Width, 500);
    }

    /// <summary>How much each channel listens to each other one, in the first layer.</summary>
    public static void SaveInfluence(ChannelInfluence influence, string path)
    {
        using var plot = MatrixPlot.Draw(influence.Layers[0], [.. influence.ChannelNames], "What informs the forecast of a channel: weights of the first layer", "informs", "is forecast", "weight", "F2");
        Picture.Save(plot, path, 800, 700);
    }

    private static void Band(Plot plot, ForecastWindow window, int channel)
    {
        var steps = Enumerable.Range(1, window.Truth.Length).Select(step => (double)step).ToArray();
        var band = plot.Add.FillY(steps, [.. window.Lower.Select(row => (double)row[channel])], [.. window.Upper.Select(row => (double)row[channel])]);
        band.FillColor = Style.Model.WithAlpha(0.18);
        band.LineWidth = 0;
        band.MarkerSize = 0;
        band.LegendText = $"{LoadForecasting.ConfidenceLevel:P0} bounds";
    }
}
