using MLNetExtensions;

namespace Microsoft.ML;

/// <summary>The way back from ONNX files for <see cref="MLContext.Transforms"/>.</summary>
public static class OnnxCatalogExtensions
{
    /// <summary>
    /// Creates an <see cref="OnnxOutputsEstimator"/>: makes scalars, keys with key values and slot names out of the columns that <c>ApplyOnnxModel</c> adds, so that evaluators work. Neither this nor the scoring
    /// needs the native library of TorchSharp.
    /// </summary>
    /// <param name="catalog">The transforms catalog.</param>
    /// <param name="modelFile">The path of the file, as <c>ExportToOnnx</c> wrote it.</param>
    /// <returns>The estimator, to be appended to <c>ApplyOnnxModel</c> of the same file.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    /// <exception cref="FormatException">The file is no ONNX model, or was not written by <c>ExportToOnnx</c>.</exception>
    public static OnnxOutputsEstimator ReadOnnxOutputs(this TransformsCatalog catalog, string modelFile) => new(Check.Environment(catalog), modelFile);
}
