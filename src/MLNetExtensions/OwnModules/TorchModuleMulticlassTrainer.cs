using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>Trains a network of your own to tell classes apart.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this trainer use
/// [TorchModule](xref:Microsoft.ML.MulticlassClassificationCatalogExtensions.TorchModule*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | label | key | made by `MapValueToKey`; rows whose label is missing are not trained on |
/// | features | Single or Double, vector of known size or scalar | training needs finite values |
/// | `PredictedLabel` | key | the class with the largest score; missing where a feature is not finite |
/// | `Score` | vector of Single | the probability of each class (softmax of the network's values); NaN where a feature is not finite |
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Multiclass classification |
/// | Is normalization required? | No, features are standardised inside |
/// | Is caching required? | No, the data is read once |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | No |
///
/// ### Training Algorithm Details
/// Cross-entropy, or a loss of your own, over minibatches in random order; rows drawn at random choose the best epoch. There are as many classes as the key type has. The model
/// file holds the name and the settings of the module factory and all parameters and buffers of the network, not its code: the assembly of the factory must be there when it is
/// loaded.
/// ]]></format>
/// </remarks>
public sealed partial class TorchModuleMulticlassTrainer : IEstimator<TorchModuleMulticlassTransformer>
{
    private readonly IHost _host;
    private readonly Options _options;
    private readonly TorchModuleTraining _training;
    private readonly InputColumn<ulong> _label;

    internal TorchModuleMulticlassTrainer(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        _host = env.Register(nameof(TorchModuleMulticlassTrainer));
        options = (Options)options.Copy();
        _options = options;
        _training = new(_host, options);
        _label = ClassLabels.Column(options.LabelColumnName);
    }

    /// <summary>Returns the schema that the trained model will give to data of the given shape.</summary>
    /// <param name="inputSchema">The shape of the data.</param>
    /// <returns>The columns of the input, <c>PredictedLabel</c> and <c>Score</c>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(_host, inputSchema);
        _label.Check(_host, inputSchema);
        _training.Features.Check(_host, inputSchema);
        return SchemaShapes.Append(inputSchema, ScoreColumns.PromiseClasses(inputSchema, _label.Name));
    }

    /// <summary>Trains a network.</summary>
    /// <param name="input">The rows, with features and label.</param>
    /// <returns>The trained model.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are no rows with a label, all have the same, a feature is not finite, the network or the loss failed or gave a tensor of another shape, the training diverged, the
    /// checkpoint belongs to another training, or TorchSharp's native library is missing.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public TorchModuleMulticlassTransformer Fit(IDataView input)
    {
        Check.NotNull(_host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        var data = ClassifierData.Read(_host, input, _options.CancellationToken, _training.Features, _label);
        var (features, labels) = (data.Features, data.Labels);
        var split = _training.Split(data.Rows);
        var scaler = _options.StandardizeFeatures ? ColumnScaler.Fit(features, split.Training) : ColumnScaler.None(features[0].Length);
        var module = _training.Train(features, split, scaler, labels.Count, (row, memory) => MemoryMarshal.Write(memory, data.ClassOf(row)), ScalarType.Int64,
            _options.CustomLoss ?? CrossEntropy, _options.CustomLoss is { } custom ? $"custom {custom.Method.DeclaringType} {custom.Method.Name}" : nameof(CrossEntropy));
        return new(_host, module, _options.FeatureColumnName, scaler, labels);
    }

    private static Tensor CrossEntropy(Tensor logits, Tensor classes) => nn.functional.cross_entropy(logits, classes);
}
