using System.Globalization;
using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tests.Golden;
using TorchSharp;

namespace MLNetExtensions.Tests.OwnModules;

/// <summary>Data for the tests of own modules, and what they do with models.</summary>
internal static class Rows
{
    internal sealed class Point
    {
        [VectorType(4)]
        public float[] Features { get; set; } = [];

        public float Label { get; set; }

        [VectorType(2)]
        public float[] Targets { get; set; } = [];

        public string Class { get; set; } = "";
    }

    internal sealed class Scored
    {
        public float Score { get; set; }
    }

    internal sealed class ScoredVector
    {
        public float[] Score { get; set; } = [];
    }

    internal sealed class Classified
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }

    internal sealed class Digit
    {
        [VectorType(64)]
        public float[] Features { get; set; } = [];

        public int Label { get; set; }
    }

    /// <summary>A curved function of three of four features, with noise; two values to predict, and three classes in rings.</summary>
    internal static Point[] Points(int count, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            float[] x = [.. Enumerable.Range(0, 4).Select(_ => (float)(random.NextDouble() * 4 - 2))];
            var y = 100 + 20 * MathF.Sin(2 * x[0]) + 10 * x[1] * x[2] + (float)random.NextDouble();
            var radius = x[0] * x[0] + x[1] * x[1];
            // A third feature of another scale.
            x[2] = 1000 + 50 * x[2];
            return new Point { Features = x, Label = y, Targets = [y, 3 - y / 50], Class = radius < 1.2 ? "inner" : radius < 3 ? "middle" : "outer" };
        })];
    }

    internal static (IDataView Train, IDataView Test) Digits(MLContext ml)
    {
        var path = Path.Combine(GoldenFiles.SharedFolder, "data", "digits.csv.gz");
        if (!File.Exists(path))
        {
            Assert.Inconclusive($"{path} is not there.");
        }
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        reader.ReadLine();
        List<Digit> train = [], test = [];
        while (reader.ReadLine() is { } line)
        {
            var fields = line.Split(',');
            (fields[65] == "train" ? train : test).Add(new() { Features = [.. fields.Take(64).Select(f => float.Parse(f, CultureInfo.InvariantCulture))], Label = int.Parse(fields[64], CultureInfo.InvariantCulture) });
        }
        return (ml.Data.LoadFromEnumerable(train), ml.Data.LoadFromEnumerable(test));
    }

    internal static ITransformer Reload(MLContext ml, ITransformer model, DataViewSchema? schema = null) => Load(Save(ml, model, schema));

    internal static byte[] Save(MLContext ml, ITransformer model, DataViewSchema? schema = null)
    {
        using var stream = new MemoryStream();
        ml.Model.Save(model, schema, stream);
        return stream.ToArray();
    }

    internal static ITransformer Load(byte[] file)
    {
        using var stream = new MemoryStream(file);
        return new MLContext().Model.Load(stream, out _);
    }

    internal static float[] Flat(IDataView view, string column)
        => view.Schema[column].Type is VectorDataViewType ? [.. view.GetColumn<float[]>(column).SelectMany(row => row)] : [.. view.GetColumn<float>(column)];

    internal static Exception Innermost(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e)
        {
            while (e.InnerException is not null)
            {
                e = e.InnerException;
            }
            return e;
        }
        throw new AssertFailedException("Nothing was thrown.");
    }

    internal static T Throws<T>(Action action, params string[] parts)
        where T : Exception
    {
        var e = Assert.ThrowsExactly<T>(action);
        foreach (var part in parts)
        {
            Assert.Contains(part, e.Message);
        }
        return e;
    }

    /// <summary>TorchSharp never takes a parameter that was made (nor one of a script) off its count of tensors, though its memory is freed.</summary>
    internal static void LeavesNoTensors(int parametersMade, Action action)
    {
        for (var i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        var before = torch.Tensor.TotalCount;
        action();
        Assert.IsLessThanOrEqualTo(before + parametersMade, torch.Tensor.TotalCount, "Tensors were left behind.");
    }
}

internal sealed class Told(Action<TrainingProgress> told) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) => told(value);
}
