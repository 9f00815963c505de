using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.Onnx;
using MLNetExtensions.Torch;

namespace MLNetExtensions;

/// <summary>Writes a trained model as an ONNX file.</summary>
internal sealed class OnnxExporter
{
    private const string Producer = "MLNetExtensions";

    // Protocol buffers end here.
    private const long MostBytes = int.MaxValue;

    private readonly ITransformer[] _steps;
    private readonly OnnxExportOptions _options;
    private readonly DataViewSchema? _schema;

    /// <summary>Checks what can be checked before anything is written.</summary>
    internal OnnxExporter(ITransformer model, DataViewSchema? schema, OnnxExportOptions? options)
    {
        Contracts.CheckValue(model, nameof(model));
        _steps = [.. TransformerTree.Leaves(model)];
        _schema = schema;
        options ??= new();
        _options = new() { WholePipeline = options.WholePipeline, WeightFormat = options.WeightFormat, FrozenPeriods = options.FrozenPeriods, OutputColumns = options.OutputColumns is { } columns ? [.. columns] : null };
        if (!Enum.IsDefined(_options.WeightFormat))
        {
            throw Check.Marked(new ArgumentOutOfRangeException(nameof(options), _options.WeightFormat, "WeightFormat must be a defined value"));
        }
        if (_options.WholePipeline && schema is null)
        {
            throw Check.Marked(new ArgumentNullException("inputSchema", "A whole pipeline is written for data of a known schema: give the one that Model.Load returned, or that of the data."));
        }
    }

    /// <summary>Writes beside the file and renames: a file that is there is a whole one.</summary>
    internal OnnxExportReport Write(string path)
    {
        var (file, report) = Build();
        WholeFile.Write(path, file.WriteTo);
        return report;
    }

    internal OnnxExportReport Write(Stream stream)
    {
        var (file, report) = Build();
        file.WriteTo(stream);
        return report;
    }

    private (ProtobufWriter File, OnnxExportReport Report) Build()
    {
        var last = Array.FindLastIndex(_steps, step => step is ScoringTransformer and not OnnxOutputsTransformer);
        if (!_options.WholePipeline && last < 0)
        {
            throw Check.BadData(null, "The model holds no transformer of MLNetExtensions. Use WholePipeline = true to export ML.NET steps alone.");
        }
        var (first, end) = _options.WholePipeline ? (0, _steps.Length) : (last, last + 1);
        var schema = _schema is null ? InputSchema((ScoringTransformer)_steps[last]) : _steps[..first].Aggregate(_schema, (columns, step) => step.GetOutputSchema(columns));
        var written = _steps[first..end];
        var windows = written.OfType<ScoringTransformer>().Select(step => step.OnnxWindowSize).FirstOrDefault(size => size > 0);

        var output = written.Aggregate(schema, (columns, step) => step.GetOutputSchema(columns));
        var graph = new OnnxGraph(schema.Concat(output).Select(column => column.Name), _options.WeightFormat);
        var pipeline = new OnnxPipeline(graph, windows);
        IReadOnlyList<string> added = [];
        foreach (var (i, step) in written.Index())
        {
            added = WriteStep(pipeline, step, first + i, ref schema);
        }

        var columns = Outputs(pipeline, schema, _options.OutputColumns ?? added);
        foreach (var (column, value) in columns)
        {
            graph.Output(column.Output, value, column.Type, [OnnxGraph.Rows, .. column.Dimensions.Count == 0 ? [1] : column.Dimensions]);
        }
        graph.Metadata(OnnxColumns.Prefix + "version", OnnxColumns.Version);
        graph.Metadata(OnnxColumns.Prefix + "estimator", string.Join(", ", written.OfType<ScoringTransformer>().Select(Name)));
        OnnxColumns.Write(graph, [.. columns.Select(column => column.Column)]);
        var file = graph.ToModel(Producer, Producer, OnnxColumns.Version);
        if (file.Length > MostBytes)
        {
            throw Check.BadData(null, $"The model takes {file.Length} bytes as ONNX: {MostBytes}, two gigabytes, is the limit of the format.");
        }
        return (file, new(Values(graph.UsedInputs), Values(graph.Outputs), OnnxGraph.Opset, file.Length, [.. written.Select(Name)], [.. _steps[..first].Concat(_steps[end..]).Select(Name)]));
    }

    /// <summary>Writes a step; returns the columns that it adds.</summary>
    private IReadOnlyList<string> WriteStep(OnnxPipeline pipeline, ITransformer step, int number, ref DataViewSchema schema)
    {
        pipeline.StepName = _options.WholePipeline ? $"Step {number + 1} ({Name(step)})" : Name(step);
        if (step is OnnxOutputsTransformer or not ScoringTransformer)
        {
            var written = OnnxPipelineContext.Write(pipeline, step, schema, out var column)
                ?? throw Check.Marked(new NotSupportedException($"Step {number + 1} ({Name(step)}{(column.Length == 0 ? "" : $", column '{column}'")}) cannot be written as ONNX. Apply the steps up to it in the consumer and export the rest (WholePipeline = false)."));
            schema = step.GetOutputSchema(schema);
            return written;
        }
        var ours = (ScoringTransformer)step;
        ours.ThrowIfDisposed();
        if (ours.OnnxWindowSize > 0 && ours.OnnxWindowSize != pipeline.WindowSize)
        {
            throw Check.Marked(new NotSupportedException($"{pipeline.StepName} looks back on {ours.OnnxWindowSize} rows, which it cannot behind another step that looks back. Export the steps into a file each."));
        }
        var bound = new ScoringSchema(ours, schema);
        ours.WriteOnnx(new(pipeline, bound, _options));
        string[] names = [.. bound.Outputs.Select(column => column.Name)];
        if (names.FirstOrDefault(name => pipeline.Find(name) is null) is { } missing)
        {
            throw Check.Marked(new NotSupportedException($"{pipeline.StepName}, column '{missing}', cannot be written as ONNX."));
        }
        if (ours.OnnxWindowSize > 0 && !ours.IsOnnxOfAllRows)
        {
            pipeline.LeaveWindows(names);
        }
        schema = bound.Output;
        return names;
    }

    /// <summary>The columns to write and their values.</summary>
    private static IReadOnlyList<(OnnxColumn Column, string Value)> Outputs(OnnxPipeline pipeline, DataViewSchema schema, IReadOnlyList<string> names)
    {
        var result = new List<(OnnxColumn, string)>();
        foreach (var name in names)
        {
            if (schema.GetColumnOrNull(name) is not { } column || pipeline.Find(name) is not { } value)
            {
                throw Check.Marked(new ArgumentOutOfRangeException("options", name, $"OutputColumns names the column '{name}', which the exported part of the model does not make"));
            }
            // What tells of each row of a window does so in one row of the graph.
            var described = OnnxColumns.Describe(column, pipeline.Graph.IsInput(name) ? pipeline.Graph.NewNameLike(name + ".output") : name, pipeline.WindowSize);
            result.Add((described, pipeline.WindowSize == 0 ? value : pipeline.Graph.Reshape(value, [-1, .. described.Dimensions])));
        }
        return result;
    }

    /// <summary>The columns of a transformer, in the types that it likes best.</summary>
    private static DataViewSchema InputSchema(ScoringTransformer transformer)
    {
        var builder = new DataViewSchema.Builder();
        foreach (var (i, input) in transformer.Inputs.Index())
        {
            builder.AddColumn(input.Name, transformer.GetOnnxInputType(i));
        }
        return builder.ToSchema();
    }

    private static IReadOnlyList<OnnxValue> Values(IEnumerable<OnnxGraph.Value> values)
        => [.. values.Select(value => new OnnxValue(value.Name, value.Type.ToString(), value.Dimensions))];

    /// <summary>The name of a step as messages call it: that of its class, or of the estimator that it belongs to.</summary>
    private static string Name(ITransformer step)
    {
        var type = step.GetType();
        var name = (type.Name == "Transformer" && type.DeclaringType is { } estimator ? estimator.Name : type.Name).Split('`')[0];
        foreach (var ending in new[] { "Transformer", "Estimator" })
        {
            name = name.Length > ending.Length && name.EndsWith(ending, StringComparison.Ordinal) ? name[..^ending.Length] : name;
        }
        return name switch
        {
            "TextFeaturizing" => "FeaturizeText",
            _ => name,
        };
    }
}
