using MLNetExtensions.Onnx;
using MLNetExtensions.Tests.Onnx.Proto;

namespace MLNetExtensions.Tests.Onnx;

[TestClass]
public sealed class OnnxGraphTests
{
    private static byte[] Bytes(OnnxGraph graph)
    {
        using var stream = new MemoryStream();
        var message = graph.ToModel("g", "p", "1.0");
        message.WriteTo(stream);
        Assert.AreEqual(message.Length, stream.Length);
        return stream.ToArray();
    }

    [TestMethod]
    public void GeneratedParserReadsWhatWasWritten()
    {
        var graph = new OnnxGraph(["v2"]);
        var x = graph.Input("x", OnnxType.Single, OnnxGraph.Rows, 300);
        graph.Input("unused", OnnxType.Int64, OnnxGraph.Rows);
        var weights = Enumerable.Range(0, 600).Select(i => i / 7f).ToArray();
        graph.Constant(new[] { 1.0 }, 1);
        var product = graph.MatMul(x, graph.Constant(weights, 300, 2));
        var all = graph.Node("Made", [product, "", graph.Texts(["a", "ß"], 2), graph.Scalar(-3L), graph.Scalar(-3L)],
            ("i", 0L), ("f", 1.5f), ("s", "text"), ("ints", new long[] { -1, 0, 1L << 40 }), ("floats", new[] { 0f, -2f }), ("strings", new[] { "u", "" }));
        graph.Output("y", all, OnnxType.Double, OnnxGraph.Rows, 2);
        graph.Metadata("k", "v");

        var model = ModelProto.Parser.ParseFrom(Bytes(graph));
        Assert.AreEqual("p", model.ProducerName);
        Assert.AreEqual("k", model.MetadataProps.Single().Key);
        Assert.AreEqual(20, model.OpsetImport.Single().Version);
        Assert.AreEqual("x", model.Graph.Input.Single().Name);
        Assert.AreEqual("rows", model.Graph.Input[0].Type.TensorType.Shape.Dim[0].DimParam);
        Assert.AreEqual(300, model.Graph.Input[0].Type.TensorType.Shape.Dim[1].DimValue);
        Assert.HasCount(3, model.Graph.Initializer, "The unused constant is left out, the equal scalars are one.");
        CollectionAssert.AreEqual(weights, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(model.Graph.Initializer[0].RawData.Span).ToArray());
        CollectionAssert.AreEqual(new long[] { 300, 2 }, model.Graph.Initializer[0].Dims.ToArray());
        CollectionAssert.AreEqual(new[] { "a", "ß" }, model.Graph.Initializer[1].StringData.Select(text => text.ToStringUtf8()).ToArray());
        Assert.HasCount(0, model.Graph.Initializer[2].Dims);
        var node = model.Graph.Node[1];
        Assert.AreEqual("", node.Input[1]);
        Assert.IsFalse(node.Input.Contains("v2") || node.Output.Contains("v2"), "A name that was reserved.");
        var attributes = node.Attribute.ToDictionary(attribute => attribute.Name);
        Assert.AreEqual(2, attributes["i"].Type);
        Assert.AreEqual(1.5f, attributes["f"].F);
        Assert.AreEqual("text", attributes["s"].S.ToStringUtf8());
        CollectionAssert.AreEqual(new long[] { -1, 0, 1L << 40 }, attributes["ints"].Ints.ToArray());
        CollectionAssert.AreEqual(new[] { 0f, -2f }, attributes["floats"].Floats.ToArray());
        CollectionAssert.AreEqual(new[] { "u", "" }, attributes["strings"].Strings.Select(text => text.ToStringUtf8()).ToArray());
        CollectionAssert.AreEqual(new[] { 2, 1, 3, 7, 6, 8 }, node.Attribute.Select(attribute => attribute.Type).ToArray());
    }

    [TestMethod]
    public void MetadataAreReadAndAllElseIsSkipped()
    {
        var graph = new OnnxGraph([]);
        graph.Output("y", graph.Relu(graph.Input("x", OnnxType.Single, OnnxGraph.Rows, 1)), OnnxType.Single, OnnxGraph.Rows, 1);
        graph.Metadata("a", new string('x', 70_000));
        graph.Metadata("b", "");
        var bytes = Bytes(graph);
        var read = OnnxMetadataReader.Read(new MemoryStream(bytes));
        Assert.HasCount(2, read);
        Assert.AreEqual(70_000, read["a"].Length);
        Assert.AreEqual("", read["b"]);
        for (var length = 1; length < 300; length++)
        {
            // Cut anywhere: told, or read as far as it goes; never anything else.
            try
            {
                OnnxMetadataReader.Read(new MemoryStream(bytes[..^length]));
            }
            catch (FormatException)
            {
            }
        }
        Assert.ThrowsExactly<FormatException>(() => OnnxMetadataReader.Read(new MemoryStream([0xff, 0xff])));
        Assert.ThrowsExactly<FormatException>(() => OnnxMetadataReader.Read(new MemoryStream("PK\u0003\u0004 is no model"u8.ToArray())));
    }

    [TestMethod]
    [DataRow(OnnxWeightFormat.Float32, 1e-6)]
    [DataRow(OnnxWeightFormat.Float16, 1e-3)]
    [DataRow(OnnxWeightFormat.Int8Weights, 2e-2)]
    [DataRow(OnnxWeightFormat.Int8Rows, 3e-2)]
    public void LinearLayerComputesInEachFormat(OnnxWeightFormat format, double tolerance)
    {
        const int Inputs = 80, Outputs = 3, Rows = 4;
        var random = new Random(1);
        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)];
        var (weight, bias) = (Draw(Inputs * Outputs), Draw(Outputs));
        var rows = Enumerable.Range(0, Rows).Select(row => Draw(Inputs).Select(value => value * MathF.Pow(10, row)).ToArray()).ToArray();
        var graph = new OnnxGraph([], format);
        graph.Output("y", graph.Linear(graph.Input("x", OnnxType.Single, OnnxGraph.Rows, Inputs), weight, bias, Outputs), OnnxType.Single, OnnxGraph.Rows, Outputs);
        using var file = new OnnxFile(Bytes(graph));
        var y = (float[])file.Run(_ => Cells.Of(rows), Enumerable.Range(0, Rows))["y"].Values;
        for (var row = 0; row < Rows; row++)
        {
            for (var output = 0; output < Outputs; output++)
            {
                var expected = bias[output] + Enumerable.Range(0, Inputs).Sum(i => (double)rows[row][i] * weight[output * Inputs + i]);
                Assert.AreEqual(expected, y[row * Outputs + output], tolerance * Math.Pow(10, row) * 10, $"row {row}");
            }
            CollectionAssert.AreEqual(y[(row * Outputs)..((row + 1) * Outputs)], (float[])file.Run(_ => Cells.Of(rows), [row])["y"].Values, "A row alone.");
        }
    }
}
