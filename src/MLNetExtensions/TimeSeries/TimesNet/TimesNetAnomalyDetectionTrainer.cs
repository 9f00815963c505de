using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>Finds anomalies in series: rows that a network, which folds windows by their periods and has learned to reconstruct normal ones, does not reconstruct.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this trainer use
/// [TimesNet](xref:Microsoft.ML.AnomalyDetectionCatalogExtensions.TimesNet*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | input | Single or Double, scalar or vector of known size C | the series, one row per time step; training needs finite values |
/// | group (optional) | key or text | the series that a row belongs to |
/// | time (optional) | DateTime | training makes sure that it does not go backwards within a series |
/// | `Score` | Single | the mean over the channels of the squared error of the reconstruction, standardised; NaN where the window holds a value that is not finite, or the series is shorter than a window |
/// | `PredictedLabel` | Boolean | whether the score is greater than the threshold; false where it is NaN |
/// | `Threshold` | Single | the threshold, the same in every row |
/// | expected (optional) | Single, scalar or vector as the input | the reconstruction in the units of the data |
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Anomaly detection |
/// | Is normalization required? | No, channels are standardised inside |
/// | Is caching required? | No, the data is read once; scoring reads the input twice unless it is causal |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | Yes |
///
/// ### Training Algorithm Details
/// TimesNet ([arXiv 2210.02186](https://arxiv.org/abs/2210.02186), ICLR 2023). No label is read: train on rows that are normal, or nearly all so. The squared error of the reconstruction is minimised; the last
/// rows of each series choose the best epoch. The threshold is a percentile of the scores of the training rows, scored as any other rows are.
///
/// ### Scoring Function
/// A row is reconstructed within a window of rows, see `Causal`. Rows are scored in the order of the view; a prediction engine for single rows cannot be made.
/// ]]></format>
/// </remarks>
public sealed partial class TimesNetAnomalyDetectionTrainer : TimesNetReconstructionEstimator<TimesNetAnomalyDetectionTransformer>
{
    private readonly Options _options;

    internal TimesNetAnomalyDetectionTrainer(IHostEnvironment env, Options options)
        : this(env.Register(nameof(TimesNetAnomalyDetectionTrainer)), Copy(env, options))
    {
    }

    private TimesNetAnomalyDetectionTrainer(IHost host, Options options)
        : base(host, options)
    {
        _options = options;
        Check.Option(host, options.ThresholdPercentile is >= 0 and <= 100, options.ThresholdPercentile, "Should be within [0, 100]");
        Check.Option(host, Enum.IsDefined(options.ThresholdSource) && (options.ThresholdSource != ThresholdSource.Validation || options.ValidationFraction > 0), options.ThresholdSource,
            $"Must be a defined value, and {ThresholdSource.Training} without {nameof(options.ValidationFraction)}");
        Check.Option(host, options.ExpectedColumnName is not ("" or ScoreColumns.Score or ScoreColumns.PredictedLabel or TimesNetAnomalyDetectionTransformer.ThresholdColumnName), options.ExpectedColumnName,
            "A column name cannot be empty, nor that of another output");
    }

    private static Options Copy(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        return (Options)options.Copy();
    }

    private protected override bool HasMissing => false;

    private protected override string Fingerprint => "anomaly detection";

    private protected override IEnumerable<SchemaShape.Column> Promise(SchemaShape inputSchema)
    {
        List<SchemaShape.Column> columns = [.. ScoreColumns.PromiseAnomaly(), SchemaShapes.Column(TimesNetAnomalyDetectionTransformer.ThresholdColumnName, NumberDataViewType.Single)];
        if (_options.ExpectedColumnName is { } expected)
        {
            var input = SchemaShapes.Find(inputSchema, _options.InputColumnName!)!.Value;
            columns.Add(SchemaShapes.Column(expected, input.Kind == SchemaShape.Column.VectorKind.Scalar ? NumberDataViewType.Single : new VectorDataViewType(NumberDataViewType.Single, 1),
                ScoreColumns.HasSlotNames(inputSchema, input.Name) ? [SlotNames.Promise] : []));
        }
        return columns;
    }

    private protected override ReconstructionLearner CreateLearner(TimesNetModule module) => new Learner(module, _options);

    private protected override TimesNetAnomalyDetectionTransformer Create(TimesNetReconstructionModel model, Series series, WindowSplit windows)
    {
        var (length, channels) = (model.WindowSize, model.Channels);
        var scores = new List<double>();
        var reconstructor = new TimesNetReconstructor(model.Network, hasMask: false, (place, standardized, reconstruction) =>
        {
            for (var step = place.Taken; step < length; step++)
            {
                scores.Add(AnomalyScores.OfRowAsSingle(standardized.Slice(step * channels, channels), reconstruction.Slice(step * channels, channels)));
            }
        });
        var ranges = _options.ThresholdSource == ThresholdSource.Training ? windows.TrainingRows : windows.ValidationRows;
        for (var group = 0; group < ranges.Count; group++)
        {
            var (first, rows) = (ranges[group].Start.Value, ranges[group].End.Value - ranges[group].Start.Value);
            foreach (var (start, taken) in _options.Causal ? WindowSplit.Trailing(rows, length) : WindowSplit.Consecutive(rows, length))
            {
                ThrowIfCancelled();
                reconstructor.Add(series.Slice(first + start, length), new(model.Scales.Of(series.Groups[group].Name), group, start, taken));
            }
        }
        reconstructor.Flush();
        return new(Host, model, (float)AnomalyScores.Percentile(scores, _options.ThresholdPercentile), _options.ExpectedColumnName);
    }

    private sealed class Learner(TimesNetModule module, Options options) : ReconstructionLearner(module)
    {
        private readonly TimesNetModule _module = module;

        public override Tensor Loss(Batch batch, StepRandom random)
        {
            var truth = batch[ReconstructionSource.Window];
            return ReconstructionLoss.OfAll(_module.Forward(truth, null, null, options.Network.Training, random), truth);
        }

        public override Func<Batch, Tensor> BeginEvaluation()
        {
            var evaluate = _module.BeginEvaluation(options.Network.Inference);
            return batch => ReconstructionLoss.OfAll(evaluate(batch[ReconstructionSource.Window], null, null), batch[ReconstructionSource.Window]);
        }
    }
}
