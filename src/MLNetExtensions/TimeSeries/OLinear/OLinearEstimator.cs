using System.Globalization;
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
/// | group (optional) | key or text | the series that a row belongs to |
/// | time (optional) | DateTime | training makes sure that it does not go backwards within a series |
/// | output | Vector of Single, dimensions [horizon, targets] | the forecast for the rows that follow, step outer, channel inner; slot names `channel@+k` |
/// | lower and upper bound (optional) | as the output | between them a value lies with the probability of the confidence level |
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Forecasting |
/// | Is normalization required? | No, channels are standardised inside |
/// | Is caching required? | No, the data is read once |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | Yes |
///
/// ### Training Algorithm Details
/// OLinear ([arXiv 2505.08550](https://arxiv.org/abs/2505.08550), NeurIPS 2025). The scaling, the orthogonal bases of window and horizon and the channel
/// correlation are computed from the training rows alone; the rows after them choose the best epoch, and the last ones, if bounds are asked for, calibrate these.
///
/// ### Scoring Function
/// The forecast in row t is for the rows t+1 to t+horizon of its series and depends on its rows t-windowSize+1 to t. A row whose window is not full, or holds a value that is not
/// finite, gets NaN. Rows are scored in the order of the view; a prediction engine for single rows cannot be made.
/// ]]></format>
/// </remarks>
public sealed partial class OLinearEstimator : ForecastingEstimator<OLinearTransformer>
{
    private const int EvaluationBatchSize = 256;

    private readonly Options _options;

    internal OLinearEstimator(IHostEnvironment env, Options options)
        : this(env.Register(nameof(OLinearEstimator)), Copy(env, options))
    {
    }

    private OLinearEstimator(IHost host, Options options)
        : base(host, options)
    {
        _options = options;
        Check.Option(host, options.EmbeddingSize > 0, options.EmbeddingSize, "Must be positive");
        Check.Option(host, options.Width > 0, options.Width, "Must be positive");
        Check.Option(host, options.HiddenWidth is null or > 0, options.HiddenWidth, "Must be positive, or null");
        Check.Option(host, options.NumberOfLayers > 0, options.NumberOfLayers, "Must be positive");
        Check.Option(host, options.DropoutRate is >= 0 and < 1, options.DropoutRate, "Should be within [0, 1)");
        Check.Option(host, Enum.IsDefined(options.Activation), options.Activation, "Must be a defined value");
        Check.Option(host, Enum.IsDefined(options.ChannelMixing), options.ChannelMixing, "Must be a defined value");
        Check.Option(host, Enum.IsDefined(options.LagCorrelation), options.LagCorrelation, "Must be a defined value");
        Check.Option(host, options.NumberOfCorrelationRows is null || options.NumberOfCorrelationRows > Math.Max(options.WindowSize, options.Horizon), options.NumberOfCorrelationRows, "Must be greater than the window and the horizon, or null");
        CheckLoss(options.Loss);
        Check.Option(host, options.LossDecay >= 0 && double.IsFinite(options.LossDecay), options.LossDecay, "Must not be negative");
        Check.Option(host, Enum.IsDefined(options.LearningRateSchedule), options.LearningRateSchedule, "Must be a defined value");
        Check.Option(host, options.Beta1 is >= 0 and < 1, options.Beta1, "Should be within [0, 1)");
        Check.Option(host, options.Beta2 is >= 0 and < 1, options.Beta2, "Should be within [0, 1)");
        Check.Option(host, options.Epsilon > 0 && double.IsFinite(options.Epsilon), options.Epsilon, "Must be positive and finite");
        Check.Option(host, options.WeightDecay >= 0 && double.IsFinite(options.WeightDecay), options.WeightDecay, "Must not be negative");
        Check.Option(host, options.GradientClipNorm >= 0 && double.IsFinite(options.GradientClipNorm), options.GradientClipNorm, "Must not be negative");
    }

    private static Options Copy(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        return (Options)options.Copy();
    }

    private protected override OLinearTransformer Train(ForecastingData data, Device device)
    {
        using var scope = NewDisposeScope();
        var module = CreateModule(data, device);
        try
        {
            var series = data.ToTensor(device);
            using var loss = new StepWeightedLoss(_options.Horizon, _options.LossDecay, _options.Loss, ScalarType.Float32, device);
            var settings = Training.Settings with
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
                Fingerprint = Fingerprint(module.Shape, data),
            };
            Training.Train(settings, new Learner(module, loss, data), data.Training(series), data.Validation(series));
            using var folded = new FoldedOLinear(module);
            return new OLinearTransformer(Host, CreateModel(data, series, batch => folded.Score(batch[WindowSource.Input])), module);
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    private OLinearModule CreateModule(ForecastingData data, Device device)
    {
        var channels = data.Series.Channels;
        var shape = new OLinearShape
        {
            Channels = channels,
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
        Range[] rows = [.. data.Series.Groups.Zip(data.TrainingRows, (group, training) => _options.NumberOfCorrelationRows is { } number ? group.Start..(group.Start + Math.Min(number, group.Rows)) : training)];
        using var scope = NewDisposeScope();
        Tensor Basis(int size) => OrthogonalBasis.Compute(data.Standardized, channels, rows, size, _options.LagCorrelation).ToTensor(ScalarType.Float32, device);
        try
        {
            var channelWeights = _options.ChannelMixing == ChannelMixing.Learned
                ? null
                : ConstantTensor.Create(ChannelCorrelation.RowSoftmax(ChannelCorrelation.Pearson(data.Standardized, channels, rows), channels), [channels, channels], ScalarType.Float32, device);
            using var random = new StepRandom(Training.Seed, epoch: 0, step: 0);
            return new OLinearModule(shape, Basis(shape.WindowSize), Basis(shape.Horizon), channelWeights, random.Generator, ScalarType.Float32, device);
        }
        catch (ArgumentException e)
        {
            throw Check.BadData(Host, $"The series column '{_options.InputColumnName}': {e.Message}");
        }
    }

    // What a checkpoint must agree with, beyond the settings of the loop.
    private string Fingerprint(OLinearShape shape, ForecastingData data)
        => string.Create(CultureInfo.InvariantCulture, $"OLinear {shape} {_options.LagCorrelation} {_options.NumberOfCorrelationRows} {_options.Loss} {_options.LossDecay:R} {string.Join(',', data.TargetChannels)} ")
            + data.Hash();

    private sealed class Learner(OLinearModule module, StepWeightedLoss loss, ForecastingData data) : ForecastLearner(loss, data, module.QIn.device)
    {
        public override IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => module.Parameters.Items;

        private protected override Tensor Forecast(Batch batch, StepRandom random) => module.Forward(batch[WindowSource.Input], random);

        private protected override Func<Batch, Tensor> BeginForecasts()
        {
            var folded = new FoldedOLinear(module).AttachToDisposeScope();
            return batch => folded.Score(batch[WindowSource.Input]);
        }
    }
}
