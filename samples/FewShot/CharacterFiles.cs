using ImageClassification;
using Microsoft.ML;
using Microsoft.ML.Data;
using Samples;

namespace FewShot;

/// <summary>Images in the container of MNIST, and a table that says what they are.</summary>
internal static class CharacterFiles
{
    private const string NewSplit = "novel";

    /// <summary>Reads the two files.</summary>
    /// <param name="mlContext">The context to load with.</param>
    /// <param name="prefix">What the names of <c>-images.idx3.gz</c> and <c>-index.csv.gz</c> begin with. The table has the columns row, alphabet, character, drawer, label, split; rows of the split <c>novel</c> are the new characters.</param>
    /// <exception cref="InvalidDataException">The files are not such.</exception>
    public static CharacterSet Read(MLContext mlContext, string prefix)
    {
        var (imagePath, indexPath) = ($"{prefix}-images.idx3.gz", $"{prefix}-index.csv.gz");
        foreach (var path in new[] { imagePath, indexPath }.Where(path => !File.Exists(path)))
        {
            throw new FileNotFoundException($"There is no file '{path}'.");
        }
        var images = IdxFile.Read(imagePath, 3);
        var loader = mlContext.Data.CreateTextLoader(new TextLoader.Options
        {
            Columns = [new(nameof(Entry.Alphabet), DataKind.String, 1), new(nameof(Entry.Character), DataKind.String, 2), new(nameof(Entry.Split), DataKind.String, 5)],
            Separators = [','],
            HasHeader = true,
        });
        Entry[] index = [.. mlContext.Data.CreateEnumerable<Entry>(loader.Load(new TextSource(indexPath)), reuseRowObject: false)];
        if (index.Length != images.Rows)
        {
            throw new InvalidDataException($"There are {images.Rows} images, and {index.Length} rows in '{indexPath}'.");
        }
        var parts = index.Index().ToLookup(item => item.Item.Split == NewSplit, item => new CharacterImage
        {
            Class = $"{item.Item.Alphabet} {item.Item.Character}",
            Pixels = [.. images[item.Index].ToArray().Select(value => (float)value)],
        });
        return parts.Contains(true) && parts.Contains(false)
            ? new(images.Shape[1], images.Shape[2], [.. parts[false]], [.. parts[true]])
            : throw new InvalidDataException($"'{indexPath}' needs rows of the split '{NewSplit}' and others.");
    }

    private sealed class Entry
    {
        public string Alphabet { get; set; } = "";

        public string Character { get; set; } = "";

        public string Split { get; set; } = "";
    }
}
