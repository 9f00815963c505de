using System.Threading.Channels;

namespace WebApi.Models;

/// <summary>Tells listeners the number of the last reading. One who is slow misses the numbers between, never the last.</summary>
internal sealed class ReadingFeed(ServerSettings settings)
{
    private readonly Lock _lock = new();
    private readonly HashSet<Channel<long>> _listeners = [];
    private long _last;

    public void Publish(long row)
    {
        lock (_lock)
        {
            _last = row;
            foreach (var listener in _listeners)
            {
                listener.Writer.TryWrite(row);
            }
        }
    }

    /// <summary>The last number and those to come, until the subscription is disposed.</summary>
    /// <exception cref="RequestException">There are too many listeners.</exception>
    public Subscription Subscribe()
    {
        var listener = Channel.CreateBounded<long>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        lock (_lock)
        {
            if (_listeners.Count >= settings.MostListeners)
            {
                throw RequestException.Unavailable("Too many pages follow the readings.");
            }
            _listeners.Add(listener);
            listener.Writer.TryWrite(_last);
        }
        return new(this, listener);
    }

    internal sealed class Subscription(ReadingFeed feed, Channel<long> listener) : IDisposable
    {
        public IAsyncEnumerable<long> ReadAllAsync(CancellationToken cancellation) => listener.Reader.ReadAllAsync(cancellation);

        public void Dispose()
        {
            lock (feed._lock)
            {
                feed._listeners.Remove(listener);
            }
        }
    }
}
