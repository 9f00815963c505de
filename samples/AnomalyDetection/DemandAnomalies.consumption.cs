using Microsoft.ML;

namespace AnomalyDetection;

/// <summary>Consumption: from a model file to alerts.</summary>
internal static partial class DemandAnomalies
{
    /// <summary>Loads the model; no type of the pack is named.</summary>
    public static ITransformer LoadModel(MLContext mlContext, string modelPath) => mlContext.Model.Load(modelPath, out _);

    /// <summary>Scores rows.</summary>
    public static ScoredPoint[] Score(MLContext mlContext, ITransformer model, IDataView data)
        => [.. mlContext.Data.CreateEnumerable<ScoredPoint>(model.Transform(data), reuseRowObject: false)];

    /// <summary>Makes sure that two models score the same.</summary>
    /// <exception cref="InvalidOperationException">They do not.</exception>
    public static void RequireEqualScores(MLContext mlContext, ITransformer expected, ITransformer actual, IDataView data)
    {
        if (!Score(mlContext, expected, data).Select(row => row.Score).SequenceEqual(Score(mlContext, actual, data).Select(row => row.Score)))
        {
            throw new InvalidOperationException("The loaded model gives other scores than the trained one.");
        }
    }
}

/// <summary>A row with what the model says of it.</summary>
internal sealed class ScoredPoint
{
    public float Value { get; set; }

    public float Label { get; set; }

    /// <summary>How far the value lies off what was expected.</summary>
    public float Score { get; set; }

    /// <summary>Whether it is an alert.</summary>
    public bool PredictedLabel { get; set; }

    public float Threshold { get; set; }

    public float Expected { get; set; }
}
