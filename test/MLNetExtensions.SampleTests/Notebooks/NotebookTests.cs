using System.Text.Json;
using MLNetExtensions.SampleTests.Browser;
using MLNetExtensions.Tests;
using MLNetExtensions.Tests.Golden;

namespace MLNetExtensions.SampleTests.Notebooks;

/// <summary>The notebooks of the samples: each runs, cell by cell, and shows charts.</summary>
[TestClass]
public sealed class NotebookTests
{
    private static readonly string[] s_stories = ["anomalies", "classify", "completion", "fewshot", "field", "forecast"];

    private DirectoryInfo _folder = null!;

    /// <summary>The names of all notebooks.</summary>
    public static IEnumerable<string> Names => Directory.EnumerateFiles(Folder, "*.ipynb", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Folder, path)).Order();

    private static string Folder => Path.Combine(GoldenFiles.RepositoryRoot, "samples", "notebooks");

    [TestInitialize]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("MLNetExtensionsTests");

    [TestCleanup]
    public void DeleteFolder() => _folder.Delete(recursive: true);

    [TestMethod]
    public void TheSixStoriesAreThere() => Must.Contain(string.Join(' ', Names), s_stories.Select(story => $"{story}.ipynb"));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void ANotebookAsksForTheKernelOfCSharpAndStoresNoOutput(string name)
    {
        var notebook = Notebook.Load(Path.Combine(Folder, name));
        Assert.AreEqual(Notebook.CSharpKernel, notebook.Kernel);
        Assert.IsEmpty(notebook.Cells.Where(cell => cell.HasOutput).Select(cell => cell.Number));
        Assert.IsTrue(notebook.Cells[0].IsCode);
        Must.Contain(notebook.Cells[0].Source, "#r \"nuget: MLNetExtensions, ", "#r \"nuget: TorchSharp-cpu, ");
        Assert.IsGreaterThan(notebook.Cells.Count / 4, notebook.Cells.Count(cell => !cell.IsCode));
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public async Task ANotebookRunsAndShowsChartsInTheBrowser(string name)
    {
        var notebook = Notebook.Load(Path.Combine(Folder, name));
        var shown = await NotebookRunner.RunAsync(notebook);
        Assert.IsGreaterThanOrEqualTo(2, shown.Count(output => output is not null && (output.Contains("<svg") || output.Contains("<img"))), "There are too few charts.");
        // A cell that shows nothing but the name of a type is one that nobody can read.
        Assert.IsEmpty(shown.OfType<string>().Where(output => output.Contains("Microsoft.ML.Data.") || output.Contains("IDataView")));

        var path = Path.Combine(_folder.FullName, "notebook.html");
        await File.WriteAllTextAsync(path, NotebookRunner.Page(notebook, shown));
        await using var page = await Page.OpenAsync(path);
        Assert.AreEqual(shown.Count(output => output is not null), await page.Content.Locator("div.output").CountAsync());
        foreach (var chart in await page.Content.Locator("svg").AllAsync())
        {
            var box = await chart.BoundingBoxAsync();
            Assert.IsTrue(box is { Width: > 200, Height: > 40 }, "A chart cannot be seen.");
        }
        Assert.IsEmpty(page.Errors, string.Join('\n', page.Errors));
        Assert.HasCount(1, page.Requests, string.Join('\n', page.Requests));
    }

    [TestMethod]
    [DataRow("#r \"nuget: MLNetExtensions, 0.1.0\"", "throw new InvalidOperationException(\"It is broken.\");", "It is broken.", DisplayName = "a cell that throws")]
    [DataRow("#r \"nuget: MLNetExtensions, 0.1.0\"", "new MLNetExtensions.TrainingHistory().Fit()", "'Fit'", DisplayName = "a cell that does not compile")]
    [DataRow("1 + 1", "new MLNetExtensions.TrainingHistory()", "MLNetExtensions", DisplayName = "a package that was not loaded")]
    [DataRow("1 + 1", "#r \"nuget: Unknown.Package, 1.0.0\"", "'Unknown.Package'", DisplayName = "an unknown package")]
    [DataRow("1 + 1", "#r \"nuget: MLNetExtensions, 0.0.9\"", "0.0.9", DisplayName = "another version")]
    [DataRow("1 + 1", "#r \"nuget: TorchSharp-cpu, 0.1.0\"", "0.1.0", DisplayName = "another version of the native half")]
    public async Task ABrokenNotebookFailsAndNamesTheCell(string first, string second, string error)
    {
        var path = Path.Combine(_folder.FullName, "broken.ipynb");
        object Cell(string kind, string source) => new { cell_type = kind, metadata = new { }, source = source.Split('\n'), outputs = Array.Empty<object>(), execution_count = (int?)null };
        File.WriteAllText(path, JsonSerializer.Serialize(new
        {
            cells = new[] { Cell("code", first), Cell("markdown", "# Broken"), Cell("code", second) },
            metadata = new { kernelspec = new { name = Notebook.CSharpKernel } },
            nbformat = 4,
            nbformat_minor = 5,
        }));
        var failure = await Assert.ThrowsExactlyAsync<NotebookException>(() => NotebookRunner.RunAsync(Notebook.Load(path)));
        Must.Contain(failure.Message, "broken.ipynb", "cell 3", error);
    }

    [TestMethod]
    public async Task ACellIsShownAsTheKernelShowsIt()
    {
        var cells = new[] { "#r \"nuget: MLNetExtensions, 0.1.0\"\nusing MLNetExtensions;", "var history = new TrainingHistory();", "history", "public class Row { public int Value { get; set; } }", "new Row { Value = 7 }" };
        var shown = await NotebookRunner.RunAsync(new("made.ipynb", Notebook.CSharpKernel, [.. cells.Select((source, i) => new NotebookCell(i + 1, IsCode: true, source, HasOutput: false))]));
        CollectionAssert.AreEqual(new[] { null, null, new TrainingHistory().ToHtml(), null }, shown.Take(4).ToArray());
        Must.Contain(shown[4]!, "<table>", "Value", "7");
    }
}
