using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>The numbers of tensors as arrays, row by row.</summary>
internal static class TensorValues
{
    internal static float[] ToFloats(this Tensor tensor) => Values<float>(tensor, ScalarType.Float32);

    internal static double[] ToDoubles(this Tensor tensor) => Values<double>(tensor, ScalarType.Float64);

    private static T[] Values<T>(Tensor tensor, ScalarType type)
        where T : unmanaged
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (tensor.NumberOfElements == 0)
        {
            return [];
        }
        var host = tensor.detach().to(type).cpu().contiguous();
        T[] values = [.. MemoryMarshal.Cast<byte, T>(host.bytes)];
        GC.KeepAlive(host);
        return values;
    }
}
