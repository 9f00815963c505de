using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tests.OwnModules;

namespace MLNetExtensions.Tests;

/// <summary>The conformance entries of equiangular basis vectors: one for each trunk.</summary>
internal static class EquiangularBasisVectorsEntries
{
    private const int Columns = 5;
    private const int Side = 8;
    private const int Channels = 2;
    private const int Pixels = Side * Side * Channels;

    internal static IEnumerable<ConformanceEntry> All => [Mlp(), ConvNet(), OwnModule()];

    private static EquiangularBasisVectorsTrainer.Options Tiny() => new()
    {
        MaximumNumberOfEpochs = 2,
        Seed = 1,
        NumberOfThreads = 1,
        HiddenWidths = [8, 6],
        Dimension = 4,
    };

    private static EquiangularBasisVectorsTrainer.Options TinyWithAllColumns()
    {
        var options = Tiny();
        options.NumberOfTopClasses = 2;
        options.EmbeddingColumnName = "Embedding";
        options.TrunkFeaturesColumnName = "Trunk";
        options.AngleColumnName = "Angle";
        options.UnknownQuantile = 0.1;
        options.Patience = 5;
        options.ClassWeights = ClassWeighting.SquareRoot;
        return options;
    }

    private static EquiangularBasisVectorsTrainer.Options TinyOfImages()
    {
        var options = Tiny();
        options.Trunk = EquiangularBasisTrunk.ConvNet;
        options.ImageHeight = Side;
        options.ImageWidth = Side;
        options.ImageChannels = Channels;
        options.InterleavedPixels = true;
        options.ImageFlip = true;
        options.ConvNetWidth = 2;
        options.OutputScores = false;
        options.NumberOfTopClasses = 3;
        options.PriorShift = true;
        return options;
    }

    private static EquiangularBasisVectorsTrainer.Options TinyOfOwnModule()
    {
        var options = Tiny();
        options.Trunk = EquiangularBasisTrunk.OwnModule;
        options.ModuleFactory = new Perceptron { Width = 4, DropoutRate = 0.2 };
        options.NumberOfFeatures = 6;
        return options;
    }

    private static float[] Features(int row) => [row % 7, row * row % 11 - 5, row / 50f, row % 3 == 0 ? 0 : 2, row % 4 - row % 3];

    private static byte[] Image(int row) => [.. Enumerable.Range(0, Pixels).Select(i => (byte)(i * (1 + row % 4) % 17 * (row % 5)))];

    private static TestView Labelled(int rows) => new TestView(rows) { CanShuffle = true }.Add("Label", new KeyDataViewType(typeof(byte), 3), row => (byte)(row % 4), TestView.KeyValues("x", "y", "z"));

    private static IReadOnlyList<InvalidData> InvalidFeatures =>
    [
        new("text features", () => Labelled(99).Add("Features", TextDataViewType.Instance, row => "1".AsMemory()), "Features", "String"),
        new("integer features", () => Labelled(99).AddVector("Features", NumberDataViewType.Int32, Pixels, row => new int[Pixels]), "Features", "Vector<Int32"),
        new("variable features", () => Labelled(99).AddVector("Features", NumberDataViewType.Single, 0, Features), "Features", "VarVector<Single>"),
        new("no features", () => Labelled(99).AddVector("features", NumberDataViewType.Single, Columns, Features), "Features"),
    ];

    private static ConformanceEntry Of(string name, Func<EquiangularBasisVectorsTrainer.Options> options, Func<int, Func<int, float[]>?, TestView> data, Func<MLContext, ITransformer, int, IReadOnlyList<object[]>> engine,
        params string[] outputs) => new()
        {
            Name = name,
            Exports = true,
            IsRowScorer = true,
            Create = ml => ml.MulticlassClassification.Trainers.EquiangularBasisVectors(options()),
            Options = options,
            CreateWith = (ml, set) => ml.MulticlassClassification.Trainers.EquiangularBasisVectors((EquiangularBasisVectorsTrainer.Options)set),
            Data = rows => data(rows, null),
            Inputs = ["Features"],
            Outputs = outputs,
            Invalid = InvalidFeatures,
            Hiding = ml =>
            {
                var hiding = options();
                hiding.FeatureColumnName = "PredictedLabel";
                return (ml.MulticlassClassification.Trainers.EquiangularBasisVectors(hiding), hiding.Trunk == EquiangularBasisTrunk.ConvNet
                    ? Labelled(50).AddVector("PredictedLabel", NumberDataViewType.Byte, Pixels, Image)
                    : Labelled(50).AddVector("PredictedLabel", NumberDataViewType.Single, Columns, Features));
            },
            Engine = engine,
        };

    private static TestView Table(int rows, Func<int, float[]>? features) => Labelled(rows)
        .AddVector("Features", NumberDataViewType.Single, Columns, features ?? Features, row => row % 4 == 1)
        .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory());

    private static ConformanceEntry Mlp() => Of("Equiangular basis vectors", TinyWithAllColumns, Table, (ml, model, rows) =>
        {
            using var engine = ml.Model.CreatePredictionEngine<FeaturesRow, AllColumns>(model, new PredictionEngineOptions { OwnsTransformer = false });
            return [.. Enumerable.Range(0, rows).Select(row => engine.Predict(new() { Features = Features(row) }))
                .Select(row => new object[] { row.PredictedLabel, row.Score, row.TopLabels, row.TopScores, row.Embedding, row.Trunk, row.Angle })];
        }, "PredictedLabel", "Score", "TopLabels", "TopScores", "Embedding", "Trunk", "Angle") with
    {
        TransformOnly = rows => new TestView(rows).AddVector("Features", NumberDataViewType.Double, Columns, row => Array.ConvertAll(Features(row), value => (double)value)),
        InvalidForModel = [new("other size", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 2, row => new float[2]), "Features", "Vector<Single, 2>")],
        WithNaN = rows => Table(rows, row => row % 3 == 0 ? [float.NaN, 1, 2, 3, 4] : Features(row)),
    };

    private static ConformanceEntry ConvNet() => Of("Equiangular basis vectors of images", TinyOfImages, (rows, _) => Labelled(rows).AddVector("Features", NumberDataViewType.Byte, Pixels, Image, row => row % 4 == 1), (ml, model, rows) =>
        {
            using var engine = ml.Model.CreatePredictionEngine<ImageRow, TopColumns>(model, new PredictionEngineOptions { OwnsTransformer = false });
            return [.. Enumerable.Range(0, rows).Select(row => engine.Predict(new() { Features = Image(row) })).Select(row => new object[] { row.PredictedLabel, row.TopLabels, row.TopScores })];
        }, "PredictedLabel", "TopLabels", "TopScores") with
    {
        TransformOnly = rows => new TestView(rows).AddVector("Features", NumberDataViewType.Single, Pixels, row => Array.ConvertAll(Image(row), value => (float)value)),
        InvalidForModel = [new("other size", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 64, row => new float[64]), "8 x 8 x 2", "Vector<Single, 64>")],
    };

    private static ConformanceEntry OwnModule() => Of("Equiangular basis vectors of an own module", TinyOfOwnModule, Table, (ml, model, rows) =>
        {
            using var engine = ml.Model.CreatePredictionEngine<FeaturesRow, AllColumns>(model, new PredictionEngineOptions { OwnsTransformer = false });
            return [.. Enumerable.Range(0, rows).Select(row => engine.Predict(new() { Features = Features(row) })).Select(row => new object[] { row.PredictedLabel, row.Score })];
        }, "PredictedLabel", "Score") with
    {
        CountedParameters = 4,
        Exports = false,
        CannotExport = "wraps code of yours that cannot be translated",
        InvalidForModel = [new("a scalar", () => new TestView(9).Add("Features", NumberDataViewType.Single, row => 1f), "Features", "Single")],
        WithNaN = rows => Table(rows, row => row % 3 == 0 ? [float.NaN, 1, 2, 3, 4] : Features(row)),
    };

    private sealed class FeaturesRow
    {
        [VectorType(Columns)]
        public float[] Features { get; set; } = [];
    }

    private sealed class ImageRow
    {
        [VectorType(Pixels)]
        public byte[] Features { get; set; } = [];
    }

    private class TopColumns
    {
        public uint PredictedLabel { get; set; }

        public uint[] TopLabels { get; set; } = [];

        public float[] TopScores { get; set; } = [];
    }

    private sealed class AllColumns : TopColumns
    {
        public float[] Score { get; set; } = [];

        public float[] Embedding { get; set; } = [];

        public float[] Trunk { get; set; } = [];

        public float[] Angle { get; set; } = [];
    }
}
