using Microsoft.ML.Data;
using MLNetExtensions;
using Samples;
using ScottPlot;

namespace ImageClassification;

/// <summary>The pictures of the sample.</summary>
internal static class Plots
{
    private const int MostNumbers = 12;
    private const int MostNames = 30;

    /// <summary>The first test images of each class, a row for each.</summary>
    public static void SaveExamples(ImageSet images, string[] classes, string path)
        => ImageSheet.Save([.. classes.Select(name => (name, images.Test.Where(image => image.Class == name).Select(image => image.Pixels)))], images.Height, images.Width, "Test images", path);

    /// <summary>How often images of a class were taken for each class.</summary>
    public static void SaveConfusion(ConfusionMatrix matrix, string[] classes, string path)
    {
        var counts = new double[classes.Length, classes.Length];
        for (var actual = 0; actual < classes.Length; actual++)
        {
            for (var predicted = 0; predicted < classes.Length; predicted++)
            {
                counts[actual, predicted] = matrix.GetCountForClassPair(predicted, actual);
            }
        }
        SaveMatrix(counts, classes, "Confusion matrix of the test images", "predicted", "actual", "images", "F0", path);
    }

    /// <summary>The cosines between the directions in which the means of the classes lie from their common mean, and how far that is from a regular simplex.</summary>
    public static void SaveNeuralCollapse(NeuralCollapse metrics, double[,] cosines, string[] classes, string path)
    {
        (string Name, double Value)[] figures = [("NC1", metrics.WithinClassVariability), ("NC2", metrics.SimplexDistance), ("NC3", metrics.Alignment ?? double.NaN)];
        SaveMatrix(cosines, classes, string.Join("   ", figures.Select(figure => $"{figure.Name} {figure.Value:F3}")) + $"   (0: collapsed; cosines then {-1.0 / (classes.Length - 1):F2})",
            "class mean less the common mean", "class mean less the common mean", "cosine", "F2", path);
    }

    private static void SaveMatrix(double[,] values, string[] names, string title, string xTitle, string yTitle, string unit, string format, string path)
    {
        using var plot = new Plot();
        var map = plot.Add.Heatmap(values);
        map.Colormap = new ScottPlot.Colormaps.Viridis();
        var bar = plot.Add.ColorBar(map);
        bar.Label = unit;
        bar.LabelStyle.Bold = false;
        double[] places = [.. names.Select((_, i) => (double)i)];
        plot.Axes.Bottom.SetTicks(places, names);
        // Row 0 of the matrix stands at the top.
        plot.Axes.Left.SetTicks([.. places.Reverse()], names);
        plot.Axes.Bottom.TickLabelStyle.IsVisible = plot.Axes.Left.TickLabelStyle.IsVisible = names.Length <= MostNames;
        if (names.Length <= MostNumbers)
        {
            var (least, most) = (values.Cast<double>().Min(), values.Cast<double>().Max());
            for (var i = 0; i < names.Length; i++)
            {
                for (var j = 0; j < names.Length; j++)
                {
                    var text = plot.Add.Text(values[i, j].ToString(format), j, names.Length - 1 - i);
                    text.LabelAlignment = Alignment.MiddleCenter;
                    text.LabelFontColor = values[i, j] > least + 0.65 * (most - least) ? Colors.Black : Colors.White;
                }
            }
        }
        plot.XLabel(xTitle);
        plot.YLabel(yTitle);
        Finish(plot, title);
        plot.SavePng(path, 1000, 800);
    }

    private static void Finish(Plot plot, string title)
    {
        plot.Title(title);
        plot.Axes.Bottom.Label.Bold = plot.Axes.Left.Label.Bold = false;
        plot.Axes.Bottom.MajorTickStyle.Length = plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Axes.Margins(0, 0);
        plot.HideGrid();
    }
}
