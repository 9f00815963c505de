using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>Which window it is.</summary>
/// <param name="Scaler">Its scale.</param>
/// <param name="Group">The number of its series.</param>
/// <param name="Start">Its first row, as whoever added it counts.</param>
/// <param name="Taken">The number of its first rows that are not wanted.</param>
internal readonly record struct WindowPlace(ColumnScaler Scaler, int Group, int Start, int Taken);

/// <summary>Takes a window and its reconstruction, both standardised and [L, C].</summary>
internal delegate void ReconstructionTaker(WindowPlace place, ReadOnlySpan<float> window, ReadOnlySpan<float> reconstruction);

/// <summary>Windows on their way through a trained network, so many at a time. It belongs to one thread; the network does not.</summary>
/// <param name="network">The network.</param>
/// <param name="hasMask">Whether the network is told what is missing: all that is not finite.</param>
/// <param name="take">Is given every window.</param>
internal sealed class TimesNetReconstructor(TimesNetNetwork network, bool hasMask, ReconstructionTaker take)
{
    private const int WindowsAtOnce = 64;

    // Its square, summed over a window, is still a finite Single.
    internal const float Largest = 1e15f;

    private readonly int _size = network.Module.Shape.WindowSize * network.Module.Shape.Channels;
    private readonly List<WindowPlace> _places = [];
    private float[] _windows = [];

    /// <summary>Adds a window.</summary>
    /// <param name="values">Its values in the units of the data, [L, C].</param>
    /// <param name="place">Where it is.</param>
    internal void Add(ReadOnlySpan<double> values, WindowPlace place)
    {
        var start = _places.Count * _size;
        if (_windows.Length < start + _size)
        {
            Array.Resize(ref _windows, Math.Min(WindowsAtOnce * _size, Math.Max(_size, 2 * _windows.Length)));
        }
        var channels = place.Scaler.Means.Length;
        for (var i = 0; i < _size; i++)
        {
            _windows[start + i] = (float)place.Scaler.Standardize(values[i], i % channels);
        }
        _places.Add(place);
        if (_places.Count == WindowsAtOnce)
        {
            Flush();
        }
    }

    /// <summary>Reconstructs the windows that wait.</summary>
    internal void Flush()
    {
        if (_places.Count == 0)
        {
            return;
        }
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var shape = network.Module.Shape;
        var input = empty(_places.Count, shape.WindowSize, shape.Channels);
        var observed = hasMask ? ones_like(input) : null;
        var values = MemoryMarshal.Cast<byte, float>(input.bytes);
        var known = observed is null ? [] : MemoryMarshal.Cast<byte, float>(observed.bytes);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = Math.Clamp(_windows[i], -Largest, Largest);
            if (hasMask && !float.IsFinite(_windows[i]))
            {
                values[i] = known[i] = 0;
            }
        }
        GC.KeepAlive(input);
        GC.KeepAlive(observed);
        var result = network.Score(input, mask: observed);
        var reconstructions = MemoryMarshal.Cast<byte, float>(result.bytes);
        for (var window = 0; window < _places.Count; window++)
        {
            take(_places[window], _windows.AsSpan(window * _size, _size), reconstructions.Slice(window * _size, _size));
        }
        GC.KeepAlive(result);
        _places.Clear();
    }
}
