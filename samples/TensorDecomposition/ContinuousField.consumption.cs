using Microsoft.ML;

namespace TensorDecomposition;

/// <summary>Consumption: from a model file to values anywhere.</summary>
internal static partial class ContinuousField
{
    /// <summary>Loads the model; no type of the pack is named.</summary>
    public static ITransformer LoadModel(MLContext mlContext, string modelPath) => mlContext.Model.Load(modelPath, out _);

    /// <summary>Predicts at the coordinates of rows.</summary>
    public static Prediction[] Predict(MLContext mlContext, ITransformer model, IDataView data)
        => [.. mlContext.Data.CreateEnumerable<Prediction>(model.Transform(data), reuseRowObject: false)];

    /// <summary>Takes further rows into a model; the old one stays as it is.</summary>
    public static ITransformer Update(MLContext mlContext, ITransformer model, IDataView more) => model.Update(mlContext, more);

    /// <summary>Makes sure that two models score the same.</summary>
    /// <exception cref="InvalidOperationException">They do not.</exception>
    public static void RequireEqualScores(MLContext mlContext, ITransformer expected, ITransformer actual, IDataView data)
    {
        if (!Predict(mlContext, expected, data).Select(row => (row.Score, row.ScoreStdDev)).SequenceEqual(Predict(mlContext, actual, data).Select(row => (row.Score, row.ScoreStdDev))))
        {
            throw new InvalidOperationException("The loaded model gives other scores than the trained one.");
        }
    }
}

/// <summary>What the model says of a row.</summary>
internal sealed class Prediction
{
    public float Score { get; set; }

    /// <summary>The standard deviation of a measurement.</summary>
    public float ScoreStdDev { get; set; }

    /// <summary>The standard deviation of the field itself.</summary>
    public float LatentStdDev { get; set; }

    public float Lower { get; set; }

    public float Upper { get; set; }
}
