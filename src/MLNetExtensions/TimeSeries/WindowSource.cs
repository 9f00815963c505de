using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// The windows of a series as training examples: <c>input</c> [B, T, N] and the rows that follow, <c>target</c> [B, H, N]. The series lies on the device once;
/// a batch gathers its windows there.
/// </summary>
/// <param name="series">The standardised series, [rows, N].</param>
/// <param name="first">The first row of the first window.</param>
/// <param name="count">The number of windows, one for each row from <paramref name="first"/> on.</param>
/// <param name="windowSize">T.</param>
/// <param name="horizon">H.</param>
internal sealed class WindowSource(Tensor series, int first, int count, int windowSize, int horizon) : IBatchSource
{
    internal const string Input = "input";
    internal const string Target = "target";

    public int Count => count;

    public Batch Take(ReadOnlySpan<int> indices)
    {
        var starts = new long[indices.Length];
        for (var i = 0; i < starts.Length; i++)
        {
            starts[i] = first + indices[i];
        }
        // [rows, N, T + H] without a copy; the gather is the only one.
        var windows = series.unfold(0, windowSize + horizon, 1).index_select(0, tensor(starts, device: series.device));
        return new Batch(indices.Length)
        {
            [Input] = windows.narrow(2, 0, windowSize).transpose(1, 2),
            [Target] = windows.narrow(2, windowSize, horizon).transpose(1, 2),
        };
    }
}
