namespace WebApi.Models;

/// <summary>A model by name: loads its file, serves requests through a bounded number of engines, and takes a new file while it does.</summary>
internal interface IModelService
{
    string Name { get; }

    /// <summary>The model that serves. Null: none yet.</summary>
    ModelInfo? Info { get; }

    /// <summary>Why there is no model. Null: there is one, or it is being loaded.</summary>
    string? Failure { get; }

    /// <summary>Loads the file, trained first if it is missing and the settings say so.</summary>
    Task StartAsync(CancellationToken cancellation);

    /// <summary>Loads and checks a new file, and serves from it if it is good; else the old model goes on.</summary>
    /// <param name="path">The new file, which is moved to its place.</param>
    /// <param name="cancellation">Ends the waiting for its turn.</param>
    /// <exception cref="RequestException">The file is not usable.</exception>
    Task<ModelInfo> ReplaceAsync(string path, CancellationToken cancellation);
}

internal abstract class ModelService<T>(string name, ServerSettings settings, ServerMetrics metrics, ILogger logger) : IModelService, IDisposable
    where T : ServedModel
{
    private readonly ModelSlot<T> _slot = new();
    private readonly Gate _gate = new(name, settings, metrics);
    private readonly Turn _replacing = new(settings.LongestWait, $"Another {name} is being loaded.");

    public string Name => name;

    public string? Failure { get; private set; }

    public ModelInfo? Info
    {
        get
        {
            using var lease = _slot.Acquire();
            return lease is null ? null : new(name, lease.Model.Version, lease.Model.LoadedAt, lease.Model.Description);
        }
    }

    protected ServerSettings Settings => settings;

    protected ILogger Logger => logger;

    /// <summary>Where the model is kept.</summary>
    protected string FilePath => Path.Combine(settings.Folder, name + ".mlnet");

    public async Task StartAsync(CancellationToken cancellation)
    {
        using var replacing = await _replacing.TakeAsync(cancellation);
        try
        {
            Directory.CreateDirectory(settings.Folder);
            if (!File.Exists(FilePath) && settings.TrainMissing)
            {
                logger.LogInformation("There is no '{Path}': a small model is trained.", FilePath);
                Train(FilePath, cancellation);
            }
            var model = Load(FilePath);
            Started(model);
            _slot.Replace(model);
            logger.LogInformation("{Name}: {Description}, version {Version}", name, model.Description, model.Version);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            Failure = $"'{FilePath}' does not serve: {Innermost(e).Message}";
            logger.LogError(e, "{Name}: {Failure}", name, Failure);
        }
    }

    public async Task<ModelInfo> ReplaceAsync(string path, CancellationToken cancellation)
    {
        using var replacing = await _replacing.TakeAsync(cancellation);
        try
        {
            var next = LoadOffered(path);
            try
            {
                await InstallAsync(next, path, cancellation);
            }
            catch
            {
                next.Dispose();
                throw;
            }
            Failure = null;
            metrics.Offered(name, taken: true);
            logger.LogInformation("{Name}: now {Description}, version {Version}", name, next.Description, next.Version);
            return Info!;
        }
        catch
        {
            metrics.Offered(name, taken: false);
            throw;
        }
    }

    public virtual void Dispose()
    {
        _slot.Dispose();
        _gate.Dispose();
        _replacing.Dispose();
    }

    /// <summary>Loads a file and tries it.</summary>
    protected abstract T Open(string path);

    /// <summary>Trains a model for demonstration and saves it.</summary>
    protected abstract void Train(string path, CancellationToken cancellation);

    /// <summary>The first model is there and about to serve.</summary>
    protected virtual void Started(T model)
    {
    }

    /// <summary>Puts a good file into its place, and its model into service.</summary>
    protected virtual Task InstallAsync(T next, string path, CancellationToken cancellation)
    {
        File.Move(path, FilePath, overwrite: true);
        Serve(next);
        return Task.CompletedTask;
    }

    protected void Serve(T model) => _slot.Replace(model);

    /// <summary>Lends the model, to look at.</summary>
    /// <exception cref="RequestException">There is none yet.</exception>
    protected ModelSlot<T>.Lease Acquire() => _slot.Acquire() ?? throw RequestException.Unavailable(Failure ?? $"The {name} is still being loaded.");

    /// <summary>Lends the model with the right to use one of its engines.</summary>
    /// <exception cref="RequestException">There is no model yet, or too many requests wait.</exception>
    protected async ValueTask<TResult> ServeAsync<TResult>(string operation, Func<T, TResult> use, CancellationToken cancellation)
    {
        using var place = await _gate.EnterAsync(operation, cancellation);
        using var lease = Acquire();
        return use(lease.Model);
    }

    protected ValueTask<Gate.Place> EnterAsync(string operation, CancellationToken cancellation) => _gate.EnterAsync(operation, cancellation);

    private static Exception Innermost(Exception e)
    {
        while (e.InnerException is not null)
        {
            e = e.InnerException;
        }
        return e;
    }

    private T LoadOffered(string path)
    {
        try
        {
            return Load(path);
        }
        // A file from outside may be broken in any way; what is wrong with it is for who sent it.
        catch (Exception e)
        {
            throw RequestException.Unusable($"The file is no {name} that can be served: {Innermost(e).Message}");
        }
    }

    private T Load(string path)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException("There is no such file.");
        }
        return Open(path);
    }
}
