using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;

namespace MLNetExtensions.Tests;

/// <summary>The conformance entries of tensor completion: of keys, text and integers with a network, of keys only with CP.</summary>
internal static class NeuralTensorCompletionEntries
{
    private static readonly string[] s_items = ["apple", "pear", "plum", "fig"];

    internal static IEnumerable<ConformanceEntry> All => [Mlp(), Cp()];

    private static float Label(int row) => row % 9 == 4 ? float.NaN : row % 3 * (row % 4 - 1) + row % 5 / 2f;

    private static uint User(int row) => (uint)(row % 3 + 1);

    private static int Hour(int row) => row % 5 - 2;

    private static NeuralTensorCompletionTrainer.Options Tiny() => new()
    {
        ModeColumnNames = ["User", "Item", "Hour"],
        EmbeddingSize = 2,
        HiddenLayers = [4, 3],
        MaximumNumberOfEpochs = 2,
        ExampleWeightColumnName = "Weight",
        InfluenceLayers = InfluenceLayers.OutputWithBias,
        KeepBetter = false,
        UnseenKeys = UnseenKeys.NaN,
        Seed = 1,
        NumberOfThreads = 1,
    };

    private static ConformanceEntry Mlp()
    {
        TestView Modes(int rows, Func<int, uint> users) => new TestView(rows) { CanShuffle = true }
            .Add("User", new KeyDataViewType(typeof(uint), 4), users, TestView.KeyValues("ann", "bob", "eve", "joe"))
            .Add("Item", TextDataViewType.Instance, row => s_items[row % 4].AsMemory())
            .Add("Hour", NumberDataViewType.Int32, Hour);
        TestView Data(int rows, Func<int, uint> users) => Modes(rows, users)
            .Add("Label", NumberDataViewType.Single, Label)
            .Add("Weight", NumberDataViewType.Single, row => row % 3 / 2f)
            .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory());
        TestView Hours<T>(DataViewType type, Func<int, T> hour) => new TestView(99)
            .Add("User", TextDataViewType.Instance, row => "ann".AsMemory())
            .Add("Item", TextDataViewType.Instance, row => s_items[row % 4].AsMemory())
            .Add("Label", NumberDataViewType.Single, Label)
            .Add("Weight", NumberDataViewType.Single, row => 1f)
            .Add("Hour", type, hour);
        return new()
        {
            Name = "NeuralTensorCompletion MLP",
            Exports = true,
            IsRowScorer = true,
            Create = ml => ml.Regression.Trainers.NeuralTensorCompletion(Tiny()),
            Options = Tiny,
            CreateWith = (ml, options) => ml.Regression.Trainers.NeuralTensorCompletion((NeuralTensorCompletionTrainer.Options)options),
            Data = rows => Data(rows, User),
            TransformOnly = rows => Modes(rows, User),
            Inputs = ["User", "Item", "Hour"],
            Outputs = ["Score"],
            Invalid =
            [
                new("fractions", () => Hours(NumberDataViewType.Single, row => 1f), "Hour", "Single"),
                new("dates", () => Hours(DateTimeDataViewType.Instance, row => default(DateTime)), "Hour", "DateTime"),
                new("vectors", () => Hours(new VectorDataViewType(NumberDataViewType.Int32, 2), row => default(VBuffer<int>)), "Hour", "Vector<Int32, 2>"),
                new("no hour", () => new TestView(99)
                    .Add("User", TextDataViewType.Instance, row => "ann".AsMemory())
                    .Add("Item", TextDataViewType.Instance, row => s_items[row % 4].AsMemory())
                    .Add("Label", NumberDataViewType.Single, Label)
                    .Add("Weight", NumberDataViewType.Single, row => 1f), "Hour"),
            ],
            InvalidForModel = [new("keys without values", () => Hours(new KeyDataViewType(typeof(uint), 9), row => 1u), "Hour", "Key<UInt32")],
            WithNaN = rows => Data(rows, row => row % 3 == 0 ? 0 : User(row)),
            Hiding = ml =>
            {
                var options = Tiny();
                options.ModeColumnNames = ["Score", "Item"];
                return (ml.Regression.Trainers.NeuralTensorCompletion(options), new TestView(60)
                    .Add("Score", NumberDataViewType.Int64, row => row % 7L)
                    .Add("Item", TextDataViewType.Instance, row => s_items[row % 4].AsMemory())
                    .Add("Label", NumberDataViewType.Single, Label)
                    .Add("Weight", NumberDataViewType.Single, row => 1f));
            },
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<TextRow, ScoreRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                string[] users = ["ann", "bob", "eve"];
                return [.. Enumerable.Range(0, rows).Select(row => new object[] { engine.Predict(new() { User = users[row % 3], Item = s_items[row % 4], Hour = Hour(row) }).Score })];
            },
        };
    }

    private static ConformanceEntry Cp()
    {
        static NeuralTensorCompletionTrainer.Options Options() => new()
        {
            LabelColumnName = "Value",
            ModeColumnNames = ["Row", "Column"],
            BaseModel = TensorCompletionModel.Cp,
            EmbeddingSize = 2,
            MaximumNumberOfEpochs = 3,
            Seed = 1,
        };
        static TestView Modes(int rows, Func<int, ulong> columns) => new TestView(rows) { KnowsItsRows = false }
            .Add("Row", new KeyDataViewType(typeof(byte), 7), row => (byte)(row % 7 + 1))
            .Add("Column", new KeyDataViewType(typeof(ulong), ulong.MaxValue), columns);
        static ulong Column(int row) => ulong.MaxValue - (ulong)(row * row % 11);
        return new()
        {
            Name = "NeuralTensorCompletion CP",
            Exports = true,
            IsRowScorer = true,
            Create = ml => ml.Regression.Trainers.NeuralTensorCompletion(Options()),
            Data = rows => Modes(rows, Column).Add("Value", NumberDataViewType.Single, Label),
            TransformOnly = rows => Modes(rows, Column),
            Inputs = ["Row", "Column"],
            Outputs = ["Score"],
            Invalid = [new("fractions", () => new TestView(99).Add("Row", NumberDataViewType.Double, row => 1.0).Add("Column", NumberDataViewType.Int32, row => 1).Add("Value", NumberDataViewType.Single, Label), "Row", "Double")],
            Hiding = ml =>
            {
                var options = Options();
                options.ModeColumnNames = ["Row", "Score"];
                return (ml.Regression.Trainers.NeuralTensorCompletion(options), new TestView(60)
                    .Add("Row", new KeyDataViewType(typeof(byte), 7), row => (byte)(row % 7 + 1))
                    .Add("Score", NumberDataViewType.UInt16, row => (ushort)(row % 5))
                    .Add("Value", NumberDataViewType.Single, Label));
            },
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<NumberRow, ScoreRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => new object[] { engine.Predict(new() { Row = $"{row % 7 + 1}", Column = $"{Column(row)}" }).Score })];
            },
        };
    }

    private sealed class TextRow
    {
        public string User { get; set; } = "";

        public string Item { get; set; } = "";

        public int Hour { get; set; }
    }

    private sealed class NumberRow
    {
        public string Row { get; set; } = "";

        public string Column { get; set; } = "";
    }

    private sealed class ScoreRow
    {
        public float Score { get; set; }
    }
}
