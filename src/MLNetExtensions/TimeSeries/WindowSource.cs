using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// Windows of series as training examples: <c>input</c> [B, T, N], with time features also <c>marks</c> [B, T, M], and the rows that follow, <c>target</c> [B, H, N]. The
/// series lie on the device once; a batch gathers its windows there.
/// </summary>
/// <param name="series">The standardised series, [rows, N + M].</param>
/// <param name="channels">N.</param>
/// <param name="starts">The first row of each window.</param>
/// <param name="windowSize">T.</param>
/// <param name="horizon">H.</param>
internal sealed class WindowSource(Tensor series, int channels, IReadOnlyList<int> starts, int windowSize, int horizon) : IBatchSource
{
    internal const string Input = "input";
    internal const string Marks = "marks";
    internal const string Target = "target";

    public int Count => starts.Count;

    public Batch Take(ReadOnlySpan<int> indices)
    {
        var windows = Gather(series, starts, indices, windowSize + horizon);
        var values = windows.narrow(1, 0, channels);
        var batch = new Batch(indices.Length)
        {
            [Input] = values.narrow(2, 0, windowSize).transpose(1, 2),
            [Target] = values.narrow(2, windowSize, horizon).transpose(1, 2),
        };
        if (windows.shape[1] - channels is > 0 and var marks)
        {
            batch[Marks] = windows.narrow(1, channels, marks).narrow(2, 0, windowSize).transpose(1, 2);
        }
        return batch;
    }

    /// <summary>Copies windows of rows [rows, N] to [B, N, length].</summary>
    internal static Tensor Gather(Tensor series, IReadOnlyList<int> starts, ReadOnlySpan<int> indices, int length)
    {
        var rows = new long[indices.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = starts[indices[i]];
        }
        // The windows of all rows are no copy; the gather is the only one.
        return series.unfold(0, length, 1).index_select(0, tensor(rows, device: series.device));
    }
}
