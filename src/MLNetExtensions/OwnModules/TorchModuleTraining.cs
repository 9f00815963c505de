using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>What the two trainers of own networks share: options, rows, and the training itself.</summary>
internal sealed class TorchModuleTraining
{
    private readonly IHost _host;
    private readonly TorchModuleOptions _options;
    private readonly TrainingHost _training;
    private readonly FactoryReference _factory;

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="ArgumentNullException">There is no factory.</exception>
    internal TorchModuleTraining(IHost host, TorchModuleOptions options)
    {
        _host = host;
        _options = options;
        Check.NotNull(host, options.ModuleFactory);
        Check.ColumnName(host, options.LabelColumnName);
        Check.ColumnName(host, options.FeatureColumnName);
        Check.Option(host, Enum.IsDefined(options.Optimizer), options.Optimizer, "Must be a defined value");
        Check.Option(host, Enum.IsDefined(options.LearningRateSchedule), options.LearningRateSchedule, "Must be a defined value");
        Check.Option(host, options.WeightDecay >= 0 && double.IsFinite(options.WeightDecay), options.WeightDecay, "Must not be negative");
        Check.Option(host, options.GradientClipNorm >= 0 && double.IsFinite(options.GradientClipNorm), options.GradientClipNorm, "Must not be negative");
        Check.Option(host, options.ValidationFraction is >= 0 and < 1, options.ValidationFraction, "Should be within [0, 1)");
        Check.Option(host, options.Patience > 0, options.Patience, "Must be positive");
        try
        {
            _factory = FactoryReference.Of(options.ModuleFactory);
        }
        catch (ArgumentException e)
        {
            throw host.Process(new ArgumentOutOfRangeException("options.ModuleFactory", options.ModuleFactory, e.Message));
        }
        _training = new(host, options);
        Features = FeatureColumn(options.FeatureColumnName);
    }

    internal InputColumn<float> Features { get; }

    internal static InputColumn<float> FeatureColumn(string name, int? size = null) => new(name, "feature", InputTypes.Number, InputShapes.Fixed, size);

    /// <summary>The rows that have a label.</summary>
    /// <exception cref="InvalidOperationException">There are none, or a feature of one is not finite.</exception>
    internal int[] Usable(RowBuffer<float> features, Func<int, bool> isMissing) => TrainingRows.Usable(_host, _options.FeatureColumnName, _options.LabelColumnName, features, isMissing);

    /// <summary>Splits the rows for training and validation.</summary>
    /// <exception cref="InvalidOperationException">There are too few.</exception>
    internal (int[] Training, int[] Validation) Split(int[] rows) => TrainingRows.Split(_host, rows, _options.ValidationFraction, _training.Seed, _options.BatchSize);

    /// <summary>Makes and trains a network.</summary>
    /// <param name="features">The rows read.</param>
    /// <param name="split">Those to train and to validate on.</param>
    /// <param name="scaler">What the features are standardised by.</param>
    /// <param name="outputSize">The number of values to compute for a row.</param>
    /// <param name="target">Writes the target of a row into a tensor's memory.</param>
    /// <param name="targetType">The type of a target: Float32 [rows, outputs] or Int64 [rows].</param>
    /// <param name="loss">The mean loss of outputs and targets.</param>
    /// <param name="lossName">Stands for the loss and what else the fingerprint of a checkpoint should know.</param>
    /// <exception cref="InvalidOperationException">The network or the loss fails, or the training does.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    internal OwnModule Train(RowBuffer<float> features, (int[] Training, int[] Validation) split, ColumnScaler scaler, int outputSize, WriteRow target, ScalarType targetType,
        Func<Tensor, Tensor, Tensor> loss, string lossName)
    {
        var device = TrainingHost.Device(_host);
        OwnModule module;
        try
        {
            using var random = new StepRandom(_training.Seed, epoch: 0, step: 0);
            module = OwnModule.Create(_factory, scaler.Means.Length, outputSize, random, device);
        }
        catch (InvalidOperationException e)
        {
            throw _host.Process(e);
        }
        try
        {
            using var notInference = inference_mode(false);
            using var scope = NewDisposeScope();
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            int[] rows = [.. split.Training, .. split.Validation];
            var inputs = RowSource.Fill(rows, [rows.Length, scaler.Means.Length], ScalarType.Float32, device, hash, (row, memory) => scaler.Standardize(features[row], MemoryMarshal.Cast<byte, float>(memory)));
            var targets = RowSource.Fill(rows, targetType == ScalarType.Int64 ? [rows.Length] : [rows.Length, outputSize], targetType, device, hash, target);
            var (training, validation) = RowSource.Split(split.Training.Length, rows.Length, new() { [RowSource.Input] = inputs, [RowSource.Target] = targets });
            var settings = _training.Settings with
            {
                Schedule = _options.LearningRateSchedule,
                Optimizer = _options.Optimizer,
                WeightDecay = _options.WeightDecay,
                ClipNorm = _options.GradientClipNorm,
                Patience = _options.Patience,
                Fingerprint = $"TorchModule {module} {lossName} {Convert.ToHexString(hash.GetHashAndReset())}",
            };
            var learner = new Learner(module, loss);
            if (learner.Parameters.Count == 0)
            {
                throw Check.BadData(_host, $"The network of the module factory '{_factory.Name}' has no parameters to train.");
            }
            _training.Train(settings, learner, training, validation);
            module.Train(false);
            return module;
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    private sealed class Learner(OwnModule module, Func<Tensor, Tensor, Tensor> loss) : ILearner
    {
        private bool? _training;

        public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; } = [.. module.Parameters(trained: true)];

        // What is not trained and still part of the network: running means, frozen weights.
        public IReadOnlyList<KeyValuePair<string, Tensor>> Buffers { get; } = [.. module.State.Skip(module.Parameters(trained: true).Count())];

        public Tensor Loss(Batch batch, StepRandom random)
        {
            SetTraining(true);
            var result = Compute(module.Forward(batch[RowSource.Input], random), batch[RowSource.Target]);
            return result.requires_grad ? result : throw new InvalidOperationException($"The loss does not depend on the parameters of the network of the module factory '{module.Factory.Name}': it cannot be trained.");
        }

        public Func<Batch, Tensor> BeginEvaluation()
        {
            SetTraining(false);
            return batch => Compute(module.Forward(batch[RowSource.Input]), batch[RowSource.Target]);
        }

        private Tensor Compute(Tensor output, Tensor target)
        {
            Tensor? result;
            try
            {
                result = loss(output, target);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                throw new InvalidOperationException($"The loss failed on outputs of the shape [{string.Join(", ", output.shape)}] and targets of [{string.Join(", ", target.shape)}]: {e.Message}", e);
            }
            return result ?? throw new InvalidOperationException("The loss is null.");
        }

        private void SetTraining(bool on)
        {
            if (_training != on)
            {
                module.Train(on);
                _training = on;
            }
        }
    }
}
