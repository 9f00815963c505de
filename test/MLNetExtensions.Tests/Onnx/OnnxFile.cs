using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;
using MLNetExtensions.Onnx;
using MLNetExtensions.Tests.Onnx.Proto;

namespace MLNetExtensions.Tests.Onnx;

/// <summary>An exported model: as bytes, as the generated parser reads it, and in ONNX Runtime on one thread.</summary>
internal sealed class OnnxFile : IDisposable
{
    private InferenceSession? _session;

    internal OnnxFile(byte[] bytes, OnnxExportReport? report = null)
    {
        Bytes = bytes;
        Report = report!;
        Parsed = ModelProto.Parser.ParseFrom(bytes);
    }

    internal byte[] Bytes { get; }

    internal OnnxExportReport Report { get; }

    internal ModelProto Parsed { get; }

    private InferenceSession Session
    {
        get
        {
            if (_session is null)
            {
                using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
                options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
                _session = new(Bytes, options);
            }
            return _session;
        }
    }

    internal static OnnxFile Export(ITransformer model, DataViewSchema? schema = null, OnnxExportOptions? options = null)
    {
        using var stream = new MemoryStream();
        var report = model.ExportToOnnx(stream, schema, options);
        return new(stream.ToArray(), report);
    }

    /// <summary>What the graph has of what the rules ask: names and versions as reported, nothing unused.</summary>
    internal void CheckStructure()
    {
        var graph = Parsed.Graph;
        Assert.AreEqual(9, Parsed.IrVersion);
        Assert.AreEqual(Report.Opset, Parsed.OpsetImport.Single(set => set.Domain == "").Version);
        Assert.AreEqual(OnnxGraph.Opset, Report.Opset);
        Assert.AreEqual(Report.Bytes, Bytes.Length);
        CollectionAssert.AreEqual(Report.Inputs.Select(value => value.Name).ToArray(), graph.Input.Select(value => value.Name).ToArray());
        CollectionAssert.AreEqual(Report.Outputs.Select(value => value.Name).ToArray(), graph.Output.Select(value => value.Name).ToArray());
        foreach (var (reported, value) in Report.Inputs.Concat(Report.Outputs).Zip(graph.Input.Concat(graph.Output)))
        {
            Assert.AreEqual("rows", value.Type.TensorType.Shape.Dim[0].DimParam, value.Name);
            CollectionAssert.AreEqual(reported.Dimensions.Skip(1).ToArray(), value.Type.TensorType.Shape.Dim.Skip(1).Select(dimension => dimension.DimValue).ToArray(), value.Name);
            Assert.AreEqual(reported.ElementType, ((OnnxType)value.Type.TensorType.ElemType).ToString());
        }
        var used = graph.Node.SelectMany(node => node.Input).ToHashSet();
        CollectionAssert.IsSubsetOf(graph.Input.Select(value => value.Name).ToArray(), used.ToArray(), "An input that nothing needs.");
        CollectionAssert.IsSubsetOf(graph.Initializer.Select(value => value.Name).ToArray(), used.ToArray(), "A constant that nothing needs.");
        string[] made = [.. graph.Input.Select(value => value.Name), .. graph.Initializer.Select(value => value.Name), .. graph.Node.SelectMany(node => node.Output)];
        Assert.HasCount(made.Length, made.Distinct().ToArray(), "Two values of one name.");
        Assert.IsFalse(graph.Node.SelectMany(node => node.Attribute).Any(attribute => attribute.G is not null), "A graph within the graph.");
    }

    /// <summary>Runs the graph on some rows of columns.</summary>
    internal Dictionary<string, Cells> Run(Func<string, Cells> inputs, IEnumerable<int> rows)
    {
        int[] chosen = [.. rows];
        var values = Parsed.Graph.Input.ToDictionary(input => input.Name, input => inputs(input.Name).Rows(chosen).ToOrt([.. input.Type.TensorType.Shape.Dim.Select(dimension => dimension.DimParam.Length > 0 ? chosen.Length : dimension.DimValue)]));
        string[] outputs = [.. Parsed.Graph.Output.Select(output => output.Name)];
        using var options = new RunOptions();
        using var results = Session.Run(options, values, outputs);
        var cells = outputs.Zip(results).ToDictionary(pair => pair.First, pair => Cells.Of(pair.Second, chosen.Length));
        foreach (var value in values.Values)
        {
            value.Dispose();
        }
        return cells;
    }

    public void Dispose() => _session?.Dispose();
}
