using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using MLNetExtensions.Benchmarks.Accuracy;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>Every command, one after the other, each in a process of its own; and the table of what they found.</summary>
internal static class AllBenchmarks
{
    private const string Begin = "<!-- all: made by `bench all` -->", End = "<!-- end of all -->";

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    // The name that a last line begins with, and how it is asked for. What is told by the clock comes last, when the machine may be quiet.
    private static readonly (string Name, string[] Arguments)[] s_rows =
    [
        ("olinear-etth1", ["accuracy", "olinear-etth1", "--threads", "1"]),
        ("olinear-intervals", ["accuracy", "olinear-intervals", "--threads", "1"]),
        ("olinear-cv", ["accuracy", "olinear-cv"]),
        ("timesnet-etth1", ["accuracy", "timesnet-etth1", "--threads", "1"]),
        ("timesnet-tasks", ["accuracy", "timesnet-tasks", "--threads", "1"]),
        ("ebv", ["accuracy", "ebv"]),
        ("fewshot", ["accuracy", "fewshot"]),
        ("funbat", ["accuracy", "funbat"]),
        ("dain", ["accuracy", "dain"]),
        ("onnx", ["accuracy", "onnx"]),
        ("olinear", ["bench", "olinear", "--threads", "1"]),
        ("olinear-groups", ["bench", "olinear-groups"]),
        ("timesnet", ["bench", "timesnet"]),
        ("ebv-basis", ["bench", "ebv-basis"]),
        ("ebv-head", ["bench", "ebv-head"]),
        ("fewshot", ["bench", "fewshot"]),
        ("fewshot-scale", ["bench", "fewshot-scale"]),
        ("funbat", ["bench", "funbat"]),
        ("funbat-scale", ["bench", "funbat-scale"]),
        ("dain", ["bench", "dain"]),
        ("dain-scale", ["bench", "dain-scale"]),
        ("reader", ["bench", "reader"]),
        ("score-memory", ["bench", "score-memory"]),
        ("web", ["bench", "web"]),
        ("onnx", ["bench", "onnx"]),
    ];

    public static Command Command()
    {
        var folder = new Option<string>("--folder") { Description = "Where results are kept. A command whose result lies there is not run again.", DefaultValueFactory = _ => Path.Combine("artifacts", "benchmarks") };
        var only = new Option<string?>("--only") { Description = "The commands to run, separated by commas: 'accuracy dain,bench olinear'. Without it: all." };
        var document = new Option<string?>("--document") { Description = $"A Markdown file whose part between '{Begin}' and '{End}' is replaced by the table." };
        var command = new Command("all", "Runs all the other commands that have no result yet, and writes the table of all results.") { folder, only, document };
        command.SetAction(arguments => Run(arguments.GetValue(folder)!, arguments.GetValue(only)?.Split(','), arguments.GetValue(document)));
        return command;
    }

    private static int Run(string folder, string[]? only, string? document)
    {
        Directory.CreateDirectory(folder);
        if (only?.FirstOrDefault(name => !s_rows.Any(row => Title(row.Arguments) == name)) is { } unknown)
        {
            throw new ArgumentException($"There is no command '{unknown}'; there are {string.Join(", ", s_rows.Select(row => Title(row.Arguments)))}.");
        }
        var failed = 0;
        var results = new List<Result>();
        foreach (var (name, arguments) in s_rows)
        {
            var path = Path.Combine(folder, string.Join('-', arguments[..2]) + ".json");
            var result = Read(path, arguments);
            if (result is null && (only is null || only.Contains(Title(arguments))))
            {
                Console.Error.WriteLine($"> {string.Join(' ', arguments)}");
                result = Measure(name, arguments, path);
                failed += result is null ? 1 : 0;
            }
            if (result is not null)
            {
                Console.WriteLine($"{Title(arguments),-26} {result.Date:yyyy-MM-dd} {result.Seconds,7:F0} s  {result.LastLine}");
                results.Add(result);
            }
        }
        var table = Table(results);
        File.WriteAllText(Path.Combine(folder, "all.md"), table);
        if (document is not null)
        {
            Replace(document, table);
        }
        Console.WriteLine($"all rows={results.Count} failed={failed}");
        return failed == 0 ? 0 : 1;
    }

    private static string Title(string[] arguments) => string.Join(' ', arguments[..2]);

    /// <summary>The result that an earlier run left, if it asked for the same.</summary>
    private static Result? Read(string path, string[] arguments)
        => File.Exists(path) && JsonSerializer.Deserialize<Result>(File.ReadAllText(path)) is { } result && result.Arguments.SequenceEqual(arguments) ? result : null;

    /// <summary>Runs a command; null if it failed, which leaves its output but no result.</summary>
    private static Result? Measure(string name, string[] arguments, string path)
    {
        var findings = Path.ChangeExtension(path, ".findings");
        File.Delete(findings);
        var start = new ProcessStartInfo(Environment.ProcessPath!, Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(AllBenchmarks).Assembly.Location, .. arguments] : arguments)
        {
            RedirectStandardOutput = true,
            Environment = { [Finding.FileVariable] = Path.GetFullPath(findings) },
        };
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        File.WriteAllText(Path.ChangeExtension(path, ".log"), output);
        var last = output.TrimEnd().Split('\n')[^1];
        if (process.ExitCode != 0 || last.Split(' ')[0] != name)
        {
            Console.Error.WriteLine($"FAILED: {string.Join(' ', arguments)}, exit code {process.ExitCode}, last line '{last}'");
            return null;
        }
        var result = new Result(arguments, DateTime.UtcNow, clock.Elapsed.TotalSeconds, last, File.Exists(findings) ? [.. File.ReadLines(findings).Select(line => JsonSerializer.Deserialize<Finding>(line)!)] : []);
        File.WriteAllText(path + ".new", JsonSerializer.Serialize(result, s_json));
        File.Move(path + ".new", path, overwrite: true);
        File.Delete(findings);
        return result;
    }

    private static string Table(List<Result> results)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"Machine: {Processor()}, {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, .NET {Environment.Version}, libtorch on the CPU.").AppendLine();
        text.AppendLine("| Task | Method | Measure | Value | Seconds | Command | Date |").AppendLine("| --- | --- | --- | --- | --- | --- | --- |");
        foreach (var (result, finding) in from result in results from finding in result.Findings select (result, finding))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {finding.Task} | {finding.Method} | {finding.Measure} | {finding.Value:G4} | {finding.Seconds:0.####} | `{Title(result.Arguments)}` | {result.Date:yyyy-MM-dd} |");
        }
        text.AppendLine().AppendLine("| Command | Last line | Seconds in all | Date |").AppendLine("| --- | --- | --- | --- |");
        foreach (var result in results)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| `{string.Join(' ', result.Arguments)}` | `{result.LastLine}` | {result.Seconds:F0} | {result.Date:yyyy-MM-dd} |");
        }
        return text.ToString();
    }

    private static string Processor()
        => File.Exists("/proc/cpuinfo") && File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is { } line ? line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() : RuntimeInformation.ProcessArchitecture.ToString();

    private static void Replace(string document, string table)
    {
        var text = File.ReadAllText(document);
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal), text.IndexOf(End, StringComparison.Ordinal));
        if (begin < 0 || end < begin)
        {
            throw new InvalidDataException($"'{document}' has no part between '{Begin}' and '{End}'.");
        }
        File.WriteAllText(document, $"{text[..(begin + Begin.Length)]}\n\n{table.ReplaceLineEndings("\n")}\n{text[end..]}");
    }

    private sealed record Result(string[] Arguments, DateTime Date, double Seconds, string LastLine, Finding[] Findings);
}
