using TorchSharp;

namespace MLNetExtensions.Torch;

/// <summary>
/// The number of threads within one operation. libtorch keeps it per thread; a thread that touches torch for the first time takes over what was last set
/// anywhere. So another thread that begins while a training runs may begin with that training's number.
/// </summary>
internal static class TorchThreads
{
    /// <summary>Sets the number for the calling thread until the result is disposed, on the same thread; null leaves it as it is.</summary>
    internal static Scope Use(int? numberOfThreads)
    {
        if (numberOfThreads is not { } number)
        {
            return default;
        }
        // libtorch would end the process.
        ArgumentOutOfRangeException.ThrowIfLessThan(number, 1, nameof(numberOfThreads));
        var previous = torch.get_num_threads();
        Set(number);
        return new(previous);
    }

    private static void Set(int number)
    {
#pragma warning disable RS0030 // the one place that may set it, because it puts it back
        torch.set_num_threads(number);
#pragma warning restore RS0030
    }

    /// <summary>Puts the number back. A ref struct, so that it cannot move to another thread.</summary>
    internal readonly ref struct Scope
    {
        private readonly int _previous;

        internal Scope(int previous) => _previous = previous;

        public void Dispose()
        {
            if (_previous > 0)
            {
                Set(_previous);
            }
        }
    }
}
