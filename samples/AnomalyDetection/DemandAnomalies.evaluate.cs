using Microsoft.ML;
using MLNetExtensions.TimeSeries;

namespace AnomalyDetection;

/// <summary>Evaluation: how good the alerts are.</summary>
internal static partial class DemandAnomalies
{
    /// <summary>Compares the alerts with the labels, row by row and by event.</summary>
    public static TimeSeriesAnomalyMetrics Evaluate(MLContext mlContext, ITransformer model, IDataView data)
        => mlContext.AnomalyDetection.EvaluateTimeSeries(model.Transform(data), nameof(SeriesPoint.Label));

    /// <summary>The same by the evaluator of ML.NET, which knows no events.</summary>
    public static double AreaUnderRocCurve(MLContext mlContext, ITransformer model, IDataView data)
        => mlContext.AnomalyDetection.Evaluate(model.Transform(data), nameof(SeriesPoint.Label)).AreaUnderRocCurve;
}
