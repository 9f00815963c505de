using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;

namespace TensorCompletion;

/// <summary>Consumption: from a model file to scores and recommendations.</summary>
internal static partial class CellValues
{
    /// <summary>Loads the model; no type of the pack is named.</summary>
    public static ITransformer LoadModel(MLContext mlContext, string modelPath) => mlContext.Model.Load(modelPath, out _);

    /// <exception cref="InvalidOperationException">Two models differ.</exception>
    public static void RequireEqualScores(ITransformer a, ITransformer b, IDataView data)
    {
        if (!a.Transform(data).GetColumn<float>("Score").SequenceEqual(b.Transform(data).GetColumn<float>("Score")))
        {
            throw new InvalidOperationException("The loaded model scores other values than the trained one.");
        }
    }

    /// <summary>The best keys of the one mode that is not given.</summary>
    public static IReadOnlyList<TensorRecommendation> Recommend(MLContext mlContext, ITransformer model, IReadOnlyDictionary<string, string> fixedKeys, int top, IEnumerable<string>? excluded)
        => model.Recommend(mlContext, fixedKeys, top, excluded);
}
