using MLNetExtensions.TimeSeries;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>A convolution over the grids of windows that share a period: almost all of TimesNet's work.</summary>
/// <param name="Windows">The number of windows.</param>
/// <param name="Rows">The periods of a window.</param>
/// <param name="Columns">The steps of a period.</param>
/// <param name="In">The channels of the grid.</param>
/// <param name="Out">The channels of the result.</param>
/// <param name="Height">The rows of the kernel.</param>
/// <param name="Width">The columns of the kernel.</param>
internal sealed record Convolution(long Windows, long Rows, long Columns, long In, long Out, long Height, long Width)
{
    /// <summary>The two kernels of a layer, cropped, for each group of windows.</summary>
    public static IEnumerable<Convolution> Of(TimesNetShape shape, IEnumerable<PeriodGroup> groups)
    {
        foreach (var group in groups)
        {
            long columns = group.Period, rows = (shape.Steps + columns - 1) / columns;
            var height = 2 * Math.Min(shape.Kernels, rows) - 1;
            var width = 2 * Math.Min(shape.Kernels, columns) - 1;
            yield return new(group.Rows.Length, rows, columns, shape.Width, shape.HiddenWidth, height, width);
            yield return new(group.Rows.Length, rows, columns, shape.HiddenWidth, shape.Width, height, width);
        }
    }

    /// <summary>Every tap of the kernel at every place, those that meet the padding included.</summary>
    public double ForwardFlops => 2.0 * Windows * Rows * Columns * In * Out * Height * Width;

    /// <summary>The gradients of grid and kernel.</summary>
    public double BackwardFlops => 2 * ForwardFlops;

    /// <summary>The median seconds of the convolution alone, forward, and with both gradients.</summary>
    public (double Forward, double Both) Measure(int repeats, int threads)
    {
        using var scope = NewDisposeScope();
        using var notInference = inference_mode(false);
        using var gradients = enable_grad();
        var x = rand(Windows, Rows, Columns, In).permute(0, 3, 1, 2).requires_grad_();
        var w = rand(Out, In, Height, Width).requires_grad_();
        var g = rand(Windows, Rows, Columns, Out).permute(0, 3, 1, 2);
        var times = Timing.Medians(repeats, 1, Forward, Both);
        return (times[0].Seconds(threads), times[1].Seconds(threads));

        Tensor Convolve() => nn.functional.conv2d(x, w, padding: [Height / 2, Width / 2]);

        void Forward()
        {
            using var step = NewDisposeScope();
            using var inference = inference_mode();
            Convolve();
        }

        void Both()
        {
            using var step = NewDisposeScope();
            x.grad = null;
            w.grad = null;
            Convolve().backward([g]);
        }
    }
}
