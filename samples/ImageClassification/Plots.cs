using Microsoft.ML.Data;
using MLNetExtensions;
using Samples;

namespace ImageClassification;

/// <summary>The pictures of the sample.</summary>
internal static class Plots
{
    /// <summary>The first test images of each class, a row for each.</summary>
    public static void SaveExamples(ImageSet images, string[] classes, string path)
        => ImageSheet.Save([.. classes.Select(name => (name, images.Test.Where(image => image.Class == name).Select(image => image.Pixels)))], images.Height, images.Width, "Test images", path);

    /// <summary>How often images of a class were taken for each class.</summary>
    public static void SaveConfusion(ConfusionMatrix matrix, string[] classes, string path)
        => SaveMatrix(MatrixPlot.Counts(matrix), classes, "Confusion matrix of the test images", "predicted", "actual", "images", "F0", path);

    /// <summary>The cosines between the directions in which the means of the classes lie from their common mean, and how far that is from a regular simplex.</summary>
    public static void SaveNeuralCollapse(NeuralCollapse metrics, double[,] cosines, string[] classes, string path)
    {
        (string Name, double Value)[] figures = [("NC1", metrics.WithinClassVariability), ("NC2", metrics.SimplexDistance), ("NC3", metrics.Alignment ?? double.NaN)];
        SaveMatrix(cosines, classes, string.Join("   ", figures.Select(figure => $"{figure.Name} {figure.Value:F3}")) + $"   (0: collapsed; cosines then {-1.0 / (classes.Length - 1):F2})",
            "class mean less the common mean", "class mean less the common mean", "cosine", "F2", path);
    }

    private static void SaveMatrix(double[,] values, string[] names, string title, string xTitle, string yTitle, string unit, string format, string path)
    {
        using var plot = MatrixPlot.Draw(values, names, title, xTitle, yTitle, unit, format);
        plot.SavePng(path, 1000, 800);
    }
}
