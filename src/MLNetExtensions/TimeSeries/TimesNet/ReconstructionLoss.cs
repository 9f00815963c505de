using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>The errors of reconstructed windows, all [B, L, C].</summary>
internal static class ReconstructionLoss
{
    /// <summary>The mean squared error of all values.</summary>
    internal static Tensor OfAll(Tensor reconstruction, Tensor truth)
    {
        var error = reconstruction.Minus(truth);
        return error.Times(error).mean();
    }

    /// <summary>The mean squared error of some values; 0 if there are none.</summary>
    /// <param name="reconstruction">What the network made.</param>
    /// <param name="truth">The values; any number where they do not count.</param>
    /// <param name="selected">1 where a value counts, otherwise 0.</param>
    internal static Tensor OfSelected(Tensor reconstruction, Tensor truth, Tensor selected)
    {
        var error = reconstruction.Minus(truth).Times(selected);
        return error.Times(error).sum().DividedBy(selected.sum().clamp_min(TensorOps.One));
    }
}
