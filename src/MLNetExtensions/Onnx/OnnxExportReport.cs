namespace MLNetExtensions;

/// <summary>What an ONNX file holds.</summary>
public sealed class OnnxExportReport
{
    internal OnnxExportReport(IReadOnlyList<OnnxValue> inputs, IReadOnlyList<OnnxValue> outputs, int opset, long bytes, IReadOnlyList<string> stepsWritten, IReadOnlyList<string> stepsLeftOut)
    {
        Inputs = inputs;
        Outputs = outputs;
        Opset = opset;
        Bytes = bytes;
        StepsWritten = stepsWritten;
        StepsLeftOut = stepsLeftOut;
    }

    /// <summary>What the graph reads.</summary>
    public IReadOnlyList<OnnxValue> Inputs { get; }

    /// <summary>What the graph computes.</summary>
    public IReadOnlyList<OnnxValue> Outputs { get; }

    /// <summary>The version of the operator set.</summary>
    public int Opset { get; }

    /// <summary>The size of the file.</summary>
    public long Bytes { get; }

    /// <summary>The steps of the pipeline that the file holds, in their order.</summary>
    public IReadOnlyList<string> StepsWritten { get; }

    /// <summary>The steps of the pipeline that the file does not hold: what they do is left to the program that scores.</summary>
    public IReadOnlyList<string> StepsLeftOut { get; }

    /// <summary>The report as text, a line for each fact.</summary>
    /// <returns>The text.</returns>
    public override string ToString()
        => string.Join(Environment.NewLine, [
            $"ONNX opset {Opset}, {Bytes} bytes",
            .. Inputs.Select(value => $"input  {value}"),
            .. Outputs.Select(value => $"output {value}"),
            $"steps written: {Names(StepsWritten)}",
            $"steps left out: {Names(StepsLeftOut)}"]);

    private static string Names(IReadOnlyList<string> names) => names.Count == 0 ? "none" : string.Join(", ", names);
}

/// <summary>An input or output of an ONNX graph.</summary>
public sealed class OnnxValue
{
    internal OnnxValue(string name, string elementType, IReadOnlyList<long> dimensions)
    {
        Name = name;
        ElementType = elementType;
        Dimensions = dimensions;
    }

    /// <summary>Its name: that of the column.</summary>
    public string Name { get; }

    /// <summary>The type of its elements, as .NET calls it: Single, Double, UInt32, String, Boolean …</summary>
    public string ElementType { get; }

    /// <summary>Its dimensions; the first is that of the rows, of any number: -1.</summary>
    public IReadOnlyList<long> Dimensions { get; }

    /// <summary>Name, type and dimensions.</summary>
    /// <returns>For instance <c>Forecast: Single [rows, 24, 7]</c>.</returns>
    public override string ToString() => $"{Name}: {ElementType} [{string.Join(", ", Dimensions.Select(n => n < 0 ? "rows" : n.ToString(System.Globalization.CultureInfo.InvariantCulture)))}]";
}
