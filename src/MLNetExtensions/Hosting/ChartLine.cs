namespace MLNetExtensions;

/// <summary>A line of a chart, with the band around it if it has one.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="Color">Its colour, as HTML has it.</param>
/// <param name="Values">Its height at each place; where it is not finite, nothing is drawn.</param>
/// <param name="Lower">The lower edge of the band.</param>
/// <param name="Upper">The upper edge of the band.</param>
internal sealed record ChartLine(string Name, string Color, IReadOnlyList<double> Values, IReadOnlyList<double>? Lower = null, IReadOnlyList<double>? Upper = null);
