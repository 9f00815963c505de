using MLNetExtensions;

namespace Microsoft.ML;

/// <summary>Writes trained models of this package as ONNX, to be run without TorchSharp.</summary>
public static class OnnxModelExtensions
{
    /// <summary>Writes the last model of this package as an ONNX file, like <see cref="ExportToOnnx(ITransformer, string, DataViewSchema, OnnxExportOptions)"/>: its input columns are numbers of type Single, texts, and the keys of the training.</summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="path">The file to write. It is written beside and renamed: a failure leaves no file, and an old one as it was.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> or <paramref name="path"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The model holds nothing of this package, or takes more than two gigabytes.</exception>
    /// <exception cref="NotSupportedException">The model has no form in ONNX.</exception>
    public static OnnxExportReport ExportToOnnx(this ITransformer model, string path) => ExportToOnnx(model, path, inputSchema: null, options: null);

    /// <summary>
    /// Writes a trained model as an ONNX file (opset 20). Raw data goes in and raw results come out: scaling, normalisation and thresholds are in the graph. Each row is independent of the others, and
    /// the outputs have the names of the model's columns. Forecasters, imputers and anomaly detectors read windows [rows, windowSize, channels], one in each
    /// row: a forecaster and a causal model give the results of the window's last row, an imputer and a detector that are not causal those of all its rows. Time features are an input "….marks". All other
    /// models read rows.
    /// </summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="path">The file to write. It is written beside and renamed: a failure leaves no file, and an old one as it was.</param>
    /// <param name="inputSchema">The schema of the data that the model is applied to, which tells the types and key values of its columns. Null: numbers are taken as Single, keys as those of the training.</param>
    /// <param name="options">The options. Null: the last model of this package alone, in single precision.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> or <paramref name="path"/> is null, or the whole pipeline is asked for without a schema.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, or a column of <paramref name="inputSchema"/> is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">The model holds nothing of this package, or takes more than two gigabytes.</exception>
    /// <exception cref="NotSupportedException">A step has no form in ONNX; the message names it.</exception>
    public static OnnxExportReport ExportToOnnx(this ITransformer model, string path, DataViewSchema? inputSchema, OnnxExportOptions? options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new OnnxExporter(model, inputSchema, options).Write(path);
    }

    /// <summary>Writes the last model of this package as ONNX into a stream, like <see cref="ExportToOnnx(ITransformer, string, DataViewSchema, OnnxExportOptions)"/>.</summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="stream">Where to write; it stays open.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> or <paramref name="stream"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The model holds nothing of this package, or takes more than two gigabytes.</exception>
    /// <exception cref="NotSupportedException">The model has no form in ONNX.</exception>
    public static OnnxExportReport ExportToOnnx(this ITransformer model, Stream stream) => ExportToOnnx(model, stream, inputSchema: null, options: null);

    /// <summary>Writes a trained model as ONNX into a stream, like <see cref="ExportToOnnx(ITransformer, string, DataViewSchema, OnnxExportOptions)"/>. Nothing is written before the whole graph is made.</summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="stream">Where to write; it stays open.</param>
    /// <param name="inputSchema">The schema of the data that the model is applied to.</param>
    /// <param name="options">The options.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> or <paramref name="stream"/> is null, or the whole pipeline is asked for without a schema.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, or a column of <paramref name="inputSchema"/> is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">The model holds nothing of this package, or takes more than two gigabytes.</exception>
    /// <exception cref="NotSupportedException">A step has no form in ONNX; the message names it.</exception>
    public static OnnxExportReport ExportToOnnx(this ITransformer model, Stream stream, DataViewSchema? inputSchema, OnnxExportOptions? options)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return new OnnxExporter(model, inputSchema, options).Write(stream);
    }
}
