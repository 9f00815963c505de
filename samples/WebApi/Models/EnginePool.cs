using Microsoft.Extensions.ObjectPool;

namespace WebApi.Models;

/// <summary>Engines of one model, which serve one thread each. They are made when needed; the gate before it bounds their number.</summary>
internal sealed class EnginePool<T>(Func<T> create, int size) : IDisposable
    where T : class, IDisposable
{
    private readonly ObjectPool<T> _pool = new DefaultObjectPoolProvider { MaximumRetained = size }.Create(new Policy(create));

    /// <summary>Lends an engine. One whose use ends by an exception is not used again.</summary>
    public TResult Use<TResult>(Func<T, TResult> use)
    {
        var engine = _pool.Get();
        TResult result;
        try
        {
            result = use(engine);
        }
        catch
        {
            engine.Dispose();
            throw;
        }
        _pool.Return(engine);
        return result;
    }

    public void Dispose() => ((IDisposable)_pool).Dispose();

    private sealed class Policy(Func<T> create) : PooledObjectPolicy<T>
    {
        public override T Create() => create();

        public override bool Return(T obj) => true;
    }
}
