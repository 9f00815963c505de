using System.Net;
using System.Text;

namespace ImageClassification;

/// <summary>A page that needs no other file: its pictures are inside.</summary>
internal sealed class Report(string title)
{
    private const string Head = """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width"/>
        """;

    private const string Style = "body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}img{max-width:100%}table{border-collapse:collapse}th,td{padding:2px 10px;border-bottom:1px solid #ddd;text-align:right}th:first-child,td:first-child{text-align:left}";

    private readonly StringBuilder _body = new();

    public void Heading(string text) => _body.AppendLine($"<h2>{Encode(text)}</h2>");

    public void Paragraph(string text) => _body.AppendLine($"<p>{Encode(text)}</p>");

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
    public void Picture(string path, string description)
        => _body.AppendLine($"<p><img alt=\"{Encode(description)}\" src=\"data:image/png;base64,{Convert.ToBase64String(File.ReadAllBytes(path))}\"/></p>");

    public void Save(string path) => File.WriteAllText(path, $"{Head}<title>{Encode(title)}</title><style>{Style}</style></head>\n<body><h1>{Encode(title)}</h1>\n{_body}</body></html>\n");

    private static string Row(string element, IEnumerable<string> cells) => $"<tr>{string.Concat(cells.Select(cell => $"<{element}>{Encode(cell)}</{element}>"))}</tr>";

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
