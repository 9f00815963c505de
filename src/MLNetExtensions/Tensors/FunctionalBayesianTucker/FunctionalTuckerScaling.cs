using Microsoft.ML.Runtime;

namespace MLNetExtensions.Tensors;

/// <summary>Brings the training range of each mode to [0, 1], and labels to mean 0 and variance 1.</summary>
/// <param name="Minimums">The least training coordinate of each mode.</param>
/// <param name="Ranges">How far its training coordinates reach from there; positive.</param>
/// <param name="LabelMean">The mean of the training labels.</param>
/// <param name="LabelDeviation">Their standard deviation; 1 where all are the same.</param>
internal sealed record FunctionalTuckerScaling(IReadOnlyList<double> Minimums, IReadOnlyList<double> Ranges, double LabelMean, double LabelDeviation)
{
    // So far outside of the training range nothing but the prior is known, and powers of the distance stay finite.
    internal const double Farthest = 1e9;

    internal static FunctionalTuckerScaling Fit(IExceptionContext context, FunctionalTuckerData data)
    {
        var (minimums, ranges) = (new double[data.Modes], new double[data.Modes]);
        for (var mode = 0; mode < data.Modes; mode++)
        {
            var (least, most) = (double.PositiveInfinity, double.NegativeInfinity);
            for (var i = mode; i < data.Coordinates.Length; i += data.Modes)
            {
                least = Math.Min(least, data.Coordinates[i]);
                most = Math.Max(most, data.Coordinates[i]);
            }
            if (least == most)
            {
                throw data.Constant(context, mode, least);
            }
            (minimums[mode], ranges[mode]) = (least, most - least);
            if (!double.IsFinite(ranges[mode]))
            {
                throw data.TooWide(context, mode);
            }
        }
        var labels = ColumnScaler.Fit(data.Labels, 1);
        return new(minimums, ranges, labels.Means[0], labels.Deviations[0]);
    }

    internal int Modes => Minimums.Count;

    internal double Scale(double coordinate, int mode) => Math.Clamp((coordinate - Minimums[mode]) / Ranges[mode], -Farthest, Farthest);

    /// <summary>The scaled coordinates [rows, modes].</summary>
    internal double[] Coordinates(FunctionalTuckerData data)
    {
        var scaled = new double[data.Coordinates.Length];
        for (var i = 0; i < scaled.Length; i++)
        {
            scaled[i] = Scale(data.Coordinates[i], i % Modes);
        }
        return scaled;
    }

    /// <summary>The standardised labels.</summary>
    internal double[] Targets(FunctionalTuckerData data) => Array.ConvertAll(data.Labels, label => (label - LabelMean) / LabelDeviation);

    /// <exception cref="FormatException">The numbers are no scale.</exception>
    internal void CheckContent()
    {
        if (Modes < 2 || Ranges.Count != Modes || !Minimums.All(double.IsFinite) || !Ranges.All(IsPositive) || !double.IsFinite(LabelMean) || !IsPositive(LabelDeviation))
        {
            throw new FormatException("A scale is not finite or not positive.");
        }

        static bool IsPositive(double value) => value > 0 && double.IsFinite(value);
    }
}
