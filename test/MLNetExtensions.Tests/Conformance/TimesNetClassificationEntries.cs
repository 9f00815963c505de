using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests;

/// <summary>The conformance entries of the TimesNet classifier.</summary>
internal static class TimesNetClassificationEntries
{
    private const int Size = 12;

    internal static IEnumerable<ConformanceEntry> All => [OfKnownSize(), OfVariableLength()];

    private static TimesNetClassificationTrainer.Options Tiny() => new()
    {
        MaximumNumberOfEpochs = 2,
        Seed = 1,
        NumberOfThreads = 1,
        Network = { Width = 4, HiddenWidth = 4, NumberOfLayers = 1, NumberOfKernels = 2, TopPeriods = 2 },
    };

    private static TimesNetClassificationTrainer.Options TinyOfTwoChannels()
    {
        var options = Tiny();
        options.NumberOfChannels = 2;
        options.BatchSize = 32;
        options.Network.InferencePeriods = PeriodSelection.Frozen;
        return options;
    }

    private static float[] Known(int row) => [.. Enumerable.Range(0, Size).Select(i => i % 4 == 3 ? 0 : (row % 7 + i * (row % 4)) % 5 - 1.5f)];

    private static float[] Variable(int row) => [.. Enumerable.Range(0, 2 * (3 + row % 6)).Select(i => (row % 5 + i * (1 + row % 3)) % 7 / 3f)];

    private static InvalidData Invalid<T>(string what, DataViewType type, Func<int, T> value, string? name)
        => new(what, () => new TestView(99).Add("Label", new KeyDataViewType(typeof(byte), 3), row => (byte)1).Add("Features", type, value), "Features", name);

    private static IReadOnlyList<InvalidData> InvalidFeatures =>
    [
        Invalid("text features", TextDataViewType.Instance, row => "1".AsMemory(), "String"),
        Invalid("scalars", NumberDataViewType.Single, row => 1f, "Single"),
        new("integer features", () => new TestView(99).Add("Label", new KeyDataViewType(typeof(byte), 3), row => (byte)1).AddVector("Features", NumberDataViewType.Int32, Size, row => new int[Size]), "Features", "Vector<Int32"),
        new("no features", () => new TestView(99).Add("Label", new KeyDataViewType(typeof(byte), 3), row => (byte)1).AddVector("features", NumberDataViewType.Single, Size, Known), "Features"),
    ];

    private static ConformanceEntry OfKnownSize()
    {
        TestView Data(int rows, Func<int, float[]> features) => new TestView(rows) { CanShuffle = true }
            .Add("Label", new KeyDataViewType(typeof(byte), 3), row => (byte)(row % 4), TestView.KeyValues("x", "y", "z"))
            .AddVector("Features", NumberDataViewType.Single, Size, features, row => row % 4 == 1)
            .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory());
        return new()
        {
            Name = "TimesNet classification",
            Exports = true,
            IsRowScorer = true,
            Create = ml => ml.MulticlassClassification.Trainers.TimesNet(Tiny()),
            Options = Tiny,
            CreateWith = (ml, options) => ml.MulticlassClassification.Trainers.TimesNet((TimesNetClassificationTrainer.Options)options),
            Data = rows => Data(rows, Known),
            TransformOnly = rows => new TestView(rows).AddVector("Features", NumberDataViewType.Single, Size, Known),
            Inputs = ["Features"],
            Outputs = ["PredictedLabel", "Score"],
            Invalid = InvalidFeatures,
            InvalidForModel =
            [
                new("other size", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, Size + 1, row => new float[Size + 1]), "Features", "Vector<Single, 13>"),
                new("variable length", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 0, Known), "Features", "VarVector<Single>"),
            ],
            WithNaN = rows => Data(rows, row => row % 3 == 0 ? [.. Known(row).AsSpan(1), float.NaN] : Known(row)),
            Hiding = ml =>
            {
                var options = Tiny();
                options.FeatureColumnName = "Score";
                return (ml.MulticlassClassification.Trainers.TimesNet(options), new TestView(50).Add("Label", new KeyDataViewType(typeof(uint), 3), row => (uint)(row % 4)).AddVector("Score", NumberDataViewType.Single, Size, Known));
            },
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<KnownRow, ClassRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => engine.Predict(new() { Features = Known(row) })).Select(row => new object[] { row.PredictedLabel, row.Score })];
            },
        };
    }

    private static ConformanceEntry OfVariableLength()
    {
        TestView Data(int rows, Func<int, double[]> features) => new TestView(rows) { KnowsItsRows = false }
            .Add("Label", new KeyDataViewType(typeof(uint), 4), row => (uint)(row % 4))
            .AddVector("Features", NumberDataViewType.Double, 0, features, row => row % 5 == 0);
        static double[] Doubles(int row) => Array.ConvertAll(Variable(row), value => (double)value);
        return new()
        {
            Name = "TimesNet classification of variable length",
            CannotExport = "a vector of variable length",
            IsRowScorer = true,
            Create = ml => ml.MulticlassClassification.Trainers.TimesNet(TinyOfTwoChannels()),
            Options = TinyOfTwoChannels,
            CreateWith = (ml, options) => ml.MulticlassClassification.Trainers.TimesNet((TimesNetClassificationTrainer.Options)options),
            Data = rows => Data(rows, Doubles),
            TransformOnly = rows => new TestView(rows).AddVector("Features", NumberDataViewType.Single, 6, row => Variable(6 * row)),
            Inputs = ["Features"],
            Outputs = ["PredictedLabel", "Score"],
            Invalid = InvalidFeatures,
            InvalidForModel = [new("half a step", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 7, row => new float[7]), "Features", "Vector<Single, 7>")],
            WithNaN = rows => Data(rows, row => (row % 4) switch
            {
                0 => [],
                1 => [1, 2, 3],
                2 => [1, double.NegativeInfinity],
                _ => Doubles(row),
            }),
            Hiding = ml =>
            {
                var options = TinyOfTwoChannels();
                options.FeatureColumnName = "Score";
                return (ml.MulticlassClassification.Trainers.TimesNet(options), new TestView(50).Add("Label", new KeyDataViewType(typeof(uint), 3), row => (uint)(row % 4)).AddVector("Score", NumberDataViewType.Single, 0, Variable));
            },
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<VariableRow, ClassRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => engine.Predict(new() { Features = Doubles(row) })).Select(row => new object[] { row.PredictedLabel, row.Score })];
            },
        };
    }

    private sealed class KnownRow
    {
        [VectorType(Size)]
        public float[] Features { get; set; } = [];
    }

    private sealed class VariableRow
    {
        public double[] Features { get; set; } = [];
    }

    private sealed class ClassRow
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }
}
