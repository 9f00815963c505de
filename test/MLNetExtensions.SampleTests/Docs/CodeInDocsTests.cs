using System.Xml.Linq;

namespace MLNetExtensions.SampleTests.Docs;

/// <summary>All C# code in README, docs/ and the documentation of the API compiles against the library as it is.</summary>
[TestClass]
public sealed class CodeInDocsTests
{
    [TestMethod]
    public void CodeOfPagesCompiles()
    {
        CodeSample[] samples = [.. MarkdownPage.All.SelectMany(page => page.CodeSamples)];
        Assert.IsGreaterThan(20, samples.Length);
        AssertCompiles(samples);
    }

    [TestMethod]
    public void CodeOfTheApiDocumentationCompiles()
    {
        var documentation = XDocument.Load(Path.ChangeExtension(typeof(TrainingOptions).Assembly.Location, ".xml"));
        CodeSample[] samples =
        [
            .. from member in documentation.Descendants("member")
               from code in member.Elements("example").Elements("code")
               select new CodeSample(member.Attribute("name")!.Value, "global using Microsoft.ML; global using MLNetExtensions; global using MLNetExtensions.Torch; global using static TorchSharp.torch;", code.Value),
        ];
        Assert.IsNotEmpty(samples);
        AssertCompiles(samples);
    }

    [TestMethod]
    public void EveryBlockSaysItsLanguage()
    {
        var nameless = from page in MarkdownPage.All
                       from block in page.CodeBlocks
                       where block.Info is null or "" or "cs" or "c#" || block.Arguments is { Length: > 0 }
                       select $"{page.Path}:{block.Line + 1}";
        Found.Nothing(nameless);
    }

    [TestMethod]
    [DataRow("var x = new OLinearEstimator.Options { Horison = 3 };", "CS0117")]
    [DataRow("var x = 1", "CS1002")]
    [DataRow("var x = ml.Forecasting.ForecastByNothing(\"a\");", "CS1061")]
    public void StaleCodeIsFound(string code, string error)
    {
        const string Given = "global using Microsoft.ML; global using MLNetExtensions.TimeSeries; global using static Given; static class Given { public static MLContext ml = null!; }";
        var errors = SampleCompiler.Errors(new("page:1", Given, code));
        Assert.Contains(error, string.Join('\n', errors));
    }

    [TestMethod]
    public void CommentsSupplyWhatABlockPresupposes()
    {
        const string Page = """
            <!-- given
            static class Known { public static int Two => 2; }
            -->

            Text.

            <!-- inside
            var list = new List<int>
            {
            …
            };
            -->
            ```csharp
            Known.Two,
            ```
            """;
        var sample = new MarkdownPage("page.md", Page).CodeSamples.Single();
        Assert.AreEqual("page.md:13", sample.Place);
        Assert.IsEmpty(SampleCompiler.Errors(sample));
        Assert.IsNotEmpty(SampleCompiler.Errors(sample with { Given = "" }));
    }

    private static void AssertCompiles(IEnumerable<CodeSample> samples) => Found.Nothing(samples.SelectMany(SampleCompiler.Errors));
}
