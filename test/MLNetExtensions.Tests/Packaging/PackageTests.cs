using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Xml.Linq;
using MLNetExtensions.Tests.Golden;

namespace MLNetExtensions.Tests.Packaging;

/// <summary>The package, and a program outside the repository that uses it.</summary>
[TestClass]
[TestCategory("Slow")]
public sealed class PackageTests
{
    private const string Id = "MLNetExtensions";

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    private static DirectoryInfo s_folder = null!;

    // A version that no cache knows yet.
    private static string s_version = "";

    private static string Feed => Path.Combine(s_folder.FullName, "feed");

    [ClassInitialize]
    public static void Pack(TestContext _)
    {
        s_folder = Directory.CreateTempSubdirectory("MLNetExtensionsTests");
        s_version = $"0.1.0-test.{Stopwatch.GetTimestamp()}";
        // Its outputs go elsewhere: the repository's own stay as they are.
        ChildProcess.Dotnet(GoldenFiles.RepositoryRoot, s_patience, "pack", "src/MLNetExtensions", "-c", "Release", "-o", Feed, "--artifacts-path", Path.Combine(s_folder.FullName, "artifacts"), $"-p:Version={s_version}").Succeeded();
    }

    [ClassCleanup]
    public static void DeleteFolder() => s_folder.Delete(recursive: true);

    [TestMethod]
    public void AProgramElsewhereTrainsSavesLoadsAndForecasts()
    {
        var folder = s_folder.CreateSubdirectory("consumer");
        WriteConsumer(folder.FullName);
        try
        {
            var build = ChildProcess.Dotnet(folder.FullName, s_patience, "build", "-c", "Release").Succeeded();
            Assert.DoesNotContain("NU1603", build.Output);
            var run = ChildProcess.Dotnet(folder.FullName, s_patience, "run", "-c", "Release", "--no-build").Succeeded();
            Assert.AreEqual("equal: 6 values", run.Lines[^1], run.ToString());
        }
        finally
        {
            RemoveFromCache(folder.FullName);
        }
    }

    [TestMethod]
    public void ThePackageHoldsWhatItShould()
    {
        using var package = ZipFile.OpenRead(Path.Combine(Feed, $"{Id}.{s_version}.nupkg"));
        var names = package.Entries.Select(entry => entry.FullName).Where(name => !name.StartsWith("_rels/", StringComparison.Ordinal) && !name.StartsWith("package/", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        CollectionAssert.AreEqual(new[]
        {
            $"{Id}.nuspec", "README.md", "[Content_Types].xml", $"buildTransitive/{Id}.targets", "icon.png", $"lib/net10.0/{Id}.dll", $"lib/net10.0/{Id}.xml",
        }.Order(StringComparer.Ordinal).ToArray(), names);
        Assert.IsTrue(package.Entries.All(entry => entry.Length > 0));
        using var stream = package.GetEntry($"{Id}.nuspec")!.Open();
        var metadata = XDocument.Load(stream).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
        XElement Element(string name) => metadata.Elements().Single(element => element.Name.LocalName == name);
        Assert.AreEqual("MIT", Element("license").Value);
        Assert.AreEqual("expression", Element("license").Attribute("type")!.Value);
        Assert.AreEqual("README.md", Element("readme").Value);
        Assert.AreEqual("icon.png", Element("icon").Value);
        Assert.IsGreaterThan(20, Element("description").Value.Length);
        // No pin of the repository is a dependency, and no analyzer.
        var dependencies = Element("dependencies").Descendants().Where(element => element.Name.LocalName == "dependency").ToDictionary(element => element.Attribute("id")!.Value, element => element.Attribute("version")!.Value);
        CollectionAssert.AreEqual(new[] { "Microsoft.ML", "System.IO.Hashing", "System.Numerics.Tensors", "TorchSharp" }, dependencies.Keys.Order(StringComparer.Ordinal).ToArray());
        Assert.AreEqual("[5.0.1, 6.0.0)", dependencies["Microsoft.ML"]);
        Assert.AreEqual(Pin("TorchSharp"), dependencies["TorchSharp"]);
        Assert.AreEqual(Pin("System.Numerics.Tensors"), dependencies["System.Numerics.Tensors"]);
    }

    [TestMethod]
    public void TheSymbolsAreApart()
    {
        using var package = ZipFile.OpenRead(Path.Combine(Feed, $"{Id}.{s_version}.snupkg"));
        Assert.IsNotNull(package.GetEntry($"lib/net10.0/{Id}.pdb"));
        Assert.IsFalse(package.Entries.Any(entry => entry.Name.EndsWith(".dll", StringComparison.Ordinal)));
    }

    private static void WriteConsumer(string folder)
    {
        // The machine's own sources stay: nothing is cleared. Props of folders above are kept out.
        File.WriteAllText(Path.Combine(folder, "nuget.config"), $"""
            <configuration><packageSources><add key="{Id}Test" value="{Feed}" /></packageSources></configuration>
            """);
        foreach (var name in new[] { "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props" })
        {
            File.WriteAllText(Path.Combine(folder, name), "<Project />");
        }
        var native = OperatingSystem.IsLinux() && RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.X64 ? "libtorch-cpu-linux-x64" : "TorchSharp-cpu";
        // The last two are what TorchSharp brings along, in versions that every feed of this repository holds.
        var packages = new[] { native, "SharpZipLib", "SkiaSharp" }.Select(id => $"""<PackageReference Include="{id}" Version="{Pin(id)}" />""");
        File.WriteAllText(Path.Combine(folder, "Consumer.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <CreateSymbolicLinksForCopyLocalIfPossible>true</CreateSymbolicLinksForCopyLocalIfPossible>
                <!-- As programs have it that are prepared for trimming: model files do not depend on it. -->
                <JsonSerializerIsReflectionEnabledByDefault>false</JsonSerializerIsReflectionEnabledByDefault>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{Id}" Version="{s_version}" />
                {string.Join('\n', packages)}
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(folder, "Program.cs"), """
            using Microsoft.ML;
            using MLNetExtensions.TimeSeries;
            using static TorchSharp.torch;

            using var first = ones(3);
            var ml = new MLContext(seed: 1);
            var rows = Enumerable.Range(0, 120).Select(i => new Point { Value = MathF.Sin(i / 3f) }).ToArray();
            using var model = ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options
            {
                InputColumnName = "Value", WindowSize = 8, Horizon = 6, Width = 8, NumberOfLayers = 1, MaximumNumberOfEpochs = 1, ConfidenceLowerBoundColumnName = "Low", ConfidenceUpperBoundColumnName = "High", ConfidenceLevel = 0.5,
            }).Fit(ml.Data.LoadFromEnumerable(rows));
            var expected = ml.Data.CreateEnumerable<Next>(model.Transform(ml.Data.LoadFromEnumerable(rows)), false).Last().Forecast;
            ml.Model.Save(model, null, "model.zip");

            var fresh = new MLContext();
            using var engine = fresh.Model.Load("model.zip", out _).CreateForecastEngine<Point, Next>(fresh);
            var next = engine.Predict();
            var equal = first.sum().item<float>() == 3 && next.Forecast.Zip(expected).All(pair => Math.Abs(pair.First - pair.Second) < 1e-5f) && next.Low.Zip(next.High).All(pair => pair.First < pair.Second);
            Console.WriteLine($"{(equal ? "equal" : "different")}: {next.Forecast.Length} values");

            public sealed class Point { public float Value { get; set; } }

            public sealed class Next
            {
                public float[] Forecast { get; set; } = [];
                public float[] Low { get; set; } = [];
                public float[] High { get; set; } = [];
            }
            """);
    }

    private static string Pin(string id)
        => XDocument.Load(Path.Combine(GoldenFiles.RepositoryRoot, "Directory.Packages.props")).Descendants("PackageVersion").Single(element => element.Attribute("Include")!.Value == id).Attribute("Version")!.Value;

    private static void RemoveFromCache(string folder)
    {
        var assets = Path.Combine(folder, "obj", "project.assets.json");
        if (!File.Exists(assets))
        {
            return;
        }
        using var json = JsonDocument.Parse(File.ReadAllText(assets));
        foreach (var cache in json.RootElement.GetProperty("packageFolders").EnumerateObject())
        {
            var extracted = Path.Combine(cache.Name, Id.ToLowerInvariant(), s_version);
            if (Directory.Exists(extracted))
            {
                Directory.Delete(extracted, recursive: true);
            }
            if (Path.GetDirectoryName(extracted) is { } all && Directory.Exists(all) && !Directory.EnumerateFileSystemEntries(all).Any())
            {
                Directory.Delete(all);
            }
        }
    }
}
