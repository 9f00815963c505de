namespace MLNetExtensions.TimeSeries;

/// <summary>Brings each channel to mean 0 and population variance 1 over the rows it was fitted to. A constant channel is only moved.</summary>
internal sealed class ChannelScaler
{
    internal ChannelScaler(IReadOnlyList<double> means, IReadOnlyList<double> deviations)
    {
        Means = means;
        Deviations = deviations;
    }

    internal IReadOnlyList<double> Means { get; }

    /// <summary>The standard deviations; 1 for a constant channel.</summary>
    internal IReadOnlyList<double> Deviations { get; }

    internal static ChannelScaler None(int channels) => new(new double[channels], [.. Enumerable.Repeat(1.0, channels)]);

    internal static ChannelScaler Fit(ReadOnlySpan<double> values, int channels)
    {
        var rows = values.Length / channels;
        var means = new double[channels];
        var deviations = new double[channels];
        for (var i = 0; i < values.Length; i++)
        {
            means[i % channels] += values[i] / rows;
        }
        var constant = Enumerable.Repeat(true, channels).ToArray();
        var largest = new double[channels];
        for (var i = 0; i < values.Length; i++)
        {
            var c = i % channels;
            largest[c] = Math.Max(largest[c], Math.Abs(values[i] - means[c]));
            constant[c] &= values[i] == values[c];
        }
        // Brought near 1 by a power of two, which costs no digit, so that squares neither overflow nor vanish.
        var exponents = largest.Select(value => value > 0 && double.IsFinite(value) ? Math.ILogB(value) : 0).ToArray();
        for (var i = 0; i < values.Length; i++)
        {
            var c = i % channels;
            var d = Math.ScaleB(values[i] - means[c], -exponents[c]);
            deviations[c] += d * d / rows;
        }
        for (var c = 0; c < channels; c++)
        {
            deviations[c] = constant[c] ? 1 : Math.ScaleB(Math.Sqrt(deviations[c]), exponents[c]);
        }
        return new(means, deviations);
    }

    internal double Standardize(double value, int channel) => (value - Means[channel]) / Deviations[channel];

    internal double Restore(double value, int channel) => value * Deviations[channel] + Means[channel];

    /// <summary>Standardises rows.</summary>
    internal void Standardize(ReadOnlySpan<double> values, Span<double> result)
    {
        for (var i = 0; i < values.Length; i++)
        {
            result[i] = Standardize(values[i], i % Means.Count);
        }
    }
}
