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

    private const string LabelKeys = "label";

    private static readonly ModelSignature s_signature = new("TORCHMUL", LoaderName);

    private readonly KeyVocabulary _labels;

    internal TorchModuleMulticlassTransformer(IHost host, OwnModule own, string featureColumnName, ColumnScaler features, KeyVocabulary labels)
        : base(host, own, featureColumnName, features)
        => _labels = labels;

    static ModelSignature ISavedTransformer<TorchModuleMulticlassTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema) => ScoreColumns.DeliverClasses(inputSchema, _labels);

    private protected override void Write(ReadOnlySpan<float> outputs, ScoringBatch batch)
    {
        var labels = batch.Output<uint>(0);
        var scores = batch.Output<float>(1);
        for (var row = 0; row < batch.Count; row++)
        {
            labels.Add(1)[0] = Softmax(outputs.Slice(row * Own.OutputSize, Own.OutputSize), scores.Add(Own.OutputSize));
        }
    }

    /// <summary>Writes the probabilities and returns the key of the largest; 0 if there is none.</summary>
    private static uint Softmax(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best])
            {
                best = i;
            }
        }
        double sum = 0;
        foreach (var logit in logits)
        {
            sum += Math.Exp((double)logit - logits[best]);
        }
        for (var i = 0; i < logits.Length; i++)
        {
            probabilities[i] = (float)(Math.Exp((double)logits[i] - logits[best]) / sum);
        }
        return double.IsFinite(sum) ? (uint)best + 1 : 0;
    }

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new ModelOptions(Own.Factory, FeatureColumnName, Own.InputSize));
        writer.Keys(new Dictionary<string, KeyVocabulary> { [LabelKeys] = _labels });
        SaveWeights(writer);
    }

    static TorchModuleMulticlassTransformer ISavedTransformer<TorchModuleMulticlassTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<ModelOptions>();
        if (string.IsNullOrEmpty(options.FeatureColumnName) || !reader.Keys().TryGetValue(LabelKeys, out var labels) || labels.Count is 0 or > int.MaxValue || (labels.Values is { } values && (ulong)values.Count != labels.Count))
        {
            throw new FormatException("The options describe no classifier.");
        }
        var (module, features, _) = LoadWeights(host, reader, options.Factory, options.InputSize, (int)labels.Count, labelPrefix: null);
        return new(host, module, options.FeatureColumnName, features, labels);
    }

    /// <summary>What options.json holds.</summary>
    private sealed record ModelOptions(FactoryReference Factory, string FeatureColumnName, int InputSize);
}
