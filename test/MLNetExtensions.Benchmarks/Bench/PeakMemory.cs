using System.Globalization;
using System.Runtime.InteropServices;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>How much memory a call needs beyond what the process holds already.</summary>
internal static class PeakMemory
{
    private const string ResetPeak = "5";

    /// <summary>The growth of the resident set at its highest, as Linux counts it; elsewhere it is not known.</summary>
    public static string Of(Action action) => Megabytes(action) is var growth && double.IsNaN(growth) ? "unknown" : $"+{growth:F1} MiB";

    /// <summary>The same as a number of MiB, NaN where it is not known.</summary>
    public static double Megabytes(Action action)
    {
        if (!OperatingSystem.IsLinux())
        {
            return double.NaN;
        }
        action();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        // Memory that was freed and kept would hide what is needed.
        _ = TrimHeap(0);
        File.WriteAllText("/proc/self/clear_refs", ResetPeak);
        var before = Status("VmRSS");
        action();
        return (Status("VmHWM") - before) / 1024.0;
    }

    [DllImport("libc", EntryPoint = "malloc_trim")]
    private static extern int TrimHeap(nuint keep);

    private static long Status(string name)
        => long.Parse(File.ReadLines("/proc/self/status").Single(line => line.StartsWith(name + ":", StringComparison.Ordinal)).Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
