using System.Globalization;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// Forecasts a series with TimesNet: a window is folded by the periods that stand out of its spectrum, so that a small two-dimensional convolution sees neighbours in time
/// and in phase.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this estimator use
/// [ForecastByTimesNet](xref:Microsoft.ML.ForecastingCatalogExtensions.ForecastByTimesNet*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | input | Single or Double, scalar or vector of known size C | the series, one row per time step |
/// | group (optional) | key or text | the series that a row belongs to |
/// | time (optional) | DateTime | training makes sure that it does not go backwards within a series; time features are taken from it |
/// | output | Vector of Single, dimensions [horizon, targets] | the forecast for the rows that follow, step outer, channel inner; slot names `channel@+k` |
/// | lower and upper bound (optional) | as the output | between them a value lies with the probability of the confidence level |
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Forecasting |
/// | Is normalization required? | No, channels are standardised inside, and each window once more |
/// | Is caching required? | No, the data is read once |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | Yes |
///
/// ### Training Algorithm Details
/// TimesNet ([arXiv 2210.02186](https://arxiv.org/abs/2210.02186), ICLR 2023), its Inception blocks computed as one convolution each. The scaling is computed from the training
/// rows alone; the rows after them choose the best epoch, and the last ones, if bounds are asked for, calibrate these. Periods are chosen for each batch in training, as
/// published, and for each window in validation and scoring, so that a forecast does not depend on the rows scored with it.
///
/// ### Scoring Function
/// The forecast in row t is for the rows t+1 to t+horizon of its series and depends on its rows t-windowSize+1 to t. A row whose window is not full, or holds a value that is not
/// finite, gets NaN. Rows are scored in the order of the view; a prediction engine for single rows cannot be made.
/// ]]></format>
/// </remarks>
public sealed partial class TimesNetForecastingEstimator : ForecastingEstimator<TimesNetForecastingTransformer>
{
    private const int SmallestWindow = 4;
    private const int EvaluationBatchSize = 64;

    private readonly Options _options;

    internal TimesNetForecastingEstimator(IHostEnvironment env, Options options)
        : this(env.Register(nameof(TimesNetForecastingEstimator)), Copy(env, options))
    {
    }

    private TimesNetForecastingEstimator(IHost host, Options options)
        : base(host, options)
    {
        _options = options;
        Check.Option(host, options.WindowSize >= SmallestWindow, options.WindowSize, $"Must be at least {SmallestWindow}");
        options.Network.Check(host, (int)Math.Min(int.MaxValue, (long)options.WindowSize + options.Horizon));
        Check.Option(host, options.TimeFeatures == TimeFeatures.None || options.TimeColumnName is not null, options.TimeFeatures, $"Needs {nameof(options.TimeColumnName)}");
        Check.Option(host, Enum.IsDefined(options.TimeEmbedding), options.TimeEmbedding, "Must be a defined value");
        Check.Option(host, options.TimeMarks is not { } marks || TimeMarks.AreValid(marks.Features, marks.Embedding), options.TimeFeatures,
            options.TimeEmbedding == TimeEmbedding.Fixed ? $"Must be {TimeMarks.FixedFeatures} for the fixed embedding" : "Must be defined values");
        CheckLoss(options.Loss);
        Check.Option(host, Enum.IsDefined(options.LearningRateSchedule), options.LearningRateSchedule, "Must be a defined value");
        Check.Option(host, options.GradientClipNorm >= 0 && double.IsFinite(options.GradientClipNorm), options.GradientClipNorm, "Must not be negative");
    }

    private static Options Copy(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        var copy = (Options)options.Copy();
        copy.Network = options.Network.Copy();
        return copy;
    }

    private protected override TimesNetForecastingTransformer Train(ForecastingData data, Device device)
    {
        using var scope = NewDisposeScope();
        using var threads = TorchThreads.Use(_options.NumberOfThreads);
        var module = CreateModule(data, device);
        TimesNetNetwork? network = null;
        try
        {
            var series = data.ToTensor(device);
            var training = data.Training(series);
            using var loss = new StepWeightedLoss(_options.Horizon, alpha: 0, _options.Loss, ScalarType.Float32, device);
            var settings = Training.Settings with
            {
                EvaluationBatchSize = EvaluationBatchSize,
                Schedule = _options.LearningRateSchedule,
                ClipNorm = _options.GradientClipNorm,
                Patience = _options.Patience,
                Fingerprint = Fingerprint(module.Shape, data),
            };
            Training.Train(settings, new Learner(module, _options.Network, loss, data), training, data.Validation(series));
            network = new(module, module.Freeze(_options.Network.Inference, training.InOrder(EvaluationBatchSize).Select(batch => (batch[WindowSource.Input], batch.Find(WindowSource.Marks), (Tensor?)null))));
            return new(Host, CreateModel(data, series, batch => network.Score(batch[WindowSource.Input], batch.Find(WindowSource.Marks)).to(device)), network);
        }
        catch
        {
            network?.Dispose();
            module.Dispose();
            throw;
        }
    }

    private TimesNetModule CreateModule(ForecastingData data, Device device)
    {
        var shape = _options.Network.Shape(data.Series.Channels, _options.WindowSize) with
        {
            Horizon = _options.Horizon,
            Marks = _options.TimeMarks?.Count ?? 0,
            Embedding = _options.TimeEmbedding,
        };
        return TimesNetModule.Create(shape, Training.Seed, device);
    }

    // What a checkpoint must agree with, beyond the settings of the loop.
    private string Fingerprint(TimesNetShape shape, ForecastingData data)
        => string.Create(CultureInfo.InvariantCulture, $"TimesNet {shape} {_options.Network.Training} {_options.Network.Inference} {_options.TimeMarks} {_options.Loss} {string.Join(',', data.TargetChannels)} ")
            + data.Hash();

    private sealed class Learner(TimesNetModule module, TimesNetOptions options, StepWeightedLoss loss, ForecastingData data) : ForecastLearner(loss, data, module.Device)
    {
        public override IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => module.Parameters.Items;

        private protected override Tensor Forecast(Batch batch, StepRandom random)
            => module.Forward(batch[WindowSource.Input], batch.Find(WindowSource.Marks), null, options.Training, random);

        private protected override Func<Batch, Tensor> BeginForecasts()
        {
            var forecast = module.BeginEvaluation(options.Inference);
            return batch => forecast(batch[WindowSource.Input], batch.Find(WindowSource.Marks), null);
        }
    }
}
