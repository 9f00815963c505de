using MLNetExtensions;
using MLNetExtensions.Tensors;

namespace Microsoft.ML;

/// <summary>What can be done with a trained functional Tucker decomposition, alone or inside a chain.</summary>
public static class FunctionalBayesianTuckerModelExtensions
{
    /// <summary>Returns the functions of a mode at coordinates, by mean and variance: for a plot, say.</summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="mode">The mode: the slot of the feature column, counted from 0.</param>
    /// <param name="points">The coordinates, in the units of the data; within the training range or beyond, in any order.</param>
    /// <returns>The functions.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> or <paramref name="points"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such mode, or a coordinate is not finite.</exception>
    /// <exception cref="InvalidOperationException">The model holds no such decomposition, or several.</exception>
    public static ModeFunction GetModeFunction(this ITransformer model, int mode, IReadOnlyList<double> points)
        => TransformerTree.Find<FunctionalBayesianTuckerTransformer>(null, model).GetModeFunction(mode, points);

    /// <summary>Makes a model that has seen more rows. Inference goes on from the posterior of the old ones, which need not be there any more.</summary>
    /// <remarks>
    /// The length scales, the ranks and the scales of coordinates and label stay those of the first training. Rows that were trained on before count twice: give new ones only. Where very many rows
    /// have come, or from a new region, a full training finds a better optimum.
    /// </remarks>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it. It stays as it is.</param>
    /// <param name="context">The context.</param>
    /// <param name="more">Rows as the chain takes them, with features and label. Rows whose label is NaN are left out.</param>
    /// <param name="cancellationToken">Cancels the inference.</param>
    /// <returns>
    /// A model with all that the old one knew and the new rows. It shares the other transformers of the chain: each of the two may be disposed by itself, as far as these other transformers need no
    /// disposing.
    /// </returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">The model holds no such decomposition, or several; there are no rows with a label, or a coordinate or a label is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ITransformer Update(this ITransformer model, MLContext context, IDataView more, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        Check.NotNull(context, model);
        Check.NotNull(context, more);
        var old = TransformerTree.Find<FunctionalBayesianTuckerTransformer>(context, model);
        return TransformerTree.Replace(model, old, old.Update(TransformerTree.TransformUpTo(model, old, more), cancellationToken));
    }
}
