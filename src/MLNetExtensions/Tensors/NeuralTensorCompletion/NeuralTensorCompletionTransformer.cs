using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using MLNetExtensions.Tensors;
using static TorchSharp.torch;

[assembly: SavedTransformer<NeuralTensorCompletionTransformer>("Neural Tensor Completion Transformer", NeuralTensorCompletionTransformer.LoaderName)]

namespace MLNetExtensions.Tensors;

/// <summary>A tensor completed by <see cref="NeuralTensorCompletionTrainer"/>: it scores any cell.</summary>
public sealed class NeuralTensorCompletionTransformer : RowScoringTransformer, ISavedTransformer<NeuralTensorCompletionTransformer>
{
    internal const string LoaderName = "MLNetExtTensorComplete";

    private static readonly ModelSignature s_signature = new("TENSORCO", LoaderName);

    /// <summary>Takes the model over.</summary>
    internal NeuralTensorCompletionTransformer(IHost host, TensorCompletion completion, string labelColumnName, IReadOnlyList<string> modeColumnNames, UnseenKeys unseenKeys)
        : base(host)
    {
        Completion = completion;
        LabelColumnName = labelColumnName;
        ModeColumnNames = [.. modeColumnNames];
        UnseenKeys = unseenKeys;
        Inputs = [.. modeColumnNames.Select((name, mode) => new ModeColumn(name, completion.Modes[mode]))];
    }

    static ModelSignature ISavedTransformer<NeuralTensorCompletionTransformer>.ModelSignature => s_signature;

    /// <summary>The name of the label column that the model was trained on.</summary>
    public string LabelColumnName { get; }

    /// <summary>The names of the mode columns.</summary>
    public IReadOnlyList<string> ModeColumnNames { get; }

    /// <summary>What a row scores whose key is missing or unknown.</summary>
    public UnseenKeys UnseenKeys { get; }

    /// <summary>How the value of a cell is computed out of its entities.</summary>
    public TensorCompletionModel BaseModel => Completion.Model.Shape.Model;

    /// <summary>The number of entities of each mode that the training had.</summary>
    public IReadOnlyList<int> NumberOfEntities => [.. Completion.Modes.Select(mode => mode.Count)];

    /// <summary>The root mean squared error of the validation cells, in the units of the label; null without validation.</summary>
    public double? ValidationRootMeanSquaredError => Completion.ValidationError;

    /// <summary>Whether the model is that of the second training, on the augmented tensor.</summary>
    public bool IsAugmented => Completion.IsAugmented;

    private protected override IEnumerable<(string Name, string Value)> Facts =>
    [
        ("base model", BaseModel.ToString()),
        .. ModeColumnNames.Zip(NumberOfEntities, (name, count) => ($"keys of {name}", Html.Number((long)count))),
        ("trained on new cells too", IsAugmented ? "yes" : "no"),
        ("RMSE of the validation cells", ValidationRootMeanSquaredError is { } error ? Html.Number(error) : "not measured"),
    ];

    internal TensorCompletion Completion { get; }

    internal override ModelSignature Signature => s_signature;

    internal override IReadOnlyList<InputColumn> Inputs { get; }

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema)
    {
        foreach (var (mode, column) in Inputs.Index())
        {
            Completion.Modes[mode].Check(Host, column, inputSchema);
        }
        return [ScoreColumns.Deliver(inputSchema, NumberDataViewType.Single, ScoreColumns.Kind.Regression)];
    }

    // By number where the training had keys, else by name.
    internal override DataViewType GetOnnxInputType(int input) => Completion.Modes[input].Keys is null ? TextDataViewType.Instance : new KeyDataViewType(typeof(uint), uint.MaxValue);

    internal override void WriteOnnx(OnnxScoring onnx) => TensorCompletionOnnx.Write(onnx, this);

    internal override BatchScorer CreateScorer(ScoringSchema schema) => new Scorer(this);

    /// <summary>The number of a mode by the name of its column.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    internal int ModeOf(string modeColumnName)
    {
        var mode = ModeColumnNames.ToList().IndexOf(modeColumnName);
        Check.Option(Host, mode >= 0, modeColumnName, $"Must be one of the mode columns: {string.Join(", ", ModeColumnNames)}");
        return mode;
    }

    /// <summary>The entities of a mode with their importances.</summary>
    internal ResultTable GetEntityImportance(string modeColumnName)
    {
        ThrowIfDisposed();
        var mode = ModeOf(modeColumnName);
        return new Table(Host, $"Importance of {modeColumnName}")
            .Add(modeColumnName, [.. Completion.Modes[mode].Names])
            .Add("Importance", NumberDataViewType.Double, Completion.Importance[mode])
            .Add("Cells", NumberDataViewType.Int64, Completion.Cells[mode])
            .Build(modeColumnName, "Importance");
    }

    /// <summary>The training cells with their influences.</summary>
    /// <exception cref="InvalidOperationException">They were not kept.</exception>
    internal ResultTable GetCellInfluences()
    {
        ThrowIfDisposed();
        if (Completion.Influences is not { } influences)
        {
            throw Check.BadData(Host, $"The model was trained without {nameof(NeuralTensorCompletionTrainer.Options.KeepCellInfluences)}.");
        }
        var table = new Table(Host, "Influence of cells").Add("Row", NumberDataViewType.Int64, influences.Rows);
        for (var mode = 0; mode < ModeColumnNames.Count; mode++)
        {
            var names = new string[influences.Rows.Length];
            for (var cell = 0; cell < names.Length; cell++)
            {
                names[cell] = Completion.Modes[mode].Names[influences.Index[cell * ModeColumnNames.Count + mode]];
            }
            table.Add(ModeColumnNames[mode], names);
        }
        return table.Add("Influence", NumberDataViewType.Double, influences.Values).Build();
    }

    /// <summary>The entities of a mode with their embeddings.</summary>
    internal ResultTable GetEmbeddings(string modeColumnName)
    {
        ThrowIfDisposed();
        var mode = ModeOf(modeColumnName);
        var (embeddings, bias) = Completion.Embeddings(mode);
        var table = new Table(Host, $"Embeddings of {modeColumnName}").Add(modeColumnName, [.. Completion.Modes[mode].Names]).AddVectors("Embedding", NumberDataViewType.Single, embeddings);
        return (bias is null ? table : table.Add("Bias", NumberDataViewType.Single, bias)).Build();
    }

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new SavedOptions(LabelColumnName, ModeColumnNames, UnseenKeys, Completion.Saved));
        writer.Keys(ModeColumnNames.Zip(Completion.Modes, (name, mode) => KeyValuePair.Create(name, mode.Vocabulary)).ToDictionary());
        writer.Weights(Completion.Weights);
    }

    static NeuralTensorCompletionTransformer ISavedTransformer<NeuralTensorCompletionTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<SavedOptions>();
        var keys = reader.Keys();
        if (string.IsNullOrEmpty(options.LabelColumnName) || keys.Count != options.ModeColumnNames.Count || options.ModeColumnNames.Any(name => string.IsNullOrEmpty(name) || !keys.ContainsKey(name)))
        {
            throw new FormatException("The options name no columns, or not those of the keys.");
        }
        var device = TrainingHost.Device(host);
        using var scope = NewDisposeScope();
        var completion = TensorCompletion.Load(options.Completion, [.. options.ModeColumnNames.Select(name => keys[name])], reader.Weights(), device);
        return new(host, completion, options.LabelColumnName, options.ModeColumnNames, options.UnseenKeys);
    }

    private protected override void DisposeCore() => Completion.Dispose();

    /// <summary>What options.json holds.</summary>
    private sealed record SavedOptions(string LabelColumnName, IReadOnlyList<string> ModeColumnNames, UnseenKeys UnseenKeys, SavedTensorCompletion Completion);

    private sealed class Scorer(NeuralTensorCompletionTransformer model) : BatchScorer
    {
        private readonly long[] _unseen = new long[model.ModeColumnNames.Count];
        private int[] _index = [];
        private long _rows;

        internal override void Score(ScoringBatch batch)
        {
            var order = _unseen.Length;
            if (_index.Length < batch.Count * order)
            {
                _index = new int[batch.Count * order];
            }
            for (var mode = 0; mode < order; mode++)
            {
                var entities = batch.Input<int>(mode).Values;
                for (var row = 0; row < entities.Length; row++)
                {
                    _index[row * order + mode] = entities[row];
                    _unseen[mode] += entities[row] == TensorScorer.Unseen ? 1 : 0;
                }
            }
            model.Completion.Score(_index.AsSpan(0, batch.Count * order), batch.Output<float>(0).AddRows(batch.Count), model.UnseenKeys);
            _rows += batch.Count;
        }

        internal override void Complete()
        {
            if (_unseen.Any(count => count > 0))
            {
                using var channel = model.Host.Start("Score");
                channel.Warning($"Of {_rows} rows some have a missing or unknown key ({string.Join(", ", model.ModeColumnNames.Zip(_unseen, (name, count) => $"{name}: {count}"))}): they score {(model.UnseenKeys == UnseenKeys.NaN ? "NaN" : "as the mean of the known keys")}.");
            }
        }
    }
}
