using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests;

/// <summary>The conformance entries of the few-shot clusterer: each way to say what the rows are scored by.</summary>
internal static class TransductiveFewShotEntries
{
    private const int Columns = 4;
    private const int Episodes = 3;

    internal static IEnumerable<ConformanceEntry> All => [Transductive(), WithEpisodes(), Clusters(), Inductive()];

    private static float[] Features(int row) => [row % 3 + row % 7 / 10f, row * row % 11 / 5f, row / 200f, row % 4 == 0 ? 0 : 1];

    private static float[] WithNaN(int row) => row % 9 == 5 ? [float.NaN, 1, 2, 3] : Features(row);

    private static TestView Table(int rows, Func<int, float[]>? features = null, bool labels = true)
    {
        var view = new TestView(rows) { CanShuffle = true }
            .AddVector("Features", NumberDataViewType.Single, Columns, features ?? Features, row => row % 4 == 1)
            .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory());
        return labels ? Labelled(view, "Label", row => row % 3 == 0) : view;
    }

    private static TestView Labelled(TestView view, string name, Func<int, bool> isLabelled)
        => view.Add(name, new KeyDataViewType(typeof(byte), 3), row => isLabelled(row) ? (byte)(row % 4 % 3 + 1) : (byte)0, TestView.KeyValues("x", "y", "z"));

    // An episode for every third row; the first row of each is labelled.
    private static TestView EpisodeTable(int rows, Func<int, float[]>? features = null, bool labels = true)
        => Labelled(Table(rows, features, labels), "Support", row => row / Episodes % 5 == 0).Add("Task", NumberDataViewType.Int32, row => row % Episodes);

    private static IReadOnlyList<InvalidData> Invalid(Func<TestView, TestView> complete) =>
    [
        new("text features", () => complete(new TestView(99).Add("Features", TextDataViewType.Instance, row => "1".AsMemory())), "Features", "String"),
        new("integer features", () => complete(new TestView(99).AddVector("Features", NumberDataViewType.Int32, Columns, row => new int[Columns])), "Features", "Vector<Int32"),
        new("variable features", () => complete(new TestView(99).AddVector("Features", NumberDataViewType.Single, 0, Features)), "Features", "VarVector<Single>"),
        new("no features", () => complete(new TestView(99).AddVector("features", NumberDataViewType.Single, Columns, Features)), "Features"),
    ];

    private static readonly InvalidData s_otherSize = new("other size", () => new TestView(9).AddVector("Features", NumberDataViewType.Single, 2, row => new float[2]), "Features", "Vector<Single, 2>");

    private static ConformanceEntry Of(string name, Func<TransductiveFewShotTrainer.Options> options) => new()
    {
        Name = name,
        CannotExport = "assigns rows jointly. Export model.ToInductive() instead.",
        IsRowScorer = false,
        LooksAhead = true,
        Create = ml => ml.Clustering.Trainers.TransductiveFewShot(options()),
        OtherOptions = options,
        CreateWithOther = (ml, set) => ml.Clustering.Trainers.TransductiveFewShot((TransductiveFewShotTrainer.Options)set),
        Data = rows => Table(rows),
        TransformOnly = rows => new TestView(rows).AddVector("Features", NumberDataViewType.Double, Columns, row => Array.ConvertAll(Features(row), value => (double)value)),
        Inputs = ["Features"],
        Outputs = ["PredictedLabel", "Score", "Probability"],
        Invalid = Invalid(view => Labelled(view, "Label", _ => true)),
        InvalidForModel = [s_otherSize],
        WithNaN = rows => Table(rows, WithNaN),
        Hiding = ml =>
        {
            var hiding = options();
            hiding.FeatureColumnName = "Probability";
            return (ml.Clustering.Trainers.TransductiveFewShot(hiding), Labelled(new TestView(60).AddVector("Probability", NumberDataViewType.Single, Columns, Features), "Label", row => row % 3 == 0));
        },
    };

    private static TransductiveFewShotTrainer.Options Options() => new() { Seed = 1, NumberOfThreads = 1 };

    private static ConformanceEntry Transductive() => Of("Few-shot clusterer", Options);

    private static ConformanceEntry WithEpisodes()
    {
        static TransductiveFewShotTrainer.Options WithColumns()
        {
            var options = Options();
            options.EpisodeColumnName = "Task";
            options.SupportLabelColumnName = "Support";
            return options;
        }
        static TestView Complete(TestView view) => Labelled(Labelled(view, "Label", _ => true), "Support", _ => true).Add("Task", TextDataViewType.Instance, row => "one".AsMemory());
        return Of("Few-shot clusterer of episodes", WithColumns) with
        {
            Data = rows => EpisodeTable(rows),
            Inputs = ["Features", "Task", "Support"],
            TransformOnly = rows => EpisodeTable(rows, labels: false),
            FitOnly = rows => Table(rows),
            Invalid =
            [
                .. Invalid(Complete),
                new("episodes of Single", () => Labelled(Table(99), "Support", _ => true).Add("Task", NumberDataViewType.Single, row => 1f), "Task", "Single"),
                new("labels that are no keys", () => Table(99).Add("Task", NumberDataViewType.Int64, row => 1L).Add("Support", NumberDataViewType.UInt32, row => 1u), "Support", "UInt32"),
            ],
            InvalidForModel = [s_otherSize, new("no episodes", () => Labelled(Table(99), "Support", _ => true), "Task"), new("no support labels", () => Table(99).Add("Task", NumberDataViewType.Int64, row => 1L), "Support")],
            WithNaN = rows => EpisodeTable(rows, WithNaN),
            Hiding = ml =>
            {
                var hiding = WithColumns();
                hiding.SupportLabelColumnName = "PredictedLabel";
                return (ml.Clustering.Trainers.TransductiveFewShot(hiding), Labelled(Table(60), "PredictedLabel", row => row < 9).Add("Task", NumberDataViewType.Int64, row => (long)(row % Episodes)));
            },
        };
    }

    private static ConformanceEntry Clusters()
    {
        static TransductiveFewShotTrainer.Options WithClusters()
        {
            var options = Options();
            options.LabelColumnName = null;
            options.NumberOfClusters = 4;
            options.NumberOfRestarts = 2;
            return options;
        }
        return Of("Few-shot clusterer without labels", WithClusters) with
        {
            Data = rows => Table(rows, labels: false),
            Rows = 120,
            TransformOnly = null,
            Invalid = Invalid(view => view),
            WithNaN = rows => Table(rows, WithNaN, labels: false),
        };
    }

    private static ConformanceEntry Inductive()
    {
        static TransductiveFewShotTrainer.Options RowByRow()
        {
            var options = Options();
            options.Inference = FewShotInference.Prototype;
            options.Prototype = FewShotPrototype.Mode;
            return options;
        }
        return Of("Few-shot clusterer, row by row", RowByRow) with
        {
            IsRowScorer = true,
            Exports = true,
            CannotExport = null,
            LooksAhead = false,
            Engine = (ml, model, rows) =>
            {
                using var engine = ml.Model.CreatePredictionEngine<FeaturesRow, ScoredRow>(model, new PredictionEngineOptions { OwnsTransformer = false });
                return [.. Enumerable.Range(0, rows).Select(row => engine.Predict(new() { Features = Features(row) })).Select(row => new object[] { row.PredictedLabel, row.Score, row.Probability })];
            },
        };
    }

    private sealed class FeaturesRow
    {
        [VectorType(Columns)]
        public float[] Features { get; set; } = [];
    }

    private sealed class ScoredRow
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];

        public float[] Probability { get; set; } = [];
    }
}
