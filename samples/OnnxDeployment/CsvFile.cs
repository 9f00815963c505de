using System.Globalization;

namespace OnnxDeployment;

/// <summary>Rows of numbers in a file.</summary>
internal static class CsvFile
{
    /// <summary>Writes rows.</summary>
    public static void Write(string path, IEnumerable<float[]> rows)
        => File.WriteAllLines(path, rows.Select(row => string.Join(',', row.Select(value => value.ToString("R", CultureInfo.InvariantCulture)))));

    /// <summary>Reads rows.</summary>
    public static float[][] Read(string path)
        => [.. File.ReadLines(path).Select(line => line.Split(',').Select(field => float.Parse(field, CultureInfo.InvariantCulture)).ToArray())];
}
