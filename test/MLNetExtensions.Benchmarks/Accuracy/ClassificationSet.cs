using ImageClassification;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Torch;
using Samples;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Rows and their classes, numbered from 0.</summary>
internal sealed record LabelledRows(float[][] Features, int[] Classes)
{
    public int Count => Classes.Length;

    /// <summary>The rows with these numbers.</summary>
    public LabelledRows Take(IEnumerable<int> rows)
    {
        int[] taken = [.. rows];
        return new([.. taken.Select(row => Features[row])], [.. taken.Select(row => Classes[row])]);
    }

    /// <summary>The columns Features and Label, a key.</summary>
    public IDataView View(MLContext ml)
    {
        var schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, Features[0].Length);
        schema[nameof(Row.Label)].ColumnType = new KeyDataViewType(typeof(uint), Classes.Max() + 1);
        return ml.Data.LoadFromEnumerable(Features.Zip(Classes, (features, label) => new Row { Features = features, Label = (uint)label }).ToArray(), schema);
    }

    private sealed class Row
    {
        public float[] Features { get; set; } = [];

        // From 0: the view counts keys from 1.
        public uint Label { get; set; }
    }
}

/// <summary>A data set for classifiers, with its own split.</summary>
internal sealed record ClassificationSet
{
    // Of the rows that settings are chosen on.
    private const double HeldOutFraction = 0.2;
    private const int HeldOutSeed = 7;

    public required string Name { get; init; }

    public required int Classes { get; init; }

    /// <summary>The side of square images; null = a table.</summary>
    public int? Side { get; init; }

    /// <summary>Whether mirror images mean the same.</summary>
    public bool MayFlip { get; init; }

    /// <summary>Whether all columns have one unit: then one scale for all is tried beside one for each.</summary>
    public required bool HasOneUnit { get; init; }

    public required LabelledRows Training { get; init; }

    public required LabelledRows Test { get; init; }

    /// <summary>Rows of classes that are not in <see cref="Training"/>; null = none.</summary>
    public LabelledRows? Novel { get; init; }

    /// <summary>The training rows, less a fifth, and this fifth, on which settings are chosen.</summary>
    public (LabelledRows Training, LabelledRows HeldOut) Split()
    {
        var order = StepRandom.Permutation(Training.Count, HeldOutSeed, 0);
        var heldOut = (int)(HeldOutFraction * Training.Count);
        return (Training.Take(order[heldOut..].Order()), Training.Take(order[..heldOut].Order()));
    }

    /// <summary>Handwritten digits, 8 x 8, as a table.</summary>
    public static ClassificationSet Digits() => Table("digits", DigitRows(), hasOneUnit: true, label => int.Parse(label));

    /// <summary>The digits of both parts, in the order of the file.</summary>
    public static LabelledRows AllDigits()
    {
        var rows = DigitRows();
        return new([.. rows.Select(row => row.Features)], [.. rows.Select(row => int.Parse(row.Label))]);
    }

    private static Labelled[] DigitRows() => Read<Labelled>("digits.csv.gz", 64, new("Label", DataKind.String, 64), new("Split", DataKind.String, 65));

    /// <summary>Letters, by 16 measures of their shape.</summary>
    public static ClassificationSet Letters()
    {
        var rows = Read<Labelled>("letter.csv.gz", 16, new("Label", DataKind.String, 16), new("Split", DataKind.String, 17));
        return Table("letters", rows, hasOneUnit: false, label => label[0] - 'A');
    }

    /// <summary>A tenth of Fashion-MNIST.</summary>
    public static ClassificationSet Fashion()
    {
        return new()
        {
            Name = "fashion",
            Classes = 10,
            Side = 28,
            MayFlip = true,
            HasOneUnit = true,
            Training = Part("train"),
            Test = Part("test"),
        };

        static LabelledRows Part(string name)
        {
            var labels = IdxFile.Read(Repository.DataFile($"fashion-{name}-labels.idx1.gz"), 1);
            return new(Images($"fashion-{name}-images.idx3.gz"), [.. labels.Values.Select(label => (int)label)]);
        }
    }

    /// <summary>A hundred handwritten characters, and others that come in the test alone.</summary>
    public static ClassificationSet Omniglot()
    {
        var images = Images("omniglot136-images.idx3.gz");
        var index = Read<Character>("omniglot136-index.csv.gz", 0, new("Class", DataKind.Int32, 4), new("Split", DataKind.String, 5));
        return new()
        {
            Name = "omniglot",
            Classes = 100,
            Side = 28,
            HasOneUnit = true,
            Training = Part(Rows("train")),
            Test = Part(Rows("test")),
            Novel = Part(Rows("novel")),
        };

        int[] Rows(string split) => [.. index.Index().Where(row => row.Item.Split == split).Select(row => row.Index)];

        LabelledRows Part(int[] rows) => new([.. rows.Select(row => images[row])], [.. rows.Select(row => index[row].Class)]);
    }

    private static ClassificationSet Table(string name, Labelled[] rows, bool hasOneUnit, Func<string, int> classOf)
    {
        var training = Part("train");
        return new()
        {
            Name = name,
            Classes = training.Classes.Max() + 1,
            HasOneUnit = hasOneUnit,
            Training = training,
            Test = Part("test"),
        };

        LabelledRows Part(string split)
        {
            Labelled[] part = [.. rows.Where(row => row.Split == split)];
            return new([.. part.Select(row => row.Features)], [.. part.Select(row => classOf(row.Label))]);
        }
    }

    private static float[][] Images(string name)
    {
        var file = IdxFile.Read(Repository.DataFile(name), 3);
        return [.. Enumerable.Range(0, file.Rows).Select(row => file[row].ToArray().Select(value => (float)value).ToArray())];
    }

    /// <summary>Reads a table whose first columns, if any, are the features.</summary>
    private static TRow[] Read<TRow>(string name, int features, params TextLoader.Column[] columns)
        where TRow : class, new()
    {
        var ml = new MLContext();
        var loader = ml.Data.CreateTextLoader(new TextLoader.Options
        {
            Columns = features == 0 ? columns : [new("Features", DataKind.Single, 0, features - 1), .. columns],
            Separators = [','],
            HasHeader = true,
        });
        return [.. ml.Data.CreateEnumerable<TRow>(loader.Load(new TextSource(Repository.DataFile(name))), reuseRowObject: false)];
    }

    private sealed class Labelled
    {
        public float[] Features { get; set; } = [];

        public string Label { get; set; } = "";

        public string Split { get; set; } = "";
    }

    private sealed class Character
    {
        public int Class { get; set; }

        public string Split { get; set; } = "";
    }
}
