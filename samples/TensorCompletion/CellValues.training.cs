using Microsoft.ML;
using MLNetExtensions;
using MLNetExtensions.Tensors;
using Samples;

namespace TensorCompletion;

/// <summary>Training: from known cells to a model.</summary>
internal static partial class CellValues
{
    /// <summary>Builds the trainer. Append it to your own transforms.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="cells">The known cells.</param>
    /// <param name="settings">What the command line sets.</param>
    /// <param name="sampling">How new cells are drawn for a second training.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="progress">Is told each epoch; null = nobody is.</param>
    public static NeuralTensorCompletionTrainer BuildTrainer(MLContext mlContext, Cells cells, TensorCompletionSettings settings, TensorSampling sampling, int seed, IProgress<TrainingProgress>? progress)
        => mlContext.Regression.Trainers.NeuralTensorCompletion(new NeuralTensorCompletionTrainer.Options
        {
            LabelColumnName = cells.Value,
            // Text, integers or keys: mapped to numbers inside.
            ModeColumnNames = cells.Modes,
            BaseModel = settings.BaseModel,
            Sampling = sampling,
            MaximumNumberOfEpochs = settings.MaximumNumberOfEpochs,
            Seed = seed,
            Progress = progress,
            CancellationToken = settings.CancellationToken,
        });

    /// <summary>Trains it.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ITransformer TrainModel(MLContext mlContext, Cells cells, IDataView trainData, TensorCompletionSettings settings, TensorSampling sampling, int seed, IProgress<TrainingProgress>? progress = null)
        => BuildTrainer(mlContext, cells, settings, sampling, seed, progress).Fit(trainData);

    /// <summary>Saves the model as an ML.NET file.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath) => mlContext.Model.Save(model, data.Schema, modelSavePath);
}
