using System.Globalization;
using System.Text;

namespace MLNetExtensions;

/// <summary>Tables for consoles and logs: the same in every culture.</summary>
internal static class TextTable
{
    // More rows make a text that nobody reads.
    private const int MostRows = 20;

    /// <summary>A table whose first column holds names and the others numbers; of many rows the first, with the number of the others.</summary>
    internal static string Of(IReadOnlyList<string> header, IReadOnlyCollection<IReadOnlyList<string>> rows)
    {
        IReadOnlyList<string>[] lines = [header, .. rows.Take(MostRows)];
        int[] widths = [.. header.Select((_, column) => lines.Max(line => line[column].Length))];
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            text.AppendLine(string.Join("  ", line.Select((cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))).TrimEnd());
        }
        if (rows.Count > MostRows)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"and {rows.Count - MostRows} more");
        }
        return text.ToString().TrimEnd();
    }
}
