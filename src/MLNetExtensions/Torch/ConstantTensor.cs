using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>Numbers computed in C# as tensors of the open dispose scope.</summary>
internal static class ConstantTensor
{
    /// <summary>Copies row-major values into a new tensor; no managed array stays pinned behind it.</summary>
    internal static Tensor Create(ReadOnlySpan<double> values, ReadOnlySpan<long> shape, ScalarType dtype, Device device)
    {
        var tensor = empty(shape, dtype: ScalarType.Float64, device: CPU);
        values.CopyTo(MemoryMarshal.Cast<byte, double>(tensor.bytes));
        return tensor.to(dtype, device);
    }

    /// <summary>Copies row-major values of any type into a new tensor on the CPU; none are fine.</summary>
    internal static Tensor Of<T>(ReadOnlySpan<T> values, ScalarType dtype, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        var tensor = empty(shape, dtype: dtype, device: CPU);
        if (values.Length > 0)
        {
            values.CopyTo(MemoryMarshal.Cast<byte, T>(tensor.bytes));
        }
        GC.KeepAlive(tensor);
        return tensor;
    }
}
