using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;
using Samples;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>A tensor of the shared data with one of its splits.</summary>
internal sealed record TensorFile
{
    public const string Parking = "birmingham-parking.csv.gz";
    public const string Synthetic = "synthetic_10K.csv.gz";

    private const int Order = 3;

    private static readonly Dictionary<string, string[]> s_splits = new() { [Parking] = ["rm60", "rm40", "sparse10"], [Synthetic] = ["split"] };

    /// <summary>The entities of each cell, from 0.</summary>
    public required int[][] Index { get; init; }

    public required float[] Values { get; init; }

    /// <summary>The numbers of the cells of each part.</summary>
    public required int[] Training { get; init; }

    public required int[] Validation { get; init; }

    public required int[] Test { get; init; }

    /// <summary>The number of entities of each mode, with or without cells.</summary>
    public int[] Entities => [.. Enumerable.Range(0, Order).Select(mode => Index.Max(cell => cell[mode]) + 1)];

    /// <summary>The cells as the trainings take them.</summary>
    public TensorCells Cells(Func<float, double> scale) => new(Order, [.. Index.SelectMany(cell => cell)], [.. Values.Select(scale)]);

    /// <summary>Reads a file and one of its splits.</summary>
    public static TensorFile Read(string file, string split)
    {
        var ml = new MLContext();
        var loader = ml.Data.CreateTextLoader(new TextLoader.Options
        {
            Columns = [new("Index", DataKind.Int32, 0, Order - 1), new("Value", DataKind.Single, Order), new("Split", DataKind.String, Order + 1 + Array.IndexOf(s_splits[file], split))],
            Separators = [','],
            HasHeader = true,
        });
        Cell[] cells = [.. ml.Data.CreateEnumerable<Cell>(loader.Load(new TextSource(Repository.DataFile(Path.Combine("tensors", file)))), reuseRowObject: false)];
        return new() { Index = [.. cells.Select(cell => cell.Index)], Values = [.. cells.Select(cell => cell.Value)], Training = Part("train"), Validation = Part("valid"), Test = Part("test") };

        int[] Part(string name) => [.. cells.Index().Where(cell => cell.Item.Split == name).Select(cell => cell.Index)];
    }

    private sealed class Cell
    {
        public int[] Index { get; set; } = [];

        public float Value { get; set; }

        public string Split { get; set; } = "";
    }
}
