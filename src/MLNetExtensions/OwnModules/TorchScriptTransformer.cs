using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

[assembly: SavedTransformer<TorchScriptTransformer>("TorchScript Transformer", TorchScriptTransformer.LoaderName)]

namespace MLNetExtensions.Torch;

/// <summary>A column of a TorchScript model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its dimensions after that of the batch; none: a scalar, [batch].</param>
internal sealed record TorchScriptColumn(string Name, IReadOnlyList<int> Shape)
{
    internal int Size => SizeOf(Shape);

    internal static int SizeOf(IReadOnlyList<int> shape) => shape.Aggregate(1, (product, n) => product * n);

    /// <summary>Whether these are dimensions of a tensor of a size that can be.</summary>
    internal static bool IsShape(IReadOnlyList<int> shape)
    {
        const int MostDimensions = 16;
        return shape.Count <= MostDimensions && shape.All(n => n > 0) && shape.Aggregate(1.0, (product, n) => product * n) <= Array.MaxLength / 16;
    }
}

/// <summary>A TorchScript model in a pipeline, made by <see cref="TorchScriptEstimator"/>.</summary>
public sealed class TorchScriptTransformer : RowScoringTransformer, ISavedTransformer<TorchScriptTransformer>
{
    internal const string LoaderName = "MLNetExtTorchScript";

    private const string ModelStream = "model.pt";

    private static readonly ModelSignature s_signature = new("TORCHSCR", LoaderName);

    private readonly byte[] _file;
    private readonly TorchScriptModel _model;
    private readonly TorchScriptColumn[] _inputs;
    private readonly TorchScriptColumn[] _outputs;

    /// <summary>Takes the model over.</summary>
    internal TorchScriptTransformer(IHost host, byte[] file, TorchScriptModel model, TorchScriptColumn[] inputs, TorchScriptColumn[] outputs)
        : base(host)
    {
        _file = file;
        _model = model;
        _inputs = inputs;
        _outputs = outputs;
        Inputs = [.. inputs.Select(column => Input(column.Name, column.Size))];
    }

    static ModelSignature ISavedTransformer<TorchScriptTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    internal override IReadOnlyList<InputColumn> Inputs { get; }

    internal static InputColumn<float> Input(string name, int? size = null) => new(name, "input", InputTypes.Number, InputShapes.Fixed, size);

    internal static DataViewType OutputType(IReadOnlyList<int> shape) => shape.Count == 0 ? NumberDataViewType.Single : new VectorDataViewType(NumberDataViewType.Single, shape.ToArray());

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema)
        => [.. _outputs.Select(column => new OutputColumn<float>(column.Name, OutputType(column.Shape)))];

    internal override void WriteOnnx(OnnxScoring onnx) => throw onnx.Refuse("wraps code of yours that cannot be translated. Export it from the program that made it.");

    internal override BatchScorer CreateScorer(ScoringSchema schema) => new Scorer(this);

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new ModelOptions(_inputs, _outputs));
        writer.Stream(ModelStream, stream => stream.Write(_file));
    }

    static TorchScriptTransformer ISavedTransformer<TorchScriptTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<ModelOptions>();
        TorchScriptColumn[] columns = [.. options.Inputs, .. options.Outputs];
        if (options.Inputs.Length == 0 || options.Outputs.Length == 0 || columns.Any(column => string.IsNullOrEmpty(column.Name) || !TorchScriptColumn.IsShape(column.Shape))
            || options.Outputs.DistinctBy(column => column.Name).Count() != options.Outputs.Length)
        {
            throw new FormatException("The options describe no TorchScript model.");
        }
        var file = reader.Stream(ModelStream);
        return new(host, file, TorchScriptModel.Load(file, TrainingHost.Device(host)), options.Inputs, options.Outputs);
    }

    private protected override void DisposeCore() => _model.Dispose();

    /// <summary>What options.json holds.</summary>
    private sealed record ModelOptions(TorchScriptColumn[] Inputs, TorchScriptColumn[] Outputs);

    private sealed class Scorer(TorchScriptTransformer model) : BatchScorer
    {
        internal override void Score(ScoringBatch batch)
        {
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            // Some kernels complain on standard error about a batch of one: it is scored twice.
            var rows = Math.Max(batch.Count, 2);
            var inputs = new Tensor[model._inputs.Length];
            for (var i = 0; i < inputs.Length; i++)
            {
                var tensor = empty([rows, .. model._inputs[i].Shape.Select(n => (long)n)], dtype: ScalarType.Float32, device: CPU);
                var memory = MemoryMarshal.Cast<byte, float>(tensor.bytes);
                var values = batch.Input<float>(i).Values;
                for (var start = 0; start < memory.Length; start += values.Length)
                {
                    values.CopyTo(memory[start..]);
                }
                GC.KeepAlive(tensor);
                inputs[i] = tensor;
            }
            try
            {
                var results = model._model.Run(inputs, model._outputs.Length);
                for (var i = 0; i < results.Count; i++)
                {
                    var size = model._outputs[i].Size;
                    if (results[i].NumberOfElements != (long)rows * size)
                    {
                        throw new InvalidOperationException($"The TorchScript model returned a tensor of the shape [{string.Join(", ", results[i].shape)}] for the output column '{model._outputs[i].Name}', expected {size} values for each of {rows} rows.");
                    }
                    MemoryMarshal.Cast<byte, float>(results[i].bytes)[..(batch.Count * size)].CopyTo(batch.Output<float>(i).AddRows(batch.Count));
                    GC.KeepAlive(results[i]);
                }
            }
            catch (InvalidOperationException e)
            {
                throw model.Host.Process(e);
            }
        }
    }
}
