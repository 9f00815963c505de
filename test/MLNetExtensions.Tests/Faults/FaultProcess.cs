using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace MLNetExtensions.Tests.Faults;

/// <summary>A process of its own for faults that may end one, or that change a whole one: this assembly, started anew.</summary>
internal static class FaultProcess
{
    /// <summary>The first argument of such a process.</summary>
    internal const string Argument = "fault";

    private const string RunCommand = "run";
    private const string TrainCommand = "train";

    // SIGXFSZ, which would end a process that writes more than it may, is ignored, and so it stays in what the shell becomes.
    private const string Shell = "trap '' XFSZ; exec \"$0\" \"$@\"";

    // For one case, and for the other commands.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);

    /// <summary>Runs cases in a process of their own. One that dies is a failure of the case that it was at, and the next go on in another.</summary>
    internal static FaultReport Run(Fault fault, int count, int seed, int first = 0)
    {
        var folder = Directory.CreateTempSubdirectory("MLNetExtensions");
        try
        {
            var (journal, report) = (Path.Combine(folder.FullName, "journal"), Path.Combine(folder.FullName, "report"));
            var failures = new List<string>();
            var end = first + count;
            while (first < end)
            {
                File.Delete(report);
                File.Delete(journal);
                var batch = Math.Min(end - first, fault.MostInAProcess);
                var errors = Start([RunCommand, fault.Name, Text(batch), Text(seed), Text(first), journal, report], () => File.Exists(journal) ? new FileInfo(journal).Length : 0, out var exitCode);
                if (File.Exists(report))
                {
                    failures.AddRange(JsonSerializer.Deserialize<FaultReport>(File.ReadAllText(report))!.Failures);
                    first += batch;
                    continue;
                }
                var last = File.Exists(journal) ? File.ReadLines(journal).LastOrDefault() : null;
                var at = last is null ? first : int.Parse(last[..last.IndexOf(' ', StringComparison.Ordinal)], CultureInfo.InvariantCulture);
                failures.Add(string.Create(CultureInfo.InvariantCulture, $"The process ended with {exitCode} (137: killed, because the case did not end) in {last} (--faults {fault.Name} --seed {seed} --first {at} --count 1). {errors}"));
                first = at + 1;
            }
            return new(fault.Name, count, failures);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Trains with a checkpoint and is killed at some moment.</summary>
    /// <param name="entry">The estimator.</param>
    /// <param name="path">The checkpoint.</param>
    /// <param name="epochs">The epochs to train.</param>
    /// <param name="part">The part of the time that the training should take.</param>
    /// <returns>Whether it was killed; else it had ended.</returns>
    internal static bool TrainAndKill(ConformanceEntry entry, string path, int epochs, double part)
    {
        var errors = Start([TrainCommand, entry.Name, path, Text(epochs), part.ToString("R", CultureInfo.InvariantCulture)], () => 0, out var exitCode);
        // Killed by signal 9.
        Assert.IsTrue(exitCode is 0 or 137, $"The training ended with {exitCode}: {errors}");
        return exitCode != 0;
    }

    /// <summary>What such a process does.</summary>
    internal static int Serve(string[] args)
    {
        switch (args)
        {
            case [RunCommand, var name, var count, var seed, var first, var journal, var report]:
                using (var lines = new StreamWriter(journal) { AutoFlush = true })
                {
                    var result = Fault.Find(name).Run(Number(count), Number(seed), Number(first), (number, what) => lines.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{number} {what}")));
                    File.WriteAllText(report + ".part", JsonSerializer.Serialize(result));
                }
                File.Move(report + ".part", report);
                return 0;
            case [TrainCommand, var name, var path, var epochs, var part]:
                Train(ConformanceEntries.Find(name), path, Number(epochs), double.Parse(part, CultureInfo.InvariantCulture));
                return 0;
            default:
                Console.Error.WriteLine($"Not understood: {string.Join(' ', args)}");
                return 2;
        }
    }

    private static void Train(ConformanceEntry entry, string path, int epochs, double part)
    {
        KilledTrainings.Fit(entry, epochs, path: null, out _);
        var clock = Stopwatch.StartNew();
        KilledTrainings.Fit(entry, epochs, path: null, out _);
        var time = clock.Elapsed;
        new Thread(() =>
        {
            Thread.Sleep(part * time);
            Process.GetCurrentProcess().Kill();
        })
        { IsBackground = true }.Start();
        KilledTrainings.Fit(entry, epochs, path, out _);
    }

    private static string Start(string[] arguments, Func<long> progress, out int exitCode)
    {
        var host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        using var process = Process.Start(new ProcessStartInfo("/bin/bash", ["-c", Shell, host, "exec", typeof(FaultProcess).Assembly.Location, Argument, .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        var (seen, clock) = (progress(), Stopwatch.StartNew());
        while (!process.WaitForExit(s_pause))
        {
            if (progress() is var now && now != seen)
            {
                (seen, clock) = (now, Stopwatch.StartNew());
            }
            else if (clock.Elapsed > s_patience)
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
            }
        }
        exitCode = process.ExitCode;
        return errors.Result + output.Result;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
