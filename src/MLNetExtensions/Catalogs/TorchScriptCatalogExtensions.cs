using MLNetExtensions;
using MLNetExtensions.Torch;

namespace Microsoft.ML;

/// <summary>TorchScript models for <see cref="MLContext.Transforms"/>.</summary>
public static class TorchScriptCatalogExtensions
{
    /// <summary>
    /// Creates a <see cref="TorchScriptEstimator"/>: scores a TorchScript file, whose bytes travel in the saved model. The file is a program: apply only those from sources that
    /// you trust.
    /// </summary>
    /// <param name="catalog">The transforms catalog.</param>
    /// <param name="modelFile">The path of the file, as <c>torch.jit.save</c> writes it.</param>
    /// <param name="outputColumnNames">The columns to add, one for each tensor that the model returns: vectors of Single.</param>
    /// <param name="inputColumnNames">The arguments of the model, in their order: Single or Double, scalars (handed over as [batch, 1]) or vectors of known size.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are no names, or one is empty or twice among the outputs.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    /// <exception cref="FormatException">The file is damaged, or no TorchScript.</exception>
    public static TorchScriptEstimator ApplyTorchScriptModel(this TransformsCatalog catalog, string modelFile, string[] outputColumnNames, string[] inputColumnNames)
        => new(Check.Environment(catalog), new TorchScriptEstimator.Options { ModelFile = modelFile, OutputColumnNames = outputColumnNames, InputColumnNames = inputColumnNames });

    /// <summary>Creates a <see cref="TorchScriptEstimator"/> with all its options.</summary>
    /// <param name="catalog">The transforms catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentNullException">An argument, or an option that must be set, is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    /// <exception cref="FormatException">The file is damaged, or no TorchScript.</exception>
    public static TorchScriptEstimator ApplyTorchScriptModel(this TransformsCatalog catalog, TorchScriptEstimator.Options options)
        => new(Check.Environment(catalog), options);
}
