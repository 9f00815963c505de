using Microsoft.ML;
using Microsoft.ML.Data;

namespace Samples;

/// <summary>What samples check of models.</summary>
internal static class Models
{
    /// <summary>Makes sure that two models say the same.</summary>
    /// <exception cref="InvalidOperationException">They do not.</exception>
    public static void RequireEqualScores(ITransformer expected, ITransformer actual, IDataView data)
    {
        var pairs = expected.Transform(data).GetColumn<float[]>("Score").Zip(actual.Transform(data).GetColumn<float[]>("Score"));
        if (!pairs.All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)))
        {
            throw new InvalidOperationException("The loaded model scores otherwise than the trained one.");
        }
    }
}
