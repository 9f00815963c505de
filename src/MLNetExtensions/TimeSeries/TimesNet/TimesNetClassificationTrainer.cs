using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// Tells classes of series apart with TimesNet: each series is folded by the periods that stand out of its spectrum, so that a convolution sees neighbours in time and in
/// phase.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this trainer use
/// [TimesNet](xref:Microsoft.ML.MulticlassClassificationCatalogExtensions.TimesNet*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | label | key | made by `MapValueToKey`; rows whose label is missing are not trained on |
/// | features | Single or Double, vector of known size or of variable length | a whole series in each row, time-major: all channels of the first step, then those of the second …; training needs finite values |
/// | `PredictedLabel` | key | the class with the largest score; missing where the series cannot be scored |
/// | `Score` | vector of Single | the probability of each class; NaN where the series cannot be scored |
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Multiclass classification |
/// | Is normalization required? | No, channels are standardised inside |
/// | Is caching required? | No, the data is read once |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | Yes |
///
/// ### Training Algorithm Details
/// TimesNet ([arXiv 2210.02186](https://arxiv.org/abs/2210.02186), ICLR 2023). The network sees as many steps as the longest series of the data it is fitted to; shorter ones are filled up
/// with zeros at the end, which a mask keeps out of the last map. Cross-entropy over minibatches in random order; rows drawn at random from each class choose the best epoch,
/// after which a network is trained anew on all rows for as many epochs, unless the options say otherwise.
///
/// ### Scoring Function
/// A row is scored by itself, whatever rows are beside it. Of a series that is longer than all in training the first steps are taken, and a warning counts these rows. A series that
/// is empty, does not hold whole steps, or holds a value that is not finite is not scored.
/// ]]></format>
/// </remarks>
public sealed partial class TimesNetClassificationTrainer : IEstimator<TimesNetClassificationTransformer>
{
    private const int EvaluationBatchSize = 256;
    private const string Mask = "mask";

    private readonly IHost _host;
    private readonly Options _options;
    private readonly TrainingHost _training;
    private readonly InputColumn<ulong> _label;
    private readonly InputColumn<float> _features;

    internal TimesNetClassificationTrainer(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        _host = env.Register(nameof(TimesNetClassificationTrainer));
        options = Options.Copy(options);
        _options = options;
        Check.ColumnName(_host, options.LabelColumnName);
        Check.ColumnName(_host, options.FeatureColumnName);
        Check.Option(_host, options.NumberOfChannels > 0, options.NumberOfChannels, "Must be positive");
        Check.Option(_host, options.ValidationFraction is >= 0 and < 1, options.ValidationFraction, "Should be within [0, 1)");
        Check.Option(_host, options.Patience > 0, options.Patience, "Must be positive");
        Check.Option(_host, Enum.IsDefined(options.Optimizer), options.Optimizer, "Must be a defined value");
        Check.Option(_host, options.GradientClipNorm >= 0 && double.IsFinite(options.GradientClipNorm), options.GradientClipNorm, "Must not be negative");
        options.Network.Check(_host, steps: null);
        _training = new(_host, options);
        _label = ClassLabels.Column(options.LabelColumnName);
        _features = SeriesWindows.Column(options.FeatureColumnName);
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
        _features.Check(_host, inputSchema);
        return SchemaShapes.Append(inputSchema, ScoreColumns.PromiseClasses(inputSchema, _label.Name));
    }

    /// <summary>Trains a network.</summary>
    /// <param name="input">The rows, each with a series and its label.</param>
    /// <returns>The trained model.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type, or its size is no multiple of the number of channels.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are no rows with a label, or all have the same; a series is empty, does not hold whole steps, or holds a value that is not finite; the longest series has fewer than 4 steps
    /// or fewer than twice the number of periods; the training diverged, the checkpoint belongs to another training, or TorchSharp's native library is missing.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public TimesNetClassificationTransformer Fit(IDataView input)
    {
        Check.NotNull(_host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        SeriesWindows.CheckSize(_host, _features, input.Schema, _options.NumberOfChannels);
        var isVariable = InputColumn.Width(_features.Find(_host, input.Schema)) == 0;
        var data = ClassifierData.Read(_host, input, _options.CancellationToken, _features, _label);
        var steps = LongestSeries(data);
        var split = data.Split(_options.ValidationFraction, _training.Seed);
        var windows = new SeriesWindows(_options.Standardize ? FitScaler(data, split.Training) : ColumnScaler.None(_options.NumberOfChannels), steps);
        var network = Train(data, split, windows);
        return new(_host, network, _options.FeatureColumnName, isVariable, windows.Scaler, data.Labels);
    }

    private int LongestSeries(ClassifierData data)
    {
        var longest = 0;
        foreach (var row in data.Rows)
        {
            var series = data.Features[row];
            if (!SeriesWindows.IsSeries(series, _options.NumberOfChannels))
            {
                throw Check.BadData(_host, $"The feature column '{_features.Name}' holds {series.Length} values in row {row}: training needs a series of at least one step, each of {_options.NumberOfChannels} channels.");
            }
            longest = Math.Max(longest, series.Length / _options.NumberOfChannels);
        }
        var needed = Math.Max(TimesNetShape.SmallestWindow, 2L * _options.Network.TopPeriods);
        return longest >= needed
            ? longest
            : throw Check.BadData(_host, $"The longest series of the feature column '{_features.Name}' has {longest} steps: training needs at least {needed}, which is {TimesNetShape.SmallestWindow} and twice the number of periods, {nameof(TimesNetOptions.TopPeriods)}.");
    }

    /// <summary>All steps of the series count the same, however long a series is.</summary>
    private ColumnScaler FitScaler(ClassifierData data, int[] rows)
    {
        var values = new double[rows.Sum(row => (long)data.Features[row].Length)];
        var start = 0;
        foreach (var row in rows)
        {
            var series = data.Features[row];
            TensorPrimitives.ConvertTruncating<float, double>(series, values.AsSpan(start));
            start += series.Length;
        }
        return ColumnScaler.Fit(values, _options.NumberOfChannels, sample: true);
    }

    private TimesNetNetwork Train(ClassifierData data, (int[] Training, int[] Validation) split, SeriesWindows windows)
    {
        var device = TrainingHost.Device(_host);
        var shape = _options.Network.Shape(windows.Channels, windows.Steps) with { Classes = data.Labels.Count };
        TimesNetModule CreateModule() => TimesNetModule.Create(shape, _training.Seed, device);
        using var notInference = inference_mode(false);
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        int[] rows = [.. split.Training, .. split.Validation];
        Tensor Fill(long[] sizes, ScalarType type, WriteRow write) => RowSource.Fill(rows, [rows.Length, .. sizes], type, device, hash, write);
        var tensors = new Dictionary<string, Tensor>
        {
            [RowSource.Input] = Fill([windows.Steps, windows.Channels], ScalarType.Float32, (row, memory) => windows.Write(data.Features[row], MemoryMarshal.Cast<byte, float>(memory))),
            [Mask] = Fill([windows.Steps], ScalarType.Float32, (row, memory) => windows.WriteMask(data.Features[row], MemoryMarshal.Cast<byte, float>(memory))),
            [RowSource.Target] = Fill([], ScalarType.Int64, (row, memory) => MemoryMarshal.Write(memory, data.ClassOf(row))),
        };
        var (training, validation) = RowSource.Split(split.Training.Length, rows.Length, tensors);
        var all = _options.RefitOnAllRows ? new RowSource(tensors, 0, rows.Length) : null;
        var settings = _training.Settings with
        {
            EvaluationBatchSize = EvaluationBatchSize,
            Optimizer = _options.Optimizer,
            ClipNorm = _options.GradientClipNorm,
            Patience = _options.Patience,
            Fingerprint = $"TimesNet {shape} {_options.Network.Training} {_options.Network.Inference} {Convert.ToHexString(hash.GetHashAndReset())}",
        };
        var module = _training.TrainAndRefit(settings, CreateModule, module => new Learner(module, _options.Network), training, validation, all);
        try
        {
            return new(module, module.Freeze(_options.Network.Inference, Windows(all ?? training)));
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    private static IEnumerable<(Tensor X, Tensor? Marks, Tensor? Mask)> Windows(RowSource source)
    {
        int[] indices = [.. Enumerable.Range(0, source.Count)];
        for (var start = 0; start < indices.Length; start += EvaluationBatchSize)
        {
            var batch = source.Take(indices.AsSpan(start, Math.Min(EvaluationBatchSize, indices.Length - start)));
            yield return (batch[RowSource.Input], null, batch[Mask]);
        }
    }

    private sealed class Learner(TimesNetModule module, TimesNetOptions options) : ILearner
    {
        public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => module.Parameters.Items;

        public Tensor Loss(Batch batch, StepRandom random) => CrossEntropy(module.Forward(batch[RowSource.Input], null, batch[Mask], options.Training, random), batch);

        public Func<Batch, Tensor> BeginEvaluation()
        {
            var evaluate = module.BeginEvaluation(options.Inference);
            return batch => CrossEntropy(evaluate(batch[RowSource.Input], null, batch[Mask]), batch);
        }

        private static Tensor CrossEntropy(Tensor logits, Batch batch) => nn.functional.cross_entropy(logits, batch[RowSource.Target]);
    }
}
