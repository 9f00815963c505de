using MLNetExtensions.Torch;
using TorchSharp;

namespace MLNetExtensions.Tests;

[TestClass]
public class DevicesTests
{
    [TestMethod]
    public void NoIdIsTheCpu()
    {
        Assert.AreEqual(DeviceType.CPU, Devices.Choose(null, fallbackToCpu: false).type);
        Assert.AreEqual(DeviceType.CPU, Devices.Choose(null, fallbackToCpu: true).type);
    }

    [TestMethod]
    public void MissingGpuFallsBackOrSaysWhatToDo()
    {
        var beyond = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        Assert.AreEqual(DeviceType.CPU, Devices.Choose(beyond, fallbackToCpu: true).type);
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Devices.Choose(beyond, fallbackToCpu: false));
        StringAssert.Contains(error.Message, $"GPU {beyond}");
        StringAssert.Contains(error.Message, "FallbackToCpu");
    }

    [TestMethod]
    public void NegativeIdIsRefused() => Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Devices.Choose(-1, fallbackToCpu: true));

    [TestMethod]
    public void IdIsHonoured()
    {
        var count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        if (count == 0)
        {
            Assert.Inconclusive("There is no CUDA device.");
        }
        var device = Devices.Choose(count - 1, fallbackToCpu: false);
        Assert.AreEqual(DeviceType.CUDA, device.type);
        Assert.AreEqual(count - 1, device.index);
    }
}
