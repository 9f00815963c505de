using System.Globalization;
using System.Net;
using System.Text;
using System.Xml;

namespace MLNetExtensions;

/// <summary>Pieces of reports: HTML that is well-formed XML too, needs nothing from elsewhere, and is the same in every culture.</summary>
internal static class Html
{
    private const string CellStyle = "padding:2px 10px;border-bottom:1px solid #ddd;text-align:right";

    private const string NameStyle = "padding:2px 10px;border-bottom:1px solid #ddd;text-align:left";

    /// <summary>Text as it may stand in an element or an attribute; characters that XML does not know become U+FFFD.</summary>
    internal static string Encode(string text)
    {
        var valid = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
            {
                valid.Append(text[i]).Append(text[++i]);
            }
            else
            {
                valid.Append(XmlConvert.IsXmlChar(text[i]) ? text[i] : '\uFFFD');
            }
        }
        return WebUtility.HtmlEncode(valid.ToString());
    }

    internal static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);

    internal static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    internal static string Section(string title, IEnumerable<string> parts)
        => $"<section style=\"font-family:sans-serif;font-size:14px\"><h3>{Encode(title)}</h3>\n{string.Join('\n', parts)}\n</section>";

    internal static string Paragraph(string text) => $"<p>{Encode(text)}</p>";

    internal static string Paragraph(FormattableString text) => Paragraph(FormattableString.Invariant(text));

    /// <summary>A table whose first column holds names and the others numbers.</summary>
    internal static string Table(string caption, IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        var html = new StringBuilder();
        html.Append($"<table style=\"border-collapse:collapse;margin:8px 0\"><caption style=\"text-align:left;font-weight:bold\">{Encode(caption)}</caption>");
        html.Append("<thead>").Append(Row("th", header)).Append("</thead><tbody>");
        foreach (var row in rows)
        {
            html.Append(Row("td", row));
        }
        return html.Append("</tbody></table>").ToString();
    }

    /// <summary>Lines over 1, 2, 3 …, from zero up or, where they are no sizes, from the least value up.</summary>
    internal static string LineChart(string title, string xTitle, bool fromZero, params IReadOnlyList<(string Name, string Color, IReadOnlyList<double> Values)> lines)
    {
        const double Left = 60, Top = 30, Width = 480, Height = 180;
        var points = lines.Max(line => line.Values.Count);
        var finite = lines.SelectMany(line => line.Values).Where(double.IsFinite).DefaultIfEmpty(0).ToArray();
        var bottom = fromZero ? 0 : finite.Min();
        var top = finite.Max() > bottom ? finite.Max() : bottom + 1;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Left + Width + 20:F0}\" height=\"{Top + Height + 60:F0}\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">");
        svg.Append($"<title>{Encode(title)}</title>");
        svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{Left:F0} {Top:F0}V{Top + Height:F0}H{Left + Width:F0}\" fill=\"none\" stroke=\"#888\"/>");
        svg.Append(Text(Left, 16, "start", title)).Append(Text(Left - 6, Top + 10, "end", Number(top))).Append(Text(Left - 6, Top + Height, "end", Number(bottom)));
        svg.Append(Text(Left, Top + Height + 16, "middle", "1")).Append(Text(Left + Width / 2, Top + Height + 16, "middle", xTitle));
        if (points > 1)
        {
            svg.Append(Text(Left + Width, Top + Height + 16, "middle", Number(points)));
        }
        for (var i = 0; i < lines.Count; i++)
        {
            var (name, color, values) = lines[i];
            var places = values.Select((value, j) => (X: Left + (points > 1 ? Width * j / (points - 1) : 0), Y: Top + Height * (1 - (value - bottom) / (top - bottom)))).Where(place => double.IsFinite(place.Y)).ToArray();
            svg.Append($"<polyline fill=\"none\" stroke=\"{Encode(color)}\" stroke-width=\"2\" points=\"{string.Join(' ', places.Select(place => string.Create(CultureInfo.InvariantCulture, $"{place.X:F1},{place.Y:F1}")))}\"/>");
            foreach (var (x, y) in places.Length == 1 ? places : [])
            {
                svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{x:F1}\" cy=\"{y:F1}\" r=\"3\" fill=\"{Encode(color)}\"/>");
            }
            var legend = Left + i * Width / lines.Count;
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{legend:F1}\" y=\"{Top + Height + 36:F1}\" width=\"16\" height=\"4\" fill=\"{Encode(color)}\"/>");
            svg.Append(Text(legend + 22, Top + Height + 42, "start", name));
        }
        return svg.Append("</svg>").ToString();
    }

    private static string Text(double x, double y, string anchor, string text)
        => string.Create(CultureInfo.InvariantCulture, $"<text x=\"{x:F1}\" y=\"{y:F1}\" text-anchor=\"{anchor}\">{Encode(text)}</text>");

    private static string Row(string element, IEnumerable<string> cells)
        => $"<tr>{string.Concat(cells.Select((cell, i) => $"<{element} style=\"{(i == 0 ? NameStyle : CellStyle)}\">{Encode(cell)}</{element}>"))}</tr>";
}
