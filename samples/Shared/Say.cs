using Spectre.Console;

namespace Samples;

/// <summary>What samples write.</summary>
internal static class Say
{
    public static void Step(string title)
    {
        Console.WriteLine();
        AnsiConsole.MarkupLineInterpolated($"[bold]{title}[/]");
    }

    // Not through AnsiConsole, which would wrap long lines.
    public static void Line(string text) => Console.WriteLine(text);

    /// <summary>A path as seen from where the sample was started.</summary>
    public static void Path(string path) => Line(System.IO.Path.GetRelativePath(Environment.CurrentDirectory, path));
}
