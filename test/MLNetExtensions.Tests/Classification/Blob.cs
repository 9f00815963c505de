using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests.Classification;

/// <summary>Rows around the centres of their classes.</summary>
internal sealed class Blob
{
    internal const int Size = 6;

    [VectorType(Size)]
    public float[] Features { get; set; } = [];

    public string Class { get; set; } = "";

    public float Weight { get; set; } = 1;
}

internal static class Blobs
{
    /// <summary>As many rows of each class as are asked for; class i is always around the same centre.</summary>
    internal static Blob[] Make(int seed, double noise, params IReadOnlyList<int> counts)
    {
        var centres = new Random(77);
        var random = new Random(seed);
        return [.. counts.SelectMany((count, c) =>
        {
            double[] centre = [.. Enumerable.Range(0, Blob.Size).Select(_ => Normal(centres))];
            return Enumerable.Range(0, count).Select(_ => new Blob { Features = [.. centre.Select(value => (float)(value + noise * Normal(random)))], Class = $"c{c}" }).ToArray();
        })];
    }

    internal static int[] Each(int classes, int count) => [.. Enumerable.Repeat(count, classes)];

    /// <summary>The rows with a label column, keyed by the names of the classes in their order.</summary>
    internal static IDataView View(MLContext ml, IReadOnlyList<Blob> rows, int classes)
    {
        var data = ml.Data.LoadFromEnumerable(rows);
        return Keys(ml, classes).Fit(data).Transform(data);
    }

    internal static IEstimator<ITransformer> Keys(MLContext ml, int classes)
        => ml.Transforms.Conversion.MapValueToKey("Label", nameof(Blob.Class), keyData: ml.Data.LoadFromEnumerable(Enumerable.Range(0, classes).Select(c => new Key { Name = $"c{c}" })));

    internal static Scored[] Score(ITransformer model, IDataView data) => [.. new MLContext().Data.CreateEnumerable<Scored>(model.Transform(data), reuseRowObject: false)];

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private sealed class Key
    {
        public string Name { get; set; } = "";
    }

    internal sealed class Scored
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }
}
