namespace WebApi.Models;

/// <summary>One request at a time, and none waits for ever.</summary>
/// <param name="longestWait">How long a request waits.</param>
/// <param name="busy">What one that has waited so long is told.</param>
internal sealed class Turn(TimeSpan longestWait, string busy) : IDisposable
{
    private readonly SemaphoreSlim _semaphore = new(1);

    /// <summary>Waits; what is returned must be disposed.</summary>
    /// <exception cref="RequestException">It took too long.</exception>
    public async ValueTask<Taken> TakeAsync(CancellationToken cancellation)
        => await _semaphore.WaitAsync(longestWait, cancellation) ? new(_semaphore) : throw RequestException.Unavailable(busy);

    public void Dispose() => _semaphore.Dispose();

    internal sealed class Taken(SemaphoreSlim semaphore) : IDisposable
    {
        public void Dispose() => semaphore.Release();
    }
}
