using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// Windows of series to be reconstructed, as training examples: <c>window</c> and, where values may be missing, <c>observed</c>, both [B, L, C]. The series lie on the device once; a batch gathers its windows
/// there.
/// </summary>
/// <param name="series">The standardised series, [rows, C]; 0 where a value is missing.</param>
/// <param name="observed">1 where a value is there, otherwise 0; null = all are.</param>
/// <param name="starts">The first row of each window.</param>
/// <param name="windowSize">L.</param>
internal sealed class ReconstructionSource(Tensor series, Tensor? observed, IReadOnlyList<int> starts, int windowSize) : IBatchSource
{
    internal const string Window = "window";
    internal const string Observed = "observed";

    public int Count => starts.Count;

    public Batch Take(ReadOnlySpan<int> indices)
    {
        var batch = new Batch(indices.Length) { [Window] = Gather(series, indices) };
        if (observed is not null)
        {
            batch[Observed] = Gather(observed, indices);
        }
        return batch;
    }

    private Tensor Gather(Tensor rows, ReadOnlySpan<int> indices) => WindowSource.Gather(rows, starts, indices, windowSize).transpose(1, 2);
}
