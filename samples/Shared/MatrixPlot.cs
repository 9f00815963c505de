using Microsoft.ML.Data;
using ScottPlot;

namespace Samples;

/// <summary>A square of numbers as a picture, with the names of its rows and columns.</summary>
internal static class MatrixPlot
{
    private const int MostNumbers = 12;
    private const int MostNames = 30;

    /// <summary>How often rows of a class [actual] were taken for each class [predicted].</summary>
    public static double[,] Counts(ConfusionMatrix matrix)
    {
        var counts = new double[matrix.NumberOfClasses, matrix.NumberOfClasses];
        for (var actual = 0; actual < matrix.NumberOfClasses; actual++)
        {
            for (var predicted = 0; predicted < matrix.NumberOfClasses; predicted++)
            {
                counts[actual, predicted] = matrix.GetCountForClassPair(predicted, actual);
            }
        }
        return counts;
    }

    /// <summary>Draws it; where there are few rows, with the numbers.</summary>
    public static Plot Draw(double[,] values, string[] names, string title, string xTitle, string yTitle, string unit, string format)
    {
        var plot = new Plot();
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
        plot.Title(title);
        plot.Axes.Bottom.Label.Bold = plot.Axes.Left.Label.Bold = false;
        plot.Axes.Bottom.MajorTickStyle.Length = plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Axes.Margins(0, 0);
        plot.HideGrid();
        return plot;
    }
}
