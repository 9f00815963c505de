using System.Buffers.Binary;
using System.Text;
using MLNetExtensions.Torch;
using TorchSharp;

namespace MLNetExtensions.Tests;

[TestClass]
public class NativeLibraryLoaderTests
{
    private const string Version = "GLIBCXX_3.4.32";

    [TestMethod]
    public void OneByteOfTheWantedVersionChanges()
    {
        var image = Elf();
        var before = (byte[])image.Clone();
        Assert.IsTrue(NativeLibraryLoader.MakeVersionOptional(image, Version));
        var changed = Enumerable.Range(0, image.Length).Where(i => image[i] != before[i]).ToArray();
        CollectionAssert.AreEqual(new[] { FlagsOfSecond }, changed);
        Assert.AreEqual(2, image[FlagsOfSecond]);
        Assert.IsFalse(NativeLibraryLoader.MakeVersionOptional(image, Version), "It is optional already.");
    }

    [TestMethod]
    public void OneByteOfTheRealLibraryChanges()
    {
        var file = Directory.EnumerateFiles(AppContext.BaseDirectory, "libLibTorchSharp.so", SearchOption.AllDirectories).FirstOrDefault();
        if (file is null)
        {
            Assert.Inconclusive("The library for Linux is not among the output.");
        }
        var image = File.ReadAllBytes(file);
        var before = (byte[])image.Clone();
        Assert.IsTrue(NativeLibraryLoader.MakeVersionOptional(image, Version));
        Assert.AreEqual(1, Enumerable.Range(0, image.Length).Count(i => image[i] != before[i]));
        CollectionAssert.AreEqual(before, File.ReadAllBytes(file), "The installed file stays as it is.");
    }

    [TestMethod]
    public void OtherVersionsAndPartsOfNamesAreLeftAlone()
    {
        foreach (var other in new[] { "GLIBCXX_3.4.33", "GLIBCXX_3.4.3", "LIBCXX_3.4.32", "" })
        {
            var image = Elf();
            Assert.IsFalse(NativeLibraryLoader.MakeVersionOptional(image, other), other);
            CollectionAssert.AreEqual(Elf(), image);
        }
    }

    [TestMethod]
    public void WhateverIsNoElfIsLeftAlone()
    {
        var random = new Random(1);
        for (var trial = 0; trial < 20_000; trial++)
        {
            byte[] image;
            switch (trial % 3)
            {
                case 0:
                    image = new byte[random.Next(300)];
                    random.NextBytes(image);
                    break;
                case 1:
                    image = Elf()[..random.Next(Elf().Length)];
                    break;
                default:
                    image = Elf();
                    for (var flips = random.Next(1, 8); flips > 0; flips--)
                    {
                        image[random.Next(image.Length)] = (byte)random.Next(256);
                    }
                    break;
            }
            var before = (byte[])image.Clone();
            var changed = NativeLibraryLoader.MakeVersionOptional(image, Version);
            Assert.AreEqual(changed ? 1 : 0, Enumerable.Range(0, image.Length).Count(i => image[i] != before[i]));
        }
    }

    [TestMethod]
    public void WithoutLibraryTheMessageNamesThePackages()
    {
        var cause = new DllNotFoundException("not there");
        var outcome = NativeLibraryLoader.LoadRepaired([], cause);
        Assert.IsNull(outcome.Repair);
        Assert.AreSame(cause, outcome.Error);
        var error = TorchRuntime.NotLoaded(outcome.Error!);
        Assert.AreSame(cause, error.InnerException);
        foreach (var package in new[] { "TorchSharp-cpu", "libtorch-cpu-linux-x64", "TorchSharp-cuda-linux", "TorchSharp-cuda-windows" })
        {
            StringAssert.Contains(error.Message, package);
        }
    }

    [TestMethod]
    public void LoadingTwiceChangesNothing()
    {
        TorchRuntime.EnsureLoaded();
        TorchRuntime.Require();
        var repair = TorchRuntime.Repair;
        TorchRuntime.EnsureLoaded();
        TorchRuntime.Require();
        Assert.AreSame(repair, TorchRuntime.Repair);
        using var tensor = torch.ones(3);
        Assert.AreEqual(3, tensor.NumberOfElements);
    }

    private const int Names = 64, Needs = 128, FlagsOfSecond = Needs + 16 + 16 + 4, Sections = 192;

    /// <summary>An ELF file of three sections (none, names, needed versions) with two versions of one library.</summary>
    private static byte[] Elf()
    {
        var image = new byte[Sections + 3 * 64];
        void Write(int at, long value, int size)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
            bytes[..size].CopyTo(image.AsSpan(at));
        }
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(image, 0);
        Write(0x28, Sections, 8);
        Write(0x3A, 64, 2);
        Write(0x3C, 3, 2);
        Encoding.ASCII.GetBytes($"\0libstdc++.so.6\0GLIBCXX_3.4\0{Version}\0").CopyTo(image, Names);
        Write(Needs, 1, 2);
        Write(Needs + 2, 2, 2);
        Write(Needs + 4, 1, 4);
        Write(Needs + 8, 16, 4);
        Write(Needs + 16 + 8, 16, 4);
        Write(Needs + 16 + 12, 16, 4);
        Write(Needs + 32 + 8, 28, 4);
        Write(Sections + 64 + 4, 3, 4);
        Write(Sections + 64 + 24, Names, 8);
        Write(Sections + 128 + 4, 0x6ffffffe, 4);
        Write(Sections + 128 + 24, Needs, 8);
        Write(Sections + 128 + 40, 1, 4);
        return image;
    }
}
