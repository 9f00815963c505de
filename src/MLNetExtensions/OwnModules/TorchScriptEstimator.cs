using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>Scores a TorchScript file: a network made and trained anywhere, saved by <c>torch.jit.save</c>.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this estimator use
/// [ApplyTorchScriptModel](xref:Microsoft.ML.TorchScriptCatalogExtensions.ApplyTorchScriptModel*).
///
/// ### Estimator Characteristics
/// | | |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No, only at the sizes of the columns |
/// | Input column data type | Single or Double, scalar or vector of known size |
/// | Output column data type | Single, scalar or vector of known size |
/// | Exportable to ONNX | No |
///
/// The model is handed Float32 tensors whose first dimension is the batch, and must return one tensor, or a tuple or list of them, with the same first dimension; it must treat
/// the rows of a batch by themselves, because their number varies. Its file travels in the saved model. It is a program: apply only files from sources that you trust.
/// ]]></format>
/// </remarks>
public sealed partial class TorchScriptEstimator : IEstimator<TorchScriptTransformer>
{
    private readonly IHost _host;
    private readonly byte[] _file;
    private readonly string _name;
    private readonly string[] _inputNames;
    private readonly string[] _outputNames;
    private readonly int[]?[] _inputShapes;
    private readonly int[]?[] _outputShapes;

    internal TorchScriptEstimator(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        _host = env.Register(nameof(TorchScriptEstimator));
        Check.NotNull(_host, options.ModelFile);
        Check.Option(_host, options.ModelFile.Length > 0, options.ModelFile, "Must be the path of a file");
        _inputNames = Names(options.InputColumnNames);
        _outputNames = Names(options.OutputColumnNames);
        Check.Option(_host, _outputNames.Distinct().Count() == _outputNames.Length, options.OutputColumnNames, "Must be different names");
        _inputShapes = Shapes(options.InputShapes, _inputNames.Length);
        _outputShapes = Shapes(options.OutputShapes, _outputNames.Length);
        _name = Path.GetFileName(options.ModelFile);
        try
        {
            _file = File.ReadAllBytes(options.ModelFile);
            TorchScriptArchive.Check(_file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw _host.Process(e);
        }
        catch (FormatException e)
        {
            throw _host.Process(Bad(e));
        }
    }

    /// <summary>Returns the schema that the transformer will give to data of the given shape.</summary>
    /// <param name="inputSchema">The shape of the data.</param>
    /// <returns>The columns of the input and those of the model.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(_host, inputSchema);
        foreach (var name in _inputNames)
        {
            TorchScriptTransformer.Input(name).Check(_host, inputSchema);
        }
        return SchemaShapes.Append(inputSchema, _outputNames.Select((name, i) => SchemaShapes.Column(name, TorchScriptTransformer.OutputType(_outputShapes[i] is { Length: 0 } ? [] : [1]))));
    }

    /// <summary>Loads the model and runs it once on zeros, in the sizes of the data's columns.</summary>
    /// <param name="input">The data; none of it is read.</param>
    /// <returns>The transformer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing, or has another type or another size than the shapes say.</exception>
    /// <exception cref="FormatException">libtorch cannot load the file.</exception>
    /// <exception cref="InvalidOperationException">The model failed or returned something else than the output columns need, or TorchSharp's native library is missing.</exception>
    public TorchScriptTransformer Fit(IDataView input)
    {
        Check.NotNull(_host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        var inputs = _inputNames.Select((name, i) => new TorchScriptColumn(name, InputShape(input.Schema, name, _inputShapes[i]))).ToArray();
        var device = TrainingHost.Device(_host);
        TorchScriptModel model;
        try
        {
            model = TorchScriptModel.Load(_file, device);
        }
        catch (FormatException e)
        {
            throw _host.Process(Bad(e));
        }
        try
        {
            return new(_host, _file, model, inputs, Probe(model, inputs));
        }
        catch (InvalidOperationException e)
        {
            model.Dispose();
            throw _host.Process(e);
        }
    }

    private int[] InputShape(DataViewSchema schema, string name, int[]? shape)
    {
        var column = TorchScriptTransformer.Input(name).Find(_host, schema);
        var vector = column.Type as VectorDataViewType;
        if (shape is null)
        {
            return vector is null ? [1] : [.. vector.Dimensions];
        }
        TorchScriptTransformer.Input(name, TorchScriptColumn.SizeOf(shape)).Find(_host, schema);
        return shape;
    }

    private TorchScriptColumn[] Probe(TorchScriptModel model, TorchScriptColumn[] inputs)
    {
        const int Rows = 2;
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var results = model.Run([.. inputs.Select(column => zeros([Rows, .. column.Shape.Select(n => (long)n)], dtype: ScalarType.Float32, device: CPU))], _outputNames.Length);
        return [.. results.Select((tensor, i) =>
        {
            int[] found = [.. tensor.shape.Skip(1).Select(n => (int)n)];
            var wanted = _outputShapes[i];
            if (wanted is not null && !(wanted.Length == 0 ? found is [] or [1] : wanted.AsSpan().SequenceEqual(found)))
            {
                throw new InvalidOperationException($"The TorchScript model returned [batch{string.Concat(found.Select(n => string.Create(CultureInfo.InvariantCulture, $", {n}")))}] for the output column '{_outputNames[i]}', expected [batch{string.Concat(wanted.Select(n => string.Create(CultureInfo.InvariantCulture, $", {n}")))}].");
            }
            return new TorchScriptColumn(_outputNames[i], wanted ?? (found.Length == 0 ? [1] : found));
        })];
    }

    private string[] Names(IReadOnlyList<string> names, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(names))] string? option = null)
    {
        Check.NotNull(_host, names, option);
        Check.Option(_host, names.Count > 0, names, "Must not be empty", option);
        foreach (var name in names)
        {
            Check.ColumnName(_host, name, option);
        }
        return [.. names];
    }

    private int[]?[] Shapes(IReadOnlyList<IReadOnlyList<int>?>? shapes, int count, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(shapes))] string? option = null)
    {
        if (shapes is null)
        {
            return new int[]?[count];
        }
        Check.Option(_host, shapes.Count == count, shapes, $"Must be null or have one shape for each of the {count} columns", option);
        Check.Option(_host, shapes.All(shape => shape is null || TorchScriptColumn.IsShape(shape)), shapes, "Must have positive dimensions", option);
        return [.. shapes.Select(shape => shape?.ToArray())];
    }

    private FormatException Bad(FormatException e) => new($"The file '{_name}' cannot be applied. {e.Message}", e);
}
