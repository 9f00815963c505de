using MLNetExtensions;

namespace Microsoft.ML;

/// <summary>What can be done with a trained classifier by equiangular basis vectors, alone or inside a chain.</summary>
public static class EquiangularBasisVectorsModelExtensions
{
    /// <summary>Makes a model with more classes, from rows of the new ones.</summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it. It stays as it is.</param>
    /// <param name="context">The context.</param>
    /// <param name="data">
    /// Labelled rows, as the chain takes them; a few of each class are enough. Of new classes only, unless the mode is <see cref="AddClassesMode.Retrain"/>, which takes rows of all classes.
    /// </param>
    /// <param name="mode">How the classes come into the model.</param>
    /// <param name="labelColumnName">The column with the names of the classes, text or a key. Null: the label column that the model was trained on.</param>
    /// <returns>
    /// A model with the new classes behind the old ones, in the order in which the rows name them, whose threshold for unknown rows is fitted anew. It shares its network with the old model, and
    /// all other transformers of the chain: each of the two may be disposed by itself, as far as these other transformers need no disposing.
    /// </returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type, or an option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">
    /// The model holds no such classifier, or several; no row is of a new class; there are rows of old classes, or for <see cref="AddClassesMode.Retrain"/> none of one of them; a feature is not finite.
    /// </exception>
    public static ITransformer AddClasses(this ITransformer model, MLContext context, IDataView data, AddClassesMode mode = AddClassesMode.Offset, string? labelColumnName = null)
        => model.AddClasses(context, data, new AddClassesOptions { Mode = mode, LabelColumnName = labelColumnName });

    /// <summary>Makes a model with more classes, with all options.</summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it. It stays as it is.</param>
    /// <param name="context">The context.</param>
    /// <param name="data">Labelled rows, as the chain takes them.</param>
    /// <param name="options">The options.</param>
    /// <returns>A model with the new classes behind the old ones.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type, or an option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">
    /// The model holds no such classifier, or several; no row is of a new class; there are rows of old classes, or for <see cref="AddClassesMode.Retrain"/> none of one of them; a feature is not
    /// finite; or the training diverged.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ITransformer AddClasses(this ITransformer model, MLContext context, IDataView data, AddClassesOptions options)
    {
        ArgumentNullException.ThrowIfNull(context);
        Check.NotNull(context, model);
        Check.NotNull(context, data);
        Check.NotNull(context, options);
        return new ClassAddition(context, model).Add(data, options);
    }

    /// <summary>Measures how far the embeddings of rows have collapsed to the means of their classes, and these to a regular simplex (Papyan, Han and Donoho, 2020).</summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="context">The context.</param>
    /// <param name="data">Labelled rows, as the chain takes them: those that the model was trained on.</param>
    /// <param name="ofTrunkFeatures">Whether the features of the trunk are measured instead, before the map to embeddings.</param>
    /// <param name="labelColumnName">The column with the names of the classes, text or a key. Null: the label column that the model was trained on.</param>
    /// <returns>The figures.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">The model holds no such classifier, or several; no row is of one of its classes; a feature is not finite.</exception>
    public static NeuralCollapse MeasureNeuralCollapse(this ITransformer model, MLContext context, IDataView data, bool ofTrunkFeatures = false, string? labelColumnName = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        Check.NotNull(context, model);
        Check.NotNull(context, data);
        return new ClassAddition(context, model).Measure(data, ofTrunkFeatures, labelColumnName);
    }
}
