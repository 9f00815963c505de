using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>Fills the gaps (NaN) of series: a network that folds windows by their periods learns to restore values that were hidden from it.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this estimator use
/// [ImputeByTimesNet](xref:Microsoft.ML.ImputationCatalogExtensions.ImputeByTimesNet*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | input | Single or Double, scalar or vector of known size C | the series, one row per time step; NaN = missing |
/// | group (optional) | key or text | the series that a row belongs to |
/// | time (optional) | DateTime | training makes sure that it does not go backwards within a series |
/// | output | as the input, with its annotations | the same values, bit by bit, with the gaps filled |
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Imputation |
/// | Is normalization required? | No, channels are standardised inside |
/// | Is caching required? | No, the data is read once; scoring reads the input twice unless it is causal |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | Yes |
///
/// ### Training Algorithm Details
/// TimesNet ([arXiv 2210.02186](https://arxiv.org/abs/2210.02186), ICLR 2023). In every batch values are hidden at random, and the squared error of these is minimised; what is missing in the data itself never
/// counts. The last rows of each series choose the best epoch, by values hidden once for all.
///
/// ### Scoring Function
/// A gap is filled from the window of rows that it lies in, before and behind it: see `Causal`. A channel without any value in its window is filled near its training mean. In a series of fewer rows than a window
/// gaps stay, with a warning. Infinite values stay as they are and inform nothing. Rows are scored in the order of the view; a prediction engine for single rows cannot be made.
/// ]]></format>
/// </remarks>
public sealed partial class TimesNetImputingEstimator : TimesNetReconstructionEstimator<TimesNetImputingTransformer>
{
    private readonly Options _options;

    internal TimesNetImputingEstimator(IHostEnvironment env, Options options)
        : this(env.Register(nameof(TimesNetImputingEstimator)), Copy(env, options))
    {
    }

    private TimesNetImputingEstimator(IHost host, Options options)
        : base(host, options)
    {
        _options = options;
        Check.ColumnName(host, options.OutputColumnName);
        Check.Option(host, options.MaskRate is > 0 and < 1, options.MaskRate, "Should be within (0, 1)");
    }

    private static Options Copy(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        var copy = (Options)options.Copy();
        copy.InputColumnName ??= copy.OutputColumnName;
        copy.OutputColumnName ??= copy.InputColumnName;
        return copy;
    }

    private protected override bool HasMissing => true;

    private protected override string Fingerprint => string.Create(CultureInfo.InvariantCulture, $"imputation {_options.MaskRate:R}");

    private protected override IEnumerable<SchemaShape.Column> Promise(SchemaShape inputSchema)
        => [SchemaShapes.Like(SchemaShapes.Find(inputSchema, _options.InputColumnName!)!.Value, _options.OutputColumnName!)];

    private protected override ReconstructionLearner CreateLearner(TimesNetModule module) => new Learner(module, _options, Seed);

    private protected override TimesNetImputingTransformer Create(TimesNetReconstructionModel model, Series series, WindowSplit windows) => new(Host, model, _options.OutputColumnName!);

    private sealed class Learner(TimesNetModule module, Options options, int seed) : ReconstructionLearner(module)
    {
        // Of StepRandom's epochs 0 is for initial weights and those from 1 on are for training.
        private const int ValidationEpoch = -1;

        private readonly TimesNetModule _module = module;

        public override Tensor Loss(Batch batch, StepRandom random)
            => Loss(batch, random, (x, mask) => _module.Forward(x, null, mask, options.Network.Training, random));

        public override Func<Batch, Tensor> BeginEvaluation()
        {
            var evaluate = _module.BeginEvaluation(options.Network.Inference);
            var step = 0;
            return batch =>
            {
                // The batches come in the same order after every epoch: the same values are hidden.
                using var random = new StepRandom(seed, ValidationEpoch, ++step);
                return Loss(batch, random, (x, mask) => evaluate(x, null, mask));
            };
        }

        private Tensor Loss(Batch batch, StepRandom random, Func<Tensor, Tensor, Tensor> reconstruct)
        {
            var (truth, observed) = (batch[ReconstructionSource.Window], batch[ReconstructionSource.Observed]);
            var visible = observed.Times(random.Mask(truth.shape, options.MaskRate).to(truth.device));
            return ReconstructionLoss.OfSelected(reconstruct(truth.Times(visible), visible), truth, observed.Minus(visible));
        }
    }
}
