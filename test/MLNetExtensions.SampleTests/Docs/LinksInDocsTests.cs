using System.Text.RegularExpressions;
using MLNetExtensions.Tests.Golden;

namespace MLNetExtensions.SampleTests.Docs;

/// <summary>What pages point to is there: other pages, their sections, files, folders, and the commands of the benchmarks.</summary>
[TestClass]
public sealed partial class LinksInDocsTests
{
    [TestMethod]
    public void LinksLeadToPagesAndSections()
    {
        var wrong = from page in MarkdownPage.All
                    from link in page.Links
                    where !link.StartsWith("https://", StringComparison.Ordinal) && !IsThere(page, link)
                    select $"{page.Path}: {link}";
        Found.Nothing(wrong);
    }

    [TestMethod]
    public void FilesThatAreNamedExist()
    {
        var wrong = from page in MarkdownPage.All
                    from Match path in PathOfTheRepository().Matches(page.Text)
                    where !Exists(path.Value.TrimEnd('.', '/'))
                    select $"{page.Path}: {path.Value}";
        Found.Nothing(wrong);
    }

    /// <summary>Whoever knows the page of one estimator finds his way on all of them.</summary>
    [TestMethod]
    [DataRow("olinear")]
    [DataRow("timesnet")]
    [DataRow("equiangular-basis-vectors")]
    [DataRow("transductive-few-shot")]
    [DataRow("functional-bayesian-tucker")]
    [DataRow("neural-tensor-completion")]
    public void PagesHaveOneOutline(string name)
    {
        var page = MarkdownPage.All.Single(page => page.Path == $"docs/{name}.md");
        Found.Nothing(new[] { "when-to-use-it", "how-it-computes", "limits", "sources" }.Except(page.Anchors));
        Found.Nothing(new[] { "Cost", "```csharp", "<!-- options ", "model file", $"](images/{name}.svg)", "](benchmarks.md", "](../samples/" }.Where(part => !page.Text.Contains(part, StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>Pictures are text that loads nothing, small enough for a repository, and shown on a page.</summary>
    [TestMethod]
    public void PicturesAreSmallAndUsed()
    {
        string[] pictures = Directory.GetFiles(Path.Combine(GoldenFiles.RepositoryRoot, "docs", "images"));
        Assert.IsGreaterThan(5, pictures.Length);
        Found.Nothing(from picture in pictures
                      let text = File.ReadAllText(picture)
                      where Path.GetExtension(picture) != ".svg" || new FileInfo(picture).Length > 50 * 1024 || ForeignReference().IsMatch(text) || !MarkdownPage.All.Any(page => page.Links.Contains($"images/{Path.GetFileName(picture)}"))
                      select picture);
    }

    [TestMethod]
    public void CommandsOfTheBenchmarksExistAndAreDescribed()
    {
        var sources = string.Concat(Directory.EnumerateFiles(Path.Combine(GoldenFiles.RepositoryRoot, "test", "MLNetExtensions.Benchmarks"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)).Select(File.ReadAllText));
        string[] known = [.. CommandOfBenchmarks().Matches(sources).Select(match => match.Groups[1].Value)];
        Assert.IsGreaterThan(20, known.Length);
        var unknown = from page in MarkdownPage.All
                      from Match command in CommandInText().Matches(page.Text)
                      where !known.Contains(command.Groups[1].Value)
                      select $"{page.Path}: {command.Value}";
        Found.Nothing(unknown);
    }

    [TestMethod]
    [DataRow("docs/olinear.md", "timesnet.md#forecasting", true)]
    [DataRow("docs/olinear.md", "timesnet.md#no-such-section", false)]
    [DataRow("docs/olinear.md", "../README.md", true)]
    [DataRow("docs/olinear.md", "README.md", false)]
    [DataRow("README.md", "samples/Forecasting", true)]
    [DataRow("README.md", "#versions", true)]
    [DataRow("README.md", "#nothing", false)]
    public void AWrongLinkIsFound(string from, string link, bool expected) => Assert.AreEqual(expected, IsThere(MarkdownPage.All.Single(page => page.Path == from), link));

    private static bool IsThere(MarkdownPage page, string link)
    {
        var parts = link.Split('#', 2);
        var target = parts[0].Length == 0 ? page.Path : Path.GetRelativePath(GoldenFiles.RepositoryRoot, Path.GetFullPath(Path.Combine(GoldenFiles.RepositoryRoot, Path.GetDirectoryName(page.Path)!, parts[0]))).Replace('\\', '/');
        return parts.Length == 1 ? Exists(target) : MarkdownPage.All.Any(other => other.Path == target && other.Anchors.Contains(parts[1]));
    }

    // A name that ends in * stands for what there is of its kind.
    private static bool Exists(string path)
    {
        var full = Path.Combine(GoldenFiles.RepositoryRoot, path);
        return path.Contains('*') ? Directory.Exists(Path.GetDirectoryName(full)) && Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(full)!, Path.GetFileName(full)).Any() : Path.Exists(full);
    }

    [GeneratedRegex(@"(?<![\w/.*-])(?:src|test|samples|docs|build|\.ci|\.github)/[\w./*-]*\w\*?")]
    private static partial Regex PathOfTheRepository();

    // Beside the names of namespaces.
    [GeneratedRegex("<script|href=\"(?!#|data:)|(?<!xmlns(?::\\w+)?=\")https?://")]
    private static partial Regex ForeignReference();

    [GeneratedRegex(@"\bCommand\(""([a-z0-9-]+)"",")]
    private static partial Regex CommandOfBenchmarks();

    [GeneratedRegex(@"(?:-- |`|^## )(?:accuracy|bench) ([a-z][a-z0-9-]+)", RegexOptions.Multiline)]
    private static partial Regex CommandInText();
}
