using Microsoft.ML;
using MLNetExtensions.Tensors;

namespace TensorDecomposition;

/// <summary>Evaluation: how good the values are, and whether they are as sure as they say.</summary>
internal static partial class ContinuousField
{
    /// <summary>Compares scores, their deviations and their bounds with what was measured.</summary>
    public static ProbabilisticRegressionMetrics Evaluate(MLContext mlContext, ITransformer model, IDataView data)
        => mlContext.Regression.EvaluateProbabilistic(model.Transform(data), nameof(Measurement.Value), lowerColumnName: nameof(Prediction.Lower), upperColumnName: nameof(Prediction.Upper));

    /// <summary>The same by the evaluator of ML.NET, which knows no deviations.</summary>
    public static double RootMeanSquaredError(MLContext mlContext, ITransformer model, IDataView data)
        => mlContext.Regression.Evaluate(model.Transform(data), nameof(Measurement.Value)).RootMeanSquaredError;
}
