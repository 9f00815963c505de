using Microsoft.ML;
using Microsoft.ML.Transforms;
using MLNetExtensions;

namespace ImageClassification;

/// <summary>Training: from images to a model.</summary>
internal static partial class ImageClassifier
{
    /// <summary>The part of the rows of known classes that may be taken for unknown.</summary>
    public const double UnknownQuantile = 0.05;

    /// <summary>Builds the pipeline. Append it to your own transforms, or yours to it.</summary>
    public static IEstimator<ITransformer> BuildPipeline(MLContext mlContext, ImageSet images, ImageClassificationSettings settings, IProgress<TrainingProgress> progress)
        => mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(LabelledImage.Class), keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
            .Append(mlContext.MulticlassClassification.Trainers.EquiangularBasisVectors(new EquiangularBasisVectorsTrainer.Options
            {
                FeatureColumnName = nameof(LabelledImage.Pixels),
                Trunk = EquiangularBasisTrunk.ConvNet,
                ImageHeight = images.Height,
                ImageWidth = images.Width,
                ImageFlip = settings.Flip,
                MaximumNumberOfEpochs = settings.MaximumNumberOfEpochs,
                // An image whose angle to all classes is larger than that of this part of the known ones has no predicted label.
                UnknownQuantile = UnknownQuantile,
                EmbeddingColumnName = nameof(ImagePrediction.Embedding),
                Progress = progress,
                CancellationToken = settings.CancellationToken,
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue(nameof(ImagePrediction.Predicted), "PredictedLabel"));

    /// <summary>Trains the pipeline.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ITransformer TrainModel(MLContext mlContext, IDataView trainData, ImageSet images, ImageClassificationSettings settings, IProgress<TrainingProgress> progress)
        => BuildPipeline(mlContext, images, settings, progress).Fit(trainData);

    /// <summary>Saves the model as an ML.NET file.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath)
        => mlContext.Model.Save(model, data.Schema, modelSavePath);
}
