using System.Diagnostics;
using System.Threading.RateLimiting;

namespace WebApi.Models;

/// <summary>Lets as many requests to a model as there are engines, and a bounded number wait. The others are told to come again.</summary>
internal sealed class Gate(string model, ServerSettings settings, ServerMetrics metrics) : IDisposable
{
    private readonly ConcurrencyLimiter _limiter = new(new()
    {
        PermitLimit = settings.EnginesPerModel,
        QueueLimit = settings.QueueLength,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    /// <summary>Waits for a place, which must be disposed.</summary>
    /// <exception cref="RequestException">Too many wait already, or it took too long.</exception>
    public async ValueTask<Place> EnterAsync(string operation, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(settings.LongestWait);
        RateLimitLease lease;
        try
        {
            lease = await _limiter.AcquireAsync(1, patience.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Overload();
        }
        if (!lease.IsAcquired)
        {
            lease.Dispose();
            throw Overload();
        }
        metrics.Entered(model);
        return new(this, lease, operation);
    }

    public void Dispose() => _limiter.Dispose();

    private RequestException Overload()
    {
        metrics.Rejected(model);
        return RequestException.Unavailable($"The {model} has more requests than it can serve.");
    }

    internal sealed class Place(Gate gate, RateLimitLease lease, string operation) : IDisposable
    {
        private readonly long _start = Stopwatch.GetTimestamp();

        public void Dispose()
        {
            lease.Dispose();
            gate.Left(operation, Stopwatch.GetElapsedTime(_start));
        }
    }

    private void Left(string operation, TimeSpan time) => metrics.Left(model, operation, time);
}
