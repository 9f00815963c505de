using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// Forecasts all channels of a series jointly with OLinear: windows are normalised, rotated into a basis that decorrelates their steps, mixed across channels
/// and mapped to the horizon.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this estimator use
/// [ForecastByOLinear](xref:Microsoft.ML.ForecastingCatalogExtensions.ForecastByOLinear*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | input | Single or Double, scalar or vector of known size C | the series, one row per time step |
/// | time (optional) | DateTime | training makes sure that it does not go backwards |
/// | output | Vector of Single, dimensions [horizon, C] | the forecast for the rows that follow, step outer, channel inner; slot names `channel@+k` |
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Forecasting |
/// | Is normalization required? | No, channels are standardised inside |
/// | Is caching required? | No, the data is read once |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | No |
///
/// ### Training Algorithm Details
/// OLinear ([arXiv 2505.08550](https://arxiv.org/abs/2505.08550), NeurIPS 2025). The scaling, the orthogonal bases of window and horizon and the channel
/// correlation are computed from the training rows alone; the last rows choose the best epoch.
///
/// ### Scoring Function
/// The forecast in row t is for the rows t+1 to t+horizon and depends on the rows t-windowSize+1 to t. A row whose window is not full, or holds a value that is not
/// finite, gets NaN. Rows are scored in the order of the view; a prediction engine for single rows cannot be made.
/// ]]></format>
/// </remarks>
public sealed partial class OLinearEstimator : IEstimator<OLinearTransformer>
{
    private const int EvaluationBatchSize = 256;

    private readonly IHost _host;
    private readonly Options _options;
    private readonly TrainingHost _training;
    private readonly InputColumn<double> _series;

    internal OLinearEstimator(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        _host = env.Register(nameof(OLinearEstimator));
        options = (Options)options.Copy();
        _options = options;
        Check.ColumnName(_host, options.OutputColumnName);
        options.InputColumnName ??= options.OutputColumnName;
        Check.ColumnName(_host, options.InputColumnName);
        Check.Option(_host, options.TimeColumnName is not "", options.TimeColumnName, "A column name cannot be empty");
        Check.Option(_host, options.WindowSize >= 2, options.WindowSize, "Must be at least 2");
        Check.Option(_host, options.Horizon > 0, options.Horizon, "Must be positive");
        Check.Option(_host, options.ValidationFraction is >= 0 and < 1, options.ValidationFraction, "Should be within [0, 1)");
        Check.Option(_host, options.Patience > 0, options.Patience, "Must be positive");
        Check.Option(_host, options.EmbeddingSize > 0, options.EmbeddingSize, "Must be positive");
        Check.Option(_host, options.Width > 0, options.Width, "Must be positive");
        Check.Option(_host, options.HiddenWidth is null or > 0, options.HiddenWidth, "Must be positive, or null");
        Check.Option(_host, options.NumberOfLayers > 0, options.NumberOfLayers, "Must be positive");
        Check.Option(_host, options.DropoutRate is >= 0 and < 1, options.DropoutRate, "Should be within [0, 1)");
        Check.Option(_host, Enum.IsDefined(options.Activation), options.Activation, "Must be a defined value");
        Check.Option(_host, Enum.IsDefined(options.ChannelMixing), options.ChannelMixing, "Must be a defined value");
        Check.Option(_host, Enum.IsDefined(options.LagCorrelation), options.LagCorrelation, "Must be a defined value");
        Check.Option(_host, options.NumberOfCorrelationRows is null || options.NumberOfCorrelationRows > Math.Max(options.WindowSize, options.Horizon), options.NumberOfCorrelationRows, "Must be greater than the window and the horizon, or null");
        Check.Option(_host, Enum.IsDefined(options.Loss), options.Loss, "Must be a defined value");
        Check.Option(_host, options.LossDecay >= 0 && double.IsFinite(options.LossDecay), options.LossDecay, "Must not be negative");
        Check.Option(_host, Enum.IsDefined(options.LearningRateSchedule), options.LearningRateSchedule, "Must be a defined value");
        Check.Option(_host, options.Beta1 is >= 0 and < 1, options.Beta1, "Should be within [0, 1)");
        Check.Option(_host, options.Beta2 is >= 0 and < 1, options.Beta2, "Should be within [0, 1)");
        Check.Option(_host, options.Epsilon > 0 && double.IsFinite(options.Epsilon), options.Epsilon, "Must be positive and finite");
        Check.Option(_host, options.WeightDecay >= 0 && double.IsFinite(options.WeightDecay), options.WeightDecay, "Must not be negative");
        Check.Option(_host, options.GradientClipNorm >= 0 && double.IsFinite(options.GradientClipNorm), options.GradientClipNorm, "Must not be negative");
        _training = new(_host, options);
        _series = Series.SeriesColumn(options.InputColumnName);
    }

    /// <summary>Returns the schema that the trained model will give to data of the given shape.</summary>
    /// <param name="inputSchema">The shape of the data.</param>
    /// <returns>The columns of the input and the forecast.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(_host, inputSchema);
        _series.Check(_host, inputSchema);
        if (_options.TimeColumnName is { } time)
        {
            Series.TimeColumn(time).Check(_host, inputSchema);
        }
        return SchemaShapes.Append(inputSchema, ForecastColumns.Promise(_options.OutputColumnName));
    }

    /// <summary>Trains a forecaster on a series.</summary>
    /// <param name="input">The series, one row per time step, in time order.</param>
    /// <returns>The trained forecaster.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are too few rows, a value is not finite, time goes backwards, the training diverged, the checkpoint belongs to another training, or TorchSharp's native library is missing.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public OLinearTransformer Fit(IDataView input)
    {
        Check.NotNull(_host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        var device = TrainingHost.Device(_host);
        var series = Series.Read(_host, input, _series, _options.TimeColumnName, _options.CancellationToken);
        var validationRows = ValidationRows(series.Rows);
        var trainingRows = series.Rows - validationRows;
        var scaler = _options.Standardize ? ChannelScaler.Fit(series.FirstRows(trainingRows), series.Channels) : ChannelScaler.None(series.Channels);
        var standardized = scaler.Standardize(series.Values);
        if (Array.FindIndex(standardized, value => !(Math.Abs(value) <= float.MaxValue)) is >= 0 and var large)
        {
            throw Check.BadData(_host, $"The series column '{_options.InputColumnName}' holds {series.Values[large]} in row {large / series.Channels}, channel '{series.ChannelNames[large % series.Channels]}': too large to train on. Scale the values first.");
        }
        // Tensors made in a caller's inference mode could not be trained.
        using var notInference = inference_mode(false);
        var module = CreateModule(standardized, series, trainingRows, device);
        try
        {
            Train(module, standardized, series, trainingRows);
            var schema = new ForecastingSchema(_options.InputColumnName!, _options.OutputColumnName, _options.WindowSize, _options.Horizon, series.ChannelNames, scaler.Means, scaler.Deviations);
            return new OLinearTransformer(_host, schema, module, series.LastRows(_options.WindowSize).ToArray());
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    // At least one window of targets where there is a validation part at all.
    private int ValidationRows(int rows)
    {
        var validation = _options.ValidationFraction == 0 ? 0 : Math.Max((int)Math.Round(_options.ValidationFraction * rows), _options.Horizon);
        var needed = (long)_options.WindowSize + _options.Horizon;
        if (rows - validation < needed)
        {
            throw Check.BadData(_host, $"The series column '{_options.InputColumnName}' has {rows} rows, {validation} of them for validation: training needs at least windowSize + horizon = {needed} rows before these.");
        }
        return validation;
    }

    private OLinearModule CreateModule(double[] standardized, Series series, int trainingRows, Device device)
    {
        var shape = new OLinearShape
        {
            Channels = series.Channels,
            WindowSize = _options.WindowSize,
            Horizon = _options.Horizon,
            EmbeddingSize = _options.EmbeddingSize,
            Width = _options.Width,
            HiddenWidth = _options.HiddenWidth ?? _options.Width,
            Layers = _options.NumberOfLayers,
            Dropout = _options.DropoutRate,
            Activation = _options.Activation,
            Mixing = _options.ChannelMixing,
        };
        var rows = Math.Min(_options.NumberOfCorrelationRows ?? trainingRows, series.Rows);
        using var scope = NewDisposeScope();
        var qIn = OrthogonalBasis.Compute(standardized, series.Channels, rows, shape.WindowSize, _options.LagCorrelation).ToTensor(ScalarType.Float32, device);
        var qOut = OrthogonalBasis.Compute(standardized, series.Channels, rows, shape.Horizon, _options.LagCorrelation).ToTensor(ScalarType.Float32, device);
        Tensor? channelWeights = null;
        if (_options.ChannelMixing == ChannelMixing.FixedCorrelation)
        {
            var correlation = ChannelCorrelation.Pearson(standardized, series.Channels, rows);
            channelWeights = ConstantTensor.Create(ChannelCorrelation.RowSoftmax(correlation, series.Channels), [series.Channels, series.Channels], ScalarType.Float32, device);
        }
        using var random = new StepRandom(_training.Seed, epoch: 0, step: 0);
        return new OLinearModule(shape, qIn, qOut, channelWeights, random.Generator, ScalarType.Float32, device);
    }

    private void Train(OLinearModule module, double[] standardized, Series series, int trainingRows)
    {
        using var scope = NewDisposeScope();
        var (window, horizon) = (_options.WindowSize, _options.Horizon);
        var values = ConstantTensor.Create(standardized, [series.Rows, series.Channels], ScalarType.Float32, module.QIn.device);
        var training = new WindowSource(values, first: 0, count: trainingRows - window - horizon + 1, window, horizon);
        // The first validation window looks back on training rows; its targets begin at the border.
        var validation = trainingRows == series.Rows ? null : new WindowSource(values, first: trainingRows - window, count: series.Rows - trainingRows - horizon + 1, window, horizon);
        using var loss = new StepWeightedLoss(horizon, _options.LossDecay, _options.Loss, ScalarType.Float32, module.QIn.device);
        var settings = _training.Settings with
        {
            EvaluationBatchSize = EvaluationBatchSize,
            Schedule = _options.LearningRateSchedule,
            Optimizer = _options.WeightDecay > 0 ? OptimizerKind.AdamW : OptimizerKind.Adam,
            Beta1 = _options.Beta1,
            Beta2 = _options.Beta2,
            Epsilon = _options.Epsilon,
            WeightDecay = _options.WeightDecay,
            ClipNorm = _options.GradientClipNorm,
            Patience = _options.Patience,
            Fingerprint = Fingerprint(module.Shape, standardized),
        };
        _training.Train(settings, new Learner(module, loss), training, validation);
    }

    // What a checkpoint must agree with, beyond the settings of the loop.
    private string Fingerprint(OLinearShape shape, double[] standardized)
        => string.Create(CultureInfo.InvariantCulture, $"OLinear {shape} {_options.LagCorrelation} {_options.NumberOfCorrelationRows} {_options.Loss} {_options.LossDecay:R} ")
            + Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(standardized.AsSpan())));

    private sealed class Learner(OLinearModule module, StepWeightedLoss loss) : ILearner
    {
        public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => module.Parameters.Items;

        public Tensor Loss(Batch batch, StepRandom random) => loss.Compute(module.Forward(batch[WindowSource.Input], random), batch[WindowSource.Target]);

        public Func<Batch, Tensor> BeginEvaluation()
        {
            var folded = new FoldedOLinear(module).AttachToDisposeScope();
            return batch => loss.Compute(folded.Score(batch[WindowSource.Input]), batch[WindowSource.Target]);
        }
    }
}
