using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Onnx;

namespace MLNetExtensions;

/// <summary>How an output of an ONNX file becomes a column again.</summary>
internal abstract class OnnxOutput(OnnxColumn column)
{
    internal OnnxColumn Column => column;

    /// <summary>What the runtime makes of the output.</summary>
    internal abstract InputColumn Input { get; }

    /// <summary>The column.</summary>
    internal abstract OutputColumn Output(DataViewSchema inputSchema);

    internal abstract void Copy(ScoringBatch batch, int index);

    private int Size => column.Dimensions.Aggregate(1, (product, n) => checked(product * n));

    /// <exception cref="FormatException">There are no such columns.</exception>
    internal static OnnxOutput Of(OnnxColumn column)
    {
        if (string.IsNullOrEmpty(column.Name) || string.IsNullOrEmpty(column.Output) || column.Dimensions.Any(n => n < 1) || column.Keys > 0 && column.Type != OnnxType.UInt32
            || column.KeyValues is { } values && values.Count != column.Keys || column.SlotNames is { } slots && slots.Count != new ReaderOf<float>(column, default, NumberDataViewType.Single).Size)
        {
            throw new FormatException($"The file describes no column '{column.Name}'.");
        }
        column.KeyValues?.CheckContent();
        column.TrainingLabelValues?.CheckContent();
        return column.Type switch
        {
            OnnxType.Single => new ReaderOf<float>(column, InputTypes.Single, NumberDataViewType.Single),
            OnnxType.Double => new ReaderOf<double>(column, InputTypes.Double, NumberDataViewType.Double),
            OnnxType.Int64 => new ReaderOf<long>(column, InputTypes.Int64, NumberDataViewType.Int64),
            OnnxType.Int32 => new ReaderOf<int>(column, InputTypes.Int32, NumberDataViewType.Int32),
            OnnxType.Boolean => new ReaderOf<bool>(column, InputTypes.Boolean, BooleanDataViewType.Instance),
            OnnxType.String => new ReaderOf<ReadOnlyMemory<char>>(column, InputTypes.Text, TextDataViewType.Instance),
            OnnxType.UInt32 => new ReaderOf<uint>(column, InputTypes.UInt32, column.Keys > 0 ? new KeyDataViewType(typeof(uint), column.Keys) : NumberDataViewType.UInt32),
            _ => throw new FormatException($"The column '{column.Name}' is of type {column.Type}, which is not read."),
        };
    }

    private sealed class ReaderOf<T>(OnnxColumn column, InputTypes type, PrimitiveDataViewType item) : OnnxOutput(column)
    {
        internal new int Size => base.Size;

        internal override InputColumn Input => new InputColumn<T>(Column.Output, "output", type, InputShapes.Fixed, Size);

        internal override OutputColumn<T> Output(DataViewSchema inputSchema)
        {
            var annotations = Column.ScoreKind is { } kind && Column.ScoreValue is { } value ? ScoreColumns.Annotations(inputSchema, kind, value) : new DataViewSchema.Annotations.Builder();
            Column.KeyValues?.AddTo(annotations);
            if (Column.SlotNames is { } names)
            {
                SlotNames.AddTo(annotations, names);
            }
            Column.TrainingLabelValues?.AddTo(annotations, AnnotationUtils.Kinds.TrainingLabelValues);
            return new(Column.Name, Column.Dimensions.Count == 0 ? item : new VectorDataViewType(item, Column.Dimensions.ToArray()), annotations.ToAnnotations());
        }

        internal override void Copy(ScoringBatch batch, int index) => batch.Input<T>(index).Values.CopyTo(batch.Output<T>(index).AddRows(batch.Count));
    }
}
