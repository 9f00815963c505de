using System.Globalization;
using System.Text;

namespace MLNetExtensions;

/// <summary>Charts, as SVG within the text.</summary>
internal static partial class Html
{
    private const double ChartWidth = 480;

    private const int LegendColumns = 4;

    // More channels make squares that nobody tells apart.
    private const int MostSquares = 40;

    private const int LongestName = 24;

    private static readonly string[] s_colors = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"];

    /// <summary>Colours that are told apart, again and again.</summary>
    internal static string Color(int i) => s_colors[i % s_colors.Length];

    /// <summary>Lines over 1, 2, 3 …, from zero up or, where they are no sizes, from the least value up.</summary>
    internal static string LineChart(string title, string xTitle, bool fromZero, params IReadOnlyList<ChartLine> lines)
        => LineChart(title, xTitle, fromZero, [.. Enumerable.Range(1, lines.Max(line => line.Values.Count)).Select(i => (double)i)], lines);

    /// <summary>Lines over places in rising order, from zero up or, where they are no sizes, from the least value up.</summary>
    internal static string LineChart(string title, string xTitle, bool fromZero, IReadOnlyList<double> x, params IReadOnlyList<ChartLine> lines)
    {
        const double Left = 60, Top = 30, Height = 180;
        var finite = lines.SelectMany(line => line.Values.Concat(line.Lower ?? []).Concat(line.Upper ?? [])).Where(double.IsFinite).DefaultIfEmpty(0).ToArray();
        var bottom = fromZero ? Math.Min(0, finite.Min()) : finite.Min();
        var top = finite.Max() > bottom ? finite.Max() : bottom + 1;
        var (first, last) = x.Count > 0 ? (x[0], x[^1]) : (0, 0);
        double X(double place) => Left + (last > first ? ChartWidth * (place - first) / (last - first) : 0);
        double Y(double value) => Top + Height * (1 - (value - bottom) / (top - bottom));
        string Points(IEnumerable<(double X, double Y)> places) => string.Join(' ', places.Select(place => string.Create(CultureInfo.InvariantCulture, $"{X(place.X):F1},{Y(place.Y):F1}")));

        var svg = Begin(title, Left + ChartWidth + 20, Top + Height + 44 + 16 * ((lines.Count + LegendColumns - 1) / LegendColumns));
        svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{Left:F0} {Top:F0}V{Top + Height:F0}H{Left + ChartWidth:F0}\" fill=\"none\" stroke=\"#888\"/>");
        svg.Append(Text(Left, 16, "start", title)).Append(Text(Left - 6, Top + 10, "end", Number(top))).Append(Text(Left - 6, Top + Height, "end", Number(bottom)));
        svg.Append(Text(Left, Top + Height + 16, "middle", Number(first))).Append(Text(Left + ChartWidth / 2, Top + Height + 16, "middle", xTitle));
        if (last > first)
        {
            svg.Append(Text(Left + ChartWidth, Top + Height + 16, "middle", Number(last)));
        }
        foreach (var line in lines.Where(line => line.Lower is not null && line.Upper is not null))
        {
            var band = line.Lower!.Zip(line.Upper!).Zip(x, (edges, place) => (X: place, Lower: edges.First, Upper: edges.Second)).Where(edges => double.IsFinite(edges.Lower) && double.IsFinite(edges.Upper)).ToArray();
            svg.Append($"<polygon fill=\"{Encode(line.Color)}\" fill-opacity=\"0.2\" points=\"{Points(band.Select(edges => (edges.X, edges.Lower)).Concat(band.Reverse().Select(edges => (edges.X, edges.Upper))))}\"/>");
        }
        foreach (var (i, line) in lines.Index())
        {
            var places = line.Values.Zip(x, (value, place) => (X: place, Y: value)).Where(place => double.IsFinite(place.Y)).ToArray();
            svg.Append($"<polyline fill=\"none\" stroke=\"{Encode(line.Color)}\" stroke-width=\"2\" points=\"{Points(places)}\"/>");
            foreach (var place in places.Length == 1 ? places : [])
            {
                svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{X(place.X):F1}\" cy=\"{Y(place.Y):F1}\" r=\"3\" fill=\"{Encode(line.Color)}\"/>");
            }
            var legend = (X: Left + i % LegendColumns * ChartWidth / Math.Min(lines.Count, LegendColumns), Y: Top + Height + 36 + 16 * (i / LegendColumns));
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{legend.X:F1}\" y=\"{legend.Y:F1}\" width=\"16\" height=\"4\" fill=\"{Encode(line.Color)}\"/>");
            svg.Append(Text(legend.X + 22, legend.Y + 6, "start", line.Name));
        }
        return svg.Append("</svg>").ToString();
    }

    /// <summary>A bar for each name, to the right of zero, or to its left where the value is negative.</summary>
    /// <param name="title">What stands above it.</param>
    /// <param name="bars">The bars.</param>
    /// <param name="full">What the width stands for, where no bar is longer: 1 for parts of a whole.</param>
    internal static string BarChart(string title, IReadOnlyList<(string Name, double Value)> bars, double full = 0)
    {
        const double Left = 180, Top = 30, Step = 20, Room = 70;
        var finite = bars.Select(bar => bar.Value).Where(double.IsFinite).Append(0).Append(full).ToArray();
        var (least, most) = (finite.Min(), finite.Max());
        double X(double value) => Left + (most > least ? (ChartWidth - Room) * (value - least) / (most - least) : 0);
        var svg = Begin(title, Left + ChartWidth, Top + Step * bars.Count + 10);
        svg.Append(Text(Left, 16, "start", title));
        foreach (var (i, (name, value)) in bars.Index())
        {
            var y = Top + Step * i;
            svg.Append(Text(Left - 8, y + 13, "end", Short(name)));
            if (double.IsFinite(value))
            {
                svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Math.Min(X(0), X(value)):F1}\" y=\"{y + 3:F1}\" width=\"{Math.Abs(X(value) - X(0)):F1}\" height=\"{Step - 6:F1}\" fill=\"{s_colors[0]}\"/>");
            }
            svg.Append(Text(X(double.IsFinite(value) ? Math.Max(0, value) : 0) + 6, y + 13, "start", Number(value)));
        }
        return svg.Append("</svg>").ToString();
    }

    /// <summary>A square for each pair of names, the darker the larger its share of the largest value; values are not negative.</summary>
    internal static string HeatMap(string title, IReadOnlyList<string> names, double[,] values)
    {
        const double Left = 180, Top = 30, Side = 22;
        var count = Math.Min(names.Count, MostSquares);
        var most = values.Cast<double>().Where(double.IsFinite).DefaultIfEmpty(0).Max();
        var svg = Begin(title, Left + Math.Max(Side * count, ChartWidth / 2) + 20, Top + Side * count + 24);
        svg.Append(Text(Left, 16, "start", title + More(count, names.Count)));
        for (var row = 0; row < count; row++)
        {
            svg.Append(Text(Left - 8, Top + Side * row + 15, "end", string.Create(CultureInfo.InvariantCulture, $"{Short(names[row])} ({row + 1})")));
            svg.Append(Text(Left + Side * row + Side / 2, Top + Side * count + 16, "middle", Number(row + 1L)));
            for (var column = 0; column < count; column++)
            {
                var share = double.IsFinite(values[row, column]) && most > 0 ? Math.Max(0, values[row, column] / most) : 0;
                svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Left + Side * column:F1}\" y=\"{Top + Side * row:F1}\" width=\"{Side:F1}\" height=\"{Side:F1}\" fill=\"{s_colors[0]}\" fill-opacity=\"{share:F3}\" stroke=\"#ddd\">");
                svg.Append($"<title>{Encode($"{names[row]}, {names[column]}: {Number(values[row, column])}")}</title></rect>");
            }
        }
        return svg.Append("</svg>").ToString();
    }

    private static StringBuilder Begin(string title, double width, double height)
        => new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:F0}\" height=\"{height:F0}\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">")
            .Append($"<title>{Encode(title)}</title>");

    private static string Short(string name) => name.Length > LongestName ? $"{name[..(LongestName - 1)]}…" : name;

    private static string Text(double x, double y, string anchor, string text)
        => string.Create(CultureInfo.InvariantCulture, $"<text x=\"{x:F1}\" y=\"{y:F1}\" text-anchor=\"{anchor}\">{Encode(text)}</text>");
}
