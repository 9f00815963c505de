using Microsoft.ML;
using Microsoft.ML.Data;

namespace TensorCompletion;

/// <summary>Evaluation: how good the scores of cells are that the training did not see, and what drives the error.</summary>
internal static partial class CellValues
{
    public static RegressionMetrics Evaluate(MLContext mlContext, ITransformer model, IDataView testData, string valueColumn)
        => mlContext.Regression.Evaluate(model.Transform(testData), valueColumn);

    /// <summary>The error of the mean of the training cells.</summary>
    public static double ErrorOfMean(IDataView trainData, IDataView testData, string valueColumn)
    {
        var mean = trainData.GetColumn<float>(valueColumn).Where(float.IsFinite).Average();
        return Math.Sqrt(testData.GetColumn<float>(valueColumn).Where(float.IsFinite).Average(value => Math.Pow(value - mean, 2)));
    }

    /// <summary>The keys of a mode with their importances, the most important first.</summary>
    public static KeyImportance[] Importances(ITransformer model, string mode)
    {
        var view = model.GetEntityImportance(mode);
        return [.. view.GetColumn<string>(mode).Zip(view.GetColumn<double>("Importance"), view.GetColumn<long>("Cells")).Select(row => new KeyImportance(row.First, row.Second, row.Third)).OrderByDescending(one => one.Importance)];
    }
}

/// <summary>A key, its part in the influence that the training cells have, and the number of its cells.</summary>
internal sealed record KeyImportance(string Key, double Importance, long Cells);
