using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions;

[assembly: SavedTransformer<OnnxOutputsTransformer>("ONNX Outputs Transformer", OnnxOutputsTransformer.LoaderName)]

namespace MLNetExtensions;

/// <summary>Makes columns out of the outputs of an ONNX file, see <see cref="OnnxOutputsEstimator"/>.</summary>
public sealed class OnnxOutputsTransformer : RowScoringTransformer, ISavedTransformer<OnnxOutputsTransformer>
{
    internal const string LoaderName = "MLNetExtOnnxOutputs";

    private static readonly ModelSignature s_signature = new("ONNXOUTS", LoaderName);

    private readonly IReadOnlyList<OnnxOutput> _outputs;

    internal OnnxOutputsTransformer(IHost host, IReadOnlyList<OnnxOutput> outputs)
        : base(host)
    {
        _outputs = outputs;
        Inputs = [.. outputs.Select(output => output.Input)];
    }

    static ModelSignature ISavedTransformer<OnnxOutputsTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    internal override bool HoldsTensors => false;

    internal override IReadOnlyList<InputColumn> Inputs { get; }

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema) => [.. _outputs.Select(output => output.Output(inputSchema))];

    internal override BatchScorer CreateScorer(ScoringSchema schema) => new Scorer(_outputs);

    internal override void Save(ModelWriter writer) => writer.Options(new SavedOptions([.. _outputs.Select(output => output.Column)]));

    static OnnxOutputsTransformer ISavedTransformer<OnnxOutputsTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<SavedOptions>();
        return new(host, [.. options.Columns.Select(OnnxOutput.Of)]);
    }

    private protected override void DisposeCore()
    {
        // Nothing but names.
    }

    /// <summary>What options.json holds.</summary>
    private sealed record SavedOptions(IReadOnlyList<OnnxColumn> Columns);

    private sealed class Scorer(IReadOnlyList<OnnxOutput> outputs) : BatchScorer
    {
        internal override void Score(ScoringBatch batch)
        {
            for (var i = 0; i < outputs.Count; i++)
            {
                if (batch.IsActive(i))
                {
                    outputs[i].Copy(batch, i);
                }
            }
        }
    }
}
