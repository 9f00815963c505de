namespace MLNetExtensions.TimeSeries;

/// <summary>The last rows of a series, as a forecast needs them. Where the network is told of the time, this is one more channel.</summary>
internal sealed class WindowRing(int channels, int windowSize)
{
    // Each value is written twice, one window apart, so that the last rows of a channel always lie in one piece.
    private readonly double[] _values = new double[channels * 2 * windowSize];
    private int _next;
    private int _finiteRows;

    /// <summary>The number of rows held: at most a window.</summary>
    internal int Count { get; private set; }

    /// <summary>Whether a whole window of finite values is there.</summary>
    internal bool IsComplete => _finiteRows == windowSize;

    internal void Add(ReadOnlySpan<double> row)
    {
        var finite = true;
        for (var c = 0; c < channels; c++)
        {
            var at = c * 2 * windowSize + _next;
            _values[at] = row[c];
            _values[at + windowSize] = row[c];
            finite &= double.IsFinite(row[c]);
        }
        _finiteRows = finite ? Math.Min(_finiteRows + 1, windowSize) : 0;
        Count = Math.Min(Count + 1, windowSize);
        _next = (_next + 1) % windowSize;
    }

    /// <summary>The last rows of a channel, the oldest first.</summary>
    internal ReadOnlySpan<double> Channel(int channel) => _values.AsSpan(channel * 2 * windowSize + _next + windowSize - Count, Count);

    /// <summary>The last rows, row by row, the oldest first.</summary>
    internal double[] ToRows()
    {
        var rows = new double[Count * channels];
        for (var c = 0; c < channels; c++)
        {
            var values = Channel(c);
            for (var row = 0; row < Count; row++)
            {
                rows[row * channels + c] = values[row];
            }
        }
        return rows;
    }

    internal WindowRing Copy()
    {
        var copy = new WindowRing(channels, windowSize) { _next = _next, _finiteRows = _finiteRows, Count = Count };
        _values.CopyTo(copy._values, 0);
        return copy;
    }
}
