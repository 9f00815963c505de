using System.Collections;
using System.Diagnostics;

namespace MLNetExtensions.Tests;

/// <summary>A program that a test starts, as a user would: without what the test platform puts into the environment.</summary>
internal static class ChildProcess
{
    // Where these are inherited, a build in the child looks for its parts in the places of the parent, or reports to the parent's test run.
    private static readonly string[] s_foreign = ["MSBUILD", "VSTEST", "TESTINGPLATFORM_", "DOTNET_CLI_TEST", "DOTNET_CLI_CONTEXT", "DOTNET_STARTUP_HOOKS", "DOTNET_ADDITIONAL_DEPS", "CORECLR_", "COR_"];

    private static readonly TimeSpan s_patienceForOutput = TimeSpan.FromSeconds(20);

    /// <summary>Runs the <c>dotnet</c> command to its end. A process that does not end in time is killed with its children, and fails the test.</summary>
    /// <param name="folder">Where it is started.</param>
    /// <param name="patience">How long it may take.</param>
    /// <param name="arguments">Its arguments.</param>
    internal static Result Dotnet(string folder, TimeSpan patience, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var name in Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(variable => (string)variable.Key))
        {
            if (s_foreign.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
            {
                start.Environment.Remove(name);
            }
        }
        // A build server that outlives the command would hold on to its output.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        start.Environment["DOTNET_NOLOGO"] = "1";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        var ended = process.WaitForExit(patience);
        if (!ended)
        {
            process.Kill(entireProcessTree: true);
        }
        var drained = Task.WaitAll([output, errors], s_patienceForOutput);
        var result = new Result(ended ? process.ExitCode : -1, drained ? output.Result : "", drained ? errors.Result : "");
        Assert.IsTrue(ended, $"'dotnet {string.Join(' ', arguments)}' does not end within {patience}.\n{result}");
        Assert.IsTrue(drained, "The output of the process does not end.");
        return result;
    }

    internal sealed record Result(int ExitCode, string Output, string Errors)
    {
        internal string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

        internal Result Succeeded()
        {
            Assert.AreEqual(0, ExitCode, ToString());
            return this;
        }

        public override string ToString() => $"{Output}\n{Errors}";
    }
}
