using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using MLNetExtensions.Torch;

[assembly: SavedTransformer<TorchModuleMulticlassTransformer>("Torch Module Multiclass Transformer", TorchModuleMulticlassTransformer.LoaderName)]

namespace MLNetExtensions.Torch;

/// <summary>A network trained by <see cref="TorchModuleMulticlassTrainer"/>.</summary>
public sealed class TorchModuleMulticlassTransformer : TorchModuleTransformer, ISavedTransformer<TorchModuleMulticlassTransformer>
{
    internal const string LoaderName = "MLNetExtTorchMulticlass";

    private static readonly ModelSignature s_signature = new("TORCHMUL", LoaderName);

    private readonly ClassLabels _labels;

    internal TorchModuleMulticlassTransformer(IHost host, OwnModule own, string featureColumnName, ColumnScaler features, ClassLabels labels)
        : base(host, own, featureColumnName, features)
        => _labels = labels;

    static ModelSignature ISavedTransformer<TorchModuleMulticlassTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema) => _labels.GetOutputs(inputSchema);

    private protected override void Write(ReadOnlySpan<float> outputs, ScoringBatch batch) => _labels.Write(outputs, batch);

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new ModelOptions(Own.Factory, FeatureColumnName, Own.InputSize));
        _labels.Save(writer);
        SaveWeights(writer);
    }

    static TorchModuleMulticlassTransformer ISavedTransformer<TorchModuleMulticlassTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<ModelOptions>();
        if (string.IsNullOrEmpty(options.FeatureColumnName))
        {
            throw new FormatException("The options describe no classifier.");
        }
        var labels = ClassLabels.Load(reader);
        var (module, features, _) = LoadWeights(host, reader, options.Factory, options.InputSize, labels.Count, labelPrefix: null);
        return new(host, module, options.FeatureColumnName, features, labels);
    }

    /// <summary>What options.json holds.</summary>
    private sealed record ModelOptions(FactoryReference Factory, string FeatureColumnName, int InputSize);
}
