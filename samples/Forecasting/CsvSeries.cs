using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Forecasting;

/// <summary>Reads the numeric columns of a CSV file with a header as one vector column, one row per time step.</summary>
internal static class CsvSeries
{
    public const string ColumnName = "Values";

    public const string TimeColumnName = "Time";

    /// <param name="ml">The context to load with.</param>
    /// <param name="path">The file.</param>
    /// <param name="columns">The names of the columns to take; none: all whose first value is a number.</param>
    /// <param name="timeColumn">The name of a column with times, to be read as <see cref="TimeColumnName"/>; null = none.</param>
    /// <returns>The view; the slots of its column bear the names of the file's header.</returns>
    public static IDataView Load(MLContext ml, string path, IReadOnlyList<string>? columns = null, string? timeColumn = null)
    {
        var (header, first) = ReadFirstLines(ml, path);
        var indices = columns is { Count: > 0 } ? columns.Select(name => IndexOf(path, header, name)).ToArray() : NumericColumns(header, first);
        if (indices.Length == 0)
        {
            throw new InvalidDataException($"No column of '{path}' has a number in its first row. The file needs a header and one row of numbers per time step, separated by commas.");
        }
        TextLoader.Column[] time = timeColumn is null ? [] : [new(TimeColumnName, DataKind.DateTime, IndexOf(path, header, timeColumn))];
        return ml.Data.LoadFromTextFile(path, new TextLoader.Options
        {
            Columns = [new(ColumnName, DataKind.Single, [.. indices.Select(i => new TextLoader.Range(i) { ForceVector = true })]), .. time],
            Separators = [','],
            HasHeader = true,
            AllowQuoting = true,
            // A gap must not pass for a zero.
            MissingRealsAsNaNs = true,
        });
    }

    /// <summary>The first column, if it is named "date" and begins with a time; otherwise null.</summary>
    public static string? DateColumn(MLContext ml, string path)
    {
        var (header, first) = ReadFirstLines(ml, path);
        return IsDate(header[0]) && DateTime.TryParse(first[0], CultureInfo.InvariantCulture, out _) ? header[0] : null;
    }

    /// <summary>The names of the channels of a loaded view.</summary>
    public static string[] ChannelNames(IDataView series)
    {
        VBuffer<ReadOnlyMemory<char>> names = default;
        series.Schema[ColumnName].GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    // The loader itself takes the lines apart, so that quotes mean the same here and there.
    private static (string[] Header, string[] First) ReadFirstLines(MLContext ml, string path)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no file '{path}'.");
        }
        const string Fields = "Fields";
        var options = new TextLoader.Options
        {
            Columns = [new(Fields, DataKind.String, [new TextLoader.Range(0, null)])],
            Separators = [','],
            AllowQuoting = true,
            MaxRows = 2,
        };
        var source = new MultiFileSource(path);
        try
        {
            var lines = new FileInfo(path).Length == 0 ? [] : ml.Data.CreateTextLoader(options, source).Load(source).GetColumn<string[]>(Fields).ToArray();
            return lines.Length == 2 ? (lines[0], lines[1]) : throw new InvalidDataException($"'{path}' needs a header and rows of numbers below it.");
        }
        catch (ArgumentException)
        {
            throw new InvalidDataException($"'{path}' is no table separated by commas: its lines have different numbers of fields.");
        }
    }

    private static int IndexOf(string path, string[] header, string name)
    {
        var index = Array.IndexOf(header, name);
        return index >= 0 ? index : throw new InvalidDataException($"'{path}' has no column '{name}'. It has: {string.Join(", ", header)}.");
    }

    private static int[] NumericColumns(string[] header, string[] first)
        => [.. Enumerable.Range(0, header.Length).Where(i => IsNumber(first[i]) && !(i == 0 && IsDate(header[i])))];

    private static bool IsDate(string name) => name.Equals("date", StringComparison.OrdinalIgnoreCase);

    private static bool IsNumber(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
}
