using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using MLNetExtensions.Torch;

[assembly: SavedTransformer<TorchModuleRegressionTransformer>("Torch Module Regression Transformer", TorchModuleRegressionTransformer.LoaderName)]

namespace MLNetExtensions.Torch;

/// <summary>A network trained by <see cref="TorchModuleRegressionTrainer"/>.</summary>
public sealed class TorchModuleRegressionTransformer : TorchModuleTransformer, ISavedTransformer<TorchModuleRegressionTransformer>
{
    internal const string LoaderName = "MLNetExtTorchRegression";

    private const string LabelPrefix = "labels.";

    private static readonly ModelSignature s_signature = new("TORCHREG", LoaderName);

    private readonly ColumnScaler _labels;
    private readonly bool _isVector;
    private readonly IReadOnlyList<string>? _slotNames;

    internal TorchModuleRegressionTransformer(IHost host, OwnModule own, string featureColumnName, ColumnScaler features, ColumnScaler labels, bool isVector, IReadOnlyList<string>? slotNames)
        : base(host, own, featureColumnName, features)
    {
        _labels = labels;
        _isVector = isVector;
        _slotNames = slotNames;
    }

    static ModelSignature ISavedTransformer<TorchModuleRegressionTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema)
        => [ScoreColumns.Deliver(inputSchema, TorchModuleRegressionTrainer.ScoreType(_isVector ? Own.OutputSize : null), _isVector ? ScoreColumns.Kind.MultiOutputRegression : ScoreColumns.Kind.Regression, _slotNames)];

    private protected override void Write(ReadOnlySpan<float> outputs, ScoringBatch batch)
    {
        var scores = batch.Output<float>(0);
        for (var row = 0; row < batch.Count; row++)
        {
            _labels.Restore(outputs.Slice(row * Own.OutputSize, Own.OutputSize), scores.Add(Own.OutputSize));
        }
    }

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new ModelOptions(Own.Factory, FeatureColumnName, Own.InputSize, Own.OutputSize, _isVector, _slotNames));
        SaveWeights(writer, SaveScaler(LabelPrefix, _labels));
    }

    static TorchModuleRegressionTransformer ISavedTransformer<TorchModuleRegressionTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<ModelOptions>();
        if (string.IsNullOrEmpty(options.FeatureColumnName) || (options.SlotNames is { } names && names.Count != options.OutputSize) || (!options.IsVector && options.OutputSize != 1))
        {
            throw new FormatException("The options describe no regression.");
        }
        var (module, features, labels) = LoadWeights(host, reader, options.Factory, options.InputSize, options.OutputSize, LabelPrefix);
        return new(host, module, options.FeatureColumnName, features, labels!, options.IsVector, options.SlotNames);
    }

    /// <summary>What options.json holds.</summary>
    private sealed record ModelOptions(FactoryReference Factory, string FeatureColumnName, int InputSize, int OutputSize, bool IsVector, IReadOnlyList<string>? SlotNames);
}
