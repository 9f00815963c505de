using MLNetExtensions.SampleTests.Browser;
using MLNetExtensions.Tests;
using MLNetExtensions.Tests.Golden;

namespace MLNetExtensions.SampleTests.Apps;

/// <summary>The file-based apps, started as a user starts them, and their reports in the browser.</summary>
[TestClass]
public sealed class AppTests
{
    private const string Folder = "samples/apps";

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    // The smallest settings of each.
    private static readonly Dictionary<string, string[]> s_settings = new()
    {
        ["anomalies"] = ["--epochs", "1"],
        ["classify"] = ["--epochs", "4"],
        ["completion"] = ["--epochs", "2", "--seeds", "1"],
        ["fewshot"] = ["--repeats", "2"],
        ["field"] = ["--iterations", "5"],
        ["forecast"] = ["--epochs", "1"],
    };

    private static readonly HashSet<string> s_built = [];

    private DirectoryInfo _folder = null!;

    [TestInitialize]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("MLNetExtensionsTests");

    [TestCleanup]
    public void DeleteFolder() => _folder.Delete(recursive: true);

    [TestMethod]
    public void EveryAppIsTested()
    {
        string[] names = [.. Directory.GetFiles(Path.Combine(GoldenFiles.RepositoryRoot, Folder), "*.cs").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal)!];
        Assert.IsGreaterThanOrEqualTo(6, names.Length);
        CollectionAssert.AreEqual(s_settings.Keys.ToArray(), names);
    }

    [TestMethod]
    [DataRow("anomalies", 3, 2, "3360 rows of 'flow'", "events found")]
    [DataRow("classify", 3, 1, "'xylene' is held back", "have no predicted class", "'xylene' was added from 20 rows")]
    [DataRow("completion", 4, 2, "2500 of 12800 cells", "with augmentation (DAIN)", "expected stars")]
    [DataRow("fewshot", 3, 2, "480 rows", "all rows together", "K-means")]
    [DataRow("field", 6, 2, "851 values of 'temperature'", "Length scales", "bounds of 90 %", "standard deviation of the field")]
    [DataRow("forecast", 5, 1, "4 channels", "naive: 168 rows before", "between the bounds of 90 %", "one by one")]
    public async Task OfMadeData(string app, int charts, int tables, params string[] phrases)
    {
        var result = Run(app, [.. s_settings[app]]).Succeeded();
        Must.Contain(result.Output, ["bit for bit", .. phrases]);
        // Named as seen from where the app was started.
        foreach (var file in new[] { "data.csv", $"{app}.mlnet", "report.html" })
        {
            var line = result.Lines.Single(line => Path.GetFileName(line) == file);
            Assert.AreEqual(Path.Combine(Output, file), Path.GetFullPath(line, GoldenFiles.RepositoryRoot));
            Assert.IsGreaterThan(1000, new FileInfo(Path.Combine(Output, file)).Length);
        }
        await ReportPage.AssertAsync(Path.Combine(Output, "report.html"), charts, tables);
    }

    [TestMethod]
    public async Task ForecastOfAFile()
    {
        var path = Write("time,note,load,heat", Enumerable.Range(0, 400).Select(hour => FormattableString.Invariant($"2024-01-{1 + hour / 24:D2} {hour % 24:D2}:00,x,{50 + 20 * Math.Sin(hour * Math.Tau / 24) + hour % 7:F2},{10 + hour % 24}")));
        await AssertRunAsync("forecast", path, 3, 1, ["--columns", "load,heat", "--window", "48", "--horizon", "12", "--season", "24"], "400 rows of 2 channels: load, heat", "naive: 24 rows before");
        AssertErrors("forecast", path, ["--columns", "load,nothing"], "'nothing'");
    }

    [TestMethod]
    public async Task AnomaliesOfAFile()
    {
        var path = Write("at,demand,known", Enumerable.Range(0, 600).Select(hour => FormattableString.Invariant($"{hour},{(hour is > 450 and < 455 ? 200 : 50) + 20 * Math.Sin(hour * Math.Tau / 24) + hour % 5},{(hour is > 450 and < 455 ? 1 : 0)}")));
        await AssertRunAsync("anomalies", path, 3, 2, ["--column", "demand", "--label", "known", "--window", "48"], "600 rows of 'demand'", "events found");
        AssertErrors("anomalies", path, ["--column", "nothing"], "'nothing'");
        // Without labels there is nothing to compare with.
        await AssertRunAsync("anomalies", path, 3, 1, ["--column", "demand", "--window", "48"], "alerts");
    }

    [TestMethod]
    public async Task ClassesOfAFile()
    {
        var path = Flowers();
        await AssertRunAsync("classify", path, 3, 1, ["--label", "flower", "--hold-back", "<tulip>", "--shown", "5"], "240 rows of 3 numbers and 4 classes", "'<tulip>' was added from 5 rows");
        AssertErrors("classify", path, ["--label", "nothing"], "'nothing'");
        AssertErrors("classify", path, ["--label", "flower", "--hold-back", "oak"], "'oak'");
    }

    [TestMethod]
    public async Task FewShotOfAFile()
    {
        var path = Flowers();
        await AssertRunAsync("fewshot", path, 3, 2, ["--label", "flower", "--shots", "3"], "240 rows of 3 numbers and 4 classes", "3 of each are shown");
        AssertErrors("fewshot", path, ["--label", "nothing"], "'nothing'");
        AssertErrors("fewshot", path, ["--label", "flower", "--shots", "60"], "no more than 60 rows");
    }

    [TestMethod]
    public async Task FieldOfAFile()
    {
        var random = new Random(1);
        var path = Write("x,y,z,name,value", Enumerable.Range(0, 300).Select(_ => (X: random.NextDouble(), Y: 10 * random.NextDouble(), Z: random.Next(5)))
            .Select(at => FormattableString.Invariant($"{at.X:F3},{at.Y:F3},{at.Z},n,{Math.Sin(4 * at.X) * at.Y + at.Z:F3}")));
        await AssertRunAsync("field", path, 6, 2, ["--columns", "x,y,z", "--value", "value", "--rank", "2"], "300 values of 'value' over x, y, z", "At z ");
        AssertErrors("field", path, ["--columns", "x,nothing", "--value", "value"], "'nothing'");
        AssertErrors("field", path, ["--columns", "x,name", "--value", "value"], "'name'");
    }

    [TestMethod]
    public async Task CompletionOfAFile()
    {
        var path = Write("place,day,hour,cars", from place in Enumerable.Range(0, 12) from day in Enumerable.Range(0, 20) from hour in Enumerable.Range(0, 4) where (place + day + hour) % 3 != 0 select FormattableString.Invariant($"place {place},{day},{hour},{place * (1 + hour) + day % 7}"));
        await AssertRunAsync("completion", path, 4, 2, ["--modes", "hour,place,day", "--value", "cars"], "640 of 960 cells", "4 hour x 12 place x 20 day", "expected cars");
        AssertErrors("completion", path, ["--modes", "place,week"], "'week'");
    }

    private string Output => Path.Combine(_folder.FullName, "output");

    private ChildProcess.Result Run(string app, params string[] arguments)
    {
        // Once is enough: nobody changes it here.
        string[] run = s_built.Add(app) ? ["run", $"{Folder}/{app}.cs"] : ["run", "--no-build", $"{Folder}/{app}.cs"];
        return ChildProcess.Dotnet(GoldenFiles.RepositoryRoot, s_patience, [.. run, "--", .. arguments, "--output", Output]);
    }

    private async Task AssertRunAsync(string app, string path, int charts, int tables, string[] arguments, params string[] phrases)
    {
        var result = Run(app, ["--data", path, .. s_settings[app], .. arguments]).Succeeded();
        Must.Contain(result.Output, ["bit for bit", Path.GetFileName(path), .. phrases]);
        await ReportPage.AssertAsync(Path.Combine(Output, "report.html"), charts, tables);
    }

    /// <summary>A file that is not there, and one that is used otherwise than it can be: one line each, and no stack trace.</summary>
    private void AssertErrors(string app, string path, string[] arguments, string part)
    {
        Assert.IsTrue(File.Exists(path));
        AssertError(Run(app, ["--data", path, .. arguments]), part);
        AssertError(Run(app, ["--data", Path.Combine(_folder.FullName, "absent.csv"), .. arguments]), "absent.csv");
    }

    private static void AssertError(ChildProcess.Result result, string part)
    {
        Assert.AreEqual(1, result.ExitCode, result.ToString());
        var line = Assert.ContainsSingle(result.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries), result.ToString());
        Assert.StartsWith("Error: ", line);
        Assert.Contains(part, line);
    }

    /// <summary>Four classes of flowers, one with a name that HTML would misunderstand.</summary>
    private string Flowers()
    {
        var random = new Random(1);
        return Write("length,flower,width,height", Enumerable.Range(0, 240).Select(row => FormattableString.Invariant($"{row % 4 + random.NextDouble():F3},{(row % 4) switch { 0 => "rose", 1 => "lily", 2 => "daisy", _ => "<tulip>" }},{row % 2 * 3 + random.NextDouble():F3},{random.NextDouble():F3}")));
    }

    private string Write(string header, IEnumerable<string> lines)
    {
        var path = Path.Combine(_folder.FullName, "input.csv");
        File.WriteAllLines(path, lines.Prepend(header));
        return path;
    }
}
