using System.Globalization;

namespace MLNetExtensions.TimeSeries;

/// <summary>How much each channel listens to each other one, in the mixing matrices of OLinear (the paper's NormLin): positive weights that sum to 1 in each row.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class ChannelInfluence : IDisplayed
{
    internal ChannelInfluence(IReadOnlyList<string> channelNames, IReadOnlyList<double[,]> layers)
    {
        ChannelNames = channelNames;
        Layers = layers;
    }

    /// <summary>The names of the channels, in the order of rows and columns.</summary>
    public IReadOnlyList<string> ChannelNames { get; }

    /// <summary>The matrix of each encoder layer: in row i and column j the weight of channel j for channel i.</summary>
    public IReadOnlyList<double[,]> Layers { get; }

    /// <summary>The matrix of each layer.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString()
        => string.Join(Environment.NewLine, Layers.Select((layer, i) => $"{Title(i)}{Environment.NewLine}{TextTable.Of(["", .. ChannelNames],
            [.. ChannelNames.Select((name, row) => (string[])[name, .. ChannelNames.Select((_, column) => Html.Number(layer[row, column]))])])}"));

    /// <summary>The matrix of each layer as a chart: the darker a square, the more the channel of the row listens to that of the column.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml() => Html.Section("Channel influence", Layers.Select((layer, i) => Html.HeatMap(Title(i), ChannelNames, layer)));

    private static string Title(int layer) => string.Create(CultureInfo.InvariantCulture, $"layer {layer + 1}");
}
