using Microsoft.ML;
using Microsoft.ML.Data;

namespace WebApi.Models;

/// <summary>A classifier of any kind whose features are one vector column <c>Features</c>.</summary>
internal sealed class Classifier : ServedModel
{
    private readonly EnginePool<PredictionEngine<FeatureRow, ClassScores>> _pool;
    private readonly string[] _labels;
    private readonly string[] _classes;

    /// <summary>Loads and tries it.</summary>
    public Classifier(string path, int engines)
        : base(path)
    {
        try
        {
            var column = InputSchema?.GetColumnOrNull(nameof(FeatureRow.Features)) ?? throw new InvalidDataException($"It reads no column '{nameof(FeatureRow.Features)}', or does not say what it reads.");
            NumberOfFeatures = column.Type is VectorDataViewType { IsKnownSize: true } vector && vector.ItemType == NumberDataViewType.Single
                ? vector.Size
                : throw new InvalidDataException($"Its column '{column.Name}' is {column.Type}, not a vector of Single of a fixed size.");
            var output = Transformer.GetOutputSchema(InputSchema);
            VBuffer<ReadOnlyMemory<char>> names = default;
            output["Score"].GetSlotNames(ref names);
            _classes = [.. names.DenseValues().Select(name => name.ToString())];
            output["PredictedLabel"].GetKeyValues(ref names);
            _labels = [.. names.DenseValues().Select(name => name.ToString())];
            var input = SchemaDefinition.Create(typeof(FeatureRow));
            input[nameof(FeatureRow.Features)].ColumnType = column.Type;
            _pool = new(() => CreateEngine<FeatureRow, ClassScores>(input), engines);
            _ = Classify(new float[NumberOfFeatures]);
        }
        catch
        {
            (Transformer as IDisposable)?.Dispose();
            throw;
        }
    }

    public int NumberOfFeatures { get; }

    public override string Description => $"tells {string.Join(", ", _classes)} apart by {NumberOfFeatures} features";

    public ClassifyResult Classify(float[] features)
    {
        var result = _pool.Use(engine => engine.Predict(new() { Features = features }));
        var scores = new Dictionary<string, float?>();
        foreach (var (i, name) in _classes.Index())
        {
            scores[name] = Numbers.Finite(result.Score[i]);
        }
        return new(result.PredictedLabel == 0 ? null : _labels[result.PredictedLabel - 1], scores);
    }

    protected override void DisposeEngines() => _pool.Dispose();

    internal sealed class FeatureRow
    {
        public float[] Features { get; set; } = [];

        /// <summary>Read by pipelines that map labels; of no effect on the result.</summary>
        public string Class { get; set; } = "";
    }

    internal sealed class ClassScores
    {
        /// <summary>The number of the class, from 1; 0 is none.</summary>
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }
}

/// <summary>The classifier.</summary>
internal sealed class ClassifierService(ServerSettings settings, ServerMetrics metrics, ILogger<ClassifierService> logger)
    : ModelService<Classifier>("classifier", settings, metrics, logger)
{
    public ValueTask<ClassifyResponse> ClassifyAsync(ClassifyRequest request, CancellationToken cancellation) => ServeAsync("classify", model =>
    {
        Numbers.Check(request.Rows, model.NumberOfFeatures, 1, Settings.MostRows, "rows");
        return new ClassifyResponse(model.Version, [.. request.Rows.Select(model.Classify)]);
    }, cancellation);

    protected override Classifier Open(string path) => new(path, Settings.EnginesPerModel);

    protected override void Train(string path, CancellationToken cancellation) => DemoModels.TrainClassifier(path, cancellation);
}
