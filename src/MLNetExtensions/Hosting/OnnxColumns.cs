using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Onnx;

namespace MLNetExtensions;

/// <summary>A column that an ONNX file computes, as its metadata describe it: what its type alone does not tell.</summary>
/// <param name="Name">The name of the column.</param>
/// <param name="Output">The name of the output, which differs where an input has the column's name.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Dimensions">Its dimensions after that of the rows; none = a scalar.</param>
/// <param name="Keys">The number of keys; 0 = it is no key.</param>
internal sealed record OnnxColumn(string Name, string Output, OnnxType Type, IReadOnlyList<int> Dimensions, ulong Keys)
{
    /// <summary>The values of the keys.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public KeyVocabulary? KeyValues { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? SlotNames { get; init; }

    /// <summary>The values of the label that a score was trained on.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public KeyVocabulary? TrainingLabelValues { get; init; }

    /// <summary>What kind of model scored.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ScoreKind { get; init; }

    /// <summary>What of the score it is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ScoreValue { get; init; }
}

/// <summary>The columns of ML.NET as ONNX knows them.</summary>
internal static class OnnxColumns
{
    /// <summary>Begins the keys of the metadata.</summary>
    internal const string Prefix = "mlnetextensions.";

    private const string ColumnsKey = Prefix + "columns";

    private static readonly JsonSerializerOptions s_json = new(ModelJson.Options) { WriteIndented = false, RespectRequiredConstructorParameters = true };

    internal static string Version => typeof(OnnxColumns).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    internal static OnnxType TypeOf(DataViewSchema.Column column)
    {
        var raw = column.Type.GetItemType().RawType;
        return raw == typeof(ReadOnlyMemory<char>) ? OnnxType.String
            : Enum.TryParse<OnnxType>(raw.Name, out var type) ? type
            : throw new NotSupportedException($"The column '{column.Name}' is of type {column.Type}, which has no form in ONNX.");
    }

    /// <summary>The dimensions of a column after that of the rows.</summary>
    internal static long[] DimensionsOf(DataViewType type) => type is VectorDataViewType vector ? [.. vector.Dimensions.Select(n => (long)n)] : [1];

    /// <summary>Describes a column.</summary>
    /// <param name="column">The column.</param>
    /// <param name="output">The name of its output.</param>
    /// <param name="steps">The number of rows that the output tells of at once; 0 = one.</param>
    internal static OnnxColumn Describe(DataViewSchema.Column column, string output, int steps)
    {
        var key = column.Type.GetItemType() as KeyDataViewType;
        string[] slots = steps > 0 ? [] : SlotNames.Of(column);
        int[] dimensions = column.Type is VectorDataViewType vector ? [.. vector.Dimensions] : [];
        return new(column.Name, output, TypeOf(column), steps > 0 ? [steps, .. dimensions] : dimensions, key?.Count ?? 0)
        {
            KeyValues = key is null || KeyVocabulary.Of(column) is not { Values: not null } keys ? null : keys,
            SlotNames = slots.Length == 0 ? null : slots,
            TrainingLabelValues = KeyVocabulary.OfAnnotation(column, AnnotationUtils.Kinds.TrainingLabelValues),
            ScoreKind = Text(column, AnnotationUtils.Kinds.ScoreColumnKind),
            ScoreValue = Text(column, AnnotationUtils.Kinds.ScoreValueKind),
        };
    }

    internal static void Write(OnnxGraph graph, IReadOnlyList<OnnxColumn> columns) => graph.Metadata(ColumnsKey, JsonSerializer.Serialize(columns, s_json));

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="FormatException">The file is no ONNX model, or none of this package.</exception>
    internal static IReadOnlyList<OnnxColumn> Read(Stream stream)
    {
        if (!OnnxMetadataReader.Read(stream).TryGetValue(ColumnsKey, out var text))
        {
            throw new FormatException("The file describes no columns: it was not written by ExportToOnnx.");
        }
        try
        {
            return JsonSerializer.Deserialize<OnnxColumn[]>(text, s_json) ?? throw new FormatException("The file describes no columns.");
        }
        catch (JsonException e)
        {
            throw new FormatException($"The columns that the file describes cannot be read: {e.Message}", e);
        }
    }

    private static string? Text(DataViewSchema.Column column, string kind)
    {
        if (column.Annotations.Schema.GetColumnOrNull(kind) is not { Type: TextDataViewType })
        {
            return null;
        }
        ReadOnlyMemory<char> text = default;
        column.Annotations.GetValue(kind, ref text);
        return text.ToString();
    }
}
