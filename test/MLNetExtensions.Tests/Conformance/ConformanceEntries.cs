using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests;

/// <summary>The estimators that the conformance suite tests.</summary>
internal static class ConformanceEntries
{
    private static readonly ConformanceEntry[] s_all =
    [
        LinearMap(),
        LinearMapOfDoubles(),
        LinearMapOfBooleans(),
        OLinear(),
        OLinearOfScalarDouble(),
        OLinearOfManySeries(),
        .. TimesNetForecastingEntries.All,
        .. TimesNetClassificationEntries.All,
        .. TimeSeries.TimesNetReconstructionEntries.All,
        .. OwnModules.OwnModuleEntries.All,
        .. EquiangularBasisVectorsEntries.All,
        .. TransductiveFewShotEntries.All,
        .. FunctionalBayesianTuckerEntries.All,
        .. NeuralTensorCompletionEntries.All,
    ];

    internal static IEnumerable<ConformanceEntry> Entries => s_all;

    public static IEnumerable<object[]> All => s_all.Select(entry => new object[] { entry.Name });

    public static IEnumerable<object[]> RowScorers => s_all.Where(entry => entry.IsRowScorer).Select(entry => new object[] { entry.Name });

    public static IEnumerable<object[]> SequenceScorers => s_all.Where(entry => !entry.IsRowScorer).Select(entry => new object[] { entry.Name });

    public static IEnumerable<object[]> Exporting => s_all.Where(entry => entry.Exports || entry.CannotExport is not null).Select(entry => new object[] { entry.Name });

    public static IEnumerable<object[]> Readers => s_all.Where(entry => entry.ReadsData).Select(entry => new object[] { entry.Name });

    public static IEnumerable<object[]> Trainers => s_all.Where(entry => entry.Options is not null).Select(entry => new object[] { entry.Name });

    internal static ConformanceEntry Find(string name) => s_all.Single(entry => entry.Name == name);

    private static float[] Features(int row) => [row % 7, row * row % 11 - 5, row / 50f];

    private static ConformanceEntry LinearMap()
    {
        TestView Data(int rows, Func<int, float[]> features) => new TestView(rows) { CanShuffle = true }
            .Add("Label", NumberDataViewType.Single, row => row % 5f)
            .AddVector("Features", NumberDataViewType.Single, 3, features, row => row % 4 == 1, TestView.SlotNames("a", "b", "c"))
            .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory())
            .Add("Group", new KeyDataViewType(typeof(uint), 3), row => (uint)(row % 4), TestView.KeyValues("x", "y", "z"));
        TestView Group<T>(DataViewType type, Func<int, T> value) => new TestView(9).AddVector("Features", NumberDataViewType.Single, 3, Features).Add("Group", type, value);
        return new()
        {
            Name = "LinearMap",
            GivesInfinity = true,
            IsRowScorer = true,
            Create = ml => new LinearMapEstimator(ml, "Features", "Group"),
            Data = rows => Data(rows, Features),
            Inputs = ["Features", "Group"],
            Outputs = ["Score"],
            Invalid =
            [
                new("text features", () => new TestView(9).Add("Features", TextDataViewType.Instance, row => "1".AsMemory()).Add("Group", new KeyDataViewType(typeof(uint), 3), row => 1u), "Features", "String"),
                new("integer features", () => new TestView(9).AddVector("Features", NumberDataViewType.Int32, 3, row => new int[3]).Add("Group", new KeyDataViewType(typeof(uint), 3), row => 1u), "Features", "Vector<Int32"),
                new("variable features", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 0, Features).Add("Group", new KeyDataViewType(typeof(uint), 3), row => 1u), "Features", "VarVector<Single>"),
                new("no features", () => new TestView(9).AddVector("features", NumberDataViewType.Single, 3, Features).Add("Group", new KeyDataViewType(typeof(uint), 3), row => 1u), "Features"),
                new("a group that is no key", () => Group(NumberDataViewType.UInt32, row => 1u), "Group", "UInt32"),
                new("no group", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 3, Features), "Group"),
            ],
            InvalidForModel =
            [
                new("other size", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 2, row => new float[2]).Add("Group", new KeyDataViewType(typeof(uint), 3), row => 1u), "Features", "Vector<Single, 2>"),
            ],
            WithNaN = rows => Data(rows, row => row % 3 == 0 ? [float.NaN, 1, 2] : Features(row)),
            Hiding = ml => (new LinearMapEstimator(ml, "Score"), new TestView(50).AddVector("Score", NumberDataViewType.Single, 3, Features)),
            // ML.NET counts the keys of objects from 0: one too large is missing.
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<LinearMapRow, ScoreRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => new object[] { engine.Predict(new() { Features = Features(row), Group = (uint)(row % 4) - 1 }).Score })];
            },
        };
    }

    private static ConformanceEntry LinearMapOfDoubles()
    {
        static double[] Doubles(int row) => [row / 3.0, row % 2 == 0 ? 0 : 1e-3];
        return new()
        {
            Name = "LinearMap of Double",
            GivesInfinity = true,
            IsRowScorer = true,
            Create = ml => new LinearMapEstimator(ml),
            Data = rows => new TestView(rows) { CanShuffle = true, KnowsItsRows = false }.AddVector("Features", NumberDataViewType.Double, 2, Doubles, row => row % 2 == 0),
            Inputs = ["Features"],
            Outputs = ["Score"],
            Invalid = [new("dates", () => new TestView(9).Add("Features", DateTimeDataViewType.Instance, row => default(DateTime)), "Features", "DateTime")],
            InvalidForModel = [new("a scalar", () => new TestView(9).Add("Features", NumberDataViewType.Double, row => 1.0), "Features", "Double")],
            WithNaN = rows => new TestView(rows).AddVector("Features", NumberDataViewType.Double, 2, row => new[] { row, row % 2 == 0 ? double.NaN : double.NegativeInfinity }),
            Hiding = ml => (new LinearMapEstimator(ml, "Score"), new TestView(50).AddVector("Score", NumberDataViewType.Double, 2, Doubles)),
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<DoublesRow, ScoreRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => new object[] { engine.Predict(new() { Features = Doubles(row) }).Score })];
            },
        };
    }

    private static ConformanceEntry LinearMapOfBooleans()
    {
        static bool[] Booleans(int row) => [row % 2 == 0, row % 3 == 0, false, true];
        return new()
        {
            Name = "LinearMap of Boolean",
            GivesInfinity = true,
            IsRowScorer = true,
            Create = ml => new LinearMapEstimator(ml),
            Data = rows => new TestView(rows) { CanShuffle = true }.AddVector("Features", BooleanDataViewType.Instance, 4, Booleans, row => row % 5 == 0),
            Inputs = ["Features"],
            Outputs = ["Score"],
            Invalid = [new("keys", () => new TestView(9).Add("Features", new KeyDataViewType(typeof(byte), 4), row => (byte)1), "Features", "Key<Byte")],
            Hiding = ml => (new LinearMapEstimator(ml, "Score"), new TestView(50).AddVector("Score", BooleanDataViewType.Instance, 4, Booleans)),
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<BooleansRow, ScoreRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => new object[] { engine.Predict(new() { Features = Booleans(row) }).Score })];
            },
        };
    }

    private static float[] Waves(int row) => [MathF.Sin(row / 3f), 10 + 3 * MathF.Cos(row / 5f)];

    private static OLinearEstimator.Options TinyOLinear() => new()
    {
        OutputColumnName = "Forecast",
        InputColumnName = "Values",
        WindowSize = 8,
        Horizon = 3,
        Width = 8,
        EmbeddingSize = 4,
        NumberOfLayers = 1,
        MaximumNumberOfEpochs = 2,
        Seed = 1,
        NumberOfThreads = 1,
    };

    internal static ConformanceEntry OLinear()
    {
        TestView Data(int rows, Func<int, float[]> values) => new TestView(rows) { CanShuffle = true }
            .Add("Number", NumberDataViewType.Int64, row => (long)row)
            .AddVector("Values", NumberDataViewType.Single, 2, values, row => row % 9 == 0, TestView.SlotNames("sine", "cosine"))
            .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory());
        return new()
        {
            Name = "OLinear",
            Exports = true,
            IsRowScorer = false,
            Create = ml => ml.Forecasting.ForecastByOLinear(TinyOLinear()),
            Options = TinyOLinear,
            CreateWith = (ml, options) => ml.Forecasting.ForecastByOLinear((OLinearEstimator.Options)options),
            Data = rows => Data(rows, Waves),
            Inputs = ["Values"],
            Outputs = ["Forecast"],
            Invalid =
            [
                new("text", () => new TestView(99).Add("Values", TextDataViewType.Instance, row => "1".AsMemory()), "Values", "String"),
                new("integers", () => new TestView(99).Add("Values", NumberDataViewType.Int32, row => row), "Values", "Int32"),
                new("variable vectors", () => new TestView(99).AddVector("Values", NumberDataViewType.Single, 0, Waves), "Values", "VarVector<Single>"),
                new("no series", () => new TestView(99).AddVector("values", NumberDataViewType.Single, 2, Waves), "Values"),
            ],
            InvalidForModel =
            [
                new("more channels", () => new TestView(99).AddVector("Values", NumberDataViewType.Single, 3, row => new float[3]), "Values", "Vector<Single, 3>"),
                new("a scalar", () => new TestView(99).Add("Values", NumberDataViewType.Single, row => 1f), "Values", "Single"),
            ],
            WithNaN = rows => Data(rows, row => row % 20 == 3 ? [float.NaN, 1] : Waves(row)),
            Hiding = ml =>
            {
                var options = TinyOLinear();
                options.OutputColumnName = "Values";
                options.InputColumnName = null;
                return (ml.Forecasting.ForecastByOLinear(options), Data(100, Waves));
            },
        };
    }

    internal static ConformanceEntry OLinearOfManySeries()
    {
        static OLinearEstimator.Options Options()
        {
            var options = TinyOLinear();
            options.GroupColumnName = "Store";
            options.TargetChannels = ["cosine"];
            options.StandardizePerGroup = true;
            options.ConfidenceLowerBoundColumnName = "Low";
            options.ConfidenceUpperBoundColumnName = "High";
            options.ConfidenceLevel = 0.6;
            return options;
        }
        TestView Data(int rows, Func<int, float[]> values) => new TestView(rows) { CanShuffle = true }
            .AddVector("Values", NumberDataViewType.Single, 2, values, row => row % 9 == 0, TestView.SlotNames("sine", "cosine"))
            .Add("Store", new KeyDataViewType(typeof(uint), 3), row => (uint)(row % 3 + 1), TestView.KeyValues("x", "y", "z"))
            .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory());
        TestView Store<T>(DataViewType type, Func<int, T> value) => new TestView(99).AddVector("Values", NumberDataViewType.Single, 2, Waves, annotations: TestView.SlotNames("sine", "cosine")).Add("Store", type, value);
        return new()
        {
            Name = "OLinear of many series",
            Exports = true,
            GroupColumn = "Store",
            IsRowScorer = false,
            Create = ml => ml.Forecasting.ForecastByOLinear(Options()),
            Options = Options,
            CreateWith = (ml, options) => ml.Forecasting.ForecastByOLinear((OLinearEstimator.Options)options),
            Data = rows => Data(rows, Waves),
            Inputs = ["Values", "Store"],
            Outputs = ["Forecast", "Low", "High"],
            Invalid =
            [
                new("a group that is a number", () => Store(NumberDataViewType.UInt32, row => 1u), "Store", "UInt32"),
                new("no group", () => new TestView(99).AddVector("Values", NumberDataViewType.Single, 2, Waves, annotations: TestView.SlotNames("sine", "cosine")), "Store"),
            ],
            InvalidForModel =
            [
                new("more channels", () => new TestView(99).AddVector("Values", NumberDataViewType.Single, 3, row => new float[3]).Add("Store", TextDataViewType.Instance, row => "x".AsMemory()), "Values", "Vector<Single, 3>"),
            ],
            WithNaN = rows => Data(rows, row => row % 20 == 3 ? [float.NaN, 1] : Waves(row)),
            Hiding = ml =>
            {
                var options = Options();
                options.OutputColumnName = "Values";
                options.InputColumnName = null;
                return (ml.Forecasting.ForecastByOLinear(options), Data(200, Waves));
            },
        };
    }

    internal static ConformanceEntry OLinearOfScalarDouble()
    {
        static OLinearEstimator.Options Options()
        {
            var options = TinyOLinear();
            options.InputColumnName = "Value";
            options.TimeColumnName = "Time";
            options.ChannelMixing = ChannelMixing.FixedCorrelation;
            return options;
        }
        static DateTime Time(int row) => new DateTime(2024, 1, 1).AddHours(row);
        return new()
        {
            Name = "OLinear of one Double",
            Exports = true,
            IsRowScorer = false,
            Create = ml => ml.Forecasting.ForecastByOLinear(Options()),
            Options = Options,
            CreateWith = (ml, options) => ml.Forecasting.ForecastByOLinear((OLinearEstimator.Options)options),
            Data = rows => new TestView(rows) { KnowsItsRows = false }.Add("Time", DateTimeDataViewType.Instance, Time).Add("Value", NumberDataViewType.Double, row => (double)Waves(row)[1]),
            TransformOnly = rows => new TestView(rows).Add("Value", NumberDataViewType.Double, row => (double)Waves(row)[0]),
            Inputs = ["Value"],
            Outputs = ["Forecast"],
            Invalid =
            [
                new("Booleans", () => new TestView(99).Add("Time", DateTimeDataViewType.Instance, Time).Add("Value", BooleanDataViewType.Instance, row => true), "Value", "Boolean"),
                new("no series", () => new TestView(99).Add("Time", DateTimeDataViewType.Instance, Time), "Value"),
            ],
            InvalidForModel = [new("two channels", () => new TestView(99).AddVector("Value", NumberDataViewType.Double, 2, row => new double[2]), "Value", "Vector<Double, 2>")],
            WithNaN = rows => new TestView(rows).Add("Value", NumberDataViewType.Double, row => row % 20 == 3 ? double.PositiveInfinity : Waves(row)[1]),
            Hiding = ml =>
            {
                var options = Options();
                options.OutputColumnName = "Value";
                options.TimeColumnName = null;
                return (ml.Forecasting.ForecastByOLinear(options), new TestView(100).Add("Value", NumberDataViewType.Double, row => (double)Waves(row)[1]));
            },
        };
    }

    private sealed class LinearMapRow
    {
        [VectorType(3)]
        public float[] Features { get; set; } = [];

        [KeyType(3)]
        public uint Group { get; set; }
    }

    private sealed class DoublesRow
    {
        [VectorType(2)]
        public double[] Features { get; set; } = [];
    }

    private sealed class BooleansRow
    {
        [VectorType(4)]
        public bool[] Features { get; set; } = [];
    }

    private sealed class ScoreRow
    {
        public float Score { get; set; }
    }
}
