using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions;

namespace FewShot;

/// <summary>From images to features, by a network that learned to tell other characters apart.</summary>
internal static class Embedding
{
    public const string Features = "Features";

    private const string KnownClass = "KnownClass";

    /// <summary>Trains the network on the known characters.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ITransformer Train(MLContext mlContext, CharacterSet characters, FewShotSettings settings, IProgress<TrainingProgress> progress)
        => mlContext.Transforms.Conversion.MapValueToKey(KnownClass, nameof(CharacterImage.Class))
            .Append(mlContext.MulticlassClassification.Trainers.EquiangularBasisVectors(new EquiangularBasisVectorsTrainer.Options
            {
                LabelColumnName = KnownClass,
                FeatureColumnName = nameof(CharacterImage.Pixels),
                Trunk = EquiangularBasisTrunk.ConvNet,
                ImageHeight = characters.Height,
                ImageWidth = characters.Width,
                MaximumNumberOfEpochs = settings.MaximumNumberOfEpochs,
                // For classes that were not trained on they serve better than what follows them.
                TrunkFeaturesColumnName = Features,
                OutputScores = false,
                Progress = progress,
                CancellationToken = settings.CancellationToken,
            }))
            // What it takes new characters for is of no interest.
            .Append(mlContext.Transforms.DropColumns(KnownClass, "PredictedLabel"))
            .Fit(CharacterImage.View(mlContext, characters.Known));

    /// <summary>The mean of the features of images.</summary>
    public static float[] Mean(IDataView embedded)
    {
        float[][] rows = [.. embedded.GetColumn<float[]>(Features)];
        return [.. rows[0].Select((_, i) => rows.Average(row => row[i]))];
    }

    /// <summary>The two directions in which features differ most, as places in a plane.</summary>
    public static (double X, double Y)[] Project(MLContext mlContext, IDataView embedded)
    {
        const string Place = "Place";
        var projection = mlContext.Transforms.ProjectToPrincipalComponents(Place, Features, rank: 2, seed: 1).Fit(embedded);
        return [.. projection.Transform(embedded).GetColumn<float[]>(Place).Select(place => ((double)place[0], (double)place[1]))];
    }
}
