using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Model.OnnxConverter;
using MLNetExtensions.Onnx;

namespace MLNetExtensions;

/// <summary>
/// Lets ML.NET's own steps write themselves into our graph. They write for version 9 of the operators: what has changed since is brought up to date when a step is complete, because attributes come
/// after the nodes.
/// </summary>
internal sealed class OnnxPipelineContext(OnnxPipeline pipeline, DataViewSchema schema) : OnnxContext
{
    private readonly List<PendingNode> _nodes = [];
    private readonly Dictionary<string, List<long>> _shapes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _made = new(StringComparer.Ordinal);
    private readonly HashSet<string> _removed = new(StringComparer.Ordinal);

    private OnnxGraph Graph => pipeline.Graph;

    /// <summary>Writes a step.</summary>
    /// <param name="pipeline">The graph and the columns so far.</param>
    /// <param name="step">The step.</param>
    /// <param name="schema">The columns before it.</param>
    /// <param name="missing">The column that cannot be written; empty = the step cannot at all.</param>
    /// <returns>The columns of the step; null = it cannot be written.</returns>
    internal static IReadOnlyList<string>? Write(OnnxPipeline pipeline, ITransformer step, DataViewSchema schema, out string missing)
    {
        var view = step.Transform(new EmptyDataView(new MLContext(), schema));
        string[] names = [.. Outputs(schema, view.Schema)];
        missing = names.FirstOrDefault("");
        var transforms = new Stack<ITransformCanSaveOnnx>();
        var context = new OnnxPipelineContext(pipeline, schema);
        for (var source = view; source is not EmptyDataView; source = ((IDataTransform)source).Source)
        {
            if (source is not ITransformCanSaveOnnx transform || !transform.CanSaveOnnx(context))
            {
                return null;
            }
            transforms.Push(transform);
        }
        // One by one: a step that holds others is those others once it was saved and loaded.
        foreach (var transform in transforms)
        {
            context._made.Clear();
            transform.SaveAsOnnx(context);
            context.Flush();
            foreach (var name in Outputs(transform.Source.Schema, transform.Schema))
            {
                missing = name;
                var column = transform.Schema[name];
                // A step may say that it can, and then leave a column out.
                if (pipeline.Find(name) is not { } value || !context._made.Contains(name) || column.Type.GetValueCount() == 0)
                {
                    return null;
                }
                pipeline.Set(name, pipeline.Graph.Reshape(value, [-1, .. OnnxColumns.DimensionsOf(column.Type)]));
            }
        }
        if (step.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(ClusteringPredictionTransformer<>) && pipeline.Find("PredictedLabel") is { } label)
        {
            // ML.NET writes the number of the cluster, counted from 0, where the column has its key.
            pipeline.Set("PredictedLabel", pipeline.Graph.Cast(pipeline.Graph.Add(pipeline.Graph.Cast(label, OnnxType.Int64), pipeline.Graph.Scalar(1L)), OnnxType.UInt32));
        }
        return names;
    }

    public override string GetNodeName(string prefix) => prefix;

    public override bool IsVariableDefined(string variableName) => Graph.IsDefined(variableName) || _nodes.Any(node => node.Outputs.Contains(variableName));

    public override bool ContainsColumn(string colName) => !_removed.Contains(colName) && (pipeline.Find(colName) is not null || schema.GetColumnOrNull(colName) is not null);

    public override void CheckOpSetVersion(int thisTransformerMinumumOpSetVersion, string registerTransformerName)
    {
    }

    public override void RemoveColumn(string colName, bool removeVariable = false)
    {
        _removed.Add(colName);
        _made.Remove(colName);
        pipeline.Remove(colName);
    }

    public override void RemoveVariable(string variableName, bool removeColumn)
    {
        foreach (var column in pipeline.ColumnsOf(variableName))
        {
            RemoveColumn(column);
        }
    }

    public override void RemoveInputVariable(string variableName)
    {
        // Inputs that nothing reaches are not written.
    }

    public override string GetVariableName(string colName) => pipeline.Find(colName) ?? pipeline.Value(schema[colName]);

    public override string AddIntermediateVariable(DataViewType type, string colName, bool skip = false)
    {
        var name = Graph.NewNameLike(colName);
        pipeline.Set(colName, name);
        _made.Add(colName);
        _removed.Remove(colName);
        if (type is not null)
        {
            _shapes[name] = ShapeOf(type);
        }
        return name;
    }

    public override OnnxNode CreateNode(string opType, IEnumerable<string> inputs, IEnumerable<string> outputs, string name, string? domain = null)
    {
        // Without a domain it is one of the operators for classical models.
        var node = new PendingNode(opType, domain ?? OnnxGraph.MlDomain, [.. inputs], [.. outputs]);
        _nodes.Add(node);
        return node;
    }

    public override OnnxVersion GetOnnxVersion() => OnnxVersion.Stable;

    public override List<long>? RetrieveShapeOrNull(string variableName)
        => _shapes.TryGetValue(variableName, out var shape) ? shape
            : schema.FirstOrDefault(column => pipeline.Find(column.Name) == variableName) is { Type: { } type } ? ShapeOf(type)
            : null;

    public override string AddInitializer(bool value, string? name = null, bool makeUniqueName = true) => Graph.Constant([value], 1);

    public override string AddInitializer(float value, string? name = null, bool makeUniqueName = true) => Graph.Constant([value], 1);

    public override string AddInitializer(int value, Type type, string? name = null, bool makeUniqueName = true) => AddInitializer([value], type, [1], name, makeUniqueName);

    public override string AddInitializer(string value, string? name = null, bool makeUniqueName = true) => Graph.Texts([value], 1);

    public override string AddInitializer(long value, string? name = null, bool makeUniqueName = true) => Graph.Constant([value], 1);

    public override string AddInitializer(double value, string? name = null, bool makeUniqueName = true) => Graph.Constant([value], 1);

    public override string AddInitializer(ulong value, bool isUint64, string? name = null, bool makeUniqueName = true) => AddInitializer([value], isUint64, [1], name, makeUniqueName);

    public override string AddInitializer(IEnumerable<bool> values, IEnumerable<long> dims, string? name = null, bool makeUniqueName = true) => Constant(values, dims);

    public override string AddInitializer(IEnumerable<float> values, IEnumerable<long> dims, string? name = null, bool makeUniqueName = true) => Constant(values, dims);

    public override string AddInitializer(IEnumerable<int> values, Type type, IEnumerable<long> dims, string? name = null, bool makeUniqueName = true)
        => type == typeof(byte) ? Constant(values.Select(value => (byte)value), dims)
            : type == typeof(sbyte) ? Constant(values.Select(value => (sbyte)value), dims)
            : type == typeof(short) ? Constant(values.Select(value => (short)value), dims)
            : type == typeof(ushort) ? Constant(values.Select(value => (ushort)value), dims)
            : Constant(values, dims);

    public override string AddInitializer(IEnumerable<string> values, IEnumerable<long> dims, string? name = null, bool makeUniqueName = true) => Graph.Texts([.. values], [.. dims]);

    public override string AddInitializer(IEnumerable<long> values, IEnumerable<long> dims, string? name = null, bool makeUniqueName = true) => Constant(values, dims);

    public override string AddInitializer(IEnumerable<double> values, IEnumerable<long> dims, string? name = null, bool makeUniqueName = true) => Constant(values, dims);

    public override string AddInitializer(IEnumerable<ulong> values, bool isUint64, IEnumerable<long> dims, string? name = null, bool makeUniqueName = true)
        => isUint64 ? Constant(values, dims) : Constant(values.Select(value => (uint)value), dims);

    private string Constant<T>(IEnumerable<T> values, IEnumerable<long>? dimensions)
        where T : unmanaged
    {
        T[] array = [.. values];
        return Graph.Constant(array, [.. dimensions ?? [array.Length]]);
    }

    // As ML.NET sees it: one row.
    private static List<long> ShapeOf(DataViewType type) => [1, .. OnnxColumns.DimensionsOf(type)];

    /// <summary>The columns that a step adds; all of them where it does not keep those of its input.</summary>
    private static IEnumerable<string> Outputs(DataViewSchema before, DataViewSchema after)
    {
        var keeps = after.Count >= before.Count && before.All(column => after[column.Index].Name == column.Name);
        return after.Where(column => !column.IsHidden && (!keeps || column.Index >= before.Count) && (keeps || before.GetColumnOrNull(column.Name) is null)).Select(column => column.Name);
    }

    private void Flush()
    {
        foreach (var node in _nodes)
        {
            node.Update(Graph);
            Graph.Node(node.Operation, node.Domain, node.Inputs, node.Outputs, node.Attributes);
        }
        _nodes.Clear();
    }

    /// <summary>A node whose attributes are still to come.</summary>
    private sealed class PendingNode(string operation, string domain, List<string> inputs, string[] outputs) : OnnxNode
    {
        internal string Operation => operation;

        internal string Domain => domain;

        internal List<string> Inputs => inputs;

        internal string[] Outputs => outputs;

        internal List<(string Name, object Value)> Attributes { get; } = [];

        /// <summary>Moves what has become an input since version 9.</summary>
        internal void Update(OnnxGraph graph)
        {
            if (domain.Length > 0)
            {
                return;
            }
            switch (operation)
            {
                case var _ when operation is "Squeeze" or "Unsqueeze" || operation.StartsWith("Reduce", StringComparison.Ordinal):
                    if (Take("axes") is long[] axes)
                    {
                        inputs.Add(graph.Integers(axes));
                    }
                    break;
                case "Clip":
                    var (smallest, largest) = (Take("min"), Take("max"));
                    if (smallest is not null || largest is not null)
                    {
                        inputs.Add(smallest is float low ? graph.Scalar(low) : "");
                        inputs.Add(largest is float high ? graph.Scalar(high) : "");
                    }
                    break;
                case "Slice":
                    if (Take("starts") is long[] starts && Take("ends") is long[] ends)
                    {
                        inputs.AddRange([graph.Integers(starts), graph.Integers(ends)]);
                        if (Take("axes") is long[] along)
                        {
                            inputs.Add(graph.Integers(along));
                        }
                    }
                    break;
                case "TopK":
                    if (Take("k") is long k)
                    {
                        inputs.Add(graph.Integers(k));
                    }
                    break;
            }
        }

        public override void AddAttribute(string argName, double value) => Set(argName, (float)value);

        public override void AddAttribute(string argName, long value) => Set(argName, value);

        public override void AddAttribute(string argName, ReadOnlyMemory<char> value) => Set(argName, value.ToString());

        public override void AddAttribute(string argName, string value) => Set(argName, value);

        public override void AddAttribute(string argName, bool value) => Set(argName, value ? 1L : 0L);

        public override void AddAttribute(string argName, IEnumerable<double> value) => Set(argName, value.Select(number => (float)number).ToArray());

        public override void AddAttribute(string argName, IEnumerable<float> value) => Set(argName, value.ToArray());

        public override void AddAttribute(string argName, IEnumerable<long> value) => Set(argName, value.ToArray());

        public override void AddAttribute(string argName, IEnumerable<ReadOnlyMemory<char>> value) => Set(argName, value.Select(text => text.ToString()).ToArray());

        public override void AddAttribute(string argName, string[] value) => Set(argName, value);

        public override void AddAttribute(string argName, IEnumerable<string> value) => Set(argName, value.ToArray());

        public override void AddAttribute(string argName, IEnumerable<bool> value) => Set(argName, value.Select(flag => flag ? 1L : 0L).ToArray());

        public override void AddAttribute(string argName, Type t) => Set(argName, (long)Enum.Parse<OnnxType>(t == typeof(ReadOnlyMemory<char>) ? nameof(OnnxType.String) : t.Name));

        private void Set(string name, object value) => Attributes.Add((name, value));

        private object? Take(string name)
        {
            var index = Attributes.FindIndex(attribute => attribute.Name == name);
            if (index < 0)
            {
                return null;
            }
            var value = Attributes[index].Value;
            Attributes.RemoveAt(index);
            return value;
        }
    }
}
