using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;
using TensorCompletion;

namespace WebApi.Models;

/// <summary>A model that knows ratings of films by users at a time of day.</summary>
internal sealed class Completion : ServedModel
{
    private static readonly string[] s_modes = [nameof(Rating.User), nameof(Rating.Film), nameof(Rating.Time)];

    private readonly EnginePool<PredictionEngine<Rating, Value>> _pool;
    private readonly Dictionary<string, HashSet<string>> _keys;

    /// <summary>Loads and tries it.</summary>
    public Completion(string path, int engines)
        : base(path)
    {
        try
        {
            // Fails where the model has other modes.
            _keys = s_modes.ToDictionary(mode => mode, mode => Transformer.GetEmbeddings(mode).GetColumn<string>(mode).ToHashSet());
            _pool = new(() => CreateEngine<Rating, Value>(), engines);
            _ = Complete(new(_keys[nameof(Rating.User)].First(), _keys[nameof(Rating.Film)].First(), _keys[nameof(Rating.Time)].First()));
        }
        catch
        {
            (Transformer as IDisposable)?.Dispose();
            throw;
        }
    }

    public override string Description => $"knows {string.Join(" x ", s_modes.Select(mode => $"{_keys[mode].Count} {mode}"))}";

    public CompletedCell Complete(Cell cell)
    {
        var score = _pool.Use(engine => engine.Predict(new() { User = cell.User, Film = cell.Film, Time = cell.Time })).Score;
        string[] unknown = [.. s_modes.Zip([cell.User, cell.Film, cell.Time]).Where(pair => !_keys[pair.First].Contains(pair.Second)).Select(pair => NameOf(pair.First))];
        return new(Numbers.Finite(score), unknown);
    }

    /// <summary>The best keys of the one mode that is not given.</summary>
    public RecommendResponse Recommend(IReadOnlyDictionary<string, string> given, int top, IEnumerable<string>? excluded)
    {
        IReadOnlyList<TensorRecommendation> best = Transformer.Recommend(Context, given, top, excluded);
        return new(Version, NameOf(s_modes.Except(given.Keys).Single()), [.. best.Select(one => new Recommendation(one.Key, one.Score))]);
    }

    /// <summary>The name of a mode in JSON.</summary>
    public static string NameOf(string mode) => mode.ToLowerInvariant();

    protected override void DisposeEngines() => _pool.Dispose();

    private sealed class Value
    {
        public float Score { get; set; }
    }
}

/// <summary>Completes ratings and recommends.</summary>
internal sealed class CompletionService(ServerSettings settings, ServerMetrics metrics, ILogger<CompletionService> logger)
    : ModelService<Completion>("completion", settings, metrics, logger)
{
    private const int LongestKey = 200;
    private const int DefaultTop = 10;

    public ValueTask<CompleteResponse> CompleteAsync(CompleteRequest request, CancellationToken cancellation)
    {
        if (request.Cells is not { Length: > 0 } cells || cells.Length > Settings.MostRows)
        {
            throw RequestException.Invalid("cells", $"Must hold 1 to {Settings.MostRows} cells.");
        }
        foreach (var (i, cell) in cells.Index())
        {
            if (cell is null)
            {
                throw RequestException.Invalid($"cells[{i}]", "Must be a cell.");
            }
            CheckKey(cell.User, $"cells[{i}].user");
            CheckKey(cell.Film, $"cells[{i}].film");
            CheckKey(cell.Time, $"cells[{i}].time");
        }
        return ServeAsync("complete", model => new CompleteResponse(model.Version, [.. cells.Select(model.Complete)]), cancellation);
    }

    public ValueTask<RecommendResponse> RecommendAsync(RecommendRequest request, CancellationToken cancellation)
    {
        var given = new Dictionary<string, string>();
        foreach (var (mode, key) in new[] { (nameof(Rating.User), request.User), (nameof(Rating.Film), request.Film), (nameof(Rating.Time), request.Time) })
        {
            if (key is not null)
            {
                CheckKey(key, Completion.NameOf(mode));
                given.Add(mode, key);
            }
        }
        if (given.Count != 2)
        {
            throw RequestException.Invalid("user, film, time", "All but one must be given: that one is recommended.");
        }
        var top = request.Top ?? DefaultTop;
        if (top < 1 || top > Settings.MostRows)
        {
            throw RequestException.Invalid("top", $"Must be 1 to {Settings.MostRows}.");
        }
        if (request.Exclude is { } excluded)
        {
            if (excluded.Length > Settings.MostRows)
            {
                throw RequestException.Invalid("exclude", $"Must hold at most {Settings.MostRows} keys.");
            }
            foreach (var (i, key) in excluded.Index())
            {
                CheckKey(key, $"exclude[{i}]");
            }
        }
        return ServeAsync("recommend", model => model.Recommend(given, top, request.Exclude), cancellation);
    }

    protected override Completion Open(string path) => new(path, Settings.EnginesPerModel);

    protected override void Train(string path, CancellationToken cancellation) => DemoModels.TrainCompletion(path, cancellation);

    private static void CheckKey(string? key, string field)
    {
        if (key is not { Length: > 0 and <= LongestKey })
        {
            throw RequestException.Invalid(field, $"Must be a text of 1 to {LongestKey} characters.");
        }
    }
}
