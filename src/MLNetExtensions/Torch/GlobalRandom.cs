using TorchSharp;

namespace MLNetExtensions.Torch;

/// <summary>The generator of the whole process, from which TorchSharp's layers draw their first weights.</summary>
internal static class GlobalRandom
{
    private static readonly Lock s_lock = new();

    /// <summary>Runs what may draw from it, one caller at a time, and puts its state back.</summary>
    internal static T Keep<T>(Func<T> function)
    {
        lock (s_lock)
        {
            using var state = torch.random.get_rng_state();
            // It must outlive whatever scope is open.
            state.DetachFromDisposeScope();
            try
            {
                return function();
            }
            finally
            {
#pragma warning disable RS0030 // the one place that may set it, because it is a state that was just read
                torch.random.set_rng_state(state);
#pragma warning restore RS0030
                GC.KeepAlive(state);
            }
        }
    }
}
