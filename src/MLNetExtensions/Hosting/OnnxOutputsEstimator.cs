using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>
/// Makes columns out of what <c>ApplyOnnxModel</c> computes from a file of <c>ExportToOnnx</c>: scalars, keys with their values, vectors with their slot names. Needs no native library of TorchSharp.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this estimator use
/// [ReadOnnxOutputs](xref:Microsoft.ML.OnnxCatalogExtensions.ReadOnnxOutputs*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | outputs of the file | vectors whose first dimension is 1 | as `ApplyOnnxModel` adds them; those that are not there are left out |
/// | columns of the exported model | as the model had them | with the same names: they hide the outputs |
/// ]]></format>
/// </remarks>
public sealed class OnnxOutputsEstimator : IEstimator<OnnxOutputsTransformer>
{
    private readonly IHost _host;
    private readonly string _file;
    private readonly IReadOnlyList<OnnxColumn> _columns;

    internal OnnxOutputsEstimator(IHostEnvironment env, string modelFile)
    {
        _host = env.Register(nameof(OnnxOutputsEstimator));
        Check.NotNull(_host, modelFile);
        _file = Path.GetFileName(modelFile);
        try
        {
            using var stream = File.OpenRead(modelFile);
            _columns = OnnxColumns.Read(stream);
            foreach (var column in _columns)
            {
                OnnxOutput.Of(column);
            }
        }
        catch (FormatException e)
        {
            throw _host.Process(new FormatException($"The outputs of '{_file}' cannot be read. {e.Message}", e));
        }
    }

    /// <summary>Returns the schema that the transformer will give to data of the given shape.</summary>
    /// <param name="inputSchema">The shape of the data, the outputs of the file among its columns.</param>
    /// <returns>The columns of the input and those of the exported model.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">No output of the file is there, or one has another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(_host, inputSchema);
        var present = Present(name => inputSchema.TryFindColumn(name, out _));
        foreach (var output in present)
        {
            output.Input.Check(_host, inputSchema);
        }
        return SchemaShapes.Append(inputSchema, present.Select(output => Promise(output.Column, output.Output(new DataViewSchema.Builder().ToSchema()))));
    }

    /// <summary>Makes the transformer; no data is read.</summary>
    /// <param name="input">The data.</param>
    /// <returns>The transformer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">No output of the file is there, or one has another type or size.</exception>
    public OnnxOutputsTransformer Fit(IDataView input)
    {
        Check.NotNull(_host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        var transformer = new OnnxOutputsTransformer(_host, [.. Present(name => input.Schema.GetColumnOrNull(name) is not null)]);
        transformer.GetOutputSchema(input.Schema);
        return transformer;
    }

    private static SchemaShape.Column Promise(OnnxColumn column, OutputColumn output)
    {
        var shape = SchemaShape.Create(ToSchema(output)).First();
        return new(column.Name, shape.Kind, shape.ItemType, shape.IsKey, shape.Annotations);
    }

    private static DataViewSchema ToSchema(OutputColumn output)
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumn(output.Name, output.Type, output.Annotations);
        return builder.ToSchema();
    }

    private OnnxOutput[] Present(Func<string, bool> isThere)
    {
        OnnxOutput[] present = [.. _columns.Where(column => isThere(column.Output)).Select(OnnxOutput.Of)];
        return present.Length > 0
            ? present
            : throw _host.Process(new ArgumentOutOfRangeException("inputSchema", $"None of the outputs of '{_file}' is among the columns: {string.Join(", ", _columns.Select(column => column.Output))}. Apply the file first, by ApplyOnnxModel."));
    }
}
