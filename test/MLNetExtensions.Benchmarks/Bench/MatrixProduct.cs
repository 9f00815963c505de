using MLNetExtensions.TimeSeries;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>A matrix product [Rows, Inner] by [Inner, Columns], of which OLinear consists almost wholly.</summary>
/// <param name="Name">What it computes.</param>
/// <param name="Rows">The rows of the result.</param>
/// <param name="Inner">The length of the sums.</param>
/// <param name="Columns">The columns of the result.</param>
/// <param name="Gradients">How many of its two factors need a gradient, each a product of the same size.</param>
internal sealed record MatrixProduct(string Name, long Rows, long Inner, long Columns, int Gradients = 2)
{
    public double ForwardFlops => 2.0 * Rows * Inner * Columns;

    public double BackwardFlops => Gradients * ForwardFlops;

    /// <summary>
    /// A training step, R = B N tokens, forward in multiply-adds: 2 d D T (sum of phi_k W_k) + min(R, D) T² + R T D + N T D
    /// + L (R D² + min(R, D) D² + N² B D + 2 R D F) + O + R F H, with the output side O the smaller of R (D dH + dH H + dH F) token by token and
    /// dH F (H + D) + R D F folded. Backward: twice that, but once where a factor is one of the constants Qi and Qo.
    /// </summary>
    public static IReadOnlyList<MatrixProduct> Training(OLinearShape shape, long batch)
    {
        var (n, t, h, d, width, f) = ((long)shape.Channels, (long)shape.WindowSize, (long)shape.Horizon, (long)shape.EmbeddingSize, (long)shape.Width, (long)shape.HiddenWidth);
        var tokens = n * batch;
        List<MatrixProduct> products =
        [
            new("sum of phi_k W_k", 2, d, width * t),
            new("rotation in", Math.Min(tokens, width), t, t, Gradients: 1),
            new("input projection", tokens, t, width),
            new("offset delta1", n, t, width),
        ];
        for (var l = 0; l < shape.Layers; l++)
        {
            products.Add(new("values", tokens, width, width));
            products.Add(new("values out", Math.Min(tokens, width), width, width));
            products.Add(new("channel mixing", n, n, batch * width));
            products.Add(new("first map", tokens, width, f));
            products.Add(new("second map", tokens, f, width));
        }
        MatrixProduct[] byToken = [new("output projection", tokens, width, d * h), new("rotation out", tokens * d, h, h, Gradients: 1), new("head", tokens, d * h, f)];
        MatrixProduct[] folded = [new("rotation out, folded", f * d, h, h, Gradients: 1), new("head, folded", f, d * h, width), new("output side", tokens, width, f)];
        products.AddRange(byToken.Sum(product => product.ForwardFlops) < folded.Sum(product => product.ForwardFlops) ? byToken : folded);
        products.Add(new("head out", tokens, f, h));
        return products;
    }

    /// <summary>Scoring, everything that is constant folded beforehand, in multiply-adds: R T D + L (R D² + N² B D + 2 R D F) + R D F + R F H.</summary>
    public static IReadOnlyList<MatrixProduct> Scoring(OLinearShape shape, long batch)
    {
        var (n, t, h, width, f) = ((long)shape.Channels, (long)shape.WindowSize, (long)shape.Horizon, (long)shape.Width, (long)shape.HiddenWidth);
        var tokens = n * batch;
        List<MatrixProduct> products = [new("input", tokens, t, width)];
        for (var l = 0; l < shape.Layers; l++)
        {
            products.AddRange([new("values", tokens, width, width), new("channel mixing", n, n, batch * width), new("first map", tokens, width, f), new("second map", tokens, f, width)]);
        }
        products.AddRange([new("output side", tokens, width, f), new("head out", tokens, f, h)]);
        return products;
    }

    /// <summary>The median seconds of the product alone, and of its gradients, in the layouts that a linear layer has.</summary>
    public (double Forward, double Backward) Measure(int repeats, int threads)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var x = rand(Rows, Inner);
        var w = rand(Columns, Inner);
        var g = rand(Rows, Columns);
        var calls = (int)Math.Clamp(1e9 / ForwardFlops, 1, 20);
        var times = Timing.Medians(repeats, calls, InScope(() => mm(x, w.t())), InScope(() => mm(g.t(), x)), InScope(() => mm(g, w)));
        return (times[0].Seconds(threads), (Gradients == 1 ? 0 : times[1].Seconds(threads)) + times[2].Seconds(threads));
    }

    /// <summary>The product alone; what it makes is freed at once.</summary>
    public static Action InScope(Func<Tensor> product) => () =>
    {
        using var scope = NewDisposeScope();
        product();
    };
}
