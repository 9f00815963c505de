using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>What the imputer and the anomaly detector do alike: check options and data, cut windows, train the network to reconstruct them.</summary>
/// <typeparam name="TTransformer">The trained model.</typeparam>
public abstract class TimesNetReconstructionEstimator<TTransformer> : IEstimator<TTransformer>
    where TTransformer : TimesNetReconstructionTransformer
{
    private const int EvaluationBatchSize = 128;

    private readonly TimesNetReconstructionOptions _options;
    private readonly TrainingHost _training;

    private protected TimesNetReconstructionEstimator(IHost host, TimesNetReconstructionOptions options)
    {
        const int SmallestWindow = 4;
        Host = host;
        _options = options;
        Check.ColumnName(host, options.InputColumnName);
        Check.Option(host, options.GroupColumnName is not "", options.GroupColumnName, "A column name cannot be empty");
        Check.Option(host, options.TimeColumnName is not "", options.TimeColumnName, "A column name cannot be empty");
        Check.Option(host, options.WindowSize >= SmallestWindow, options.WindowSize, $"Must be at least {SmallestWindow}");
        Check.Option(host, options.WindowStride > 0, options.WindowStride, "Must be positive");
        Check.Option(host, options.ValidationFraction is >= 0 and < 1, options.ValidationFraction, "Should be within [0, 1)");
        Check.Option(host, options.Patience > 0, options.Patience, "Must be positive");
        Check.Option(host, Enum.IsDefined(options.LearningRateSchedule), options.LearningRateSchedule, "Must be a defined value");
        options.Network.Check(host, options.WindowSize);
        _training = new(host, options);
    }

    private protected IHost Host { get; }

    private protected int Seed => _training.Seed;

    /// <summary>For what follows the training, see <see cref="TrainingHost.ThrowIfCancelled"/>.</summary>
    private protected void ThrowIfCancelled() => _training.ThrowIfCancelled();

    /// <summary>Returns the schema that the trained model will give to data of the given shape.</summary>
    /// <param name="inputSchema">The shape of the data.</param>
    /// <returns>The columns of the input and those that the model adds.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(Host, inputSchema);
        _options.Columns.Check(Host, inputSchema);
        return SchemaShapes.Append(inputSchema, Promise(inputSchema));
    }

    /// <summary>Trains a model.</summary>
    /// <param name="input">The series, one row per time step, in time order.</param>
    /// <returns>The trained model.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are too few rows, a value is infinite or (in anomaly detection) missing, a channel holds no value, time goes backwards, the training diverged, the checkpoint belongs to another training, or
    /// TorchSharp's native library is missing.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public TTransformer Fit(IDataView input)
    {
        Check.NotNull(Host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        var device = TrainingHost.Device(Host);
        var series = Series.Read(Host, input, _options.Columns, _options.CancellationToken, HasMissing);
        var windows = WindowSplit.Cut(Host, series, _options.InputColumnName!, _options.WindowSize, _options.WindowStride, _options.ValidationFraction);
        CheckObserved(series, windows);
        var perGroup = _options is { Standardize: true, StandardizePerGroup: true, GroupColumnName: not null };
        var scales = _options.Standardize ? SeriesScales.Fit(series, windows.TrainingRows, perGroup) : SeriesScales.None(series.Channels);
        var standardized = scales.Standardize(Host, series, _options.InputColumnName!);
        // Tensors made in a caller's inference mode could not be trained.
        using var notInference = inference_mode(false);
        var network = Train(series, standardized, windows, device);
        try
        {
            return Create(new(new(_options.InputColumnName!, _options.GroupColumnName, _options.WindowSize, _options.Causal, series.ChannelNames, perGroup, scales.Common.Means, scales.Common.Deviations), scales, network), series, windows);
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Whether values may be missing.</summary>
    private protected abstract bool HasMissing { get; }

    /// <summary>Names the task, and what else of its options decides the training.</summary>
    private protected abstract string Fingerprint { get; }

    /// <summary>The columns that the model will add.</summary>
    private protected abstract IEnumerable<SchemaShape.Column> Promise(SchemaShape inputSchema);

    /// <summary>The loss of the task.</summary>
    private protected abstract ReconstructionLearner CreateLearner(TimesNetModule module);

    /// <summary>Makes the trained model.</summary>
    private protected abstract TTransformer Create(TimesNetReconstructionModel model, Series series, WindowSplit windows);

    private TimesNetNetwork Train(Series series, double[] standardized, WindowSplit windows, Device device)
    {
        using var scope = NewDisposeScope();
        var module = TimesNetModule.Create(_options.Network.Shape(series.Channels, _options.WindowSize), Seed, device);
        try
        {
            long[] shape = [series.Rows, series.Channels];
            var observed = HasMissing ? ConstantTensor.Create(Array.ConvertAll(standardized, value => double.IsNaN(value) ? 0.0 : 1), shape, ScalarType.Float32, device) : null;
            var values = ConstantTensor.Create(HasMissing ? Array.ConvertAll(standardized, value => double.IsNaN(value) ? 0 : value) : standardized, shape, ScalarType.Float32, device);
            var settings = _training.Settings with
            {
                EvaluationBatchSize = EvaluationBatchSize,
                Schedule = _options.LearningRateSchedule,
                Patience = _options.Patience,
                // What a checkpoint must agree with, beyond the settings of the loop.
                Fingerprint = string.Create(CultureInfo.InvariantCulture, $"TimesNet {Fingerprint} {module.Shape} {_options.Network.Training} {_options.Network.Inference} {_options.WindowStride} ")
                    + Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(standardized.AsSpan()))),
            };
            var training = new ReconstructionSource(values, observed, windows.Training, _options.WindowSize);
            _training.Train(settings, CreateLearner(module), training, windows.Validation.Count == 0 ? null : new ReconstructionSource(values, observed, windows.Validation, _options.WindowSize));
            return new(module, module.Freeze(_options.Network.Inference, training.InOrder(EvaluationBatchSize).Select(batch => (batch[ReconstructionSource.Window], (Tensor?)null, batch.Find(ReconstructionSource.Observed)))));
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    // What was never seen cannot be learned.
    private void CheckObserved(Series series, WindowSplit windows)
    {
        for (var channel = 0; HasMissing && channel < series.Channels; channel++)
        {
            if (windows.TrainingRows.All(range => Enumerable.Range(range.Start.Value, range.End.Value - range.Start.Value).All(row => double.IsNaN(series.Values[row * series.Channels + channel]))))
            {
                throw Check.BadData(Host, $"The series column '{_options.InputColumnName}' holds no value of channel '{series.ChannelNames[channel]}' in the rows to train on: all are missing.");
            }
        }
    }
}

/// <summary>A network that learns to reconstruct windows.</summary>
internal abstract class ReconstructionLearner(TimesNetModule module) : ILearner
{
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => module.Parameters.Items;

    public abstract Tensor Loss(Batch batch, StepRandom random);

    public abstract Func<Batch, Tensor> BeginEvaluation();
}
