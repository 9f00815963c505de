using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Onnx;

namespace MLNetExtensions;

/// <summary>
/// What a transformer writes its graph with: <see cref="ScoringTransformer.WriteOnnx"/> takes its columns from here, computes with <see cref="Graph"/>, and gives back each of its output columns.
/// </summary>
/// <remarks>
/// A scalar column is a value [rows, 1], a vector column [rows, its dimensions]. A transformer writes all its columns; what nobody asked for is left out of the file again, with all that only it
/// needed. What an input may hold besides sense (NaN, infinity, missing and unknown keys) gives in the graph what it gives in scoring.
/// </remarks>
internal sealed class OnnxScoring(OnnxPipeline pipeline, ScoringSchema schema, OnnxExportOptions options)
{
    internal OnnxGraph Graph => pipeline.Graph;

    /// <summary>How the user wants it. Weights go by <see cref="OnnxGraph.Linear"/> and <see cref="OnnxGraph.Weights"/>, which know the format.</summary>
    internal OnnxExportOptions Options => options;

    /// <summary>The transformer's inputs and outputs; the columns have the types of the schema that was given, else those of <see cref="ScoringTransformer.GetOnnxInputType"/>.</summary>
    internal ScoringSchema Schema => schema;

    /// <summary>The column of an input.</summary>
    internal DataViewSchema.Column Column(int input) => schema.InputColumns[input];

    /// <summary>The type of the elements of an input.</summary>
    internal OnnxType TypeOf(int input) => OnnxColumns.TypeOf(Column(input));

    /// <summary>The value of an input column, in its own type: [rows, values in a row].</summary>
    internal string Input(int input) => pipeline.Value(Column(input));

    /// <summary>The value of an input column, cast to the type that the transformer computes with.</summary>
    internal string Input(int input, OnnxType type) => Cast(Input(input), input, type);

    /// <summary>The values of an input column in the last rows, one window for each row: [rows, windowSize, values in a row].</summary>
    internal string Windows(int input, int windowSize, OnnxType type) => Cast(pipeline.Windows(Column(input), windowSize), input, type);

    /// <summary>The value of an input column in the row that a window ends with: [rows, values in a row].</summary>
    internal string Latest(int input, int windowSize) => pipeline.Latest(Column(input), windowSize);

    /// <summary>Declares an input that is no column: what the program that scores must compute, as the metadata say.</summary>
    internal string Extra(string name, OnnxType type, params long[] dimensions) => pipeline.Extra(name, type, dimensions);

    /// <summary>Gives the value of an output column: [rows, its dimensions], [rows, 1] for a scalar, in the type of the column.</summary>
    internal void Output(string columnName, string value) => pipeline.Set(columnName, value);

    /// <summary>The keys of classes or entities, UInt32.</summary>
    /// <param name="index">Their numbers, Int64, from 0.</param>
    /// <param name="missing">Whether the key is missing.</param>
    internal string Keys(string index, string missing) => Graph.Cast(Graph.Where(missing, Graph.Scalar(0L), Graph.Add(index, Graph.Scalar(1L))), OnnxType.UInt32);

    /// <summary>Adds a fact about the model for the readers of the file.</summary>
    internal void Metadata(string key, string value) => Graph.Metadata(OnnxColumns.Prefix + key, value);

    /// <summary>An exception for a transformer that has no form in ONNX.</summary>
    /// <param name="why">What is the matter, in words that follow the name of the transformer: "assigns rows jointly. Export …"</param>
    internal Exception Refuse(string why) => schema.Transformer.Host.Process(new NotSupportedException($"{pipeline.StepName} {why}"));

    private string Cast(string value, int input, OnnxType type) => TypeOf(input) == type ? value : Graph.Cast(value, type);
}

/// <summary>The columns of a pipeline on their way through the graph.</summary>
/// <param name="graph">The graph.</param>
/// <param name="windowSize">How many rows each row of the graph stands for, up to the step that looks back; 0 = one.</param>
internal sealed class OnnxPipeline(OnnxGraph graph, int windowSize)
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private int _windowSize = windowSize;

    internal OnnxGraph Graph => graph;

    /// <summary>How many rows a row of the graph stands for; 0 = one.</summary>
    internal int WindowSize => _windowSize;

    /// <summary>The step that is being written, as messages call it.</summary>
    internal string StepName { get; set; } = "";

    /// <summary>The value of a column; an input of the graph, where no step made it.</summary>
    internal string Value(DataViewSchema.Column column)
    {
        if (!_values.TryGetValue(column.Name, out var value))
        {
            var type = OnnxColumns.TypeOf(column);
            var width = column.Type.GetValueCount();
            if (width == 0)
            {
                throw Check.Marked(new NotSupportedException($"{StepName} reads the column '{column.Name}', a vector of variable length, which has no form in ONNX."));
            }
            // Steps before one that looks back see the rows of all windows one below the other.
            value = _windowSize == 0 ? graph.Input(column.Name, type, OnnxGraph.Rows, width) : graph.Reshape(graph.Input(column.Name, type, OnnxGraph.Rows, _windowSize, width), -1, width);
            _values.Add(column.Name, value);
        }
        return value;
    }

    /// <summary>The windows of a column [rows, size, width]; what other columns there were are of no use to later steps.</summary>
    internal string Windows(DataViewSchema.Column column, int size)
    {
        var width = column.Type.GetValueCount();
        return _values.TryGetValue(column.Name, out var value) ? graph.Reshape(value, -1, size, width) : graph.Input(column.Name, OnnxColumns.TypeOf(column), OnnxGraph.Rows, size, width);
    }

    /// <summary>The last row of the windows of a column, [rows, width].</summary>
    internal string Latest(DataViewSchema.Column column, int size)
    {
        var width = column.Type.GetValueCount();
        return _values.TryGetValue(column.Name, out var value)
            ? graph.Squeeze(graph.Slice(graph.Reshape(value, -1, size, width), 1, size - 1, size), 1)
            : graph.Input(column.Name, OnnxColumns.TypeOf(column), OnnxGraph.Rows, width);
    }

    internal string Extra(string name, OnnxType type, params ReadOnlySpan<long> dimensions) => graph.Input(graph.IsInput(name) ? graph.NewNameLike(name) : name, type, dimensions);

    internal string? Find(string columnName) => _values.GetValueOrDefault(columnName);

    internal void Set(string columnName, string value) => _values[columnName] = value;

    internal void Remove(string columnName) => _values.Remove(columnName);

    /// <summary>The columns that have a value.</summary>
    internal IReadOnlyList<string> ColumnsOf(string value) => [.. _values.Where(column => column.Value == value).Select(column => column.Key)];

    /// <summary>Ends the part of the pipeline whose rows are those of the windows.</summary>
    internal void LeaveWindows(IEnumerable<string> outputs)
    {
        var kept = outputs.ToHashSet(StringComparer.Ordinal);
        foreach (var name in _values.Keys.Where(name => !kept.Contains(name)).ToArray())
        {
            _values.Remove(name);
        }
        _windowSize = 0;
    }
}
