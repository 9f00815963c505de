using System.Text.Json;

namespace MLNetExtensions.SampleTests.Notebooks;

/// <summary>A cell of a notebook.</summary>
/// <param name="Number">Its number among all cells, from 1.</param>
/// <param name="IsCode">Whether it holds code.</param>
/// <param name="Source">Its text.</param>
/// <param name="HasOutput">Whether what it once showed is stored with it.</param>
internal sealed record NotebookCell(int Number, bool IsCode, string Source, bool HasOutput);

/// <summary>A notebook as its file has it, in the format nbformat 4.</summary>
/// <param name="Name">The name of the file.</param>
/// <param name="Kernel">The name of the kernel that it asks for.</param>
/// <param name="Cells">Its cells.</param>
internal sealed record Notebook(string Name, string Kernel, IReadOnlyList<NotebookCell> Cells)
{
    /// <summary>The kernel of .NET Interactive for C#.</summary>
    internal const string CSharpKernel = ".net-csharp";

    /// <exception cref="FormatException">It is no notebook of format 4.</exception>
    internal static Notebook Load(string path)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(path));
        if (json.RootElement.GetProperty("nbformat").GetInt32() != 4)
        {
            throw new FormatException($"'{path}' is no notebook of format 4.");
        }
        return new(
            Path.GetFileName(path),
            json.RootElement.GetProperty("metadata").GetProperty("kernelspec").GetProperty("name").GetString()!,
            [.. json.RootElement.GetProperty("cells").EnumerateArray().Select((cell, i) => new NotebookCell(i + 1, cell.GetProperty("cell_type").GetString() == "code", Source(cell.GetProperty("source")), HasOutput(cell)))]);
    }

    /// <summary>The text of a cell: one string, or one for each line.</summary>
    private static string Source(JsonElement source)
        => source.ValueKind == JsonValueKind.String ? source.GetString()! : string.Concat(source.EnumerateArray().Select(line => line.GetString()));

    private static bool HasOutput(JsonElement cell)
        => (cell.TryGetProperty("outputs", out var outputs) && outputs.GetArrayLength() > 0) || (cell.TryGetProperty("execution_count", out var count) && count.ValueKind != JsonValueKind.Null);
}
