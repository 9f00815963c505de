using System.Net;
using System.Text;
using ScottPlot;

namespace Samples;

/// <summary>A page that needs no other file: its pictures are inside.</summary>
internal sealed class Report(string title)
{
    // Screens with two points for a pixel show pictures as sharp as text.
    private const int PixelsOfPoint = 2;

    private const string Head = """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width"/>
        """;

    private const string Styles = """
        body{font:16px/1.5 system-ui,sans-serif;color:#1f2933;max-width:68em;margin:2em auto;padding:0 1.5em}
        h1{font-size:1.9em;line-height:1.2}h2{font-size:1.3em;margin-top:2em;border-bottom:1px solid #ddd}p{max-width:50em}
        img{max-width:100%;height:auto}section,figure{margin:1em 0;overflow-x:auto}
        table{border-collapse:collapse;margin:1em 0}th,td{padding:3px 12px;border-bottom:1px solid #ddd;text-align:right}th:first-child,td:first-child{text-align:left}
        """;

    private readonly StringBuilder _body = new();

    public void Heading(string text) => _body.AppendLine($"<h2>{Encode(text)}</h2>");

    public void Paragraph(string text) => _body.AppendLine($"<p>{Encode(text)}</p>");

    /// <summary>A part that is HTML already, such as what <c>ToHtml()</c> of metrics gives.</summary>
    public void Html(string html) => _body.AppendLine(html);

    /// <summary>A table whose first column holds names and the others numbers.</summary>
    public void Table(IEnumerable<string> header, IEnumerable<IEnumerable<string>> rows)
    {
        _body.Append("<table><thead>").Append(Row("th", header)).Append("</thead><tbody>");
        foreach (var row in rows)
        {
            _body.Append(Row("td", row));
        }
        _body.AppendLine("</tbody></table>");
    }

    /// <summary>A picture from a PNG file.</summary>
    public void Picture(string path, string description) => Picture(File.ReadAllBytes(path), description, "");

    /// <summary>A chart, of the given size in points of the page.</summary>
    public void Chart(Plot plot, string description, int width, int height)
    {
        plot.ScaleFactor = PixelsOfPoint;
        Picture(plot.GetImageBytes(width * PixelsOfPoint, height * PixelsOfPoint, ImageFormat.Png), description, $" width=\"{width}\" height=\"{height}\"");
    }

    public void Save(string path) => File.WriteAllText(path, $"{Head}<title>{Encode(title)}</title><style>\n{Styles}\n</style></head>\n<body><h1>{Encode(title)}</h1>\n{_body}</body></html>\n");

    private void Picture(byte[] png, string description, string size)
        => _body.AppendLine($"<figure><img alt=\"{Encode(description)}\"{size} src=\"data:image/png;base64,{Convert.ToBase64String(png)}\"/></figure>");

    private static string Row(string element, IEnumerable<string> cells) => $"<tr>{string.Concat(cells.Select(cell => $"<{element}>{Encode(cell)}</{element}>"))}</tr>";

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
