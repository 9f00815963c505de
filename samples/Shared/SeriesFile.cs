using System.IO.Compression;
using Microsoft.Data.Analysis;

namespace Samples;

/// <summary>A CSV file with a header, one row per time step; it may be compressed (.gz).</summary>
internal static class SeriesFile
{
    /// <summary>Reads a file as a <see cref="DataFrame"/>, which is an IDataView.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is no table.</exception>
    public static DataFrame Load(string path)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no file '{path}'.");
        }
        using var content = new MemoryStream();
        using (var file = File.OpenRead(path))
        using (Stream source = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionMode.Decompress) : file)
        {
            source.CopyTo(content);
        }
        content.Position = 0;
        try
        {
            return DataFrame.LoadCsv(content);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or IndexOutOfRangeException)
        {
            throw new InvalidDataException($"'{path}' is no table with a header, separated by commas: {e.Message}");
        }
    }

    /// <summary>A column.</summary>
    /// <exception cref="InvalidDataException">There is no such column.</exception>
    public static DataFrameColumn Column(DataFrame table, string path, string column)
        => table.Columns.FirstOrDefault(one => one.Name == column) ?? throw new InvalidDataException($"'{path}' has no column '{column}'. It has: {string.Join(", ", table.Columns.Select(one => one.Name))}.");

    /// <summary>The numbers of a column; a gap is NaN.</summary>
    /// <exception cref="InvalidDataException">There is no such column, or it holds no numbers.</exception>
    public static float[] Numbers(DataFrame table, string path, string column)
    {
        var values = Column(table, path, column);
        return values.IsNumericColumn()
            ? [.. Enumerable.Range(0, (int)values.Length).Select(row => values[row] is { } value ? Convert.ToSingle(value) : float.NaN)]
            : throw new InvalidDataException($"The column '{column}' of '{path}' holds other things than numbers.");
    }
}
