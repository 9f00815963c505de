using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>
/// Trains a learner: shuffled batches, validation after or before each epoch, the best weights at the end. It is synchronous, because modes and dispose scopes of
/// TorchSharp belong to a thread.
/// </summary>
internal sealed class TrainingLoop
{
    private readonly ILearner _learner;
    private readonly IBatchSource _training;
    private readonly IBatchSource? _validation;
    private readonly TrainingSettings _settings;
    private readonly Optimizer _optimizer;
    private readonly Checkpoint? _checkpoint;

    // The weights in training and, with validation, a copy of the best of them.
    private readonly List<KeyValuePair<string, Tensor>> _weights;
    private readonly List<Tensor>? _best;

    private readonly List<TrainingProgress> _history = [];

    private TrainingLoop(ILearner learner, IBatchSource training, IBatchSource? validation, TrainingSettings settings, Optimizer optimizer)
    {
        _learner = learner;
        _training = training;
        _validation = validation;
        _settings = settings;
        _optimizer = optimizer;
        _weights = [.. learner.Parameters, .. learner.Buffers];
        _best = validation is null ? null : [.. _weights.Select(weight => weight.Value.detach().clone())];
        if (settings.CheckpointPath is { } path)
        {
            var best = _best?.Select((tensor, i) => KeyValuePair.Create("best." + _weights[i].Key, tensor)) ?? [];
            var moments = optimizer.State.Select(item => KeyValuePair.Create("optimizer." + item.Key, item.Value));
            var records = learner.Records.Select(item => KeyValuePair.Create("records." + item.Key, item.Value));
            _checkpoint = new(path, Identity(), [.. _weights.Select(weight => KeyValuePair.Create("weights." + weight.Key, weight.Value)), .. moments, .. records, .. best]);
        }
    }

    /// <summary>Trains until the last epoch, until validation stops improving, or until cancelled. The learner ends with the best weights.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled, and <see cref="TrainingSettings.OnCancellation"/> says so.</exception>
    /// <exception cref="InvalidOperationException">The loss is not finite, or the checkpoint does not fit.</exception>
    internal static TrainingOutcome Run(ILearner learner, IBatchSource training, IBatchSource? validation, TrainingSettings settings)
    {
        if (training.Count == 0 || validation?.Count == 0)
        {
            throw new InvalidOperationException($"There are no samples for {(training.Count == 0 ? "training" : "validation")}.");
        }
        using var threads = TorchThreads.Use(settings.NumberOfThreads);
        // Whatever modes the caller is in.
        using var notInference = inference_mode(false);
        using var gradients = enable_grad();
        using var scope = NewDisposeScope();
        using var optimizer = new Optimizer([.. learner.Parameters.Select(parameter => parameter.Value)], settings.Optimizer, settings.Beta1, settings.Beta2, settings.Epsilon, settings.WeightDecay, get_num_threads(), settings.Nesterov);
        try
        {
            return new TrainingLoop(learner, training, validation, settings, optimizer).Run();
        }
        finally
        {
            optimizer.ClearGradients();
        }
    }

    private int BestEpoch => _history.Count == 0 ? 0 : _history[^1].BestEpoch;

    private TrainingOutcome Run()
    {
        foreach (var (trainingLoss, validationLoss, elapsed) in _checkpoint?.Load() ?? [])
        {
            Add(trainingLoss, validationLoss, elapsed);
        }
        bool cancelled = false;
        try
        {
            RunEpochs();
        }
        catch (OperationCanceledException) when (_settings.OnCancellation == CancellationBehavior.ReturnBest)
        {
            cancelled = true;
        }
        if (_best is not null && BestEpoch > 0)
        {
            Copy(_best, [.. _weights.Select(weight => weight.Value)]);
        }
        CheckWeights();
        if (!cancelled && !_settings.KeepCheckpoint)
        {
            _checkpoint?.Delete();
        }
        return new(BestEpoch, _history, cancelled);
    }

    private void RunEpochs()
    {
        var clock = Stopwatch.StartNew();
        var before = _history.Count == 0 ? TimeSpan.Zero : _history[^1].Elapsed;
        while (_history.Count < _settings.MaximumNumberOfEpochs && !IsExhausted())
        {
            int epoch = _history.Count + 1;
            double? validationLoss = _settings.ValidatesFirst ? Validate() : null;
            if (validationLoss is { } start && !double.IsFinite(start))
            {
                Diverged($"the validation loss is {Text(start)} before epoch {epoch}");
                return;
            }
            if (_settings.ValidatesFirst)
            {
                KeepIfBest(validationLoss);
            }
            _learner.BeginEpoch();
            var (trainingLoss, step) = Train(epoch);
            if (!double.IsFinite(trainingLoss))
            {
                Diverged($"the loss is {Text(trainingLoss)} in epoch {epoch}, step {step}");
                return;
            }
            if (!_settings.ValidatesFirst)
            {
                validationLoss = Validate();
                KeepIfBest(validationLoss);
            }
            Add(trainingLoss, validationLoss, before + clock.Elapsed);
            bool isValid = validationLoss is not { } loss || double.IsFinite(loss);
            if (isValid)
            {
                _learner.EndEpoch(BestEpoch == epoch);
                _checkpoint?.Save(_history);
            }
            _settings.Report?.Invoke(_history[^1]);
            if (!isValid)
            {
                Diverged($"the validation loss is {Text(validationLoss!.Value)} after epoch {epoch}");
                return;
            }
        }
    }

    private void KeepIfBest(double? validationLoss)
    {
        if (_best is not null && IsBest(validationLoss))
        {
            Copy([.. _weights.Select(weight => weight.Value)], _best);
        }
    }

    /// <summary>Whether the weights with this validation loss are better than those of all finished epochs.</summary>
    private bool IsBest(double? validationLoss)
        => validationLoss is not { } loss
            || (double.IsFinite(loss) && (BestEpoch == 0 || (_settings.ValidatesFirst ? loss < _history[BestEpoch - 1].ValidationLoss : loss <= _history[BestEpoch - 1].ValidationLoss)));

    /// <summary>One pass over the training samples. Returns their mean loss, or the first that is not finite, and the number of the last step.</summary>
    private (double Loss, int Step) Train(int epoch)
    {
        var order = _settings.Order?.Invoke(epoch) ?? StepRandom.Permutation(_training.Count, _settings.Seed, epoch);
        int size = Math.Min(_settings.BatchSize, order.Length);
        int samples = _settings.FullBatchesOnly ? order.Length / size * size : order.Length;
        double steps = (samples + size - 1) / size;
        double sum = 0;
        int step = 0;
        for (int start = 0; start < samples; start += size)
        {
            ThrowIfCancelled();
            step++;
            using var scope = NewDisposeScope();
            using var random = new StepRandom(_settings.Seed, epoch, step);
            var indices = order.AsSpan(start, Math.Min(size, samples - start));
            var batch = _training.Take(indices);
            _optimizer.ClearGradients();
            var loss = _learner.Loss(batch, random);
            double value = Number(loss);
            if (!double.IsFinite(value))
            {
                return (value, step);
            }
            loss.backward();
            _optimizer.ClipGradients(_settings.ClipNorm);
            _optimizer.Step(Rate(epoch, (step - 1) / steps));
            sum += value * indices.Length;
        }
        return (sum / samples, step);
    }

    private double? Validate()
    {
        if (_validation is not { } validation)
        {
            return null;
        }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var lossOf = _learner.BeginEvaluation();
        int size = _settings.EvaluationBatchSize > 0 ? _settings.EvaluationBatchSize : _settings.BatchSize;
        int[] indices = [.. Enumerable.Range(0, validation.Count)];
        double sum = 0;
        for (int start = 0; start < indices.Length; start += size)
        {
            ThrowIfCancelled();
            using var step = NewDisposeScope();
            var part = indices.AsSpan(start, Math.Min(size, indices.Length - start));
            sum += Number(lossOf(validation.Take(part))) * part.Length;
        }
        return sum / indices.Length;
    }

    /// <summary>Puts a finished epoch on record; whether it is the best so far follows from the losses.</summary>
    private void Add(double trainingLoss, double? validationLoss, TimeSpan elapsed)
    {
        int epoch = _history.Count + 1;
        _history.Add(new()
        {
            Phase = _settings.Phase,
            Epoch = epoch,
            MaximumNumberOfEpochs = _settings.MaximumNumberOfEpochs,
            TrainingLoss = trainingLoss,
            ValidationLoss = validationLoss,
            LearningRate = Rate(epoch, progress: 0),
            BestEpoch = IsBest(validationLoss) ? epoch : BestEpoch,
            Elapsed = elapsed,
        });
    }

    /// <summary>The loss tells of the weights before a step: nothing else tells of those after the last.</summary>
    private void CheckWeights()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        for (var i = 0; i < _weights.Count; i++)
        {
            // Buffers of a user's network may hold infinities: masks, say.
            var (name, tensor) = _weights[i];
            var isFinite = i < _learner.Parameters.Count ? tensor.isfinite() : tensor.isnan().logical_not();
            if (!isFinite.all().item<bool>())
            {
                throw new InvalidOperationException($"The training diverged: '{name}' holds values that are not finite. Lower the learning rate.");
            }
        }
    }

    private bool IsExhausted() => _history.Count > 0 && _history.Count - BestEpoch >= _settings.Patience;

    private double Rate(int epoch, double progress) => _settings.Schedule.Rate(_settings.LearningRate, epoch, progress, _settings.MaximumNumberOfEpochs, _settings.Warmup);

    private void ThrowIfCancelled()
    {
        _settings.CancellationToken.ThrowIfCancellationRequested();
        _settings.ThrowIfHostCancelled?.Invoke();
    }

    private void Diverged(string what)
    {
        if (_best is null || BestEpoch == 0)
        {
            throw new InvalidOperationException($"The training diverged: {what}. Lower the learning rate.");
        }
        _settings.Warn?.Invoke($"The training diverged and was stopped: {what}. The weights of epoch {BestEpoch} are kept. A lower learning rate may help.");
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);

    private static double Number(Tensor loss)
    {
        if (loss.NumberOfElements != 1)
        {
            throw new InvalidOperationException($"The loss of a batch must be a single number, it has the shape [{string.Join(", ", loss.shape)}].");
        }
        return MemoryMarshal.Read<double>(loss.detach().to(ScalarType.Float64).cpu().bytes);
    }

    private static void Copy(IReadOnlyList<Tensor> from, IReadOnlyList<Tensor> to)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (source, target) in from.Zip(to))
        {
            target.copy_(source);
        }
    }

    /// <summary>All that decides what the training does, as text.</summary>
    private string Identity()
        => string.Create(CultureInfo.InvariantCulture, $"{_settings.Fingerprint}; {_training.Count} and {_validation?.Count} samples; {_settings.MaximumNumberOfEpochs} epochs; batches of {_settings.BatchSize} and {_settings.EvaluationBatchSize}{(_settings.FullBatchesOnly ? ", full" : "")}; {_settings.Optimizer} {_settings.LearningRate:R} {_settings.Schedule}{(_settings.Schedule == LearningRateSchedule.WarmupCosine ? $" {_settings.Warmup.Epochs} {_settings.Warmup.StartFactor:R}" : "")} {_settings.Beta1:R}{(_settings.Nesterov ? " Nesterov" : "")} {_settings.Beta2:R} {_settings.Epsilon:R} {_settings.WeightDecay:R} {_settings.ClipNorm:R}; patience {_settings.Patience}{(_settings.ValidatesFirst ? ", validation first" : "")}; seed {_settings.Seed}");
}
