using System.Globalization;
using System.Runtime.InteropServices;

namespace MLNetExtensions.Onnx;

/// <summary>
/// Builds the graph of an ONNX file. Values are known by their names; names come from one counter, so that the same calls give the same bytes. Knows nothing of columns, transformers or tensors of
/// other libraries: it is fed with numbers.
/// </summary>
/// <remarks>
/// The rules of all graphs: the first axis is that of the rows, of any number, and a row never sees another; what is raw goes in and what is raw comes out; constants are folded before they are written.
/// What no output reaches is not written: neither nodes, nor constants, nor inputs.
/// </remarks>
internal sealed partial class OnnxGraph
{
    /// <summary>The version of the standard operators: the first with Gelu.</summary>
    internal const int Opset = 20;

    /// <summary>The version of the operators for classical models, which ML.NET's own steps use.</summary>
    internal const int MlOpset = 2;

    /// <summary>The domain of the operators for classical models.</summary>
    internal const string MlDomain = "ai.onnx.ml";

    /// <summary>The size of the axis of rows, in the dimensions of inputs and outputs.</summary>
    internal const long Rows = -1;

    private const long Version = 9;
    private const string RowsName = "rows";

    private readonly List<Value> _inputs = [];
    private readonly List<(Value Value, string Source)> _outputs = [];
    private readonly List<Step> _nodes = [];
    private readonly Dictionary<string, Tensor> _constants = [];
    private readonly Dictionary<string, string> _shared = [];
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);
    private int _names;

    /// <param name="reserved">Names that inputs and outputs may get, so that no value in between has them.</param>
    /// <param name="weightFormat">How <see cref="Linear"/> stores weights.</param>
    internal OnnxGraph(IEnumerable<string> reserved, OnnxWeightFormat weightFormat = OnnxWeightFormat.Float32)
    {
        _taken.UnionWith(reserved);
        WeightFormat = weightFormat;
    }

    internal OnnxWeightFormat WeightFormat { get; }

    /// <summary>Declares an input.</summary>
    /// <returns>Its name.</returns>
    internal string Input(string name, OnnxType type, params ReadOnlySpan<long> dimensions)
    {
        _taken.Add(name);
        _inputs.Add(new(name, type, dimensions.ToArray()));
        return name;
    }

    /// <summary>Declares an output, which gets the value of another name.</summary>
    internal void Output(string name, string value, OnnxType type, params ReadOnlySpan<long> dimensions)
    {
        _taken.Add(name);
        _outputs.Add((new(name, type, dimensions.ToArray()), value));
    }

    /// <summary>Adds a text for the readers of the file.</summary>
    internal void Metadata(string key, string value) => _metadata[key] = value;

    /// <summary>A tensor of numbers.</summary>
    internal string Constant<T>(ReadOnlySpan<T> values, params ReadOnlySpan<long> dimensions)
        where T : unmanaged
    {
        var name = NewName();
        _constants.Add(name, Tensor.Of(values, dimensions.ToArray()));
        return name;
    }

    /// <summary>A tensor of numbers.</summary>
    internal string Constant<T>(T[] values, params ReadOnlySpan<long> dimensions)
        where T : unmanaged
        => Constant((ReadOnlySpan<T>)values, dimensions);

    /// <summary>A tensor of texts.</summary>
    internal string Texts(IReadOnlyList<string> values, params ReadOnlySpan<long> dimensions)
    {
        var name = NewName();
        _constants.Add(name, new(OnnxType.String, dimensions.ToArray(), default, values));
        return name;
    }

    /// <summary>A number without dimensions; equal ones are one value.</summary>
    internal string Scalar<T>(T value)
        where T : unmanaged
        => Shared(string.Create(CultureInfo.InvariantCulture, $"{typeof(T).Name} {value}"), () => Constant([value], []));

    /// <summary>Whole numbers, as shapes and axes are; equal ones are one value.</summary>
    internal string Integers(params long[] values) => Shared($"[{string.Join(',', values)}]", () => Constant(values, values.Length));

    /// <summary>Adds a node with one output.</summary>
    /// <param name="operation">The operator.</param>
    /// <param name="inputs">The names of its inputs; an empty name for one that is left out.</param>
    /// <param name="attributes">Its attributes: long, float, string, and arrays of these.</param>
    /// <returns>The name of its output.</returns>
    internal string Node(string operation, IReadOnlyList<string> inputs, params IReadOnlyList<(string Name, object Value)> attributes)
        => Nodes(operation, 1, inputs, attributes)[0];

    /// <summary>Adds a node with several outputs.</summary>
    internal string[] Nodes(string operation, int outputs, IReadOnlyList<string> inputs, params IReadOnlyList<(string Name, object Value)> attributes)
    {
        string[] names = [.. Enumerable.Range(0, outputs).Select(_ => NewName())];
        Node(operation, "", inputs, names, attributes);
        return names;
    }

    /// <summary>Adds a node whose outputs have names already.</summary>
    internal void Node(string operation, string domain, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs, IReadOnlyList<(string Name, object Value)> attributes)
        => _nodes.Add(new(operation, domain, inputs, outputs, attributes));

    /// <summary>A name that no value has.</summary>
    internal string NewName(string prefix = "v")
    {
        string name;
        do
        {
            name = string.Create(CultureInfo.InvariantCulture, $"{prefix}{++_names}");
        }
        while (!_taken.Add(name));
        return name;
    }

    /// <summary>A name that no value has: this one, if it is free.</summary>
    internal string NewNameLike(string name)
    {
        var free = name;
        for (var i = 2; !_taken.Add(free); i++)
        {
            free = string.Create(CultureInfo.InvariantCulture, $"{name}{i}");
        }
        return free;
    }

    /// <summary>Whether a name is that of an input.</summary>
    internal bool IsInput(string name) => _inputs.Any(input => input.Name == name);

    /// <summary>Whether a name is that of an input, a constant or the output of a node.</summary>
    internal bool IsDefined(string name) => _constants.ContainsKey(name) || _inputs.Any(input => input.Name == name) || _nodes.Any(node => node.Outputs.Contains(name));

    /// <summary>The inputs that outputs depend on.</summary>
    internal IReadOnlyList<Value> UsedInputs
    {
        get
        {
            var (needed, _) = Needed();
            return [.. _inputs.Where(input => needed.Contains(input.Name))];
        }
    }

    internal IReadOnlyList<Value> Outputs => [.. _outputs.Select(output => output.Value)];

    /// <summary>Makes the file.</summary>
    /// <param name="name">The name of the graph.</param>
    /// <param name="producer">The name of the program that writes.</param>
    /// <param name="producerVersion">Its version.</param>
    internal ProtobufWriter ToModel(string name, string producer, string producerVersion)
    {
        var (needed, nodes) = Needed();
        var graph = new ProtobufWriter();
        foreach (var node in nodes)
        {
            graph.Message(1, node.ToMessage());
        }
        foreach (var (value, source) in _outputs)
        {
            graph.Message(1, new Step("Identity", "", [source], [value.Name], []).ToMessage());
        }
        graph.Text(2, name);
        foreach (var (constant, tensor) in _constants.Where(constant => needed.Contains(constant.Key)))
        {
            graph.Message(5, tensor.ToMessage(constant));
        }
        foreach (var input in _inputs.Where(input => needed.Contains(input.Name)))
        {
            graph.Message(11, input.ToMessage());
        }
        foreach (var (value, _) in _outputs)
        {
            graph.Message(12, value.ToMessage());
        }
        var model = new ProtobufWriter();
        model.Number(1, Version);
        model.Text(2, producer);
        model.Text(3, producerVersion);
        model.Message(7, graph);
        model.Message(8, OperatorSet("", Opset));
        if (nodes.Any(node => node.Domain == MlDomain))
        {
            model.Message(8, OperatorSet(MlDomain, MlOpset));
        }
        foreach (var (key, value) in _metadata)
        {
            var entry = new ProtobufWriter();
            entry.Text(1, key);
            entry.Text(2, value);
            model.Message(14, entry);
        }
        return model;
    }

    private static ProtobufWriter OperatorSet(string domain, int version)
    {
        var message = new ProtobufWriter();
        message.Text(1, domain);
        message.Number(2, version);
        return message;
    }

    private string Shared(string key, Func<string> create)
    {
        if (!_shared.TryGetValue(key, out var name))
        {
            _shared.Add(key, name = create());
        }
        return name;
    }

    /// <summary>What the outputs depend on.</summary>
    private (HashSet<string> Values, IReadOnlyList<Step> Nodes) Needed()
    {
        var values = _outputs.Select(output => output.Source).ToHashSet(StringComparer.Ordinal);
        var nodes = new List<Step>();
        for (var i = _nodes.Count - 1; i >= 0; i--)
        {
            if (_nodes[i].Outputs.Any(values.Contains))
            {
                nodes.Add(_nodes[i]);
                values.UnionWith(_nodes[i].Inputs.Where(input => input.Length > 0));
            }
        }
        nodes.Reverse();
        return (values, nodes);
    }

    /// <summary>An input or output.</summary>
    internal sealed record Value(string Name, OnnxType Type, long[] Dimensions)
    {
        internal ProtobufWriter ToMessage()
        {
            var shape = new ProtobufWriter();
            foreach (var size in Dimensions)
            {
                var dimension = new ProtobufWriter();
                if (size == Rows)
                {
                    dimension.Text(2, RowsName);
                }
                else
                {
                    dimension.Number(1, size);
                }
                shape.Message(1, dimension);
            }
            var tensor = new ProtobufWriter();
            tensor.Number(1, (long)Type);
            tensor.Message(2, shape);
            var type = new ProtobufWriter();
            type.Message(1, tensor);
            var message = new ProtobufWriter();
            message.Text(1, Name);
            message.Message(2, type);
            return message;
        }
    }

    private sealed record Step(string Operation, string Domain, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, IReadOnlyList<(string Name, object Value)> Attributes)
    {
        internal ProtobufWriter ToMessage()
        {
            var message = new ProtobufWriter();
            foreach (var input in Inputs)
            {
                message.Text(1, input);
            }
            foreach (var output in Outputs)
            {
                message.Text(2, output);
            }
            // Named like its output: messages of the runtime then lead to it.
            message.Text(3, Outputs[0]);
            message.Text(4, Operation);
            foreach (var (name, value) in Attributes)
            {
                message.Message(5, Attribute(name, value));
            }
            if (Domain.Length > 0)
            {
                message.Text(7, Domain);
            }
            return message;
        }

        private static ProtobufWriter Attribute(string name, object value)
        {
            const int Type = 20;
            var message = new ProtobufWriter();
            message.Text(1, name);
            switch (value)
            {
                case float number:
                    message.Single(2, number);
                    message.Number(Type, 1);
                    break;
                case long number:
                    message.Number(3, number);
                    message.Number(Type, 2);
                    break;
                case string text:
                    message.Text(4, text);
                    message.Number(Type, 3);
                    break;
                case float[] numbers:
                    message.Singles(7, numbers);
                    message.Number(Type, 6);
                    break;
                case long[] numbers:
                    message.Numbers(8, numbers);
                    message.Number(Type, 7);
                    break;
                case string[] texts:
                    foreach (var text in texts)
                    {
                        message.Text(9, text);
                    }
                    message.Number(Type, 8);
                    break;
                default:
                    throw new ArgumentException($"An attribute cannot be {value.GetType()}.", nameof(value));
            }
            return message;
        }
    }

    private sealed record Tensor(OnnxType Type, long[] Dimensions, ReadOnlyMemory<byte> Bytes, IReadOnlyList<string>? Texts)
    {
        internal static Tensor Of<T>(ReadOnlySpan<T> values, long[] dimensions)
            where T : unmanaged
        {
            if (dimensions.Aggregate(1L, (product, n) => product * n) != values.Length)
            {
                throw new ArgumentException($"{values.Length} values are no [{string.Join(", ", dimensions)}].", nameof(values));
            }
            var type = Enum.Parse<OnnxType>(typeof(T).Name);
            return new(type, dimensions, MemoryMarshal.AsBytes(values).ToArray(), null);
        }

        internal ProtobufWriter ToMessage(string name)
        {
            var message = new ProtobufWriter();
            message.Numbers(1, Dimensions);
            message.Number(2, (long)Type);
            foreach (var text in Texts ?? [])
            {
                message.Text(6, text);
            }
            message.Text(8, name);
            if (Texts is null)
            {
                message.Bytes(9, Bytes);
            }
            return message;
        }
    }
}
