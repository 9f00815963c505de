using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Tests.OwnModules;

/// <summary>The conformance entries of own modules and TorchScript files.</summary>
internal static class OwnModuleEntries
{
    private static readonly Lazy<string> s_script = new(() =>
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pt");
        File.WriteAllBytes(path, TorchScriptFile.Create("def forward(self: __torch__.Net, x: Tensor, s: Tensor) -> Tuple[Tensor, Tensor]:\n  return (torch.linear(x, self.weight), torch.mul(s, s))", ("weight", [2, 3], [1, 2, 3, 4, 5, 6])));
        return path;
    });

    internal static IEnumerable<ConformanceEntry> All => [Regression(), VectorRegression(), Multiclass(), TorchScript()];

    private static float[] Features(int row) => [row % 7, row * row % 11 - 5, row / 50f];

    private static void Tiny(TorchModuleOptions options)
    {
        options.ModuleFactory = new Perceptron { Width = 4, DropoutRate = 0.2 };
        options.MaximumNumberOfEpochs = 2;
        options.Seed = 1;
        options.NumberOfThreads = 1;
    }

    private static TorchModuleRegressionTrainer.Options TinyRegression(string label)
    {
        var options = new TorchModuleRegressionTrainer.Options { LabelColumnName = label };
        Tiny(options);
        return options;
    }

    private static TorchModuleMulticlassTrainer.Options TinyMulticlass()
    {
        var options = new TorchModuleMulticlassTrainer.Options();
        Tiny(options);
        return options;
    }

    private static TestView Data(int rows, Func<int, float[]> features) => new TestView(rows) { CanShuffle = true }
        .Add("Label", NumberDataViewType.Single, row => row % 5f)
        .AddVector("Features", NumberDataViewType.Single, 3, features, row => row % 4 == 1, TestView.SlotNames("a", "b", "c"))
        .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory());

    private static readonly InvalidData[] s_invalidFeatures =
    [
        new("text features", () => new TestView(99).Add("Label", NumberDataViewType.Single, row => 1f).Add("Features", TextDataViewType.Instance, row => "1".AsMemory()), "Features", "String"),
        new("integer features", () => new TestView(99).Add("Label", NumberDataViewType.Single, row => 1f).AddVector("Features", NumberDataViewType.Int32, 3, row => new int[3]), "Features", "Vector<Int32"),
        new("variable features", () => new TestView(99).Add("Label", NumberDataViewType.Single, row => 1f).AddVector("Features", NumberDataViewType.Single, 0, Features), "Features", "VarVector<Single>"),
        new("no features", () => new TestView(99).Add("Label", NumberDataViewType.Single, row => 1f).AddVector("features", NumberDataViewType.Single, 3, Features), "Features"),
    ];

    private static readonly InvalidData[] s_invalidForModel =
        [new("other size", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 2, row => new float[2]), "Features", "Vector<Single, 2>")];

    private static ConformanceEntry Regression() => new()
    {
        Name = "TorchModule regression",
        CannotExport = "wraps code of yours that cannot be translated",
        CountedParameters = 4,
        IsRowScorer = true,
        Create = ml => ml.Regression.Trainers.TorchModule(TinyRegression("Label")),
        Options = () => TinyRegression("Label"),
        CreateWith = (ml, options) => ml.Regression.Trainers.TorchModule((TorchModuleRegressionTrainer.Options)options),
        Data = rows => Data(rows, Features),
        TransformOnly = rows => new TestView(rows).AddVector("Features", NumberDataViewType.Single, 3, Features),
        Inputs = ["Features"],
        Outputs = ["Score"],
        Invalid = s_invalidFeatures,
        InvalidForModel = s_invalidForModel,
        WithNaN = rows => Data(rows, row => row % 3 == 0 ? [float.NaN, 1, 2] : Features(row)),
        Hiding = ml =>
        {
            var options = TinyRegression("Label");
            options.FeatureColumnName = "Score";
            return (ml.Regression.Trainers.TorchModule(options), new TestView(50).Add("Label", NumberDataViewType.Single, row => row % 5f).AddVector("Score", NumberDataViewType.Single, 3, Features));
        },
        Engine = (ml, model, rows) =>
        {
            using var engine = ml.Model.CreatePredictionEngine<FeaturesRow, ScoreRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
            return [.. Enumerable.Range(0, rows).Select(row => new object[] { engine.Predict(new() { Features = Features(row) }).Score })];
        },
    };

    private static ConformanceEntry VectorRegression()
    {
        TestView Both(int rows) => new TestView(rows) { KnowsItsRows = false }
            .AddVector("Targets", NumberDataViewType.Single, 2, row => new[] { row % 5f, row % 3f }, annotations: TestView.SlotNames("u", "v"))
            .AddVector("Features", NumberDataViewType.Double, 3, row => Array.ConvertAll(Features(row), value => (double)value), row => row % 4 == 1);
        return new()
        {
            Name = "TorchModule regression of vectors",
            CannotExport = "wraps code of yours that cannot be translated",
            CountedParameters = 4,
            IsRowScorer = true,
            Create = ml => ml.Regression.Trainers.TorchModule(TinyRegression("Targets")),
            Options = () => TinyRegression("Targets"),
            CreateWith = (ml, options) => ml.Regression.Trainers.TorchModule((TorchModuleRegressionTrainer.Options)options),
            Data = Both,
            TransformOnly = rows => new TestView(rows).AddVector("Features", NumberDataViewType.Double, 3, row => Array.ConvertAll(Features(row), value => (double)value)),
            Inputs = ["Features"],
            Outputs = ["Score"],
            Invalid = [new("text features", () => new TestView(99).AddVector("Targets", NumberDataViewType.Single, 2, row => new float[2]).Add("Features", TextDataViewType.Instance, row => "1".AsMemory()), "Features", "String")],
            InvalidForModel = s_invalidForModel,
            Hiding = ml =>
            {
                var options = TinyRegression("Targets");
                options.FeatureColumnName = "Score";
                return (ml.Regression.Trainers.TorchModule(options), new TestView(50).AddVector("Targets", NumberDataViewType.Single, 2, row => new[] { row % 5f, row % 3f }).AddVector("Score", NumberDataViewType.Single, 3, Features));
            },
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<DoublesRow, ScoresRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => new object[] { engine.Predict(new() { Features = Array.ConvertAll(Features(row), value => (double)value) }).Score })];
            },
        };
    }

    private static ConformanceEntry Multiclass()
    {
        TestView Classes(int rows, Func<int, float[]> features) => new TestView(rows) { CanShuffle = true }
            .Add("Label", new KeyDataViewType(typeof(byte), 3), row => (byte)(row % 4), TestView.KeyValues("x", "y", "z"))
            .AddVector("Features", NumberDataViewType.Single, 3, features, row => row % 4 == 1);
        return new()
        {
            Name = "TorchModule multiclass",
            CannotExport = "wraps code of yours that cannot be translated",
            CountedParameters = 4,
            IsRowScorer = true,
            Create = ml => ml.MulticlassClassification.Trainers.TorchModule(TinyMulticlass()),
            Options = TinyMulticlass,
            CreateWith = (ml, options) => ml.MulticlassClassification.Trainers.TorchModule((TorchModuleMulticlassTrainer.Options)options),
            Data = rows => Classes(rows, Features),
            TransformOnly = rows => new TestView(rows).AddVector("Features", NumberDataViewType.Single, 3, Features),
            Inputs = ["Features"],
            Outputs = ["PredictedLabel", "Score"],
            Invalid = [new("text features", () => new TestView(99).Add("Label", new KeyDataViewType(typeof(byte), 3), row => (byte)1).Add("Features", TextDataViewType.Instance, row => "1".AsMemory()), "Features", "String")],
            InvalidForModel = s_invalidForModel,
            WithNaN = rows => Classes(rows, row => row % 3 == 0 ? [float.NaN, 1, 2] : Features(row)),
            Hiding = ml =>
            {
                var options = TinyMulticlass();
                options.FeatureColumnName = "Score";
                return (ml.MulticlassClassification.Trainers.TorchModule(options), new TestView(50).Add("Label", new KeyDataViewType(typeof(uint), 3), row => (uint)(row % 4)).AddVector("Score", NumberDataViewType.Single, 3, Features));
            },
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<FeaturesRow, ClassRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => engine.Predict(new() { Features = Features(row) })).Select(row => new object[] { row.PredictedLabel, row.Score })];
            },
        };
    }

    private static ConformanceEntry TorchScript()
    {
        TestView Both(int rows, Func<int, float[]> features) => new TestView(rows) { CanShuffle = true }
            .AddVector("Features", NumberDataViewType.Single, 3, features, row => row % 4 == 1)
            .Add("Side", NumberDataViewType.Double, row => row % 6.0);
        TorchScriptEstimator Create(MLContext ml, string second) => ml.Transforms.ApplyTorchScriptModel(new TorchScriptEstimator.Options { ModelFile = s_script.Value, OutputColumnNames = ["First", second], InputColumnNames = ["Features", "Side"], OutputShapes = [null, []] });
        return new()
        {
            Name = "TorchScript",
            GivesInfinity = true,
            CannotExport = "wraps code of yours that cannot be translated",
            ReadsData = false,
            CountedParameters = 1,
            IsRowScorer = true,
            Create = ml => Create(ml, "Second"),
            Data = rows => Both(rows, Features),
            Inputs = ["Features", "Side"],
            Outputs = ["First", "Second"],
            Invalid =
            [
                new("text", () => new TestView(9).Add("Features", TextDataViewType.Instance, row => "1".AsMemory()).Add("Side", NumberDataViewType.Double, row => 1.0), "Features", "String"),
                new("no side", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 3, Features), "Side"),
            ],
            InvalidForModel = [new("other size", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 2, row => new float[2]).Add("Side", NumberDataViewType.Double, row => 1.0), "Features", "Vector<Single, 2>")],
            WithNaN = rows => Both(rows, row => row % 3 == 0 ? [float.NaN, 1, 2] : Features(row)),
            Hiding = ml => (Create(ml, "Side"), Both(50, Features)),
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<FeaturesRow, ScriptRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => engine.Predict(new() { Features = Features(row), Side = row % 6.0 })).Select(row => new object[] { row.First, row.Second })];
            },
        };
    }

    private sealed class FeaturesRow
    {
        [VectorType(3)]
        public float[] Features { get; set; } = [];

        public double Side { get; set; }
    }

    private sealed class DoublesRow
    {
        [VectorType(3)]
        public double[] Features { get; set; } = [];
    }

    private sealed class ScoreRow
    {
        public float Score { get; set; }
    }

    private sealed class ScoresRow
    {
        public float[] Score { get; set; } = [];
    }

    private sealed class ClassRow
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }

    private sealed class ScriptRow
    {
        public float[] First { get; set; } = [];

        public float Second { get; set; }
    }
}
