using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>Trains a learner, as <see cref="TrainingLoop"/> does.</summary>
internal delegate TrainingOutcome TrainLearner(TrainingSettings settings, ILearner learner, IBatchSource training, IBatchSource? validation);

/// <summary>
/// The two trainings of DAIN (arXiv 2108.10248): the first one finds the influence of each training cell on the validation error, new cells are drawn by it and get values from the first
/// model, and a second model is trained on all of them.
/// </summary>
internal sealed class TensorCompletionTraining
{
    // Streams of random numbers that no epoch uses.
    private const int Phase2Stream = 2;
    private const string Phase2Suffix = ".augmented";

    private readonly TensorCells _cells;
    private readonly int[] _train;
    private readonly int[] _valid;
    private readonly TensorCompletionShape _shape;
    private readonly TensorCompletionSettings _settings;
    private readonly TrainingSettings _training;
    private readonly ScalarType _dtype;
    private readonly Device _device;
    private readonly TrainLearner _learn;
    private readonly Random _random;
    private AlsSettings _als;

    private TensorCompletionTraining(TensorCells cells, int[] train, int[] valid, TensorCompletionShape shape, TensorCompletionSettings settings, TrainingSettings training, Device device, ScalarType dtype, TrainLearner? learn)
    {
        (_cells, _train, _valid, _shape, _settings, _device, _dtype) = (cells, train, valid, shape, settings, device, dtype);
        _training = training with { ValidatesFirst = true };
        _learn = learn ?? ((settings, learner, training, validation) => TrainingLoop.Run(learner, training, validation, settings));
        _random = CellSampler.Stream(training.Seed);
        _als = settings.Als;
    }

    /// <summary>Trains.</summary>
    /// <param name="cells">The cells, their values scaled.</param>
    /// <param name="train">The numbers of the cells to train on, at least one.</param>
    /// <param name="valid">The numbers of the cells that choose the epoch and define the influence; none = the last epoch, and importances by count.</param>
    /// <param name="shape">The model.</param>
    /// <param name="settings">How the tensor is augmented.</param>
    /// <param name="training">How each of the two models is trained.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="dtype">Float32 or Float64.</param>
    /// <param name="learn">Runs the training loop; null = nothing but the loop itself.</param>
    /// <returns>The model and how it came about, which belong to the caller.</returns>
    /// <exception cref="InvalidOperationException">The training diverged, or the checkpoint does not fit or cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled, and the settings say so.</exception>
    internal static TensorCompletionResult Run(TensorCells cells, int[] train, int[] valid, TensorCompletionShape shape, TensorCompletionSettings settings, TrainingSettings training, Device device, ScalarType dtype = ScalarType.Float32, TrainLearner? learn = null)
        => new TensorCompletionTraining(cells, train, valid, shape, settings, training, device, dtype, learn).Run();

    private TensorCompletionResult Run()
    {
        var count = (long)Math.Floor(_settings.AugmentationRatio * _train.Length);
        var augments = _settings.Sampling != TensorSampling.None && count > 0;
        var path = _training.CheckpointPath;
        var first = Train(_cells, _train, _training with { KeepCheckpoint = _training.KeepCheckpoint || augments });
        TensorModel? kept = null;
        try
        {
            var (importance, influences) = Importance(first.Influence);
            var result = new TensorCompletionResult
            {
                Model = first.Model,
                ValidationLoss = first.Loss,
                EntityImportance = importance,
                Influence = first.Influence,
                Phase1 = first.Outcome.History,
                KeptPhase1 = true,
                Cancelled = first.Outcome.Cancelled,
            };
            if (!augments || first.Outcome.Cancelled)
            {
                kept = first.Model;
                return Finish(result);
            }
            var (index, values) = Augment((int)count, influences, first);
            var all = _cells.Append(index, values, (float)_settings.AugmentedWeight);
            _als = first.Fit is { } fit ? _als with { Ranks = [fit.Rank], Ridges = [fit.Ridge] } : _als;
            var second = Train(all, [.. _train, .. Enumerable.Range(_cells.Count, (int)count)], _training with
            {
                Phase = 2,
                Seed = (int)StepRandom.Derive(_training.Seed, -1, Phase2Stream),
                CheckpointPath = path is null ? null : path + Phase2Suffix,
            });
            second.Record?.Dispose();
            if (path is not null && !second.Outcome.Cancelled && !_training.KeepCheckpoint)
            {
                File.Delete(path);
            }
            var isBetter = second.Outcome.BestEpoch > 0 && (!_settings.KeepBetter || first.Loss is not { } loss || second.Loss < loss);
            if (_settings.KeepBetter && first.Loss is not null)
            {
                Say($"The mean squared validation error is {first.Loss:G6} without and {second.Loss:G6} with {count} new cells: the {(isBetter ? "second" : "first")} model is kept.");
            }
            kept = isBetter ? second.Model : first.Model;
            if (!isBetter)
            {
                second.Model.Dispose();
            }
            return Finish(new()
            {
                Model = kept,
                ValidationLoss = isBetter ? second.Loss : first.Loss,
                EntityImportance = importance,
                Influence = first.Influence,
                AugmentedIndex = index,
                AugmentedValues = values,
                Phase1 = first.Outcome.History,
                Phase2 = second.Outcome.History,
                KeptPhase1 = !isBetter,
                Cancelled = second.Outcome.Cancelled,
            });
        }
        finally
        {
            first.Record?.Dispose();
            if (kept != first.Model)
            {
                first.Model.Dispose();
            }
        }
    }

    /// <summary>One training.</summary>
    private Trained Train(TensorCells cells, int[] train, TrainingSettings training)
    {
        if (_shape.Model == TensorCompletionModel.Cp)
        {
            var fit = CpFit.Best(cells, train, _valid, _shape.Entities, _als, _settings.InfluenceLayers, training);
            return new(fit.ToModel(_shape, _dtype, _device), null, fit, fit.Outcome);
        }
        using var scope = NewDisposeScope();
        using var random = new StepRandom(training.Seed, 0, 0);
        var model = _shape.Create(random, _dtype, _device);
        model.UsesBFloat16 = _settings.TrainsInBFloat16;
        InfluenceRecorder? recorder = null;
        try
        {
            recorder = training.Phase == 1 ? new(model, train.Length, _settings.InfluenceLayers) : null;
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var (source, validation) = Sources(cells, train, hash);
            var learner = new TensorLearner(model, recorder) { TrainingBatches = () => source.InOrder(training.EvaluationBatchSize > 0 ? training.EvaluationBatchSize : training.BatchSize) };
            var outcome = _learn(training with { Fingerprint = $"NeuralTensorCompletion {_shape} {_settings} {training.Phase} {training.Fingerprint} {Convert.ToHexString(hash.GetHashAndReset())}" }, learner, source, validation);
            model.UsesBFloat16 = false;
            return new(model, recorder, null, outcome);
        }
        catch
        {
            recorder?.Dispose();
            model.Dispose();
            throw;
        }
    }

    /// <summary>The cells on the device.</summary>
    private (RowSource Training, RowSource? Validation) Sources(TensorCells cells, int[] train, IncrementalHash hash)
    {
        int[] rows = [.. train, .. _valid];
        var count = rows.Length;
        var tensors = new Dictionary<string, Tensor>
        {
            [TensorLearner.Index] = RowSource.Fill(rows, [count, cells.Order], ScalarType.Int64, _device, hash, (row, memory) =>
            {
                var entities = MemoryMarshal.Cast<byte, long>(memory);
                var cell = cells[row];
                for (var mode = 0; mode < cell.Length; mode++)
                {
                    entities[mode] = cell[mode];
                }
            }),
            [TensorLearner.Value] = Numbers(cells.Values),
        };
        if (cells.Weights is not null)
        {
            double[] weights = [.. cells.Weights];
            var mean = _valid.Length == 0 ? 1 : _valid.Average(row => weights[row]);
            foreach (var row in _valid)
            {
                weights[row] /= mean;
            }
            tensors[TensorLearner.Weight] = Numbers(weights);
        }
        return RowSource.Split(train.Length, count, tensors);

        Tensor Numbers(double[] values) => RowSource.Fill(rows, [count], ScalarType.Float64, _device, hash, (row, memory) => MemoryMarshal.Write(memory, values[row])).to(_dtype);
    }

    /// <summary>P_n by influence, or by count where there is none; and by the sampling that was chosen.</summary>
    private (double[][] Importance, double[][] Sampling) Importance(double[] influence)
    {
        var byInfluence = EntityImportance.ByInfluence(_cells, _train, _shape.Entities, influence, _settings.ImportanceSign);
        if (byInfluence is null)
        {
            Say($"The training cells have no influence on the validation error, or one that is not finite: their number counts instead.");
        }
        var importance = byInfluence ?? EntityImportance.ByCount(_cells, _train, _shape.Entities);
        return (importance, _settings.Sampling switch
        {
            TensorSampling.Frequency => EntityImportance.ByCount(_cells, _train, _shape.Entities),
            TensorSampling.Uniform => EntityImportance.Uniform(_shape.Entities),
            _ => importance,
        });
    }

    /// <summary>New cells and their values.</summary>
    private (int[] Index, double[] Values) Augment(int count, double[][] importance, Trained first)
    {
        if (_settings.Sampling == TensorSampling.Duplicate)
        {
            int[] drawn = [.. Enumerable.Range(0, count).Select(_ => _train[_random.Next(_train.Length)])];
            return ([.. drawn.SelectMany(row => _cells[row].ToArray())], [.. drawn.Select(row => _cells.Values[row])]);
        }
        var shares = EntityImportance.Mix(importance, _settings.UniformMix);
        var given = _settings.Uniforms?.GetEnumerator();
        var index = CellSampler.Draw(shares, count, () => given is not null && given.MoveNext() ? given.Current : _random.NextDouble());
        if (_settings.SkipObservedCells)
        {
            CellSampler.Redraw(index, shares, _cells, _train, _random.NextDouble);
        }
        var values = Predict(index, first);
        if (_settings.ClampValues)
        {
            var (smallest, largest) = (_train.Min(row => _cells.Values[row]), _train.Max(row => _cells.Values[row]));
            values = [.. values.Select(value => Math.Clamp(value, smallest, largest))];
        }
        return (index, values);
    }

    private double[] Predict(int[] index, Trained first)
    {
        if (_settings.ValuePredictor == ValuePredictor.Cp || first.Fit is not null)
        {
            var fit = first.Fit ?? CpFit.Best(_cells, _train, _valid, _shape.Entities, _als, InfluenceLayers.Output, _training with { Report = null }, _settings.Center);
            return fit.Predict(index);
        }
        using var threads = TorchThreads.Use(_training.NumberOfThreads);
        using var post = _shape.Create(null, _dtype, _device);
        post.CopyFrom(first.Record!.WeightsAfter);
        using var scorer = new TensorScorer(post);
        return scorer.Score(index, _training.CancellationToken);
    }

    private TensorCompletionResult Finish(TensorCompletionResult result)
    {
        if (_settings.FillUnseen)
        {
            bool[][] isSeen = [.. _shape.Entities.Select(count => new bool[count])];
            foreach (var row in _train)
            {
                var cell = _cells[row];
                for (var mode = 0; mode < cell.Length; mode++)
                {
                    isSeen[mode][cell[mode]] = true;
                }
            }
            result.Model.FillUnseen(isSeen);
        }
        return result;
    }

    private void Say(FormattableString text) => _settings.Log?.Invoke(text.ToString(CultureInfo.InvariantCulture));

    /// <summary>A model and how its training went.</summary>
    private sealed record Trained(TensorModel Model, InfluenceRecorder? Record, CpFit? Fit, TrainingOutcome Outcome)
    {
        /// <summary>The smallest validation error.</summary>
        internal double? Loss => Outcome.BestEpoch == 0 ? null : Outcome.History[Outcome.BestEpoch - 1].ValidationLoss;

        internal double[] Influence => Record?.Influence ?? Fit?.Influence ?? [];
    }
}
