namespace OnnxDeployment;

/// <summary>
/// The last rows of a series. Each is written twice, one window apart, so that the last rows always lie in one piece: nothing is moved or copied when a row comes.
/// </summary>
internal sealed class LiveWindow(int windowSize, int channels)
{
    private readonly float[] _values = new float[2 * windowSize * channels];
    private int _next;
    private int _count;

    /// <summary>Whether as many rows as a window has were added.</summary>
    public bool IsFull => _count == windowSize;

    /// <summary>The last rows, the oldest first.</summary>
    public Memory<float> Rows => _values.AsMemory(_next * channels, windowSize * channels);

    /// <summary>Adds a row, in the place of the oldest one.</summary>
    public void Add(ReadOnlySpan<float> row)
    {
        row.CopyTo(_values.AsSpan(_next * channels, channels));
        row.CopyTo(_values.AsSpan((_next + windowSize) * channels, channels));
        _next = (_next + 1) % windowSize;
        _count = Math.Min(_count + 1, windowSize);
    }
}
