using MLNetExtensions;

namespace Microsoft.ML;

/// <summary>What can be done with a trained few-shot model, alone or inside a chain.</summary>
public static class TransductiveFewShotModelExtensions
{
    /// <summary>
    /// Makes a model that scores each row by itself, by the prototypes that <c>Fit</c> found: a <see cref="PredictionEngine{TSrc, TDst}"/> can be made of it. It tells less well than the transductive model,
    /// which looks at all rows of an episode.
    /// </summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it. It stays as it is.</param>
    /// <returns>
    /// The same chain with the few-shot model scoring row by row. All other transformers of the chain are shared: each of the two may be disposed by itself, as far as these need no disposing.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The model holds no few-shot model, or several; or the labelled rows come with the scored data, so that there are no prototypes.</exception>
    public static ITransformer ToInductive(this ITransformer model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var transductive = TransformerTree.Find<TransductiveFewShotTransformer>(context: null, model);
        return TransformerTree.Replace(model, transductive, transductive.ToInductive());
    }
}
