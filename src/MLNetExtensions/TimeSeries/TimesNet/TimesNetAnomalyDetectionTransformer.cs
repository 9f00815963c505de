using System.Numerics.Tensors;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using MLNetExtensions.TimeSeries;

[assembly: SavedTransformer<TimesNetAnomalyDetectionTransformer>("TimesNet Anomaly Detection Transformer", TimesNetAnomalyDetectionTransformer.LoaderName)]

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// Finds anomalies in series; trained by <see cref="TimesNetAnomalyDetectionTrainer"/>. A row whose window holds a value that is not finite, or whose series is shorter than a window, gets the score NaN and
/// is no anomaly.
/// </summary>
public sealed class TimesNetAnomalyDetectionTransformer : TimesNetReconstructionTransformer, ISavedTransformer<TimesNetAnomalyDetectionTransformer>
{
    internal const string LoaderName = "MLNetExtensionsAnomaly";
    internal const string ThresholdColumnName = "Threshold";

    private static readonly ModelSignature s_signature = new("TNANOMAL", LoaderName);

    private readonly string? _expectedColumnName;

    /// <summary>Takes the model over.</summary>
    internal TimesNetAnomalyDetectionTransformer(IHost host, TimesNetReconstructionModel model, float threshold, string? expectedColumnName)
        : base(host, model)
    {
        Threshold = threshold;
        _expectedColumnName = expectedColumnName;
    }

    /// <summary>The score above which a row is an anomaly.</summary>
    public float Threshold { get; }

    private protected override IEnumerable<(string Name, string Value)> Facts => base.Facts.Append(("threshold", Html.Number(Threshold)));

    static ModelSignature ISavedTransformer<TimesNetAnomalyDetectionTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema)
    {
        List<OutputColumn> outputs = [.. ScoreColumns.DeliverAnomaly(inputSchema), new OutputColumn<float>(ThresholdColumnName, NumberDataViewType.Single)];
        if (_expectedColumnName is not null)
        {
            var input = inputSchema[Model.Options.InputColumnName];
            var names = SlotNames.Of(input);
            var annotations = new DataViewSchema.Annotations.Builder();
            if (names.Length > 0)
            {
                SlotNames.AddTo(annotations, names);
            }
            outputs.Add(new OutputColumn<float>(_expectedColumnName, input.Type is VectorDataViewType vector ? new VectorDataViewType(NumberDataViewType.Single, vector.Dimensions) : NumberDataViewType.Single, annotations.ToAnnotations()));
        }
        return outputs;
    }

    private protected override ReconstructionWriter CreateWriter(ScoringSchema schema) => new Writer(Threshold, _expectedColumnName is not null);

    internal override void WriteOnnx(OnnxScoring onnx) => TimesNetReconstructionOnnx.WriteDetector(onnx, Model, Threshold, _expectedColumnName);

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new SavedOptions(Threshold, _expectedColumnName, Model.Options, Model.Network.Saved));
        writer.Weights(Model.Save(writer));
    }

    static TimesNetAnomalyDetectionTransformer ISavedTransformer<TimesNetAnomalyDetectionTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<SavedOptions>();
        if (!(options.Threshold >= 0) || options.ExpectedColumnName is "")
        {
            throw new FormatException("The options describe no anomaly detector.");
        }
        return new(host, TimesNetReconstructionModel.Load(options.Series, options.Network, reader, TrainingHost.Device(host)), options.Threshold, options.ExpectedColumnName);
    }

    /// <summary>What options.json holds.</summary>
    private sealed record SavedOptions(float Threshold, string? ExpectedColumnName, TimesNetReconstructionModelOptions Series, SavedTimesNet Network);

    private sealed class Writer(float threshold, bool isExpectedWanted) : ReconstructionWriter
    {
        private const int ScoreOutput = 0;
        private const int LabelOutput = 1;
        private const int ThresholdOutput = 2;
        private const int ExpectedOutput = 3;

        private long _seen;
        private long _scored;

        internal override bool HasMask => false;

        internal override void Begin(ScoringBatch batch)
        {
            batch.Output<float>(ScoreOutput).AddRows(batch.Count).Fill(float.NaN);
            batch.Output<bool>(LabelOutput).AddRows(batch.Count).Clear();
            batch.Output<float>(ThresholdOutput).AddRows(batch.Count).Fill(threshold);
            if (isExpectedWanted)
            {
                batch.Output<float>(ExpectedOutput).AddRows(batch.Count).Fill(float.NaN);
            }
            _seen += batch.Count;
        }

        internal override bool Wants(ReadOnlySpan<double> row) => true;

        internal override bool Takes(ReadOnlySpan<double> window) => TensorPrimitives.IsFiniteAll(window);

        internal override void Write(ScoringBatch batch, int row, ColumnScaler scaler, ReadOnlySpan<float> standardized, ReadOnlySpan<float> reconstruction)
        {
            var score = AnomalyScores.OfRowAsSingle(standardized, reconstruction);
            batch.Output<float>(ScoreOutput)[row][0] = score;
            batch.Output<bool>(LabelOutput)[row][0] = score > threshold;
            if (isExpectedWanted)
            {
                scaler.Restore(reconstruction, batch.Output<float>(ExpectedOutput)[row]);
            }
            _scored++;
        }

        internal override void Complete(TimesNetReconstructionTransformer model)
        {
            if (_scored < _seen)
            {
                using var channel = model.Host.Start("Detect");
                channel.Warning($"{_seen - _scored} of {_seen} rows have no score: a value in their window of {model.WindowSize} rows is missing or infinite, or there are fewer rows of their series {(model.IsCausal ? "up to them" : "in all")}.");
            }
        }
    }
}
