using System.Numerics.Tensors;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using static TorchSharp.torch;

[assembly: SavedTransformer<TransductiveFewShotTransformer>("Transductive Few-Shot Transformer", TransductiveFewShotTransformer.LoaderName)]

namespace MLNetExtensions;

/// <summary>
/// Tells rows apart by a few labelled ones, or finds clusters; trained by <see cref="TransductiveFewShotTrainer"/>. Unless <see cref="Inference"/> says otherwise, the scores of a row depend on all rows of
/// its episode, or of the view where there are no episodes: they are computed when the first of them is asked for, once for all cursors of the view.
/// </summary>
public sealed class TransductiveFewShotTransformer : ScoringTransformer, ISavedTransformer<TransductiveFewShotTransformer>
{
    internal const string LoaderName = "MLNetExtFewShot";

    private static readonly ModelSignature s_signature = new("FEWSHOTC", LoaderName);

    private readonly Device _device;

    /// <param name="host">The host.</param>
    /// <param name="model">What was learned.</param>
    /// <param name="columns">The names of the columns.</param>
    /// <param name="labels">The classes that are told; null where scored data brings its own.</param>
    /// <param name="inference">What a row is scored by.</param>
    /// <param name="device">Where problems are solved.</param>
    internal TransductiveFewShotTransformer(IHost host, FewShotModel model, FewShotColumns columns, ClassLabels? labels, FewShotInference inference, Device device)
        : base(host)
    {
        Model = model;
        Columns = columns;
        Labels = labels;
        Inference = inference;
        _device = device;
        InputColumn?[] inputs = inference == FewShotInference.Prototype
            ? [columns.FeatureColumn(model.Dimension)]
            : [columns.FeatureColumn(model.Dimension), columns.EpisodeColumn, columns.SupportLabelColumn];
        Inputs = [.. inputs.OfType<InputColumn>()];
    }

    /// <summary>The name of the feature column.</summary>
    public string FeatureColumnName => Columns.Feature;

    /// <summary>The name of the label column that <c>Fit</c> read; null where it read none. Scoring never reads it.</summary>
    public string? LabelColumnName => Columns.Label;

    /// <summary>The name of the column that says which rows of scored data are one problem; null where all of a view are.</summary>
    public string? EpisodeColumnName => Columns.Episode;

    /// <summary>The name of the column with the labels of scored data; null where the labelled rows are those of <c>Fit</c>.</summary>
    public string? SupportLabelColumnName => Columns.SupportLabel;

    /// <summary>What a row is scored by.</summary>
    public FewShotInference Inference { get; }

    /// <summary>The weight λ of the neighbours, given or chosen.</summary>
    public double Lambda => Model.Settings.Lambda;

    /// <summary>
    /// The objective J of the problem that <c>Fit</c> solved, its labelled and unlabelled rows together, after each round: it falls, unless the options gave that up. Empty where <c>Fit</c> solved
    /// none, because scored data brings its own labels.
    /// </summary>
    public IReadOnlyList<double> Objective => Model.Fit.Objective;

    /// <summary>The number of rounds that <c>Fit</c> took, each some steps of the assignments and a move of the prototypes; the number of steps where prototypes are fixed.</summary>
    public int NumberOfIterations => Model.Fit.Iterations;

    /// <summary>Whether the objective came to rest, before the largest number of rounds was reached.</summary>
    public bool Converged => Model.Fit.Converged;

    /// <summary>
    /// The part of the nearest neighbours that was found among the rows of <c>Fit</c>, on a sample; null where all were, as they are unless there are very many rows.
    /// </summary>
    public double? NeighborRecall => Model.Fit.Recall;

    /// <summary>
    /// The share of each class, in the order of the slots of <c>Score</c>, among the rows without a label that <c>Fit</c> saw; empty where there were none, or where <c>Fit</c> solved no problem.
    /// </summary>
    public IReadOnlyList<double> ClassProportions => Model.Fit.Proportions;

    /// <summary>
    /// The prototype of each class, in the order of the slots of <c>Score</c>, as features are once they are transformed; without values for a class without labelled rows. Empty where scored data
    /// brings its own labels.
    /// </summary>
    public IReadOnlyList<ReadOnlyMemory<float>> Prototypes
    {
        get
        {
            var prototypes = new ReadOnlyMemory<float>[Labels?.Count ?? 0];
            foreach (var (i, label) in Model.Classes.Index())
            {
                prototypes[label] = Model.Prototypes[(i * Model.Dimension)..((i + 1) * Model.Dimension)];
            }
            return prototypes;
        }
    }

    private protected override IEnumerable<(string Name, string Value)> Facts =>
    [
        ("inference", Inference.ToString()),
        ("lambda", Html.Number(Lambda)),
        ("rounds", Html.Number((long)NumberOfIterations)),
        ("converged", Converged ? "yes" : "no"),
        ("share of each class", string.Join(", ", ClassProportions.Select(Html.Number))),
        ("neighbours found", NeighborRecall is { } recall ? Html.Number(recall) : "all"),
    ];

    private protected override IEnumerable<string> Charts
        => Objective.Count == 0 ? [] : [Html.LineChart("Objective", "round", fromZero: false, new ChartLine("objective", Html.Color(0), Objective))];

    internal FewShotModel Model { get; }

    internal FewShotColumns Columns { get; }

    internal ClassLabels? Labels { get; }

    static ModelSignature ISavedTransformer<TransductiveFewShotTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    internal override SequenceReach Reach => Inference == FewShotInference.Prototype ? SequenceReach.Row : SequenceReach.SharedView;

    internal override IReadOnlyList<InputColumn> Inputs { get; }

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema) => FewShotColumns.Deliver(inputSchema, LabelsOf(inputSchema));

    internal override DataViewType GetOnnxInputType(int input) => input == 0 ? new VectorDataViewType(NumberDataViewType.Single, Model.Dimension)
        : Inputs[input].Types == InputTypes.Key ? new KeyDataViewType(typeof(uint), 1)
        : base.GetOnnxInputType(input);

    internal override void WriteOnnx(OnnxScoring onnx) => FewShotOnnx.Write(onnx, this);

    internal override BatchScorer CreateScorer(ScoringSchema schema) => Inference == FewShotInference.Prototype ? new PrototypeScorer(this) : new TransductiveScorer(this, LabelsOf(schema.Input));

    /// <summary>The same model, scoring row by row.</summary>
    /// <exception cref="InvalidOperationException">It has no prototypes.</exception>
    internal TransductiveFewShotTransformer ToInductive()
    {
        ThrowIfDisposed();
        return Columns.SupportLabel is null
            ? new(Host, Model, Columns, Labels, FewShotInference.Prototype, _device)
            : throw Check.BadData(Host, $"The labelled rows come with the scored data, in the column '{Columns.SupportLabel}': there are no prototypes to score single rows by.");
    }

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new SavedOptions(Columns, Inference, Model.Saved));
        Labels?.Save(writer);
        writer.Weights(Model.Weights);
    }

    static TransductiveFewShotTransformer ISavedTransformer<TransductiveFewShotTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<SavedOptions>();
        options.Check();
        var labels = options.Columns.SupportLabel is null ? ClassLabels.Load(reader) : null;
        var device = TrainingHost.Device(host);
        using var scope = NewDisposeScope();
        return new(host, FewShotModel.Load(options.Model, reader.Weights(), labels?.Count ?? 0), options.Columns, labels, options.Inference, device);
    }

    private protected override void DisposeCore()
    {
        // What was learned lies in managed memory.
    }

    private ClassLabels LabelsOf(DataViewSchema inputSchema) => Labels ?? ClassLabels.Of(Host, inputSchema[Columns.SupportLabel!]);

    /// <summary>What options.json holds.</summary>
    private sealed record SavedOptions(FewShotColumns Columns, FewShotInference Inference, SavedFewShotModel Model)
    {
        /// <exception cref="FormatException">The options do not fit together.</exception>
        internal void Check()
        {
            Columns.Check();
            if (Columns.SupportLabel is null ? Model.Classes.Count == 0 : Model.Classes.Count > 0 || Inference == FewShotInference.Prototype)
            {
                throw new FormatException("The options describe no few-shot model.");
            }
        }
    }

    /// <summary>Counts the rows that cannot be scored, and says so once.</summary>
    private abstract class Scorer(TransductiveFewShotTransformer transformer) : BatchScorer
    {
        private long _seen;
        private long _skipped;

        protected TransductiveFewShotTransformer Transformer => transformer;

        /// <summary>Whether a row can be scored.</summary>
        protected bool Takes(ReadOnlySpan<float> features)
        {
            var finite = TensorPrimitives.IsFiniteAll(features);
            _seen++;
            _skipped += finite ? 0 : 1;
            return finite;
        }

        internal sealed override void Complete()
        {
            if (_skipped > 0)
            {
                using var channel = transformer.Host.Start("Score");
                channel.Warning($"{_skipped} of {_seen} rows are not scored: the feature column '{transformer.FeatureColumnName}' holds values there that are not finite.");
            }
        }
    }

    private sealed class PrototypeScorer(TransductiveFewShotTransformer transformer) : Scorer(transformer)
    {
        private readonly FewShotPrototypeRule _rule = new(transformer.Model);

        internal override void Score(ScoringBatch batch)
        {
            var features = batch.Input<float>(0);
            var outputs = new FewShotOutputs(batch);
            for (var row = 0; row < batch.Count; row++)
            {
                if (Takes(features[row]))
                {
                    outputs.Write(row, _rule.Score(features[row]), Transformer.Model.Classes);
                }
            }
        }
    }

    /// <summary>Solves all episodes of a view together.</summary>
    private sealed class TransductiveScorer(TransductiveFewShotTransformer transformer, ClassLabels labels) : Scorer(transformer)
    {
        internal override void Score(ScoringBatch batch)
        {
            var outputs = new FewShotOutputs(batch);
            var episodes = Episodes(batch);
            if (episodes.Count == 0)
            {
                return;
            }
            var solution = Solve(batch, episodes);
            foreach (var (i, episode) in episodes.Index())
            {
                var classes = episode.Classes.Length;
                // The labelled rows of Fit come first.
                var place = solution.Offsets[i + 1] - (long)episode.Rows.Length * classes;
                foreach (var row in episode.Rows)
                {
                    outputs.Write(row, solution.LogAssignments.AsSpan((int)place, classes), episode.Classes);
                    place += classes;
                }
            }
        }

        /// <summary>The episodes that have rows to score.</summary>
        private List<Episode> Episodes(ScoringBatch batch)
        {
            var features = batch.Input<float>(0);
            var columns = Transformer.Columns;
            var groups = RowGroups.Of(columns.Episode is null ? null : batch.Input<string>(1), batch.Count);
            var episodes = new List<Episode>();
            for (var group = 0; group < groups.Names.Count; group++)
            {
                var rows = new List<int>(groups.CountOf(group));
                for (var i = 0; i < groups.CountOf(group); i++)
                {
                    var row = groups.RowAt(group, i);
                    if (Takes(features[row]))
                    {
                        rows.Add(row);
                    }
                }
                if (rows.Count == 0)
                {
                    continue;
                }
                if (columns.SupportLabel is null)
                {
                    episodes.Add(new([.. rows], Transformer.Model.Classes, OwnSupport: false));
                    continue;
                }
                int[] classes = [.. rows.Select(row => LabelOf(batch, row)).Where(label => label >= 0).Distinct().Order()];
                if (classes.Length == 0)
                {
                    var name = columns.Episode is null ? "The view" : $"Episode '{groups.Names[group]}' of the column '{columns.Episode}'";
                    throw Check.BadData(Transformer.Host, $"{name} has no labelled row: the support label column '{columns.SupportLabel}' is missing in all of its {rows.Count} rows that can be scored.");
                }
                episodes.Add(new([.. rows], classes, OwnSupport: true));
            }
            return episodes;
        }

        private FewShotSolution Solve(ScoringBatch batch, List<Episode> episodes)
        {
            var (host, model) = (Transformer.Host, Transformer.Model);
            var features = batch.Input<float>(0);
            var supportRows = Transformer.Columns.SupportLabel is null ? model.SupportClasses.Length : 0;
            var problems = new FewShotProblems(model.Dimension, episodes.Sum(episode => (long)episode.Rows.Length + supportRows));
            foreach (var episode in episodes)
            {
                for (var i = 0; i < supportRows; i++)
                {
                    problems.Add(model.Support.AsSpan(i * model.Dimension, model.Dimension), model.SupportClasses[i]);
                }
                foreach (var row in episode.Rows)
                {
                    problems.Add(features[row], episode.OwnSupport && LabelOf(batch, row) is >= 0 and var label ? Array.BinarySearch(episode.Classes, label) : -1);
                }
                problems.End(episode.Classes.Length);
            }
            using var scope = NewDisposeScope();
            return FewShotSolver.Solve(problems.ToRows(model.Clusters), model.Settings, model.BaseMean, model.Seeds(episodes.Count), Transformer._device, (ulong)model.Seed, () => Check.Alive(host), report: null);
        }

        /// <summary>The label that a row brings, counted from 0; -1 = none.</summary>
        private int LabelOf(ScoringBatch batch, int row)
        {
            var key = batch.Input<ulong>(Transformer.Inputs.Count - 1)[row][0];
            return labels.IsMissing(key) ? -1 : (int)key - 1;
        }
    }

    /// <summary>Rows that are solved together.</summary>
    /// <param name="Rows">Their numbers in the view.</param>
    /// <param name="Classes">The classes of the label that they may be of, ascending.</param>
    /// <param name="OwnSupport">Whether the labelled rows are among them, and not those of <c>Fit</c>.</param>
    private sealed record Episode(int[] Rows, int[] Classes, bool OwnSupport);
}
