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
    public static IEstimator<ForecastingTransformer> BuildPipeline(MLContext mlContext, ForecastingSettings settings, IProgress<TrainingProgress> progress)
    {
        // Small models: seconds per epoch on two cores. The defaults are those of the papers.
        if (settings.Model == ForecastingModel.TimesNet)
        {
            var timesNet = new TimesNetForecastingEstimator.Options
            {
                Network = { Width = settings.Width, NumberOfLayers = 1, TopPeriods = 3, NumberOfKernels = 3, DropoutRate = 0 },
            };
            Set(timesNet, settings, progress);
            return mlContext.Forecasting.ForecastByTimesNet(timesNet);
        }
        var oLinear = new OLinearEstimator.Options { Width = settings.Width, NumberOfLayers = 1, DropoutRate = 0 };
        Set(oLinear, settings, progress);
        return mlContext.Forecasting.ForecastByOLinear(oLinear);
    }

    /// <summary>Sets what all forecasters have.</summary>
    private static void Set(ForecastingOptions options, ForecastingSettings settings, IProgress<TrainingProgress> progress)
    {
        options.InputColumnName = CsvSeries.ColumnName;
        options.OutputColumnName = ForecastColumnName;
        // Bounds, from the errors on the last tenth of the training rows, which the weights do not see.
        options.ConfidenceLowerBoundColumnName = LowerColumnName;
        options.ConfidenceUpperBoundColumnName = UpperColumnName;
        options.ConfidenceLevel = ConfidenceLevel;
        options.WindowSize = settings.WindowSize;
        options.Horizon = settings.Horizon;
        options.BatchSize = 64;
        options.LearningRate = 2e-3;
        options.MaximumNumberOfEpochs = settings.MaximumNumberOfEpochs;
        options.Patience = 3;
        options.Progress = progress;
        options.CancellationToken = settings.CancellationToken;
        options.OnCancellation = CancellationBehavior.ReturnBest;
    }

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
