using Microsoft.ML;
using Microsoft.ML.Data;
using Samples;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>A value at continuous coordinates.</summary>
internal sealed class TensorEntry
{
    public double[] Coordinates { get; set; } = [];

    /// <summary>The coordinates as trees take them.</summary>
    public float[] Features => Array.ConvertAll(Coordinates, value => (float)value);

    public float Label { get; set; }

    /// <summary>The value without noise, where it is known; else the label.</summary>
    public float Truth { get; set; }

    /// <summary>A fold, or whether the entry is a test entry of each of several splits.</summary>
    public float[] Split { get; set; } = [];
}

/// <summary>A set with its folds.</summary>
internal sealed class TensorSet
{
    private const int Folds = 5;

    public required string Name { get; init; }

    /// <summary>What errors are divided by.</summary>
    public double Unit { get; init; } = 1;

    public required string UnitName { get; init; }

    public required TensorEntry[] Entries { get; init; }

    public required int FoldCount { get; init; }

    /// <summary>The mode that is a day; null = none.</summary>
    public int? Day { get; init; }

    /// <summary>Whether an entry is tested in a fold.</summary>
    public required Func<TensorEntry, int, bool> IsTest { get; init; }

    public (TensorEntry[] Training, TensorEntry[] Test) Fold(int fold) => ([.. Entries.Where(entry => !IsTest(entry, fold))], [.. Entries.Where(entry => IsTest(entry, fold))]);

    public IDataView View(MLContext ml, TensorEntry[] entries)
    {
        var definition = SchemaDefinition.Create(typeof(TensorEntry));
        var modes = entries[0].Coordinates.Length;
        definition[nameof(TensorEntry.Coordinates)].ColumnType = new VectorDataViewType(NumberDataViewType.Double, modes);
        definition[nameof(TensorEntry.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, modes);
        return ml.Data.LoadFromEnumerable(entries, definition);
    }

    /// <summary>Daily maximum temperatures of the central United States: latitude, longitude, day.</summary>
    public static TensorSet Noaa() => new()
    {
        Name = "tmax",
        UnitName = "°F",
        Entries = Read("funbat_noaa_tmax.csv.gz", 3, label: 3, truth: 3, split: (4, 4)),
        FoldCount = Folds,
        Day = 2,
        IsTest = (entry, fold) => entry.Split[0] == fold,
    };

    /// <summary>Daily fine dust of Beijing: temperature, pressure, day.</summary>
    public static TensorSet Beijing() => new()
    {
        Name = "pm25",
        Unit = 69.56747,
        UnitName = "deviations",
        Entries = Read("funbat_beijing_pm25.csv.gz", 3, label: 3, truth: 3, split: (4, 8)),
        FoldCount = Folds,
        Day = 2,
        IsTest = (entry, fold) => entry.Split[fold] > 0,
    };

    /// <summary>The product of two known functions, with noise.</summary>
    public static TensorSet Synthetic() => new()
    {
        Name = "synthetic2",
        UnitName = "against the truth",
        Entries = Read("funbat_synthetic2.csv.gz", 2, label: 2, truth: 3, split: (4, 4)),
        FoldCount = 1,
        IsTest = (entry, _) => entry.Split[0] > 0,
    };

    private static TensorEntry[] Read(string name, int modes, int label, int truth, (int First, int Last) split)
    {
        var ml = new MLContext();
        var loader = ml.Data.CreateTextLoader(new TextLoader.Options
        {
            Columns =
            [
                new(nameof(TensorEntry.Coordinates), DataKind.Double, 0, modes - 1),
                new(nameof(TensorEntry.Label), DataKind.Single, label),
                new(nameof(TensorEntry.Truth), DataKind.Single, truth),
                new(nameof(TensorEntry.Split), DataKind.Single, [new TextLoader.Range(split.First, split.Last) { ForceVector = true }]),
            ],
            Separators = [','],
            HasHeader = true,
        });
        return [.. ml.Data.CreateEnumerable<TensorEntry>(loader.Load(new TextSource(Repository.DataFile(name))), reuseRowObject: false, ignoreMissingColumns: true)];
    }
}
