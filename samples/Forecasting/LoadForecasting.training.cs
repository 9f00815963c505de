using Microsoft.ML;
using MLNetExtensions;
using MLNetExtensions.TimeSeries;

namespace Forecasting;

/// <summary>Training: from a file to a model.</summary>
internal static partial class LoadForecasting
{
    /// <summary>Loads the series from a file, as one vector column.</summary>
    public static IDataView LoadIDataViewFromFile(MLContext mlContext, string inputDataFilePath, IReadOnlyList<string> columns)
        => CsvSeries.Load(mlContext, inputDataFilePath, columns);

    /// <summary>Builds the pipeline. Append it to your own transforms, or yours to it.</summary>
    public static IEstimator<OLinearTransformer> BuildPipeline(MLContext mlContext, ForecastingSettings settings, IProgress<TrainingProgress> progress)
        => mlContext.Forecasting.ForecastByOLinear(new OLinearEstimator.Options
        {
            InputColumnName = CsvSeries.ColumnName,
            OutputColumnName = ForecastColumnName,
            // Bounds, from the errors on the last tenth of the training rows, which the weights do not see.
            ConfidenceLowerBoundColumnName = LowerColumnName,
            ConfidenceUpperBoundColumnName = UpperColumnName,
            ConfidenceLevel = ConfidenceLevel,
            WindowSize = settings.WindowSize,
            Horizon = settings.Horizon,
            // A small model: seconds per epoch on two cores. The defaults, 512 and 2 layers, are those of the paper.
            Width = settings.Width,
            NumberOfLayers = 1,
            DropoutRate = 0,
            BatchSize = 64,
            LearningRate = 2e-3,
            MaximumNumberOfEpochs = settings.MaximumNumberOfEpochs,
            Patience = 3,
            Progress = progress,
            CancellationToken = settings.CancellationToken,
            OnCancellation = CancellationBehavior.ReturnBest,
        });

    /// <summary>Trains the pipeline.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled before there was anything to return.</exception>
    public static ITransformer TrainModel(MLContext mlContext, IDataView trainData, ForecastingSettings settings, IProgress<TrainingProgress> progress)
    {
        var counted = new EpochCounter(progress);
        var model = BuildPipeline(mlContext, settings, counted).Fit(trainData);
        if (counted.Epochs == 0)
        {
            settings.CancellationToken.ThrowIfCancellationRequested();
        }
        return model;
    }

    /// <summary>Saves the model as an ML.NET file.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath)
        => mlContext.Model.Save(model, data.Schema, modelSavePath);

    private sealed class EpochCounter(IProgress<TrainingProgress> inner) : IProgress<TrainingProgress>
    {
        public int Epochs { get; private set; }

        public void Report(TrainingProgress value)
        {
            Epochs = value.Epoch;
            inner.Report(value);
        }
    }
}
