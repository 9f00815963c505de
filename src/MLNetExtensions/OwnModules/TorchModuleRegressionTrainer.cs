using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>Trains a network of your own to predict a number, or several at once.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this trainer use
/// [TorchModule](xref:Microsoft.ML.RegressionCatalogExtensions.TorchModule*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | label | Single, scalar or vector of known size | rows whose label is NaN are not trained on |
/// | features | Single or Double, vector of known size or scalar | training needs finite values |
/// | `Score` | Single, or a vector of Single of the label's size | the prediction; NaN where a feature is not finite |
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Regression, multi-output regression |
/// | Is normalization required? | No, features and labels are standardised inside |
/// | Is caching required? | No, the data is read once |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | No |
///
/// ### Training Algorithm Details
/// Minibatches in random order; rows drawn at random choose the best epoch. The model file holds the name and the settings of the module factory and all parameters and
/// buffers of the network, not its code: the assembly of the factory must be there when it is loaded.
/// ]]></format>
/// </remarks>
public sealed partial class TorchModuleRegressionTrainer : IEstimator<TorchModuleRegressionTransformer>
{
    private readonly IHost _host;
    private readonly Options _options;
    private readonly TorchModuleTraining _training;
    private readonly InputColumn<float> _label;

    internal TorchModuleRegressionTrainer(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        _host = env.Register(nameof(TorchModuleRegressionTrainer));
        options = (Options)options.Copy();
        _options = options;
        Check.Option(_host, Enum.IsDefined(options.Loss), options.Loss, "Must be a defined value");
        Check.Option(_host, options.HuberDelta > 0 && double.IsFinite(options.HuberDelta), options.HuberDelta, "Must be positive and finite");
        _training = new(_host, options);
        _label = new(options.LabelColumnName, "label", InputTypes.Single, InputShapes.Fixed);
    }

    /// <summary>Returns the schema that the trained model will give to data of the given shape.</summary>
    /// <param name="inputSchema">The shape of the data.</param>
    /// <returns>The columns of the input and <c>Score</c>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(_host, inputSchema);
        _label.Check(_host, inputSchema);
        _training.Features.Check(_host, inputSchema);
        var isVector = inputSchema.First(column => column.Name == _label.Name).Kind == SchemaShape.Column.VectorKind.Vector;
        return SchemaShapes.Append(inputSchema, ScoreColumns.Promise(ScoreType(isVector ? 1 : null), ScoreColumns.HasSlotNames(inputSchema, _label.Name)));
    }

    /// <summary>Trains a network.</summary>
    /// <param name="input">The rows, with features and label.</param>
    /// <returns>The trained model.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are no rows with a label, a value is not finite, the network or the loss failed or gave a tensor of another shape, the training diverged, the checkpoint belongs to
    /// another training, or TorchSharp's native library is missing.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public TorchModuleRegressionTransformer Fit(IDataView input)
    {
        Check.NotNull(_host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        var buffers = DataReader.Read(_host, input, _options.CancellationToken, _training.Features, _label);
        var (features, labels) = ((RowBuffer<float>)buffers[0], (RowBuffer<float>)buffers[1]);
        var rows = _training.Usable(features, row => labels[row].ContainsAny([float.NaN]));
        foreach (var row in rows)
        {
            if (labels[row].ContainsAny([float.PositiveInfinity, float.NegativeInfinity]))
            {
                throw Check.BadData(_host, $"The label column '{_label.Name}' holds an infinite value in row {row}: training needs finite values.");
            }
        }
        var split = _training.Split(rows);
        var featureScaler = _options.StandardizeFeatures ? ColumnScaler.Fit(features, split.Training) : ColumnScaler.None(features[0].Length);
        var labelScaler = _options.StandardizeLabels ? ColumnScaler.Fit(labels, split.Training) : ColumnScaler.None(labels[0].Length);
        var module = _training.Train(features, split, featureScaler, labels[0].Length, (row, memory) => labelScaler.Standardize(labels[row], MemoryMarshal.Cast<byte, float>(memory)), ScalarType.Float32,
            _options.CustomLoss ?? Loss, _options.CustomLoss is { } custom ? $"custom {custom.Method.DeclaringType} {custom.Method.Name}" : string.Create(CultureInfo.InvariantCulture, $"{_options.Loss} {_options.HuberDelta:R}"));
        var column = input.Schema[_label.Name];
        return new(_host, module, _options.FeatureColumnName, featureScaler, labelScaler, column.Type is VectorDataViewType, SlotNames.Of(column) is { Length: > 0 } names ? names : null);
    }

    internal static DataViewType ScoreType(int? size) => size is { } n ? new VectorDataViewType(NumberDataViewType.Single, n) : NumberDataViewType.Single;

    private Tensor Loss(Tensor output, Tensor target)
    {
        var error = output.Minus(target);
        return _options.Loss switch
        {
            RegressionLoss.SquaredError => error.Times(error).mean(),
            RegressionLoss.AbsoluteError => error.abs().mean(),
            _ => nn.functional.huber_loss(output, target, _options.HuberDelta),
        };
    }
}
