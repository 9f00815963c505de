using System.Runtime.InteropServices;

namespace MLNetExtensions.Torch;

/// <summary>The native library of TorchSharp in this process.</summary>
/// <remarks>
/// <para>
/// The native library of TorchSharp 0.107.0 asks for the C++ library of GCC 13 and is refused by Linux systems with an older one (Debian 12, Ubuntu 22.04,
/// RHEL 9). Where it is, a copy that does not insist on that version is loaded; no installed file is changed. The environment variable
/// <c>MLNETEXTENSIONS_NO_REPAIR=1</c> or the <see cref="AppContext"/> switch <c>MLNetExtensions.RepairNativeLibrary</c>, set to false, prevents this.
/// </para>
/// <para>
/// On Linux, idle threads of libtorch are also told to wait for work actively only for a short while, which they would else do for so long that a second
/// program on the machine makes trainings several times slower. The environment variables <c>OMP_WAIT_POLICY</c> and <c>GOMP_SPINCOUNT</c>, if set, are
/// honoured instead.
/// </para>
/// </remarks>
public static class TorchRuntime
{
    /// <summary>
    /// How many turns an idle thread spins before it sleeps. A training step on two cores took 25 ms with it on a quiet machine, 56 ms beside one busy program and
    /// 73 ms beside two; by libtorch's own default 24, 81 and 237 ms, with 100,000 turns 25, 204 and 950 ms, sleeping at once 34, 46 and 90 ms.
    /// </summary>
    private const string SpinCount = "1000";

    private static readonly Lock s_lock = new();
    private static volatile bool s_loaded;
    private static NativeLibraryOutcome? s_outcome;

    /// <summary>Tells of the repair of the native library, null if none was needed.</summary>
    internal static string? Repair => s_outcome?.Repair;

    /// <summary>
    /// On Linux, loads the native library of TorchSharp, with the repair that older systems need; elsewhere TorchSharp needs no help. Called when a program that
    /// references this package starts, because it must come before the program's first use of <c>torch</c>. Does nothing when called again, and never throws:
    /// where there is no native library, the first trainer says so.
    /// </summary>
    public static void EnsureLoaded()
    {
        if (OperatingSystem.IsLinux())
        {
            Load(again: false);
        }
    }

    /// <summary>Loads the native library. To be called before anything of <c>torch</c> is touched; costs next to nothing after the first time.</summary>
    /// <exception cref="InvalidOperationException">There is no native library, or it does not load.</exception>
    internal static void Require()
    {
        // After a failure the program may have loaded a library by itself: try again. In a notebook TorchSharp has ways of its own.
        if (!s_loaded && Load(again: true).Error is { } error && NativeLibraryLoader.PackageOfTorchSharp is null)
        {
            throw NotLoaded(error);
        }
    }

    /// <summary>The exception of <see cref="Require"/>.</summary>
    internal static InvalidOperationException NotLoaded(Exception cause)
        => new("The native library of TorchSharp is not there or does not load. Add one of its packages to the program (not only to a library that it uses): "
            + "TorchSharp-cpu (or, smaller, libtorch-cpu-linux-x64 on Linux), TorchSharp-cuda-linux or TorchSharp-cuda-windows; or name the folder of libtorch in "
            + $"LD_LIBRARY_PATH.{(NativeLibraryLoader.RepairAllowed ? "" : " The repair for older Linux systems is switched off.")}", cause);

    private static NativeLibraryOutcome Load(bool again)
    {
        lock (s_lock)
        {
            if (s_outcome is null || again && !s_loaded)
            {
                BoundSpinning();
                s_outcome = NativeLibraryLoader.Load();
                s_loaded = s_outcome.Error is null;
            }
            return s_outcome;
        }
    }

    /// <summary>The OpenMP library reads the setting when it is loaded.</summary>
    private static void BoundSpinning()
    {
        if (OperatingSystem.IsLinux() && Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null && Environment.GetEnvironmentVariable("GOMP_SPINCOUNT") is null)
        {
            try
            {
                // Environment.SetEnvironmentVariable does not reach native code.
                SetEnvironmentVariable("GOMP_SPINCOUNT", SpinCount, 0);
            }
            catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
            {
                // Slower on a busy machine, nothing worse.
            }
        }
    }

    [DllImport("libc", EntryPoint = "setenv", ExactSpelling = true)]
    private static extern int SetEnvironmentVariable([MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, int overwrite);
}
