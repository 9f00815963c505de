using Markdig;
using Markdig.Extensions.Tables;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;
using MLNetExtensions.Tests.Golden;

namespace MLNetExtensions.SampleTests.Docs;

/// <summary>A page of the repository, parsed.</summary>
/// <remarks>
/// Three hidden comments are read by the tests. <c>given</c>: declarations that the code blocks behind it presuppose. <c>inside</c>, before a block: the code around it, whose line
/// <c>…</c> stands for the block. <c>options NAME</c>: the class whose options the tables behind it list; <c>columns</c> ends it.
/// </remarks>
internal sealed class MarkdownPage
{
    private static readonly MarkdownPipeline s_pipeline = new MarkdownPipelineBuilder().UsePipeTables().UseAutoIdentifiers(Markdig.Extensions.AutoIdentifiers.AutoIdentifierOptions.GitHub).Build();

    private readonly MarkdownDocument _document;

    internal MarkdownPage(string path, string text)
    {
        Path = path;
        Text = text;
        _document = Markdown.Parse(text, s_pipeline);
    }

    /// <summary>Every page: those of the root, of docs/ and of the samples.</summary>
    internal static IReadOnlyList<MarkdownPage> All { get; } =
    [
        .. new[] { "", "docs", "samples", ".github" }.Select(folder => System.IO.Path.Combine(GoldenFiles.RepositoryRoot, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.md", folder.EndsWith("samples", StringComparison.Ordinal) ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly))
            .Order(StringComparer.Ordinal)
            .Select(file => new MarkdownPage(System.IO.Path.GetRelativePath(GoldenFiles.RepositoryRoot, file).Replace('\\', '/'), File.ReadAllText(file))),
    ];

    /// <summary>Seen from the root of the repository, with slashes.</summary>
    internal string Path { get; }

    internal string Text { get; }

    internal IEnumerable<string> Anchors => _document.Descendants<HeadingBlock>().Select(heading => heading.TryGetAttributes()?.Id ?? "");

    internal IEnumerable<string> Links => _document.Descendants<LinkInline>().Select(link => link.Url ?? "");

    internal IEnumerable<FencedCodeBlock> CodeBlocks => _document.Descendants<FencedCodeBlock>();

    /// <summary>The blocks of C# code, each with what it presupposes.</summary>
    internal IEnumerable<CodeSample> CodeSamples
    {
        get
        {
            var given = "";
            var around = "";
            foreach (var block in _document)
            {
                switch (block)
                {
                    case HtmlBlock html when Comment(html, "given") is { } code:
                        given += code;
                        break;
                    case HtmlBlock html when Comment(html, "inside") is { } code:
                        around = code;
                        break;
                    case FencedCodeBlock { Info: "csharp" } fenced:
                        var text = fenced.Lines.ToString();
                        yield return new($"{Path}:{fenced.Line + 1}", given, around.Length == 0 ? text : around.Replace("\n…\n", $"\n{text}\n"));
                        around = "";
                        break;
                }
            }
        }
    }

    /// <summary>The rows of the tables that list the options of a class, cell by cell: names, defaults, guidance.</summary>
    internal IEnumerable<(string Type, string[] Cells)> OptionRows
    {
        get
        {
            string? type = null;
            foreach (var block in _document)
            {
                if (block is HtmlBlock html && html.Type == HtmlBlockType.Comment)
                {
                    type = html.Lines.ToString().Trim() is var text && text.StartsWith("<!-- options ", StringComparison.Ordinal) ? text["<!-- options ".Length..^"-->".Length].Trim() : null;
                }
                else if (type is not null && block is Table table)
                {
                    foreach (var row in table.OfType<TableRow>().Where(row => !row.IsHeader))
                    {
                        yield return (type, [.. row.OfType<TableCell>().Select(Source)]);
                    }
                }
            }
        }
    }

    private string Source(TableCell cell)
        => string.Concat(cell.Descendants<LeafInline>().Select(inline => inline switch { CodeInline code => $"`{code.Content}`", LiteralInline literal => literal.Content.ToString(), HtmlEntityInline entity => entity.Transcoded.ToString(), _ => " " })).Trim();

    private static string? Comment(HtmlBlock html, string kind)
    {
        var text = html.Lines.ToString().Trim();
        return html.Type == HtmlBlockType.Comment && text.StartsWith($"<!-- {kind}\n", StringComparison.Ordinal) ? text[$"<!-- {kind}".Length..^"-->".Length] : null;
    }
}

/// <summary>Code of a page.</summary>
/// <param name="Place">Page and line.</param>
/// <param name="Given">The declarations that it presupposes, in a file of their own.</param>
/// <param name="Code">The code.</param>
internal sealed record CodeSample(string Place, string Given, string Code)
{
    public override string ToString() => Place;
}
