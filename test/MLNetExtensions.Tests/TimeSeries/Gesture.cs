using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests.TimeSeries;

/// <summary>Series of two channels and three classes, by how often they swing: 12 to 24 steps long.</summary>
internal sealed class Gesture
{
    internal const int LongestSteps = 24;

    internal static readonly string[] Classes = ["slow", "middle", "fast"];

    public float[] Features { get; set; } = [];

    public string Class { get; set; } = "";

    internal static Gesture[] Make(int count, int seed = 1, bool equallyLong = false)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var steps = equallyLong || i == 0 ? LongestSteps : random.Next(12, LongestSteps + 1);
            var (period, phase) = (new[] { 12.0, 6, 3 }[i % 3], 2 * Math.PI * random.NextDouble());
            var features = new float[2 * steps];
            for (var t = 0; t < steps; t++)
            {
                features[2 * t] = (float)(20 + 3 * Math.Sin(2 * Math.PI * t / period + phase) + random.NextDouble());
                features[2 * t + 1] = (float)(random.NextDouble() - Math.Cos(2 * Math.PI * t / period + phase));
            }
            return new Gesture { Features = features, Class = Classes[i % 3] };
        })];
    }

    /// <summary>The rows with a label column, keyed by the names of the classes in their order.</summary>
    internal static IDataView View(MLContext ml, IReadOnlyList<Gesture> rows, int size = 0)
    {
        var schema = SchemaDefinition.Create(typeof(Gesture));
        if (size > 0)
        {
            schema[nameof(Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, size);
        }
        var keys = ml.Data.LoadFromEnumerable(Classes.Select(name => new Key { Name = name }));
        return ml.Transforms.Conversion.MapValueToKey("Label", nameof(Class), keyData: keys).Fit(ml.Data.LoadFromEnumerable(rows, schema)).Transform(ml.Data.LoadFromEnumerable(rows, schema));
    }

    private sealed class Key
    {
        public string Name { get; set; } = "";
    }
}
