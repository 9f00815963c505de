using Microsoft.ML;
using Microsoft.ML.Data;

namespace Samples;

/// <summary>What samples check of models.</summary>
internal static class Models
{
    /// <summary>Makes sure that two models say the same, in a column of numbers or of vectors.</summary>
    /// <exception cref="InvalidOperationException">They do not.</exception>
    public static void RequireEqualScores(ITransformer expected, ITransformer actual, IDataView data, string column = "Score")
    {
        var pairs = Scores(expected.Transform(data), column).Zip(Scores(actual.Transform(data), column));
        // NaN, where there is no score, is equal to NaN here.
        if (!pairs.All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)))
        {
            throw new InvalidOperationException("The loaded model scores otherwise than the trained one.");
        }
    }

    private static IEnumerable<float[]> Scores(IDataView scored, string column)
        => scored.Schema[column].Type is VectorDataViewType ? scored.GetColumn<float[]>(column) : scored.GetColumn<float>(column).Select(score => new[] { score });
}
