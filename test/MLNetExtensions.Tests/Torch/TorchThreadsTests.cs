using MLNetExtensions.Torch;
using TorchSharp;

namespace MLNetExtensions.Tests;

[TestClass]
public class TorchThreadsTests
{
    [TestMethod]
    public void NumberIsSetAndPutBack()
    {
        var before = torch.get_num_threads();
        using (TorchThreads.Use(before + 1))
        {
            Assert.AreEqual(before + 1, torch.get_num_threads());
            using (TorchThreads.Use(1))
            {
                Assert.AreEqual(1, torch.get_num_threads());
            }
            Assert.AreEqual(before + 1, torch.get_num_threads());
        }
        Assert.AreEqual(before, torch.get_num_threads());
    }

    [TestMethod]
    public void NullLeavesTheNumber()
    {
        var before = torch.get_num_threads();
        using (TorchThreads.Use(null))
        {
            Assert.AreEqual(before, torch.get_num_threads());
        }
        Assert.AreEqual(before, torch.get_num_threads());
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(-1)]
    public void LessThanOneIsRefused(int number)
    {
        var before = torch.get_num_threads();
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => { using var scope = TorchThreads.Use(number); });
        Assert.AreEqual(before, torch.get_num_threads());
    }
}
