using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// How a vector that holds a whole series becomes a window of the network: standardised by channel, cut to the length of the window or filled up with zeros at the end, with a mask that is 1
/// where there are steps.
/// </summary>
/// <param name="scaler">The scale of each channel.</param>
/// <param name="steps">The length of the window.</param>
internal sealed class SeriesWindows(ColumnScaler scaler, int steps)
{
    internal ColumnScaler Scaler => scaler;

    internal int Channels => scaler.Means.Length;

    internal int Steps => steps;

    /// <summary>The column of series.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="size">The number of values in a row, where only one will do.</param>
    internal static InputColumn<float> Column(string name, int? size = null)
        => new(name, "feature", InputTypes.Number, size is null ? InputShapes.Vector | InputShapes.VariableVector : InputShapes.Vector, size);

    /// <summary>Checks that vectors of known size hold whole steps.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They do not.</exception>
    internal static void CheckSize(IExceptionContext context, InputColumn column, DataViewSchema schema, int channels)
    {
        var found = column.Find(context, schema);
        if (InputColumn.Width(found) % channels != 0)
        {
            throw Check.SchemaMismatch(context, column.Role, column.Name, $"a vector whose size is a multiple of the {channels} channels", found.Type.ToString());
        }
    }

    /// <summary>Whether a vector holds whole steps, and at least one.</summary>
    internal static bool IsSeries(ReadOnlySpan<float> series, int channels) => series.Length > 0 && series.Length % channels == 0;

    /// <summary>Writes the window [steps, channels] of a series.</summary>
    internal void Write(ReadOnlySpan<float> series, Span<float> window)
    {
        var length = Math.Min(series.Length, window.Length);
        for (var start = 0; start < length; start += Channels)
        {
            scaler.Standardize(series.Slice(start, Channels), window.Slice(start, Channels));
        }
        window[length..].Clear();
    }

    /// <summary>Writes the mask [steps] of a series.</summary>
    internal void WriteMask(ReadOnlySpan<float> series, Span<float> mask)
    {
        var length = Math.Min(series.Length / Channels, steps);
        mask[..length].Fill(1);
        mask[length..].Clear();
    }
}
