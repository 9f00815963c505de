using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>A model as its user holds it: a transformer, a chain, chains in chains.</summary>
internal static class TransformerTree
{
    /// <summary>The transformers, in the order in which data meets them.</summary>
    internal static IEnumerable<ITransformer> Leaves(ITransformer model)
        => model is ITransformerChainAccessor chain ? chain.Transformers.SelectMany(Leaves) : [model];

    /// <summary>The only transformer of a kind.</summary>
    /// <param name="context">Who asks; null = somebody without a context.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> is null.</exception>
    /// <exception cref="InvalidOperationException">There is none, or several.</exception>
    internal static TTransformer Find<TTransformer>(IExceptionContext? context, ITransformer model)
        where TTransformer : class, ITransformer
    {
        Contracts.CheckValue(model, nameof(model));
        TTransformer[] found = [.. Leaves(model).OfType<TTransformer>()];
        return found switch
        {
            [var only] => only,
            [] => throw Check.BadData(context, $"The model holds no {typeof(TTransformer).Name}."),
            _ => throw Check.BadData(context, $"The model holds {found.Length} of {typeof(TTransformer).Name}: give a part of it with only one."),
        };
    }

    /// <summary>The data as it meets one of the transformers.</summary>
    internal static IDataView TransformUpTo(ITransformer model, ITransformer leaf, IDataView data)
        => Leaves(model).TakeWhile(transformer => !ReferenceEquals(transformer, leaf)).Aggregate(data, (view, transformer) => transformer.Transform(view));

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
