using System.Numerics;
using System.Numerics.Tensors;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using MLNetExtensions.TimeSeries;

[assembly: SavedTransformer<TimesNetImputingTransformer>("TimesNet Imputing Transformer", TimesNetImputingTransformer.LoaderName)]

namespace MLNetExtensions.TimeSeries;

/// <summary>Fills the gaps of series; trained by <see cref="TimesNetImputingEstimator"/>.</summary>
public sealed class TimesNetImputingTransformer : TimesNetReconstructionTransformer, ISavedTransformer<TimesNetImputingTransformer>
{
    internal const string LoaderName = "MLNetExtensionsImpute";

    private static readonly ModelSignature s_signature = new("TNIMPUTE", LoaderName);

    private readonly string _outputColumnName;

    /// <summary>Takes the model over.</summary>
    internal TimesNetImputingTransformer(IHost host, TimesNetReconstructionModel model, string outputColumnName)
        : base(host, model)
        => _outputColumnName = outputColumnName;

    static ModelSignature ISavedTransformer<TimesNetImputingTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    // What was filled is of the type of what was not.
    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema)
    {
        var column = inputSchema[Model.Options.InputColumnName];
        return [IsSingle(column) ? new OutputColumn<float>(_outputColumnName, column.Type, column.Annotations) : new OutputColumn<double>(_outputColumnName, column.Type, column.Annotations)];
    }

    private protected override ReconstructionWriter CreateWriter(ScoringSchema schema) => IsSingle(schema.InputColumns[0]) ? new Writer<float>() : new Writer<double>();

    internal override void WriteOnnx(OnnxScoring onnx) => TimesNetReconstructionOnnx.WriteImputer(onnx, Model, _outputColumnName);

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new SavedOptions(_outputColumnName, Model.Options, Model.Network.Saved));
        writer.Weights(Model.Save(writer));
    }

    static TimesNetImputingTransformer ISavedTransformer<TimesNetImputingTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<SavedOptions>();
        if (string.IsNullOrEmpty(options.OutputColumnName))
        {
            throw new FormatException("The output column has no name.");
        }
        return new(host, TimesNetReconstructionModel.Load(options.Series, options.Network, reader, TrainingHost.Device(host)), options.OutputColumnName);
    }

    private static bool IsSingle(DataViewSchema.Column column) => ((column.Type as VectorDataViewType)?.ItemType ?? column.Type).RawType == typeof(float);

    /// <summary>What options.json holds.</summary>
    private sealed record SavedOptions(string OutputColumnName, TimesNetReconstructionModelOptions Series, SavedTimesNet Network);

    private sealed class Writer<T> : ReconstructionWriter
        where T : INumberBase<T>
    {
        private long _seen;
        private long _open;

        internal override bool HasMask => true;

        // Every Single is a Double and comes back bit by bit.
        internal override void Begin(ScoringBatch batch)
        {
            var values = batch.Input<double>(0);
            var output = batch.Output<T>(0).AddRows(batch.Count);
            TensorPrimitives.ConvertTruncating<double, T>(values.Values, output);
            _seen += batch.Count;
            for (var row = 0; row < batch.Count; row++)
            {
                _open += Wants(values[row]) ? 1 : 0;
            }
        }

        internal override bool Wants(ReadOnlySpan<double> row) => TensorPrimitives.IsNaNAny(row);

        internal override bool Takes(ReadOnlySpan<double> window) => true;

        internal override void Write(ScoringBatch batch, int row, ColumnScaler scaler, ReadOnlySpan<float> standardized, ReadOnlySpan<float> reconstruction)
        {
            var values = batch.Output<T>(0)[row];
            var filled = false;
            for (var i = 0; i < values.Length; i++)
            {
                if (T.IsNaN(values[i]))
                {
                    values[i] = Restored(scaler, reconstruction[i], i);
                    filled = true;
                }
            }
            _open -= filled ? 1 : 0;
        }

        // No Double is larger than any that the data had; a Single may be.
        private static T Restored(ColumnScaler scaler, float value, int slot) => typeof(T) == typeof(float) ? T.CreateTruncating(scaler.RestoreSingle(value, slot)) : T.CreateTruncating(scaler.Restore(value, slot));

        internal override void Complete(TimesNetReconstructionTransformer model)
        {
            if (_open > 0)
            {
                using var channel = model.Host.Start("Impute");
                channel.Warning($"{_open} of {_seen} rows keep their gaps: {(model.IsCausal ? $"fewer than {model.WindowSize} rows of their series lead to them" : $"their series has fewer than {model.WindowSize} rows")}.");
            }
        }
    }
}
