using System.Numerics.Tensors;

namespace MLNetExtensions.Tensors;

/// <summary>
/// The state of an inference by conditional moment matching: one sweep updates the messages to the functions of every mode and their posterior, then the core,
/// then the noise. Undamped it is mean-field variational inference, and its bound never falls.
/// </summary>
internal sealed class FunctionalTuckerSweeps
{
    // Beyond, and beyond its inverse, the variance of functions is no longer learned.
    private const double SmallestVariance = 1e-6;

    private readonly TensorEntries _entries;
    private FunctionalTuckerModelShape _shape;
    private readonly FunctionalTuckerSettings _settings;
    private readonly FunctionalTuckerPosterior? _old;
    private readonly FunctionChain[] _chains;
    private readonly double[][] _messages;
    private readonly double[][] _fresh;
    private readonly double[][] _oldMessages;
    private readonly double[][] _fed;
    private readonly double[] _energies;
    private readonly double[] _evidences;
    private readonly double _priorShape;
    private readonly double _priorRate;
    private readonly ITensorForm _form;
    private readonly CoreForm? _core;
    private bool _hasSwept;

    /// <summary>Prepares an inference.</summary>
    /// <param name="entries">The rows.</param>
    /// <param name="shape">The model.</param>
    /// <param name="settings">Priors, damping, threads.</param>
    /// <param name="old">What earlier rows left, which stays as it is; null = none.</param>
    /// <param name="initialMeans">For each mode the prior mean of the state at its first coordinate; null = 0.</param>
    internal FunctionalTuckerSweeps(TensorEntries entries, FunctionalTuckerModelShape shape, FunctionalTuckerSettings settings, FunctionalTuckerPosterior? old = null, double[]?[]? initialMeans = null)
    {
        (_entries, _shape, _settings, _old) = (entries, shape, settings, old);
        var modes = shape.Modes;
        Moments = new ModeMoments[modes];
        _chains = new FunctionChain[modes];
        _messages = new double[modes][];
        _fresh = new double[modes][];
        _oldMessages = new double[modes][];
        _fed = new double[modes][];
        _energies = new double[modes];
        _evidences = new double[modes];
        for (var mode = 0; mode < modes; mode++)
        {
            var points = entries.Points[mode];
            Moments[mode] = new ModeMoments(points.Length, shape.Ranks[mode]);
            _chains[mode] = new FunctionChain(points, shape.Kernel(mode), shape.Ranks[mode], initialMeans?[mode]);
            var size = Moments[mode].Values.Length;
            _fresh[mode] = new double[size];
            _messages[mode] = settings.FunctionDamping == 0 ? _fresh[mode] : new double[size];
            _oldMessages[mode] = old is null ? [] : Spread(old.Modes[mode], points, Moments[mode]);
            _fed[mode] = old is null ? _messages[mode] : new double[size];
        }
        (_priorShape, _priorRate) = old is null ? (settings.A0, settings.B0) : (old.NoiseShape, old.NoiseRate);
        _core = shape.Form == TuckerForm.Tucker ? new CoreForm(entries, Moments, settings, old?.CorePrecision ?? [], old?.CoreEta ?? []) : null;
        _form = _core ?? (ITensorForm)new CpForm(entries, Moments, settings.Threads);
        NoiseShape = _priorShape + entries.Count / 2.0;
        NoiseRate = NoiseShape;
    }

    /// <summary>The moments of the functions of each mode.</summary>
    internal ModeMoments[] Moments { get; }

    /// <summary>The core; null without one.</summary>
    internal CoreForm? Core => _core;

    /// <summary>The messages of the rows to a mode, η then Λ packed, in the layout of its moments.</summary>
    internal double[] Messages(int mode) => _messages[mode];

    /// <summary>log ∫ of prior and messages of a mode.</summary>
    internal double Evidence(int mode) => _evidences[mode];

    /// <summary>a of the noise precision's Gamma posterior.</summary>
    internal double NoiseShape { get; private set; }

    /// <summary>b of it.</summary>
    internal double NoiseRate { get; private set; }

    /// <summary>β, the running message of the rows to b.</summary>
    internal double NoiseMessage { get; set; }

    /// <summary>E[tau].</summary>
    internal double NoisePrecision { get; set; } = 1;

    /// <summary>The lower bound of the log evidence after the last sweep; damped, only roughly.</summary>
    internal double Bound { get; private set; } = double.NegativeInfinity;

    /// <summary>sqrt of the mean squared error on the rows.</summary>
    internal double TrainingRmse() => Math.Sqrt(_form.SquaredError() / _entries.Count);

    /// <summary>
    /// A start: means uniform in [0, 1), whose common sign keeps modes from cancelling each other. With wide covariances and much noise starts end up close to
    /// each other; with narrow ones and little noise they also do not draw few rows to the solution that is 0 everywhere.
    /// </summary>
    internal void Start(Random random, bool isWide)
    {
        var spread = isWide ? 1 : 0.01;
        for (var mode = 0; mode < Moments.Length; mode++)
        {
            var rank = Moments[mode].Rank;
            var mean = new double[rank];
            var covariance = new double[rank * rank];
            for (var r = 0; r < rank; r++)
            {
                covariance[r * (rank + 1)] = spread;
            }
            for (var i = 0; i < _entries.Points[mode].Length; i++)
            {
                foreach (ref var value in mean.AsSpan())
                {
                    value = random.NextDouble();
                }
                Moments[mode].Set(i, mean, covariance);
            }
        }
        if (_core is not null)
        {
            foreach (ref var value in _core.Mean.AsSpan())
            {
                value = random.NextDouble();
            }
            for (var i = 0; i < _core.Mean.Length; i++)
            {
                _core.Covariance[i * (_core.Mean.Length + 1)] = spread;
            }
        }
        NoisePrecision = isWide ? 1 : 10;
    }

    /// <summary>Starts from where another inference of the same rows, with other length scales, has come.</summary>
    internal void Start(FunctionalTuckerSweeps other)
    {
        for (var mode = 0; mode < Moments.Length; mode++)
        {
            other.Moments[mode].Values.CopyTo(Moments[mode].Values, 0);
        }
        if (_core is not null && other._core is not null)
        {
            other._core.Mean.CopyTo(_core.Mean, 0);
            other._core.Covariance.CopyTo(_core.Covariance, 0);
        }
        NoisePrecision = other.NoisePrecision;
    }

    /// <summary>Starts from a posterior, at coordinates that it knows or not.</summary>
    internal void Start(FunctionalTuckerPosterior posterior)
    {
        for (var mode = 0; mode < Moments.Length; mode++)
        {
            var from = posterior.Modes[mode];
            var mean = new double[from.Rank];
            var covariance = new double[from.Rank * from.Rank];
            var scratch = new double[from.ScratchSize];
            for (var i = 0; i < _entries.Points[mode].Length; i++)
            {
                from.Values(_entries.Points[mode][i], mean, covariance, scratch);
                Moments[mode].Set(i, mean, covariance);
            }
        }
        if (_core is not null)
        {
            posterior.Core.CopyTo(_core.Mean, 0);
            posterior.CoreCovariance.CopyTo(_core.Covariance, 0);
        }
        NoisePrecision = posterior.NoisePrecision;
    }

    /// <summary>One sweep.</summary>
    internal void Sweep()
    {
        var modes = Moments.Length;
        if (_hasSwept && _settings.Rescale && !_settings.IsDamped && _old is null && double.IsPositiveInfinity(_settings.PseudoPriorVariance))
        {
            Rescale();
        }
        _hasSwept = true;
        for (var mode = 0; mode < modes; mode++)
        {
            Gather(mode);
            if (!_settings.Jacobi)
            {
                Filter(mode);
            }
        }
        for (var mode = 0; mode < modes && _settings.Jacobi; mode++)
        {
            Filter(mode);
        }
        // Σ y E[f] - ½ E[f²] follows from the last message made, and what it led to.
        double energy;
        if (_core is not null)
        {
            energy = _core.Update(NoisePrecision);
        }
        else if (_settings.Jacobi)
        {
            var unscaled = new double[_fresh[^1].Length];
            _form.Messages(modes - 1, unscaled);
            energy = Moments[^1].Energy(unscaled);
        }
        else
        {
            energy = (ReferenceEquals(_messages[^1], _fresh[^1]) ? _energies[^1] : Moments[^1].Energy(_fresh[^1])) / NoisePrecision;
        }
        UpdateNoise(energy);
        if (_settings.LearnVariances && _old is null)
        {
            UpdateVariances();
        }
    }

    /// <summary>The posterior as it stands.</summary>
    internal FunctionalTuckerPosterior ToPosterior(IReadOnlyList<double> bounds, bool isConverged)
    {
        var modes = new FunctionalTuckerMode[Moments.Length];
        for (var mode = 0; mode < modes.Length; mode++)
        {
            modes[mode] = _chains[mode].ToMode(_fed[mode], 1 / _settings.PseudoPriorVariance, Moments[mode].Stride);
        }
        // Where messages take the core as known, predictions do too.
        var covariance = _core is null ? [] : _settings.CoreCovariance ? (double[])[.. _core.Covariance] : new double[_core.Covariance.Length];
        return new FunctionalTuckerPosterior(_shape, modes, [.. _core?.Mean ?? []], covariance)
        {
            CorePrecision = Total(_core?.Precision, _old?.CorePrecision),
            CoreEta = Total(_core?.Eta, _old?.CoreEta),
            NoiseShape = NoiseShape,
            NoiseRate = NoiseRate,
            NoisePrecision = NoisePrecision,
            Rows = _entries.Count + (_old?.Rows ?? 0),
            Bounds = [.. bounds],
            IsConverged = isConverged,
            TrainingRmse = TrainingRmse(),
        };
    }

    private static double[] Total(double[]? fresh, double[]? old)
    {
        double[] total = [.. fresh ?? []];
        if (old is { Length: > 0 })
        {
            TensorPrimitives.Add(total, old, total);
        }
        return total;
    }

    private void Gather(int mode)
    {
        var (fresh, messages, rho) = (_fresh[mode], _messages[mode], _settings.FunctionDamping);
        _form.Messages(mode, fresh);
        TensorPrimitives.Multiply(fresh, NoisePrecision, fresh);
        if (rho > 0)
        {
            for (var i = 0; i < messages.Length; i++)
            {
                messages[i] = rho * messages[i] + (1 - rho) * fresh[i];
            }
        }
        if (_old is not null)
        {
            TensorPrimitives.Add(messages, _oldMessages[mode], _fed[mode]);
        }
    }

    private void Filter(int mode)
    {
        _evidences[mode] = _chains[mode].Run(_fed[mode], 1 / _settings.PseudoPriorVariance, Moments[mode].Values, Moments[mode].Stride);
        _energies[mode] = Moments[mode].Energy(_messages[mode]);
    }

    /// <summary>f stays the same, so that the bound can only grow.</summary>
    private void Rescale()
    {
        var dimensions = Array.ConvertAll(Moments, moments => (double)moments.Values.Length / moments.Stride);
        for (var mode = 0; mode < dimensions.Length; mode++)
        {
            dimensions[mode] *= _shape.Kernel(mode).States;
        }
        var factors = new double[Moments.Length][];
        for (var mode = 0; mode < factors.Length; mode++)
        {
            factors[mode] = Quadratics(mode);
            for (var r = 0; _core is not null && r < factors[mode].Length; r++)
            {
                factors[mode][r] = _core.Rescale(mode, r, dimensions[mode], factors[mode][r]);
            }
        }
        if (_core is null)
        {
            ScaleBalance.Solve(dimensions, factors);
        }
        for (var mode = 0; mode < factors.Length; mode++)
        {
            Moments[mode].Scale(factors[mode]);
        }
    }

    /// <summary>For each function E[z' K⁻¹ z] of its states z under its prior covariance K: the number of states, less what the messages took away.</summary>
    private double[] Quadratics(int mode)
    {
        var (moments, messages) = (Moments[mode], _fed[mode]);
        var rank = moments.Rank;
        var sums = new double[rank];
        sums.AsSpan().Fill((double)_entries.Points[mode].Length * _shape.Kernel(mode).States);
        for (var start = 0; start < messages.Length; start += moments.Stride)
        {
            for (var r = 0; r < rank; r++)
            {
                sums[r] += messages[start + r] * moments.Values[start + r];
            }
            for (int r = 0, next = start + rank; r < rank; r++)
            {
                for (var s = r; s < rank; s++, next++)
                {
                    var part = messages[next] * moments.Values[next];
                    sums[r] -= part;
                    sums[s] -= r == s ? 0 : part;
                }
            }
        }
        return sums;
    }

    /// <summary>The variance under which the prior expects of the functions of a mode what they are.</summary>
    private void UpdateVariances()
    {
        var variances = new double[Moments.Length];
        for (var mode = 0; mode < variances.Length; mode++)
        {
            var (quadratics, old) = (Quadratics(mode), _shape.Variances[mode]);
            var ratio = quadratics.Average() / (_entries.Points[mode].Length * _shape.Kernel(mode).States);
            variances[mode] = Math.Clamp(old * ratio, SmallestVariance, 1 / SmallestVariance);
        }
        _shape = _shape with { Variances = variances };
        for (var mode = 0; mode < variances.Length; mode++)
        {
            _chains[mode].SetVariance(_shape.Kernel(mode));
        }
    }

    private void UpdateNoise(double energy)
    {
        var rho = _settings.NoiseDamping;
        // Rounding alone can take it below 0, where the rows are met to all digits.
        var fresh = Math.Max(0, 0.5 * _entries.SumOfSquares - energy);
        NoiseMessage = (rho == 0 ? 0 : rho * NoiseMessage) + (1 - rho) * fresh;
        NoiseRate = _priorRate + NoiseMessage;
        NoisePrecision = NoiseShape / NoiseRate;

        var (a, b, digamma, rows) = (NoiseShape, NoiseRate, GammaFunction.Digamma(NoiseShape), _entries.Count);
        var logPrecision = digamma - Math.Log(b);
        Bound = 0.5 * rows * (logPrecision - Math.Log(2 * Math.PI)) - NoisePrecision * fresh
            + _priorShape * Math.Log(_priorRate) - GammaFunction.Log(_priorShape) + (_priorShape - 1) * logPrecision - _priorRate * NoisePrecision
            + a - Math.Log(b) + GammaFunction.Log(a) + (1 - a) * digamma;
        for (var mode = 0; mode < Moments.Length; mode++)
        {
            Bound += _evidences[mode] - _energies[mode];
        }
        Bound += _core?.Bound ?? 0;
    }

    /// <summary>The messages of a mode's old coordinates, at their places among the new ones.</summary>
    private static double[] Spread(FunctionalTuckerMode old, double[] points, ModeMoments moments)
    {
        var messages = new double[moments.Values.Length];
        var size = moments.Rank + moments.Pairs;
        for (int i = 0, place = 0; i < old.Points.Length; i++)
        {
            for (; points[place] != old.Points[i]; place++)
            {
            }
            old.Messages.AsSpan(i * size, size).CopyTo(messages.AsSpan(place * moments.Stride));
        }
        return messages;
    }
}
