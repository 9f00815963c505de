namespace WebApi.Models;

/// <summary>A model that is replaced while requests use it: each request goes on with the model that it began with, and the last one that uses an old model disposes it.</summary>
internal sealed class ModelSlot<T> : IDisposable
    where T : class, IDisposable
{
    private readonly Lock _lock = new();
    private Holder? _current;

    /// <summary>The model for one request, which must dispose the lease. Null: there is none yet.</summary>
    public Lease? Acquire()
    {
        lock (_lock)
        {
            if (_current is null)
            {
                return null;
            }
            _current.Users++;
            return new(this, _current);
        }
    }

    /// <summary>From now on requests get this model, which belongs to the slot.</summary>
    public void Replace(T next) => Exchange(new(next));

    public void Dispose() => Exchange(null);

    private void Exchange(Holder? next)
    {
        Holder? old;
        lock (_lock)
        {
            (old, _current) = (_current, next);
        }
        if (old is not null)
        {
            Release(old);
        }
    }

    private void Release(Holder holder)
    {
        lock (_lock)
        {
            if (--holder.Users > 0)
            {
                return;
            }
        }
        holder.Model.Dispose();
    }

    /// <summary>The use of a model by one request.</summary>
    internal sealed class Lease : IDisposable
    {
        private readonly ModelSlot<T> _slot;
        private Holder? _holder;

        internal Lease(ModelSlot<T> slot, Holder holder)
        {
            (_slot, _holder) = (slot, holder);
            Model = holder.Model;
        }

        public T Model { get; }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _holder, null) is { } holder)
            {
                _slot.Release(holder);
            }
        }
    }

    /// <summary>A model with the number of its users, of which the slot itself is one.</summary>
    internal sealed class Holder(T model)
    {
        public T Model => model;

        public int Users { get; set; } = 1;
    }
}
