using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions;

/// <summary>A model as its user holds it: a transformer, a chain, chains in chains.</summary>
internal static class TransformerTree
{
    /// <summary>The transformers, in the order in which data meets them.</summary>
    internal static IEnumerable<ITransformer> Leaves(ITransformer model)
        => model is ITransformerChainAccessor chain ? chain.Transformers.SelectMany(Leaves) : [model];

    /// <summary>The same model with one transformer in the place of another; all the others are shared.</summary>
    internal static ITransformer Replace(ITransformer model, ITransformer old, ITransformer replacement)
    {
        if (ReferenceEquals(model, old))
        {
            return replacement;
        }
        return model is ITransformerChainAccessor chain
            ? new TransformerChain<ITransformer>(chain.Transformers.Select(transformer => Replace(transformer, old, replacement)), chain.Scopes)
            : model;
    }
}
