using TorchSharp;

namespace MLNetExtensions.Torch;

/// <summary>The choice of the device.</summary>
internal static class Devices
{
    /// <summary>The GPU with the given id, or the CPU.</summary>
    /// <param name="gpuDeviceId">The id of a CUDA device; null chooses the CPU.</param>
    /// <param name="fallbackToCpu">Whether the CPU will do where there is no such GPU.</param>
    /// <exception cref="InvalidOperationException">There is no such GPU, and the CPU will not do.</exception>
    internal static torch.Device Choose(int? gpuDeviceId, bool fallbackToCpu)
    {
        if (gpuDeviceId is not { } id)
        {
            return torch.CPU;
        }
        ArgumentOutOfRangeException.ThrowIfNegative(id, nameof(gpuDeviceId));
        var count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        if (id < count)
        {
            return new(DeviceType.CUDA, id);
        }
        if (fallbackToCpu)
        {
            return torch.CPU;
        }
        var missing = count switch
        {
            0 => "no CUDA device can be used: it takes an NVIDIA GPU with its driver, and the package TorchSharp-cuda-linux or TorchSharp-cuda-windows",
            1 => "the only CUDA device has the id 0",
            _ => $"the CUDA devices have the ids 0 to {count - 1}",
        };
        throw new InvalidOperationException(
            $"The GPU {id} was asked for, but {missing}. Set MLContext.GpuDeviceId to a device that is there or to null, or MLContext.FallbackToCpu to true.");
    }
}
