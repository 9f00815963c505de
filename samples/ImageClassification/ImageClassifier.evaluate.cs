using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageClassification;

/// <summary>Evaluation: how good the predictions are, and how the classes lie.</summary>
internal static partial class ImageClassifier
{
    /// <summary>Compares the predictions with the labels, as if every image were of a known class.</summary>
    public static MulticlassClassificationMetrics Evaluate(MLContext mlContext, ITransformer model, IDataView testData)
        => mlContext.MulticlassClassification.Evaluate(model.Transform(testData));

    /// <summary>The cosines between the means of the classes, each less the mean of them all.</summary>
    public static double[,] MeanCosines(IReadOnlyList<ImagePrediction> rows, string[] classes)
    {
        var means = classes.Select(name => Mean([.. rows.Where(row => row.Class == name).Select(row => row.Embedding.Select(value => (double)value).ToArray())])).ToArray();
        var common = Mean(means);
        double[][] centred = [.. means.Select(mean => mean.Zip(common, (value, middle) => value - middle).ToArray())];
        var cosines = new double[classes.Length, classes.Length];
        for (var i = 0; i < classes.Length; i++)
        {
            for (var j = 0; j < classes.Length; j++)
            {
                cosines[i, j] = Product(centred[i], centred[j]) / Math.Sqrt(Product(centred[i], centred[i]) * Product(centred[j], centred[j]));
            }
        }
        return cosines;

        static double[] Mean(double[][] vectors) => [.. vectors[0].Select((_, i) => vectors.Average(vector => vector[i]))];

        static double Product(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
    }
}
