using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;

namespace MLNetExtensions.Tests;

/// <summary>The conformance entries of the functional Tucker decomposition: one for each form.</summary>
internal static class FunctionalBayesianTuckerEntries
{
    private const int Modes = 3;

    internal static IEnumerable<ConformanceEntry> All => [Cp(), Tucker()];

    private static float[] Features(int row) => [row % 7, row * row % 11 - 5, row / 50f];

    private static double[] Doubles(int row) => Array.ConvertAll(Features(row), value => (double)value);

    private static float Label(int row) => row % 9 == 4 ? float.NaN : MathF.Sin(Features(row)[0]) * Features(row)[1] + Features(row)[2];

    private static FunctionalBayesianTuckerTrainer.Options Tiny() => new() { Seed = 1, Rank = 2, MaximumNumberOfIterations = 4, NumberOfRestarts = 2, NumberOfRestartIterations = 2 };

    private static FunctionalBayesianTuckerTrainer.Options TinyTucker()
    {
        var options = Tiny();
        options.Form = TuckerForm.Tucker;
        options.Ranks = [1, 2, 3];
        options.Smoothness = MaternSmoothness.Matern12;
        options.LengthScales = [1, 0.5, 0.2];
        options.SelectLengthScales = true;
        options.LengthScaleGrid = [0.2, 1];
        options.NumberOfSelectionIterations = 2;
        options.ConfidenceLowerBoundColumnName = "Low";
        options.ConfidenceUpperBoundColumnName = "High";
        options.ConfidenceLevel = 0.6;
        return options;
    }

    private static ConformanceEntry Cp()
    {
        TestView Data(int rows, Func<int, float[]> features) => new TestView(rows) { CanShuffle = true }
            .Add("Label", NumberDataViewType.Single, Label)
            .AddVector("Features", NumberDataViewType.Single, Modes, features, row => row % 4 == 1, TestView.SlotNames("a", "b", "c"))
            .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory());
        return new()
        {
            Name = "FunctionalBayesianTucker CP",
            Exports = true,
            IsRowScorer = true,
            Create = ml => ml.Regression.Trainers.FunctionalBayesianTucker(Tiny()),
            OtherOptions = Tiny,
            CreateWithOther = (ml, options) => ml.Regression.Trainers.FunctionalBayesianTucker((FunctionalBayesianTuckerTrainer.Options)options),
            Data = rows => Data(rows, Features),
            TransformOnly = rows => new TestView(rows).AddVector("Features", NumberDataViewType.Single, Modes, Features),
            Inputs = ["Features"],
            Outputs = ["Score", "ScoreStdDev", "LatentStdDev"],
            Invalid =
            [
                new("text features", () => Labelled(99).Add("Features", TextDataViewType.Instance, row => "1".AsMemory()), "Features", "String"),
                new("integer features", () => Labelled(99).AddVector("Features", NumberDataViewType.Int32, Modes, row => new int[Modes]), "Features", "Vector<Int32"),
                new("variable features", () => Labelled(99).AddVector("Features", NumberDataViewType.Single, 0, Features), "Features", "VarVector<Single>"),
                new("a scalar", () => Labelled(99).Add("Features", NumberDataViewType.Single, row => (float)row), "Features", "Single"),
                new("no features", () => Labelled(99).AddVector("features", NumberDataViewType.Single, Modes, Features), "Features"),
            ],
            InvalidForModel = [new("other size", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 2, row => new float[2]), "Features", "Vector<Single, 2>")],
            WithNaN = rows => Data(rows, row => row % 3 == 0 ? [float.NaN, 1, 2] : Features(row)),
            Hiding = ml =>
            {
                var options = Tiny();
                options.FeatureColumnName = "Score";
                return (ml.Regression.Trainers.FunctionalBayesianTucker(options), Labelled(50).AddVector("Score", NumberDataViewType.Single, Modes, Features));
            },
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<FeaturesRow, ScoreRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => engine.Predict(new() { Features = Features(row) })).Select(row => new object[] { row.Score, row.ScoreStdDev, row.LatentStdDev })];
            },
        };

        static TestView Labelled(int rows) => new TestView(rows).Add("Label", NumberDataViewType.Single, Label);
    }

    private static ConformanceEntry Tucker()
    {
        static TestView Labelled(int rows) => new TestView(rows) { KnowsItsRows = false }.Add("Value", NumberDataViewType.Single, Label);
        static FunctionalBayesianTuckerTrainer.Options Options()
        {
            var options = TinyTucker();
            options.LabelColumnName = "Value";
            options.FeatureColumnName = "Place";
            return options;
        }
        return new()
        {
            Name = "FunctionalBayesianTucker Tucker",
            Exports = true,
            IsRowScorer = true,
            Create = ml => ml.Regression.Trainers.FunctionalBayesianTucker(Options()),
            OtherOptions = Options,
            CreateWithOther = (ml, options) => ml.Regression.Trainers.FunctionalBayesianTucker((FunctionalBayesianTuckerTrainer.Options)options),
            Data = rows => Labelled(rows).AddVector("Place", NumberDataViewType.Double, Modes, Doubles, row => row % 4 == 1),
            TransformOnly = rows => new TestView(rows).AddVector("Place", NumberDataViewType.Double, Modes, Doubles),
            Inputs = ["Place"],
            Outputs = ["Score", "ScoreStdDev", "LatentStdDev", "Low", "High"],
            Invalid = [new("dates", () => Labelled(99).Add("Place", DateTimeDataViewType.Instance, row => default(DateTime)), "Place", "DateTime")],
            InvalidForModel = [new("other size", () => new TestView(9).AddVector("Place", NumberDataViewType.Double, 4, row => new double[4]), "Place", "Vector<Double, 4>")],
            WithNaN = rows => Labelled(rows).AddVector("Place", NumberDataViewType.Double, Modes, row => row % 3 == 0 ? [1, double.PositiveInfinity, 2] : Doubles(row)),
            Hiding = ml =>
            {
                var options = Options();
                options.FeatureColumnName = "High";
                return (ml.Regression.Trainers.FunctionalBayesianTucker(options), Labelled(50).AddVector("High", NumberDataViewType.Double, Modes, Doubles));
            },
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<PlaceRow, BoundedRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => engine.Predict(new() { Place = Doubles(row) })).Select(row => new object[] { row.Score, row.ScoreStdDev, row.LatentStdDev, row.Low, row.High })];
            },
        };
    }

    private sealed class FeaturesRow
    {
        [VectorType(Modes)]
        public float[] Features { get; set; } = [];
    }

    private sealed class PlaceRow
    {
        [VectorType(Modes)]
        public double[] Place { get; set; } = [];
    }

    private class ScoreRow
    {
        public float Score { get; set; }

        public float ScoreStdDev { get; set; }

        public float LatentStdDev { get; set; }
    }

    private sealed class BoundedRow : ScoreRow
    {
        public float Low { get; set; }

        public float High { get; set; }
    }
}
