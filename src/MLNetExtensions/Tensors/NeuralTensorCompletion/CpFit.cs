using System.Diagnostics;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>
/// A fit of CP, sweep by sweep: the factors of the sweep with the smallest validation error, and the influence of each training cell up to it. A sweep is to it what an epoch is to a network.
/// </summary>
internal sealed class CpFit
{
    private readonly TensorCells _cells;
    private readonly int[] _train;
    private readonly int[] _valid;
    private readonly RidgeAls _als;
    private readonly AlsSettings _settings;
    private readonly InfluenceLayers _layers;
    private readonly TrainingSettings _training;
    private readonly double[] _sums;
    private readonly double[][] _best;
    private readonly List<TrainingProgress> _history = [];
    private readonly double _validWeight;

    // v, or with all layers the gradient of the factors of each mode.
    private readonly double[][] _directions;
    private double _biasDirection;

    private CpFit(TensorCells cells, int[] train, int[] valid, RidgeAls als, IReadOnlyList<int> entities, AlsSettings settings, InfluenceLayers layers, TrainingSettings training)
    {
        (_cells, _train, _valid, _als, _settings, _layers, _training) = (cells, train, valid, als, settings, layers, training);
        _sums = new double[train.Length];
        Influence = new double[train.Length];
        _directions = layers == InfluenceLayers.All ? [.. entities.Select(count => new double[count * als.Width])] : [new double[als.Width]];
        _best = new double[entities.Count][];
        _validWeight = valid.Sum(row => (double)cells.WeightOf(row));
    }

    /// <summary>The influence of each training cell.</summary>
    internal double[] Influence { get; }

    internal TrainingOutcome Outcome { get; private set; } = new(0, [], false);

    /// <summary>λ.</summary>
    internal double Ridge { get; private init; }

    internal int Rank => _als.Rank;

    /// <summary>The smallest validation error; infinite where there is none.</summary>
    internal double Loss => Outcome.BestEpoch == 0 ? double.PositiveInfinity : Outcome.History[Outcome.BestEpoch - 1].ValidationLoss ?? double.PositiveInfinity;

    /// <summary>Fits with each of the ranks and λ, from each of the starts, and returns the fit with the smallest validation error; without validation the first one.</summary>
    /// <param name="cells">The cells.</param>
    /// <param name="train">The numbers of the cells to fit.</param>
    /// <param name="valid">The numbers of the cells that choose the sweep.</param>
    /// <param name="entities">D_n of each mode.</param>
    /// <param name="settings">How to fit.</param>
    /// <param name="layers">Whose gradients tell the influence.</param>
    /// <param name="training">Seed, threads, cancellation and progress.</param>
    /// <param name="center">What is added to all values.</param>
    /// <exception cref="InvalidOperationException">The numbers are not finite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled, and the settings say so.</exception>
    internal static CpFit Best(TensorCells cells, int[] train, int[] valid, IReadOnlyList<int> entities, AlsSettings settings, InfluenceLayers layers, TrainingSettings training, double center = 0)
    {
        CpFit? best = null;
        foreach (var rank in settings.Ranks)
        {
            var before = best;
            foreach (var (ridge, start) in from ridge in settings.Ridges from start in Enumerable.Range(0, settings.Starts) select (ridge, start))
            {
                using var random = new StepRandom(training.Seed, 0, start);
                var als = new RidgeAls(cells, train, entities, rank, ridge, center, training.NumberOfThreads ?? Environment.ProcessorCount);
                als.Start(random.Generator);
                var fit = new CpFit(cells, train, valid, als, entities, settings, layers, training) { Ridge = ridge };
                fit.Run();
                best = best is null || fit.Loss < best.Loss ? fit : best;
                if (valid.Length == 0 || fit.Outcome.Cancelled)
                {
                    return best;
                }
            }
            if (best == before)
            {
                break;
            }
        }
        return best!;
    }

    /// <summary>The factors as a model.</summary>
    internal TensorModel ToModel(TensorCompletionShape shape, ScalarType dtype, Device device)
    {
        var model = (shape with { EmbeddingSize = Rank, UseBias = false }).Create(null, dtype, device);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (mode, table) in model.Embeddings.Index())
        {
            table.copy_(ConstantTensor.Create(_als.Get(mode), table.shape, dtype, device));
        }
        return model;
    }

    /// <summary>The values of cells; an entity without training cells counts as the mean of the others of its mode.</summary>
    internal double[] Predict(int[] index)
    {
        _als.FillUnseen();
        var values = new double[index.Length / _cells.Order];
        for (var cell = 0; cell < values.Length; cell++)
        {
            values[cell] = _als.Predict(index.AsSpan(cell * _cells.Order, _cells.Order));
        }
        return values;
    }

    private void Run()
    {
        var clock = Stopwatch.StartNew();
        var cancelled = false;
        try
        {
            var sweep = 0;
            // Before the first sweep, for the influence: factors that nothing has fitted yet are never kept.
            Evaluate();
            while (sweep++ < _settings.Sweeps && (_history.Count == 0 || _history.Count - _history[^1].BestEpoch < _settings.Patience))
            {
                _training.CancellationToken.ThrowIfCancellationRequested();
                _training.ThrowIfHostCancelled?.Invoke();
                _als.Sweep();
                var (trainingLoss, validationLoss) = Evaluate();
                if (!double.IsFinite(trainingLoss))
                {
                    throw new InvalidOperationException($"The least squares of CP gave numbers that are not finite in sweep {sweep}.");
                }
                var previous = _history.Count == 0 ? 0 : _history[^1].BestEpoch;
                var isBest = previous == 0 || validationLoss is not { } loss || loss < _history[previous - 1].ValidationLoss;
                if (isBest)
                {
                    Keep();
                }
                _history.Add(new()
                {
                    Phase = _training.Phase,
                    Epoch = sweep,
                    MaximumNumberOfEpochs = _settings.Sweeps,
                    TrainingLoss = trainingLoss,
                    ValidationLoss = validationLoss,
                    BestEpoch = isBest ? sweep : previous,
                    Elapsed = clock.Elapsed,
                });
                _training.Report?.Invoke(_history[^1]);
            }
        }
        catch (OperationCanceledException) when (_training.OnCancellation == CancellationBehavior.ReturnBest)
        {
            cancelled = true;
        }
        Outcome = new(_history.Count == 0 ? 0 : _history[^1].BestEpoch, _history, cancelled);
        for (var mode = 0; mode < _best.Length && Outcome.BestEpoch > 0; mode++)
        {
            _als.Put(mode, _best[mode]);
        }
    }

    private void Keep()
    {
        _sums.CopyTo(Influence, 0);
        for (var mode = 0; mode < _best.Length; mode++)
        {
            _best[mode] = _als.Get(mode);
        }
    }

    /// <summary>The mean squared errors of the factors as they are, and the part that they have in the influence of the cells.</summary>
    private (double Training, double? Validation) Evaluate()
    {
        var features = new double[_als.Width];
        foreach (var direction in _directions)
        {
            Array.Clear(direction);
        }
        _biasDirection = 0;
        double validation = 0;
        foreach (var row in _valid)
        {
            var residual = _als.Residual(row, features);
            var weighted = residual * _cells.WeightOf(row);
            validation += residual * weighted;
            if (_layers == InfluenceLayers.All)
            {
                for (var mode = 0; mode < _directions.Length; mode++)
                {
                    _als.Features(_cells[row], features, mode);
                    RidgeAls.Add(RowOf(row, mode), weighted, features);
                }
            }
            else
            {
                RidgeAls.Add(_directions[0], weighted, features);
                _biasDirection += weighted;
            }
        }
        double training = 0, weights = 0;
        foreach (var (i, row) in _train.Index())
        {
            var residual = _als.Residual(row, features);
            var weighted = residual * _cells.WeightOf(row);
            training += residual * weighted;
            weights += _cells.WeightOf(row);
            double product = 0;
            if (_layers == InfluenceLayers.All)
            {
                for (var mode = 0; mode < _directions.Length; mode++)
                {
                    _als.Features(_cells[row], features, mode);
                    product += RidgeAls.Dot(features, RowOf(row, mode));
                }
            }
            else
            {
                product = RidgeAls.Dot(features, _directions[0]) + (_layers == InfluenceLayers.OutputWithBias ? _biasDirection : 0);
            }
            _sums[i] += weighted * product;
        }
        return (training / weights, _valid.Length == 0 ? null : validation / _validWeight);
    }

    private Span<double> RowOf(int row, int mode) => _directions[mode].AsSpan(_cells[row][mode] * _als.Width, _als.Width);
}
