namespace MLNetExtensions.Torch;

/// <summary>Something native that several owners hold: it is freed when the last of them lets go.</summary>
internal sealed class Shared<T>(T value)
    where T : IDisposable
{
    private int _owners = 1;

    internal T Value => value;

    internal Shared<T> Acquire()
    {
        Interlocked.Increment(ref _owners);
        return this;
    }

    internal void Release()
    {
        if (Interlocked.Decrement(ref _owners) == 0)
        {
            value.Dispose();
        }
    }
}
