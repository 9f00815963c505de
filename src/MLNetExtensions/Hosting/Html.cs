using System.Globalization;
using System.Net;
using System.Text;
using System.Xml;

namespace MLNetExtensions;

/// <summary>Pieces of reports: HTML that is well-formed XML too, needs nothing from elsewhere, and is the same in every culture.</summary>
internal static partial class Html
{
    // More rows make a table that nobody reads.
    internal const int MostRows = 200;

    // More charts make a report that nobody scrolls through.
    internal const int MostCharts = 12;

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

    /// <summary>What a caption says of parts of which only the first are shown.</summary>
    internal static string More(int shown, int count, string what = "") => count > shown ? string.Create(CultureInfo.InvariantCulture, $" (the first {shown} of {count}{what})") : "";

    /// <summary>What is read only by who asks for it: shown when its title is clicked at.</summary>
    internal static string Folded(string title, string content) => $"<details><summary>{Encode(title)}</summary>{content}</details>";

    /// <summary>A table of names with one number each.</summary>
    internal static string Table(string caption, IEnumerable<(string Name, double Value)> rows)
        => Table(caption, ["", "value"], rows.Select(row => (string[])[row.Name, Number(row.Value)]));

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

    private static string Row(string element, IEnumerable<string> cells)
        => $"<tr>{string.Concat(cells.Select((cell, i) => $"<{element} style=\"{(i == 0 ? NameStyle : CellStyle)}\">{Encode(cell)}</{element}>"))}</tr>";
}
