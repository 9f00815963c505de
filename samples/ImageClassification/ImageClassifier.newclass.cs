using Microsoft.ML;

namespace ImageClassification;

/// <summary>New classes: from a few images, without training.</summary>
internal static partial class ImageClassifier
{
    /// <summary>Makes a model with more classes. The logits of the old classes stay as they are, bit for bit; the probabilities of all are shared anew.</summary>
    public static ITransformer AddClasses(MLContext mlContext, ITransformer model, IDataView newImages)
        => model.AddClasses(mlContext, newImages, labelColumnName: nameof(LabelledImage.Class));
}
