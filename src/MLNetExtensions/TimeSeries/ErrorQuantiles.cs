using System.Runtime.InteropServices;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// Split-conformal bounds (Lei et al., 2018): the errors of windows that training never saw, each divided by its window's own deviation, per step and channel.
/// </summary>
internal static class ErrorQuantiles
{
    // The quantile of more windows is no better, and their errors are held in memory.
    private const int MostWindows = 4096;
    private const int WindowsAtOnce = 256;

    /// <summary>Computes the quantiles [H, C'].</summary>
    /// <param name="host">Who asks.</param>
    /// <param name="windows">The calibration windows.</param>
    /// <param name="targets">The channels to forecast.</param>
    /// <param name="confidenceLevel">The probability that a value lies within its bounds.</param>
    /// <param name="forecast">The network: the windows of a batch to [B, H, N].</param>
    /// <param name="throwIfCancelled">Called now and then.</param>
    /// <exception cref="InvalidOperationException">There are too few windows for the confidence level.</exception>
    internal static double[] Compute(IHost host, WindowSource windows, IReadOnlyList<int> targets, double confidenceLevel, Func<Batch, Tensor> forecast, Action throwIfCancelled)
    {
        int[] chosen = windows.Count <= MostWindows
            ? [.. Enumerable.Range(0, windows.Count)]
            : [.. Enumerable.Range(0, MostWindows).Select(i => (int)((long)i * windows.Count / MostWindows))];
        // The smallest rank that covers a further value with the probability asked for.
        var rank = (int)Math.Ceiling((chosen.Length + 1) * confidenceLevel);
        if (rank > chosen.Length)
        {
            throw Check.BadData(host, $"Bounds at the confidence level {confidenceLevel} need the errors of at least {(int)Math.Ceiling(confidenceLevel / (1 - confidenceLevel))} calibration windows, there are {chosen.Length}: "
                + "raise CalibrationFraction or lower ConfidenceLevel.");
        }
        float[][]? errors = null;
        using var inference = inference_mode();
        for (var start = 0; start < chosen.Length; start += WindowsAtOnce)
        {
            throwIfCancelled();
            using var scope = NewDisposeScope();
            var count = Math.Min(WindowsAtOnce, chosen.Length - start);
            var batch = windows.Take(chosen.AsSpan(start, count));
            var input = batch[WindowSource.Input];
            using var selected = tensor(targets.Select(channel => (long)channel).ToArray(), device: input.device);
            var (variance, _) = input.var_mean(1, unbiased: false, keepdim: true);
            var error = forecast(batch).Minus(batch[WindowSource.Target]).abs().DividedBy(variance.Plus(1e-5).sqrt()).index_select(2, selected);
            // [H, C', B]: the errors of one step and channel lie together.
            var sorted = error.permute(1, 2, 0).contiguous().cpu();
            var values = MemoryMarshal.Cast<byte, float>(sorted.bytes);
            errors ??= [.. Enumerable.Range(0, values.Length / count).Select(_ => new float[chosen.Length])];
            for (var i = 0; i < errors.Length; i++)
            {
                values.Slice(i * count, count).CopyTo(errors[i].AsSpan(start));
            }
            GC.KeepAlive(sorted);
        }
        foreach (var slot in errors!)
        {
            Array.Sort(slot);
        }
        return [.. errors.Select(slot => (double)slot[rank - 1])];
    }
}
