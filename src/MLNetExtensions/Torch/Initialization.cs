using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>Initial weights from a private generator; on any device the numbers of the CPU.</summary>
internal static class Initialization
{
    /// <summary>Fills a tensor evenly between -bound and bound.</summary>
    internal static Tensor Uniform(Tensor tensor, double bound, Generator generator)
        => Fill(tensor, t => t.uniform_(-bound, bound, generator));

    /// <summary>Fills a tensor with normal numbers around 0.</summary>
    internal static Tensor Normal(Tensor tensor, double standardDeviation, Generator generator)
        => Fill(tensor, t => t.normal_(0, standardDeviation, generator));

    private static Tensor Fill(Tensor tensor, Func<Tensor, Tensor> draw)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        tensor.copy_(draw(empty_like(tensor, device: CPU, requires_grad: false)));
        return tensor;
    }
}
