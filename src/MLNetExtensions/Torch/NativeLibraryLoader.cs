using System.Buffers.Binary;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace MLNetExtensions.Torch;

/// <summary>What came of loading the native library.</summary>
/// <param name="Repair">Tells of the repair, if one was needed and done.</param>
/// <param name="Error">Why the library is not loaded, null if it is.</param>
internal sealed record NativeLibraryOutcome(string? Repair, Exception? Error);

/// <summary>
/// Loads the native library of TorchSharp. On Linux it asks for the libstdc++ of GCC 13 by one marker symbol that nothing in it refers to, so that systems
/// such as Debian 12, Ubuntu 22.04 and RHEL 9 refuse it. There, a copy is loaded that no longer insists on that version; no installed file is changed.
/// </summary>
internal static class NativeLibraryLoader
{
    /// <summary>The AppContext switch that, set to false, prevents the repair.</summary>
    internal const string RepairSwitch = "MLNetExtensions.RepairNativeLibrary";

    /// <summary>The environment variable that, set to 1, prevents the repair.</summary>
    internal const string NoRepairVariable = "MLNETEXTENSIONS_NO_REPAIR";

    private const string Library = "LibTorchSharp";
    private const string LinuxFile = "libLibTorchSharp.so";
    private const string MissingVersion = "GLIBCXX_3.4.32";
    private const byte WeakFlag = 2; // VER_FLG_WEAK
    private const uint VersionNeeds = 0x6ffffffe; // SHT_GNU_verneed

    /// <summary>What the library depends on, in an order in which each finds its own dependencies beside itself.</summary>
    private static readonly string[] s_dependencies = ["libc10.so", "libtorch_cpu.so", "libtorch.so"];

    /// <summary>The assembly by whose rules TorchSharp looks for its library. Naming this type does not run the initializer of <c>torch</c>.</summary>
    private static Assembly TorchSharpAssembly => typeof(Scalar).Assembly;

    /// <summary>False where the user has switched the repair off.</summary>
    internal static bool RepairAllowed
        => !(AppContext.TryGetSwitch(RepairSwitch, out var allowed) && !allowed) && Environment.GetEnvironmentVariable(NoRepairVariable) != "1";

    /// <summary>
    /// The folder of the TorchSharp package if TorchSharp runs from the package cache, as in a notebook, else null. There TorchSharp gathers its native files from
    /// the packages by itself.
    /// </summary>
    internal static string? PackageOfTorchSharp
    {
        get
        {
            var location = TorchSharpAssembly.Location;
            if (location.Length == 0)
            {
                return null;
            }
            var package = Path.GetFullPath(Path.Combine(location, "..", "..", ".."));
            return Directory.Exists(Path.Combine(package, "runtimes")) && File.Exists(Path.Combine(package, "torchsharp.nuspec")) ? package : null;
        }
    }

    // TorchSharp may be touched right after anything of this assembly is, and its type initializer gets only one try.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Initialize() => TorchRuntime.EnsureLoaded();

    /// <summary>Loads the library as TorchSharp would, else repaired. Never throws.</summary>
    internal static NativeLibraryOutcome Load()
    {
        try
        {
            // The same two steps as TorchSharp's own, so that what loads here loads there.
            NativeLibrary.TryLoad("torch_cpu", TorchSharpAssembly, null, out _);
            NativeLibrary.Load(Library, TorchSharpAssembly, null);
            return new(null, null);
        }
        catch (Exception error)
        {
            return OperatingSystem.IsLinux() && RepairAllowed ? LoadRepaired(null, error) : new(null, error);
        }
    }

    /// <summary>Loads the library found in one of <paramref name="folders"/>, a repaired copy if need be. Never throws.</summary>
    /// <param name="folders">Where to look for the library and for libtorch; null for where the system and TorchSharp look.</param>
    /// <param name="error">Why the library itself could not be loaded.</param>
    internal static NativeLibraryOutcome LoadRepaired(IReadOnlyList<string>? folders, Exception error)
    {
        try
        {
            folders ??= [.. SearchFolders(), .. PackageFolders()];
            if (Find(folders, LinuxFile) is not { } file)
            {
                return new(null, error);
            }
            // The copy lies in another folder, from which it would not find them.
            foreach (var dependency in s_dependencies)
            {
                NativeLibrary.Load(Find(folders, dependency) ?? dependency);
            }
            if (NativeLibrary.TryLoad(file, out _))
            {
                return new(null, null);
            }
            var image = File.ReadAllBytes(file);
            if (!MakeVersionOptional(image, MissingVersion))
            {
                return new(null, error);
            }
            LoadImage(image);
            return new($"The native library of TorchSharp asks for {MissingVersion}, which the libstdc++ of this system lacks; a copy that does not insist on it "
                + $"was loaded. Set the environment variable {NoRepairVariable}=1 to prevent this.", null);
        }
        catch (Exception second)
        {
            // The second attempt names the missing dependency, if one is missing; the first only what else is wrong.
            return new(null, second);
        }
    }

    /// <summary>Marks a needed symbol version of an ELF file as weak: the loader then accepts a system without it.</summary>
    /// <returns>True if one byte was changed; false, with nothing changed, if the file needs no such version or is not as expected.</returns>
    internal static bool MakeVersionOptional(Span<byte> image, string version)
    {
        try
        {
            var flags = FindVersionFlags(image, version);
            if (flags < 0 || (image[flags] & WeakFlag) != 0)
            {
                return false;
            }
            image[flags] |= WeakFlag;
            return true;
        }
        catch (BadImageFormatException)
        {
            return false;
        }
    }

    /// <summary>The folders in which the runtime and the system's loader look, in this order.</summary>
    private static List<string> SearchFolders()
    {
        List<string> folders = [];
        folders.AddRange(((AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries));
        folders.Add(AppContext.BaseDirectory);
        folders.AddRange((Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "").Split([':', ';'], StringSplitOptions.RemoveEmptyEntries));
        return folders;
    }

    /// <summary>The folders of a package cache from which TorchSharp itself runs.</summary>
    private static List<string> PackageFolders()
    {
        List<string> folders = [];
        if (PackageOfTorchSharp is { } package)
        {
            var native = Path.Combine("runtimes", "linux-" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(), "native");
            folders.Add(Path.Combine(package, native));
            var libtorch = new DirectoryInfo(Path.Combine(package, "..", "..", "libtorch-cpu-linux-x64"));
            // Which of several versions is the right one, only TorchSharp knows.
            if (libtorch.Exists && libtorch.GetDirectories() is [var version])
            {
                folders.Add(Path.Combine(version.FullName, native));
            }
        }
        return folders;
    }

    private static string? Find(IReadOnlyList<string> folders, string file) => folders.Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);

    /// <summary>Loads a library from bytes. Later loads by its name find it, because its file is known by the name within.</summary>
    private static void LoadImage(byte[] image)
    {
        DirectoryInfo folder;
        try
        {
            folder = Directory.CreateTempSubdirectory("MLNetExtensions");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A container with a read-only file system still has memory.
            folder = Directory.CreateDirectory(Path.Combine("/dev/shm", "MLNetExtensions" + Guid.NewGuid().ToString("N")));
        }
        try
        {
            var file = Path.Combine(folder.FullName, LinuxFile);
            File.WriteAllBytes(file, image);
            NativeLibrary.Load(file);
        }
        finally
        {
            // The mapping outlives the file.
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The offset of the flags of the entry that asks for a version, -1 if there is none.</summary>
    private static int FindVersionFlags(ReadOnlySpan<byte> image, string version)
    {
        // ELF, 64 bits, little-endian
        if (!image.StartsWith((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1]))
        {
            return -1;
        }
        ulong sections = Read(image, 0x28, 8), sectionSize = Read(image, 0x3A, 2), sectionCount = Read(image, 0x3C, 2);
        for (ulong index = 0; index < sectionCount; index++)
        {
            var section = sections + index * sectionSize;
            if (Read(image, section + 4, 4) != VersionNeeds)
            {
                continue;
            }
            var names = Read(image, sections + Read(image, section + 40, 4) * sectionSize + 24, 8);
            for (ulong need = Read(image, section + 24, 8), next = 1; next != 0; need += next)
            {
                next = Read(image, need + 12, 4);
                for (ulong entry = need + Read(image, need + 8, 4), nextEntry = 1; nextEntry != 0; entry += nextEntry)
                {
                    nextEntry = Read(image, entry + 12, 4);
                    if (IsText(image, names + Read(image, entry + 8, 4), version))
                    {
                        return (int)entry + 4;
                    }
                }
            }
        }
        return -1;
    }

    private static ulong Read(ReadOnlySpan<byte> image, ulong at, int size)
    {
        if (at > (ulong)image.Length || (ulong)image.Length - at < (ulong)size)
        {
            throw new BadImageFormatException();
        }
        var bytes = image.Slice((int)at, size);
        return size switch
        {
            2 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            4 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
        };
    }

    /// <summary>Whether a text, ended by a zero, stands at an offset.</summary>
    private static bool IsText(ReadOnlySpan<byte> image, ulong at, string text)
    {
        if (at > (ulong)image.Length || image.Length - (int)at <= text.Length)
        {
            return false;
        }
        var bytes = image.Slice((int)at, text.Length + 1);
        for (var i = 0; i < text.Length; i++)
        {
            if (bytes[i] != text[i])
            {
                return false;
            }
        }
        return bytes[^1] == 0;
    }
}
