using System.Globalization;
using System.Text;

namespace MLNetExtensions.TimeSeries;

/// <summary>The forecast of one series, for people: the steps ahead by the channels that are forecast, in the units of the data.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class ForecastResult : IDisplayed
{
    internal ForecastResult(string group, IReadOnlyList<string> channelNames, IReadOnlyList<float[,]> results)
    {
        Group = group;
        ChannelNames = channelNames;
        Forecast = results[0];
        (Lower, Upper) = results.Count > 1 ? (results[1], results[2]) : (null, null);
    }

    /// <summary>The series that was forecast; empty where the model knows only one.</summary>
    public string Group { get; }

    /// <summary>The number of steps.</summary>
    public int Horizon => Forecast.GetLength(0);

    /// <summary>The names of the channels that are forecast.</summary>
    public IReadOnlyList<string> ChannelNames { get; }

    /// <summary>The forecast [step, channel]; NaN where there is none.</summary>
    public float[,] Forecast { get; }

    /// <summary>The lower bounds [step, channel]; NaN beyond the trained horizon. Null where the model has no bounds.</summary>
    public float[,]? Lower { get; }

    /// <summary>The upper bounds [step, channel]; NaN beyond the trained horizon. Null where the model has no bounds.</summary>
    public float[,]? Upper { get; }

    /// <summary>A table, one line for each step.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{"step",6}");
        foreach (var name in ChannelNames)
        {
            text.Append(CultureInfo.InvariantCulture, $" {name,12}");
            if (Lower is not null)
            {
                text.Append(CultureInfo.InvariantCulture, $" {"lower",12} {"upper",12}");
            }
        }
        for (var step = 0; step < Horizon; step++)
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"{"+" + (step + 1).ToString(CultureInfo.InvariantCulture),6}");
            for (var channel = 0; channel < ChannelNames.Count; channel++)
            {
                text.Append(CultureInfo.InvariantCulture, $" {Forecast[step, channel],12:G5}");
                if (Lower is not null)
                {
                    text.Append(CultureInfo.InvariantCulture, $" {Lower[step, channel],12:G5} {Upper![step, channel],12:G5}");
                }
            }
        }
        return text.ToString();
    }

    /// <summary>A chart for each of the first channels, and a table.</summary>
    /// <returns>A piece of HTML that needs nothing from elsewhere.</returns>
    public string ToHtml() => Html.Section(Group.Length == 0 ? "Forecast" : $"Forecast of {Group}",
        [.. ChannelNames.Take(Html.MostCharts).Select((name, channel) => ForecastHtml.ForecastChart(name, Channel(Forecast, channel)!, Channel(Lower, channel), Channel(Upper, channel))), ForecastHtml.ForecastTable(this)]);

    private double[]? Channel(float[,]? values, int channel) => values is null ? null : [.. Enumerable.Range(0, Horizon).Select(step => (double)values[step, channel])];
}
