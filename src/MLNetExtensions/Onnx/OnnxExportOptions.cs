namespace MLNetExtensions;

/// <summary>How a model is written as ONNX.</summary>
public sealed class OnnxExportOptions
{
    /// <summary>
    /// Whether the steps before and after the model of this package are written too, ML.NET's own among them; this needs the schema of the data. Default false: the last model of this package alone, which takes its own input columns.
    /// </summary>
    public bool WholePipeline { get; set; }

    /// <summary>How the weights are stored. Default: <see cref="OnnxWeightFormat.Float32"/>.</summary>
    public OnnxWeightFormat WeightFormat { get; set; } = OnnxWeightFormat.Float32;

    /// <summary>The columns to write. Null, the default: all that the model adds; with <see cref="WholePipeline"/> those of the last step.</summary>
    public IReadOnlyList<string>? OutputColumns { get; set; }

    /// <summary>
    /// For TimesNet: whether the periods found most often in training are fixed, instead of found in each window: faster, and less exact where windows have periods of their own. Default false.
    /// </summary>
    public bool FrozenPeriods { get; set; }
}
