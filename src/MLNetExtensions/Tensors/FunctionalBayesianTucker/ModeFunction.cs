using System.Globalization;

namespace MLNetExtensions.Tensors;

/// <summary>
/// The functions of one mode of a functional Tucker decomposition at some coordinates: what is known of them, by mean and variance. Only products of functions of all modes have units, those of the
/// label brought to variance 1: a function may be multiplied by any number if one of another mode is divided by it.
/// </summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class ModeFunction : IDisplayed
{
    internal ModeFunction(int mode, IReadOnlyList<double> points, int rank, ReadOnlySpan<double> means, ReadOnlySpan<double> variances)
    {
        Mode = mode;
        Points = points;
        Rank = rank;
        Means = new double[points.Count, rank];
        Variances = new double[points.Count, rank];
        for (var i = 0; i < means.Length; i++)
        {
            Means[i / rank, i % rank] = means[i];
            Variances[i / rank, i % rank] = variances[i];
        }
    }

    /// <summary>The mode: the slot of the feature column.</summary>
    public int Mode { get; }

    /// <summary>The coordinates, in the units of the data.</summary>
    public IReadOnlyList<double> Points { get; }

    /// <summary>The number of functions.</summary>
    public int Rank { get; }

    /// <summary>The mean of each function at each coordinate [coordinate, function].</summary>
    public double[,] Means { get; }

    /// <summary>The variance of each function at each coordinate [coordinate, function]; positive.</summary>
    public double[,] Variances { get; }

    /// <summary>A table of the functions at the first coordinates: mean and standard deviation.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString()
        => TextTable.Of([Title, .. Functions().SelectMany(function => new[] { Name(function), "deviation" })],
            [.. Points.Select((point, i) => (string[])[Html.Number(point), .. Functions().SelectMany(function => new[] { Html.Number(Means[i, function]), Html.Number(Deviation(i, function)) })])]);

    /// <summary>The functions as a chart, each within a band of two standard deviations around its mean.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml()
    {
        int[] order = [.. Enumerable.Range(0, Points.Count).OrderBy(i => Points[i])];
        double[] Along(Func<int, double> value) => Array.ConvertAll(order, i => value(i));
        var lines = Functions().Take(Html.MostCharts).Select(function => new ChartLine(Name(function), Html.Color(function), Along(i => Means[i, function]),
            Along(i => Means[i, function] - 2 * Deviation(i, function)), Along(i => Means[i, function] + 2 * Deviation(i, function))));
        return Html.Section($"Functions of {Title}{Html.More(Html.MostCharts, Rank)}",
            [Html.LineChart("Mean, and two standard deviations around it", "coordinate", fromZero: false, Along(i => Points[i]), [.. lines]), Html.Paragraph($"At {Points.Count} coordinates.")]);
    }

    private string Title => string.Create(CultureInfo.InvariantCulture, $"mode {Mode}");

    private static string Name(int function) => string.Create(CultureInfo.InvariantCulture, $"function {function}");

    private IEnumerable<int> Functions() => Enumerable.Range(0, Rank);

    private double Deviation(int point, int function) => Math.Sqrt(Variances[point, function]);
}
