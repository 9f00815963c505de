using System.Runtime.InteropServices;

namespace MLNetExtensions.Tests.Faults;

/// <summary>The memory of this process.</summary>
internal static class Memory
{
    /// <summary>The bytes that are in use: what was freed is given back first.</summary>
    internal static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        if (OperatingSystem.IsLinux())
        {
            _ = TrimHeap(0);
        }
        return Environment.WorkingSet;
    }

    [DllImport("libc", EntryPoint = "malloc_trim")]
    private static extern int TrimHeap(nuint keep);
}
