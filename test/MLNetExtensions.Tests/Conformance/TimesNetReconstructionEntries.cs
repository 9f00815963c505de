using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

/// <summary>The conformance entries of TimesNet's imputer and anomaly detector.</summary>
internal static class TimesNetReconstructionEntries
{
    internal static IEnumerable<ConformanceEntry> All => [Imputer(), ImputerOfManySeries(), CausalImputer(), Detector(), DetectorOfManySeries(), CausalDetector()];

    /// <summary>The smallest network there is, seeded.</summary>
    internal static TOptions Tiny<TOptions>(Action<TOptions>? set = null)
        where TOptions : TimesNetReconstructionOptions, new()
    {
        var options = new TOptions
        {
            InputColumnName = "Values",
            WindowSize = 8,
            Network = { Width = 4, NumberOfLayers = 1, NumberOfKernels = 2, TopPeriods = 2 },
            BatchSize = 64,
            LearningRate = 1e-2,
            MaximumNumberOfEpochs = 2,
            Seed = 1,
            NumberOfThreads = 1,
        };
        set?.Invoke(options);
        return options;
    }

    private static float[] Waves(int row) => [MathF.Sin(row / 3f), 10 + 3 * MathF.Cos(row / 5f)];

    private static float[] Gaps(int row) => row % 7 == 3 ? [float.NaN, Waves(row)[1]] : Waves(row);

    private static TestView Vectors(int rows, Func<int, float[]> values) => new TestView(rows) { CanShuffle = true }
        .Add("Number", NumberDataViewType.Int64, row => (long)row)
        .AddVector("Values", NumberDataViewType.Single, 2, values, row => row % 9 == 0, TestView.SlotNames("sine", "cosine"))
        .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory());

    private static TestView Stores(int rows, Func<int, float[]> values, Func<int, uint>? store = null) => new TestView(rows) { CanShuffle = true }
        .AddVector("Values", NumberDataViewType.Double, 2, row => Array.ConvertAll(values(row), value => (double)value), row => row % 9 == 0, TestView.SlotNames("sine", "cosine"))
        .Add("Store", new KeyDataViewType(typeof(uint), 4), store ?? (row => (uint)(row % 3 + 1)), TestView.KeyValues("x", "y", "z", "rare"))
        .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory());

    private static TestView Timed(int rows, Func<int, double> value) => new TestView(rows) { KnowsItsRows = false }
        .Add("Time", DateTimeDataViewType.Instance, row => new DateTime(2024, 1, 1).AddHours(row))
        .Add("Values", NumberDataViewType.Double, value);

    private static readonly InvalidData[] s_invalid =
    [
        new("text", () => new TestView(99).Add("Values", TextDataViewType.Instance, row => "1".AsMemory()), "Values", "String"),
        new("integers", () => new TestView(99).Add("Values", NumberDataViewType.Int32, row => row), "Values", "Int32"),
        new("variable vectors", () => new TestView(99).AddVector("Values", NumberDataViewType.Single, 0, Waves), "Values", "VarVector<Single>"),
        new("no series", () => new TestView(99).AddVector("values", NumberDataViewType.Single, 2, Waves), "Values"),
    ];

    private static readonly InvalidData[] s_invalidStores =
    [
        new("a group that is a number", () => new TestView(99).AddVector("Values", NumberDataViewType.Single, 2, Waves).Add("Store", NumberDataViewType.UInt32, row => 1u), "Store", "UInt32"),
        new("no group", () => new TestView(99).AddVector("Values", NumberDataViewType.Single, 2, Waves), "Store"),
    ];

    private static readonly InvalidData[] s_invalidForModel =
    [
        new("more channels", () => new TestView(99).AddVector("Values", NumberDataViewType.Single, 3, row => new float[3]).Add("Store", TextDataViewType.Instance, row => "x".AsMemory()), "Values", "Vector<Single, 3>"),
    ];

    private static readonly InvalidData[] s_invalidTimed = [new("Booleans", () => new TestView(99).Add("Time", DateTimeDataViewType.Instance, row => default(DateTime)).Add("Values", BooleanDataViewType.Instance, row => true), "Values", "Boolean")];

    private static ConformanceEntry Imputer()
    {
        static TimesNetImputingEstimator.Options Options() => Tiny<TimesNetImputingEstimator.Options>(options => options.OutputColumnName = "Filled");
        return new()
        {
            Name = "TimesNet imputer",
            Exports = true,
            IsRowScorer = false,
            LooksAhead = true,
            Create = ml => ml.Transforms.ImputeByTimesNet(Options()),
            Options = Options,
            CreateWith = (ml, options) => ml.Transforms.ImputeByTimesNet((TimesNetImputingEstimator.Options)options),
            Data = rows => Vectors(rows, Gaps),
            Inputs = ["Values"],
            Outputs = ["Filled"],
            Invalid = s_invalid,
            InvalidForModel = s_invalidForModel,
            Hiding = ml => (ml.Transforms.ImputeByTimesNet(Tiny<TimesNetImputingEstimator.Options>()), Vectors(100, Gaps)),
        };
    }

    private static ConformanceEntry ImputerOfManySeries()
    {
        static TimesNetImputingEstimator.Options Options() => Tiny<TimesNetImputingEstimator.Options>(options =>
        {
            options.GroupColumnName = "Store";
            options.StandardizePerGroup = true;
            options.Network.InferencePeriods = PeriodSelection.Frozen;
        });
        return new()
        {
            Name = "TimesNet imputer of many series",
            Exports = true,
            GroupColumn = "Store",
            IsRowScorer = false,
            LooksAhead = true,
            Create = ml => ml.Transforms.ImputeByTimesNet(Options()),
            Options = Options,
            CreateWith = (ml, options) => ml.Transforms.ImputeByTimesNet((TimesNetImputingEstimator.Options)options),
            Data = rows => Stores(rows, Gaps),
            Inputs = ["Values", "Store"],
            Outputs = ["Values"],
            Invalid = s_invalidStores,
            InvalidForModel = s_invalidForModel,
            // One series is shorter than a window: its gaps stay.
            WithNaN = rows => Stores(rows, row => row == 50 ? [float.NaN, float.NaN] : Gaps(row), row => row == 50 ? 4u : (uint)(row % 3)),
            Hiding = ml => (ml.Transforms.ImputeByTimesNet(Options()), Stores(100, Gaps)),
        };
    }

    private static ConformanceEntry CausalImputer()
    {
        static TimesNetImputingEstimator.Options Options() => Tiny<TimesNetImputingEstimator.Options>(options =>
        {
            options.OutputColumnName = "Filled";
            options.TimeColumnName = "Time";
            options.Causal = true;
        });
        static double Value(int row) => Gaps(row)[0];
        return new()
        {
            Name = "TimesNet imputer of one Double, causal",
            Exports = true,
            IsRowScorer = false,
            Create = ml => ml.Transforms.ImputeByTimesNet(Options()),
            Options = Options,
            CreateWith = (ml, options) => ml.Transforms.ImputeByTimesNet((TimesNetImputingEstimator.Options)options),
            Data = rows => Timed(rows, Value),
            TransformOnly = rows => new TestView(rows).Add("Values", NumberDataViewType.Double, Value),
            Inputs = ["Values"],
            Outputs = ["Filled"],
            Invalid = s_invalidTimed,
            InvalidForModel = s_invalidForModel,
            Hiding = ml => (ml.Transforms.ImputeByTimesNet(Tiny<TimesNetImputingEstimator.Options>(options => options.Causal = true)), Timed(100, Value)),
        };
    }

    private static ConformanceEntry Detector()
    {
        static TimesNetAnomalyDetectionTrainer.Options Options() => Tiny<TimesNetAnomalyDetectionTrainer.Options>(options => options.ExpectedColumnName = "Expected");
        return new()
        {
            Name = "TimesNet anomaly detector",
            Exports = true,
            IsRowScorer = false,
            LooksAhead = true,
            Create = ml => ml.AnomalyDetection.Trainers.TimesNet(Options()),
            Options = Options,
            CreateWith = (ml, options) => ml.AnomalyDetection.Trainers.TimesNet((TimesNetAnomalyDetectionTrainer.Options)options),
            Data = rows => Vectors(rows, Waves),
            Inputs = ["Values"],
            Outputs = ["Score", "PredictedLabel", "Threshold", "Expected"],
            Invalid = s_invalid,
            InvalidForModel = s_invalidForModel,
            WithNaN = rows => Vectors(rows, row => row % 20 == 3 ? [float.NaN, 1] : Waves(row)),
            Hiding = ml => (ml.AnomalyDetection.Trainers.TimesNet(Tiny<TimesNetAnomalyDetectionTrainer.Options>(options => (options.InputColumnName, options.ExpectedColumnName) = ("Score", "Expected"))),
                new TestView(100).AddVector("Score", NumberDataViewType.Single, 2, Waves)),
        };
    }

    private static ConformanceEntry DetectorOfManySeries()
    {
        static TimesNetAnomalyDetectionTrainer.Options Options() => Tiny<TimesNetAnomalyDetectionTrainer.Options>(options =>
        {
            options.GroupColumnName = "Store";
            options.StandardizePerGroup = true;
            options.ThresholdSource = ThresholdSource.Validation;
        });
        return new()
        {
            Name = "TimesNet anomaly detector of many series",
            Exports = true,
            GroupColumn = "Store",
            IsRowScorer = false,
            LooksAhead = true,
            Create = ml => ml.AnomalyDetection.Trainers.TimesNet(Options()),
            Options = Options,
            CreateWith = (ml, options) => ml.AnomalyDetection.Trainers.TimesNet((TimesNetAnomalyDetectionTrainer.Options)options),
            Data = rows => Stores(rows, Waves),
            Inputs = ["Values", "Store"],
            Outputs = ["Score", "PredictedLabel", "Threshold"],
            Invalid = s_invalidStores,
            InvalidForModel = s_invalidForModel,
            WithNaN = rows => Stores(rows, row => row % 20 == 3 ? [float.NaN, 1] : Waves(row)),
            Hiding = ml => (ml.AnomalyDetection.Trainers.TimesNet(Tiny<TimesNetAnomalyDetectionTrainer.Options>(options => options.InputColumnName = "Threshold")),
                new TestView(100).AddVector("Threshold", NumberDataViewType.Single, 2, Waves)),
        };
    }

    private static ConformanceEntry CausalDetector()
    {
        static TimesNetAnomalyDetectionTrainer.Options Options() => Tiny<TimesNetAnomalyDetectionTrainer.Options>(options =>
        {
            options.TimeColumnName = "Time";
            options.ExpectedColumnName = "Expected";
            options.Causal = true;
        });
        static double Value(int row) => Waves(row)[1];
        return new()
        {
            Name = "TimesNet anomaly detector of one Double, causal",
            Exports = true,
            IsRowScorer = false,
            Create = ml => ml.AnomalyDetection.Trainers.TimesNet(Options()),
            Options = Options,
            CreateWith = (ml, options) => ml.AnomalyDetection.Trainers.TimesNet((TimesNetAnomalyDetectionTrainer.Options)options),
            Data = rows => Timed(rows, Value),
            TransformOnly = rows => new TestView(rows).Add("Values", NumberDataViewType.Double, Value),
            Inputs = ["Values"],
            Outputs = ["Score", "PredictedLabel", "Threshold", "Expected"],
            Invalid = s_invalidTimed,
            InvalidForModel = s_invalidForModel,
            WithNaN = rows => new TestView(rows).Add("Values", NumberDataViewType.Double, row => row % 20 == 3 ? double.PositiveInfinity : Value(row)),
            Hiding = ml => (ml.AnomalyDetection.Trainers.TimesNet(Tiny<TimesNetAnomalyDetectionTrainer.Options>(options => (options.InputColumnName, options.ExpectedColumnName) = ("Expected", "Expected"))),
                new TestView(100).Add("Expected", NumberDataViewType.Double, Value)),
        };
    }
}
