using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>Standardised windows on their way to a forecaster, [N, B, T]: channel by channel, as the network reads them; and the marks of their times, [B, T, M].</summary>
internal sealed class WindowBatch(int channels, int windowSize, TimeMarks? marks)
{
    /// <summary>What is added to the variance of a window.</summary>
    internal const double VarianceEpsilon = 1e-5;

    private float[] _values = [];
    private float[] _marks = [];
    private int _capacity;

    internal int Count { get; private set; }

    /// <summary>The values of a channel in a window.</summary>
    internal Span<float> this[int channel, int window] => _values.AsSpan((channel * _capacity + window) * windowSize, windowSize);

    /// <summary>Forgets the windows, and makes room for as many as asked.</summary>
    internal void Clear(int capacity)
    {
        Count = 0;
        _capacity = capacity;
        if (_values.Length < channels * capacity * windowSize)
        {
            _values = new float[channels * capacity * windowSize];
            _marks = new float[capacity * windowSize * (marks?.Count ?? 0)];
        }
    }

    internal void Add(WindowRing ring, ColumnScaler scaler)
    {
        for (var c = 0; c < channels; c++)
        {
            var source = ring.Channel(c);
            var target = this[c, Count];
            for (var i = 0; i < target.Length; i++)
            {
                target[i] = (float)scaler.Standardize(source[i], c);
            }
        }
        if (marks is not null)
        {
            // The column after those of the channels.
            var times = ring.Channel(channels);
            for (var i = 0; i < times.Length; i++)
            {
                marks.Write(times[i], _marks.AsSpan((Count * windowSize + i) * marks.Count, marks.Count));
            }
        }
        Count++;
    }

    /// <summary>The windows as a tensor [N, B, T] of the open dispose scope.</summary>
    internal Tensor ToTensor()
    {
        var result = empty(channels, Count, windowSize);
        var target = MemoryMarshal.Cast<byte, float>(result.bytes);
        for (var c = 0; c < channels; c++)
        {
            _values.AsSpan(c * _capacity * windowSize, Count * windowSize).CopyTo(target[(c * Count * windowSize)..]);
        }
        GC.KeepAlive(result);
        return result;
    }

    /// <summary>The marks as a tensor [B, T, M] of the open dispose scope; null = the network is not told of the time.</summary>
    internal Tensor? MarksToTensor()
    {
        if (marks is null)
        {
            return null;
        }
        var result = empty(Count, windowSize, marks.Count);
        _marks.AsSpan(0, Count * windowSize * marks.Count).CopyTo(MemoryMarshal.Cast<byte, float>(result.bytes));
        GC.KeepAlive(result);
        return result;
    }

    /// <summary>The scale of a window by which errors are measured: that by which it is normalised, so that it never is 0.</summary>
    internal static double Deviation(ReadOnlySpan<float> window)
    {
        double sum = 0, squares = 0;
        foreach (double value in window)
        {
            sum += value;
            squares += value * value;
        }
        var mean = sum / window.Length;
        return Math.Sqrt(Math.Max(0, squares / window.Length - mean * mean) + VarianceEpsilon);
    }
}
