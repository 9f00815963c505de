namespace MLNetExtensions.Tensors;

/// <summary>
/// The functions of one mode of a functional Tucker decomposition at some coordinates: what is known of them, by mean and variance. Only products of functions of all modes have units, those of the
/// label brought to variance 1: a function may be multiplied by any number if one of another mode is divided by it.
/// </summary>
public sealed class ModeFunction
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
}
