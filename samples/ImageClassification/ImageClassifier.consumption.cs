using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageClassification;

/// <summary>What the model says of an image.</summary>
internal sealed class ImagePrediction
{
    public string Class { get; set; } = "";

    /// <summary>Empty where the image looks like none of the classes.</summary>
    public string Predicted { get; set; } = "";

    public float[] Score { get; set; } = [];

    public float[] Embedding { get; set; } = [];

    public bool IsUnknown => Predicted.Length == 0;

    public bool IsRight => Predicted == Class;
}

/// <summary>Consumption: from a model file to predictions.</summary>
internal static partial class ImageClassifier
{
    /// <summary>Loads the model; no type of the pack is named.</summary>
    public static ITransformer LoadModel(MLContext mlContext, string modelPath) => mlContext.Model.Load(modelPath, out _);

    /// <summary>What a model says of each image.</summary>
    public static ImagePrediction[] Predict(MLContext mlContext, ITransformer model, IDataView data)
        => [.. mlContext.Data.CreateEnumerable<ImagePrediction>(model.Transform(data), reuseRowObject: false)];

    /// <summary>The names of the classes, in the order of the scores.</summary>
    public static string[] ClassNames(ITransformer model, IDataView data)
    {
        VBuffer<ReadOnlyMemory<char>> names = default;
        model.GetOutputSchema(data.Schema)["Score"].GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }
}
