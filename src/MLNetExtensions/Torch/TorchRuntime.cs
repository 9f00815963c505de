namespace MLNetExtensions.Torch;

/// <summary>The native library of TorchSharp in this process.</summary>
public static class TorchRuntime
{
    /// <summary>Loads the native library, with the repair that older Linux systems need.</summary>
    public static void EnsureLoaded()
    {
    }
}
