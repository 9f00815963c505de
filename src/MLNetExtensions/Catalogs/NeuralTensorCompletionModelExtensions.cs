using MLNetExtensions;
using MLNetExtensions.Tensors;

namespace Microsoft.ML;

/// <summary>What a trained tensor completion can tell and recommend, alone or inside a chain.</summary>
/// <remarks>Keys are told by their values, as text in invariant form; by their numbers where they have none.</remarks>
public static class NeuralTensorCompletionModelExtensions
{
    /// <summary>
    /// Returns the importance of each key of a mode: its part in the influence that the training cells had on the validation error, over all keys of the mode 1. It tells which users, items or hours
    /// drive the error, and by which keys DAIN draws new cells.
    /// </summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="modeColumnName">The name of the mode column.</param>
    /// <returns>A view with a row for each key: a text column of the name of the mode, <c>Importance</c> (Double) and <c>Cells</c> (Int64), the number of its training cells.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such mode.</exception>
    /// <exception cref="InvalidOperationException">The model holds no tensor completion, or several.</exception>
    public static ResultTable GetEntityImportance(this ITransformer model, string modeColumnName)
    {
        ArgumentNullException.ThrowIfNull(modeColumnName);
        return TransformerTree.Find<NeuralTensorCompletionTransformer>(null, model).GetEntityImportance(modeColumnName);
    }

    /// <summary>
    /// Returns the influence of each training cell on the validation error in the first training: positive where training on the cell lowered the error, negative where it raised it. Large negative
    /// ones are the first to look at for wrong values. Without validation all are 0.
    /// </summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <returns>A view with a row for each training cell: <c>Row</c> (Int64), its row in the training data, a text column for each mode, and <c>Influence</c> (Double).</returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The model holds no tensor completion, or several, or it was trained without keeping the influences.</exception>
    public static ResultTable GetCellInfluences(this ITransformer model) => TransformerTree.Find<NeuralTensorCompletionTransformer>(null, model).GetCellInfluences();

    /// <summary>Returns the embedding of each key of a mode: of similar keys they are similar.</summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="modeColumnName">The name of the mode column.</param>
    /// <returns>
    /// A view with a row for each key: a text column of the name of the mode, <c>Embedding</c>, a vector of Single, and <c>Bias</c> (Single), what the key adds to any score in the units of the label,
    /// where the model has one.
    /// </returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such mode.</exception>
    /// <exception cref="InvalidOperationException">The model holds no tensor completion, or several.</exception>
    public static ResultTable GetEmbeddings(this ITransformer model, string modeColumnName)
    {
        ArgumentNullException.ThrowIfNull(modeColumnName);
        return TransformerTree.Find<NeuralTensorCompletionTransformer>(null, model).GetEmbeddings(modeColumnName);
    }

    /// <summary>Fills the one mode that is not given: the keys of the highest scores, such as the best items for a user at an hour.</summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="context">The context.</param>
    /// <param name="fixedKeys">The values of the keys of all mode columns but one, by the name of the column.</param>
    /// <param name="top">The most keys to return. Positive.</param>
    /// <param name="excluded">Values of keys that are not to be recommended: items that the user has, say. Null: none.</param>
    /// <returns>
    /// The keys of the training, the best first. A given key that the training did not have counts as the mean of the others, or with <see cref="UnseenKeys.NaN"/> nothing is recommended.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/>, <paramref name="context"/> or <paramref name="fixedKeys"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The given columns are not all mode columns but one, or <paramref name="top"/> is not positive.</exception>
    /// <exception cref="InvalidOperationException">The model holds no tensor completion, or several.</exception>
    public static TensorRecommendationCollection Recommend(this ITransformer model, MLContext context, IReadOnlyDictionary<string, string> fixedKeys, int top = 10, IEnumerable<string>? excluded = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        Check.NotNull(context, model);
        Check.NotNull(context, fixedKeys);
        return new TensorRecommender(context, model, null, fixedKeys.Keys).Recommend(fixedKeys, top, excluded);
    }

    /// <summary>Fills a mode for many rows of the other modes, in batches.</summary>
    /// <param name="model">The model, as <c>Fit</c> or <c>Model.Load</c> returned it.</param>
    /// <param name="context">The context.</param>
    /// <param name="fixedKeys">Rows with all mode columns but that to fill: keys, integers or text.</param>
    /// <param name="modeColumnName">The name of the mode column to fill.</param>
    /// <param name="top">The most keys to return for a row. Positive.</param>
    /// <param name="excluded">Cells that are not to be recommended, with all mode columns: the training data, say. Null: none.</param>
    /// <returns>
    /// A view with up to <paramref name="top"/> rows for each row given, the best first: <c>Row</c> (Int64), the number of the row given, a text column for each mode, <c>Rank</c> (Int32), from 1, and
    /// <c>Score</c> (Single).
    /// </returns>
    /// <exception cref="ArgumentNullException">An argument other than <paramref name="excluded"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type, there is no such mode, or <paramref name="top"/> is not positive.</exception>
    /// <exception cref="InvalidOperationException">The model holds no tensor completion, or several.</exception>
    public static ResultTable RecommendRows(this ITransformer model, MLContext context, IDataView fixedKeys, string modeColumnName, int top = 10, IDataView? excluded = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        Check.NotNull(context, model);
        Check.NotNull(context, fixedKeys);
        Check.NotNull(context, modeColumnName);
        return new TensorRecommender(context, model, modeColumnName).Recommend(fixedKeys, top, excluded);
    }
}
