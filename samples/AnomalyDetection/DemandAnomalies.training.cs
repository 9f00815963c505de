using Microsoft.ML;
using MLNetExtensions;
using MLNetExtensions.TimeSeries;
using Samples;

namespace AnomalyDetection;

/// <summary>Training: from a file to a model.</summary>
internal static partial class DemandAnomalies
{
    public const string ExpectedColumnName = "Expected";

    /// <summary>Loads the values of a file and, where they are known, the labels.</summary>
    public static SeriesPoint[] LoadRows(string path, string valueColumn, string? labelColumn)
    {
        var table = SeriesFile.Load(path);
        var values = SeriesFile.Numbers(table, path, valueColumn);
        var labels = labelColumn is null ? [.. Enumerable.Repeat(float.NaN, values.Length)] : SeriesFile.Numbers(table, path, labelColumn);
        return [.. values.Zip(labels, (value, label) => new SeriesPoint { Value = value, Label = label })];
    }

    /// <summary>Builds the pipeline. Append it to your own transforms, or yours to it.</summary>
    public static IEstimator<TimesNetAnomalyDetectionTransformer> BuildPipeline(MLContext mlContext, DetectionSettings settings, IProgress<TrainingProgress> progress)
        => mlContext.AnomalyDetection.Trainers.TimesNet(new TimesNetAnomalyDetectionTrainer.Options
        {
            InputColumnName = nameof(SeriesPoint.Value),
            ExpectedColumnName = ExpectedColumnName,
            WindowSize = settings.WindowSize,
            // Neighbouring windows tell nearly the same: every eighth is enough.
            WindowStride = 8,
            ThresholdPercentile = settings.ThresholdPercentile,
            // A small network: seconds per epoch on two cores.
            Network = { Width = settings.Width },
            LearningRate = 1e-3,
            BatchSize = 32,
            MaximumNumberOfEpochs = settings.MaximumNumberOfEpochs,
            Progress = progress,
            CancellationToken = settings.CancellationToken,
        });

    /// <summary>Trains the pipeline.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ITransformer TrainModel(MLContext mlContext, IDataView trainData, DetectionSettings settings, IProgress<TrainingProgress> progress)
        => BuildPipeline(mlContext, settings, progress).Fit(trainData);

    /// <summary>Saves the model as an ML.NET file.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath)
        => mlContext.Model.Save(model, data.Schema, modelSavePath);
}

/// <summary>One row of the series.</summary>
internal sealed class SeriesPoint
{
    public float Value { get; set; }

    /// <summary>1 = an anomaly, 0 = none, NaN = not known. Training does not read it.</summary>
    public float Label { get; set; }
}
