using Microsoft.ML;
using Microsoft.ML.Data;

namespace Samples;

/// <summary>Known cells of a tensor, with the names of their columns.</summary>
internal sealed record Cells(IDataView Data, string[] Modes, string Value)
{
    /// <summary>Reads a file of the user: modes as text, whatever they are.</summary>
    /// <exception cref="InvalidDataException">The file is no such table.</exception>
    public static Cells Read(MLContext ml, string path, IReadOnlyList<string> modes, string? value)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no file '{path}'.");
        }
        var source = new TextSource(path);
        string[] header;
        using (var reader = source.OpenTextReader(0))
        {
            header = (reader.ReadLine() ?? "").Split(',', StringSplitOptions.TrimEntries);
        }
        value ??= header[^1];
        string[] names = modes.Count > 0 ? [.. modes] : [.. header.Where(name => name != value)];
        foreach (var name in names.Append(value).Where(name => !header.Contains(name)))
        {
            throw new InvalidDataException($"'{path}' has no column '{name}'. It has: {string.Join(", ", header)}.");
        }
        var loader = ml.Data.CreateTextLoader(new TextLoader.Options
        {
            Columns = [.. names.Select(name => new TextLoader.Column(name, DataKind.String, Array.IndexOf(header, name))), new(value, DataKind.Single, Array.IndexOf(header, value))],
            Separators = [','],
            HasHeader = true,
            AllowQuoting = true,
            // An unknown value must not pass for a zero.
            MissingRealsAsNaNs = true,
        });
        return new(ml.Data.Cache(loader.Load(source)), names, value);
    }
}
