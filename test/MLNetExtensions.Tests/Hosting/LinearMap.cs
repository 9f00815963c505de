using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using MLNetExtensions.Tests;
using static TorchSharp.torch;

[assembly: SavedTransformer<LinearMapTransformer>("Linear map of the tests", LinearMapTransformer.LoaderName)]

namespace MLNetExtensions.Tests;

/// <summary>
/// The smallest row scorer that uses all of the base: Score = sum of weights · (features − means) + offset of the group, where the estimator learns the means, and the
/// offset of a group is its number in the training data.
/// </summary>
internal sealed class LinearMapEstimator : IEstimator<LinearMapTransformer>
{
    private readonly IHost _host;
    private readonly string? _groupColumnName;
    private readonly InputColumn<float> _features;

    internal LinearMapEstimator(IHostEnvironment env, string featureColumnName = "Features", string? groupColumnName = null)
    {
        _host = env.Register(nameof(LinearMapEstimator));
        _groupColumnName = groupColumnName;
        _features = LinearMapTransformer.FeatureColumn(featureColumnName);
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(_host, inputSchema);
        _features.Check(_host, inputSchema);
        if (_groupColumnName is not null)
        {
            LinearMapTransformer.GroupColumn(_groupColumnName).Check(_host, inputSchema);
        }
        return SchemaShapes.Append(inputSchema, SchemaShapes.Column("Score", NumberDataViewType.Single));
    }

    public LinearMapTransformer Fit(IDataView input)
    {
        Check.NotNull(_host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        var features = (RowBuffer<float>)DataReader.Read(_host, input, default, _features)[0];
        if (features.Count == 0)
        {
            throw Check.BadData(_host, "No rows.");
        }
        var means = new float[features[0].Length];
        for (var row = 0; row < features.Count; row++)
        {
            for (var i = 0; i < means.Length; i++)
            {
                means[i] += features[row][i] / features.Count;
            }
        }
        var groups = _groupColumnName is null ? null : KeyVocabulary.Of(input.Schema[_groupColumnName]);
        var weights = tensor(Enumerable.Range(1, means.Length).Select(i => (float)i).ToArray()).DetachFromDisposeScope();
        return new(_host, new(_features.Name, _groupColumnName, means), weights, groups);
    }
}

internal sealed class LinearMapTransformer : RowScoringTransformer, ISavedTransformer<LinearMapTransformer>, ISingleFeaturePredictionTransformer<object>
{
    internal const string LoaderName = "MLNetExtensionsLinearMap";

    private static readonly ModelSignature s_signature = new("LINMAP  ", LoaderName);

    private readonly Options _options;
    private readonly Tensor _weights;
    private readonly KeyVocabulary? _groups;

    internal LinearMapTransformer(IHost host, Options options, Tensor weights, KeyVocabulary? groups)
        : base(host)
    {
        _options = options;
        _weights = weights;
        _groups = groups;
        var features = FeatureColumn(options.FeatureColumnName, options.Means.Count);
        Inputs = options.GroupColumnName is null ? [features] : [features, GroupColumn(options.GroupColumnName)];
    }

    static ModelSignature ISavedTransformer<LinearMapTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    internal override IReadOnlyList<InputColumn> Inputs { get; }

    string ISingleFeaturePredictionTransformer<object>.FeatureColumnName => _options.FeatureColumnName;

    DataViewType ISingleFeaturePredictionTransformer<object>.FeatureColumnType => new VectorDataViewType(NumberDataViewType.Single, _options.Means.Count);

    object IPredictionTransformer<object>.Model => this;

    internal static InputColumn<float> FeatureColumn(string name, int? size = null) => new(name, "feature", InputTypes.Number | InputTypes.Boolean, InputShapes.Fixed, size);

    internal static InputColumn<ulong> GroupColumn(string name) => new(name, "group", InputTypes.Key, InputShapes.Scalar);

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema) => [new OutputColumn<float>("Score", NumberDataViewType.Single)];

    internal override BatchScorer CreateScorer(ScoringSchema schema) => new Scorer(this, _groups?.Match(schema.InputColumns[1]));

    internal override void Save(ModelWriter writer)
    {
        writer.Options(_options);
        writer.Weights([new("weights", _weights)]);
        if (_groups is not null)
        {
            writer.Keys(new Dictionary<string, KeyVocabulary> { ["group"] = _groups });
        }
    }

    static LinearMapTransformer ISavedTransformer<LinearMapTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<Options>();
        // All that does not get into the model is disposed, and a scope of the caller does not own the model.
        using var scope = NewDisposeScope();
        var weights = reader.Weights();
        if (options.Means.Count == 0 || weights.Count != 1 || !weights.TryGetValue("weights", out var tensor) || tensor.dtype != ScalarType.Float32 || tensor.dim() != 1 || tensor.size(0) != options.Means.Count)
        {
            throw new FormatException("The weights do not fit the means.");
        }
        KeyVocabulary? groups = null;
        if (options.GroupColumnName is not null && !reader.Keys().TryGetValue("group", out groups))
        {
            throw new FormatException("The keys of the group are missing.");
        }
        return new(host, options, tensor.DetachFromDisposeScope(), groups);
    }

    private protected override void DisposeCore() => _weights.Dispose();

    internal sealed record Options(string FeatureColumnName, string? GroupColumnName, IReadOnlyList<float> Means);

    private sealed class Scorer(LinearMapTransformer model, KeyMatch? groups) : BatchScorer
    {
        internal override void Score(ScoringBatch batch)
        {
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            var means = model._options.Means.ToArray();
            var features = tensor(batch.Input<float>(0).Values.ToArray(), batch.Count, means.Length);
            var scores = nn.functional.linear(features.sub(tensor(means)), model._weights.unsqueeze(0)).data<float>().ToArray();
            for (var row = 0; row < batch.Count; row++)
            {
                var offset = groups is null ? 0 : groups[batch.Input<ulong>(1)[row][0]];
                batch.Output<float>(0).Add(1)[0] = scores[row] + offset;
            }
        }
    }
}
