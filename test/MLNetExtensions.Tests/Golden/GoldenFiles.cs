using System.Globalization;
using System.IO.Compression;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Golden;

/// <summary>
/// The numbers that every algorithm must reproduce: <c>golden/FOLDER/CASE*.safetensors</c> under the folder that the environment variable
/// MLNETEXTENSIONS_SHARED names, by default <c>../shared</c> seen from the root of the repository.
/// </summary>
internal static class GoldenFiles
{
    private const string Variable = "MLNETEXTENSIONS_SHARED";

    /// <summary>The shared folder, whether it exists or not.</summary>
    internal static string SharedFolder
        => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder
            ? Path.GetFullPath(folder, RepositoryRoot)
            : Path.GetFullPath(Path.Combine(RepositoryRoot, "..", "shared"));

    internal static string RepositoryRoot
    {
        get
        {
            for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            {
                if (File.Exists(Path.Combine(folder.FullName, "MLNetExtensions.sln")))
                {
                    return folder.FullName;
                }
            }
            return AppContext.BaseDirectory;
        }
    }

    /// <summary>One row (file, sub-case) for each file of a case and each of its sub-cases; a row for the case itself where there is none, which is reported as skipped.</summary>
    internal static IEnumerable<object[]> Rows(string folder, params string[] cases)
    {
        foreach (var name in cases)
        {
            var path = Path.Combine(SharedFolder, "golden", folder);
            string[] files = Directory.Exists(path) ? Directory.GetFiles(path, name + "*.safetensors") : [];
            if (files.Length == 0)
            {
                yield return [$"{folder}/{name}", ""];
            }
            foreach (var file in files.Order(StringComparer.Ordinal))
            {
                foreach (var entry in Entries(file))
                {
                    yield return [$"{folder}/{Path.GetFileName(file)}", entry];
                }
            }
        }
    }

    /// <summary>Opens a row. Ends the test as inconclusive where the files are absent.</summary>
    internal static GoldenCase Open(string file, string entry, string kind)
    {
        var path = Path.Combine(SharedFolder, "golden", file);
        if (!File.Exists(path))
        {
            Assert.Inconclusive($"No file '{path}*': the shared folder is found through the environment variable {Variable}, default ../shared seen from the repository.");
        }
        var golden = new GoldenCase(file, entry, SafetensorsReader.Parse(File.ReadAllBytes(path)));
        golden.Choose("kind", (kind, true));
        return golden;
    }

    /// <summary>The columns of a CSV file but the first, row by row; missing values are NaN.</summary>
    internal static (double[] Values, int Columns) ReadTable(string source, int rows) => ReadTable(source, rows, (index, _) => index > 0);

    /// <summary>Some columns of a CSV file, row by row, chosen by their place and name; missing values are NaN.</summary>
    internal static (double[] Values, int Columns) ReadTable(string source, int rows, Func<int, string, bool> chosen)
    {
        using Stream stream = File.OpenRead(Path.Combine(SharedFolder, source));
        using var text = new StreamReader(source.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(stream, CompressionMode.Decompress) : stream);
        int[] places = [.. text.ReadLine()!.Split(',').Index().Where(column => chosen(column.Index, column.Item)).Select(column => column.Index)];
        var columns = places.Length;
        var values = new List<double>(rows * columns);
        while (values.Count < rows * columns && text.ReadLine() is { } line)
        {
            var cells = line.Split(',');
            values.AddRange(places.Select(place => double.TryParse(cells[place], CultureInfo.InvariantCulture, out var value) ? (float)value : double.NaN));
        }
        Assert.AreEqual(rows * columns, values.Count, $"'{source}' has too few rows.");
        return ([.. values], columns);
    }

    private static string[] Entries(string file)
    {
        try
        {
            return SafetensorsReader.Parse(File.ReadAllBytes(file)).Metadata.GetValueOrDefault("cases", "").Split(',');
        }
        catch (FormatException)
        {
            return [""]; // the test says what is wrong
        }
    }
}

/// <summary>One sub-case of a file: options from the metadata, sizes from the shapes.</summary>
internal sealed class GoldenCase(string file, string entry, SafetensorsReader reader)
{
    /// <summary>The name of the sub-case; empty where the file is one case.</summary>
    internal string Entry => entry;

    internal IReadOnlyList<string> Names => reader.Names;

    /// <summary>The text of an option: under the sub-case, else under the file.</summary>
    internal string Option(string key)
    {
        if (entry.Length > 0 && reader.Metadata.TryGetValue($"{entry}.{key}", out var own))
        {
            return own;
        }
        if (reader.Metadata.TryGetValue(key, out var common))
        {
            return common;
        }
        throw new AssertFailedException($"{file} ({entry}): the option '{key}' is missing.");
    }

    internal double Number(string key)
        => double.TryParse(Option(key), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : throw Unknown(key);

    internal int Integer(string key)
        => int.TryParse(Option(key), NumberStyles.Integer, CultureInfo.InvariantCulture, out var value) ? value : throw Unknown(key);

    internal string[] List(string key) => Option(key) is { Length: > 0 } text ? text.Split(',') : [];

    internal bool Flag(string key) => Choose(key, ("true", true), ("false", false));

    /// <summary>The meaning of an option; a value that is not listed fails the test.</summary>
    internal T Choose<T>(string key, params (string Text, T Value)[] known) => Choose(key, Option(key), known);

    internal T Choose<T>(string key, string text, params (string Text, T Value)[] known)
    {
        foreach (var (candidate, value) in known)
        {
            if (candidate == text)
            {
                return value;
            }
        }
        throw Unknown(key, text);
    }

    internal bool Has(string name) => reader.Contains(Find(name));

    internal IReadOnlyList<long> Shape(string name) => reader.Shape(Find(name));

    /// <summary>A tensor of the open dispose scope.</summary>
    internal Tensor Tensor(string name) => reader.ToTensor(Find(name));

    internal Tensor Tensor(string name, ScalarType dtype) => Tensor(name).to(dtype);

    internal double[] Doubles(string name) => reader.ToDoubles(Find(name));

    internal double Scalar(string name) => Doubles(name).Single();

    /// <summary>Compares against max(1, largest |expected|).</summary>
    internal void AssertClose(string name, Tensor actual, double tolerance)
    {
        CollectionAssert.AreEqual(Shape(name).ToArray(), actual.shape, $"{file} ({entry}): shape of '{name}'.");
        using var scope = NewDisposeScope();
        AssertValues(name, actual.detach().to(ScalarType.Float64, CPU).contiguous().data<double>().ToArray(), tolerance);
    }

    internal void AssertValues(string name, double[] actual, double tolerance) => AssertValues(name, Doubles(name), actual, tolerance);

    internal void AssertValues(string name, double[] expected, double[] actual, double tolerance)
    {
        Assert.HasCount(expected.Length, actual, $"{file} ({entry}): '{name}'.");
        var largest = 1.0;
        var deviation = 0.0;
        for (var i = 0; i < expected.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs(expected[i]));
            var difference = Math.Abs(expected[i] - actual[i]);
            deviation = double.IsNaN(deviation) || difference <= deviation ? deviation : difference; // a NaN stays
        }
        // Assert.IsLessThanOrEqualTo takes NaN for the least of all numbers.
        Assert.IsTrue(deviation / largest <= tolerance, $"{file} ({entry}): '{name}' is off by {deviation:g3}, largest expected value {largest:g3}.");
    }

    private string Find(string name) => entry.Length > 0 && reader.Contains($"{entry}.{name}") ? $"{entry}.{name}" : name;

    private AssertFailedException Unknown(string key, string? text = null) => new($"{file} ({entry}): the value '{text ?? Option(key)}' of the option '{key}' is unknown.");
}
