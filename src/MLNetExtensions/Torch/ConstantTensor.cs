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
}
