using MLNetExtensions.Torch;

namespace MLNetExtensions.Tests.Torch;

[TestClass]
public sealed class WholeFileTests
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("MLNetExtensions");

    private string FileName => Path.Combine(_folder.FullName, "file");

    [TestCleanup]
    public void Delete() => _folder.Delete(recursive: true);

    [TestMethod]
    public void AFileIsReplacedAndNothingIsLeftBeside()
    {
        File.WriteAllText(FileName, "old and long");
        WholeFile.Write(FileName, stream => stream.Write("new"u8));
        Assert.AreEqual("new", File.ReadAllText(FileName));
        Assert.HasCount(1, _folder.GetFiles());
    }

    [TestMethod]
    public void AFailureLeavesTheOldFileAndNothingBeside()
    {
        File.WriteAllText(FileName, "old");
        Assert.ThrowsExactly<NotImplementedException>(() => Write(new NotImplementedException()));
        // What .NET makes of a file that may not grow.
        var e = Assert.ThrowsExactly<IOException>(() => Write(new ArgumentOutOfRangeException("value")));
        Must.Contain(e.Message, FileName);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Write(new ArgumentOutOfRangeException("other")));
        Assert.AreEqual("old", File.ReadAllText(FileName));
        Assert.HasCount(1, _folder.GetFiles());
        Assert.Throws<IOException>(() => WholeFile.Write(Path.Combine(FileName, "below a file"), _ => { }));

        void Write(Exception failure) => WholeFile.Write(FileName, stream =>
        {
            stream.Write("half of the new"u8);
            throw failure;
        });
    }
}
