using System.Numerics.Tensors;

namespace MLNetExtensions.Tensors;

/// <summary>
/// f = Σ G[r_1, …, r_K] Π_k u^k_{r_k} with a normal posterior of the core G. What a row contributes is linear in the products of the other modes' moments, so that
/// these are summed for each coordinate before the core is applied to them; and second moments are symmetric in each mode, so that every pair of functions
/// is counted once.
/// </summary>
internal sealed class CoreForm : ITensorForm
{
    private readonly TensorEntries _entries;
    private readonly ModeMoments[] _moments;
    private readonly FunctionalTuckerSettings _settings;
    private readonly CoreLayout _layout;
    private readonly double[] _oldPrecision;
    private readonly double[] _oldEta;

    /// <summary>Prepares the core.</summary>
    /// <param name="entries">The rows.</param>
    /// <param name="moments">The moments of the modes.</param>
    /// <param name="settings">Prior, damping, threads.</param>
    /// <param name="oldPrecision">A message of earlier rows [P, P]; empty = none.</param>
    /// <param name="oldEta">Its linear part [P].</param>
    internal CoreForm(TensorEntries entries, ModeMoments[] moments, FunctionalTuckerSettings settings, double[] oldPrecision, double[] oldEta)
    {
        (_entries, _moments, _settings, _oldPrecision, _oldEta) = (entries, moments, settings, oldPrecision, oldEta);
        _layout = new CoreLayout(Array.ConvertAll(moments, mode => mode.Rank));
        var size = _layout.Size;
        Mean = new double[size];
        Covariance = new double[size * size];
        Precision = new double[size * size];
        Eta = new double[size];
    }

    /// <summary>[P], mode 0 slowest.</summary>
    internal double[] Mean { get; }

    /// <summary>[P, P].</summary>
    internal double[] Covariance { get; }

    /// <summary>The damped message of the rows [P, P].</summary>
    internal double[] Precision { get; }

    /// <summary>Its linear part [P].</summary>
    internal double[] Eta { get; }

    /// <summary>The core's part of the bound, after <see cref="Update"/>.</summary>
    internal double Bound { get; private set; }

    public void Messages(int mode, double[] messages)
    {
        int size = _layout.Size, rank = _moments[mode].Rank, pairs = _moments[mode].Pairs, stride = _moments[mode].Stride;
        int others = _layout.OtherSize(mode), otherPairs = _layout.OtherPairs(mode);
        var means = _layout.ByMode(mode, Mean);
        var seconds = new double[pairs * otherPairs];
        var offsets = new int[size];
        for (var row = 0; row < size; row++)
        {
            _layout.PairOffsets(mode, row, offsets);
            for (var column = 0; column < size; column++)
            {
                seconds[offsets[column]] += Mean[row] * Mean[column] + (_settings.CoreCovariance ? Covariance[row * size + column] : 0);
            }
        }
        // The pair (p, q) and the pair (q, p) were both counted, the message has one entry for them.
        for (int p = 0, pair = 0; p < rank; p++)
        {
            for (var q = p; q < rank; q++, pair++)
            {
                if (p != q)
                {
                    var half = seconds.AsSpan(pair * otherPairs, otherPairs);
                    TensorPrimitives.Multiply(half, 0.5, half);
                }
            }
        }
        _entries.ForRanges(mode, _settings.Threads, (from, to) =>
        {
            var sums = new ProductSums(_entries, _moments, _layout, mode);
            for (var i = from; i < to; i++)
            {
                sums.Add(i);
                var target = messages.AsSpan(i * stride, stride);
                for (var r = 0; r < rank; r++)
                {
                    target[r] = TensorPrimitives.Dot(means.AsSpan(r * others, others), sums.Means);
                }
                for (var pair = 0; pair < pairs; pair++)
                {
                    target[rank + pair] = TensorPrimitives.Dot(seconds.AsSpan(pair * otherPairs, otherPairs), sums.Seconds);
                }
            }
        });
    }

    /// <summary>Takes in what the rows say, and makes the posterior of the core.</summary>
    /// <param name="noisePrecision">E[tau].</param>
    /// <returns>Σ y E[f] - ½ E[f²] over the rows.</returns>
    /// <exception cref="InvalidOperationException">The core is not determined: there is no prior, and the rows do not reach all of it.</exception>
    internal double Update(double noisePrecision)
    {
        var size = _layout.Size;
        var mode = CheapestMode();
        int rank = _moments[mode].Rank, pairs = _moments[mode].Pairs, others = _layout.OtherSize(mode), otherPairs = _layout.OtherPairs(mode);
        var means = new double[rank * others];
        var seconds = new double[pairs * otherPairs];
        var sums = new ProductSums(_entries, _moments, _layout, mode);
        for (var i = 0; i < _entries.Points[mode].Length; i++)
        {
            if (!sums.Add(i))
            {
                continue;
            }
            var mean = _moments[mode].Mean(i);
            var second = _moments[mode].Second(i);
            for (var r = 0; r < rank; r++)
            {
                SmallMatrix.AddScaled(means.AsSpan(r * others, others), mean[r], sums.Means);
            }
            for (var pair = 0; pair < pairs; pair++)
            {
                SmallMatrix.AddScaled(seconds.AsSpan(pair * otherPairs, otherPairs), second[pair], sums.Seconds);
            }
        }
        var eta = _layout.FromMode(mode, means);
        var precision = new double[size * size];
        var offsets = new int[size];
        for (var row = 0; row < size; row++)
        {
            _layout.PairOffsets(mode, row, offsets);
            for (var column = 0; column < size; column++)
            {
                precision[row * size + column] = seconds[offsets[column]];
            }
        }
        Blend(Precision, precision, noisePrecision);
        Blend(Eta, eta, noisePrecision);
        Solve();

        // Σ y E[f] - ½ E[f²] of the rows, with the messages just made and the core they led to.
        var energy = TensorPrimitives.Dot(eta, Mean);
        for (var row = 0; row < size; row++)
        {
            var message = precision.AsSpan(row * size, size);
            energy -= 0.5 * Mean[row] * TensorPrimitives.Dot<double>(message, Mean);
            if (_settings.CoreCovariance)
            {
                energy -= 0.5 * TensorPrimitives.Dot<double>(message, Covariance.AsSpan(row * size, size));
            }
        }
        return energy;
    }

    /// <summary>
    /// Finds the best factor for a function, c, by whose inverse its slice of the core is multiplied: it maximises n ln c - ½ c² E - p ln c - ½ prior F / c², where F are
    /// the expected squares of the slice's p numbers.
    /// </summary>
    /// <param name="mode">The mode.</param>
    /// <param name="function">The number of the function.</param>
    /// <param name="dimension">n, the number of its states.</param>
    /// <param name="quadratic">E, their expected square under the prior.</param>
    internal double Rescale(int mode, int function, double dimension, double quadratic)
    {
        var size = _layout.Size;
        var squares = 0.0;
        for (var i = 0; i < size; i++)
        {
            squares += _layout.Digit(mode, i) == function ? Mean[i] * Mean[i] + Covariance[i * (size + 1)] : 0;
        }
        var excess = dimension - _layout.OtherSize(mode);
        var factor = Math.Sqrt((excess + Math.Sqrt(excess * excess + 4 * quadratic * _settings.CorePriorPrecision * squares)) / (2 * quadratic));
        if (!(quadratic > 0 && factor > 0 && double.IsFinite(factor)))
        {
            return 1;
        }
        for (var i = 0; i < size; i++)
        {
            if (_layout.Digit(mode, i) == function)
            {
                Mean[i] /= factor;
                for (var j = 0; j < size; j++)
                {
                    Covariance[i * size + j] /= factor;
                    Covariance[j * size + i] /= factor;
                }
            }
        }
        return factor;
    }

    public double SquaredError()
    {
        var mode = CheapestMode();
        int others = _layout.OtherSize(mode);
        var core = _layout.ByMode(mode, Mean);
        var errors = new double[_entries.Points[mode].Length];
        _entries.ForRanges(mode, _settings.Threads, (from, to) =>
        {
            var weights = new double[others];
            var product = new double[others];
            var starts = _entries.Starts(mode);
            var targets = _entries.Targets(mode);
            for (var i = from; i < to; i++)
            {
                var mean = _moments[mode].Mean(i);
                weights.AsSpan().Clear();
                for (var r = 0; r < mean.Length; r++)
                {
                    SmallMatrix.AddScaled(weights, mean[r], core.AsSpan(r * others, others));
                }
                for (var n = starts[i]; n < starts[i + 1]; n++)
                {
                    var length = 1;
                    product[0] = 1;
                    for (var other = 0; other < _moments.Length; other++)
                    {
                        if (other != mode)
                        {
                            length = CoreLayout.Expand(product, length, _moments[other].Mean(_entries.Places(mode, other)[n]));
                        }
                    }
                    var error = targets[n] - TensorPrimitives.Dot<double>(weights, product);
                    errors[i] += error * error;
                }
            }
        });
        return errors.Sum();
    }

    /// <summary>message := ρ message + (1 - ρ) tau fresh.</summary>
    private void Blend(double[] message, double[] fresh, double noisePrecision)
    {
        var rho = _settings.CoreDamping;
        for (var i = 0; i < message.Length; i++)
        {
            message[i] = (rho == 0 ? 0 : rho * message[i]) + (1 - rho) * noisePrecision * fresh[i];
        }
    }

    private void Solve()
    {
        var size = _layout.Size;
        var prior = _settings.CorePriorPrecision;
        Precision.CopyTo(Covariance, 0);
        var eta = Eta;
        if (_oldPrecision.Length > 0)
        {
            TensorPrimitives.Add(Covariance, _oldPrecision, Covariance);
            eta = new double[size];
            TensorPrimitives.Add(Eta, _oldEta, eta);
        }
        for (var i = 0; i < size; i++)
        {
            Covariance[i * (size + 1)] += prior;
        }
        var logDeterminant = SymmetricInverse.Invert(Covariance, size);
        if (double.IsNaN(logDeterminant))
        {
            throw new InvalidOperationException("The core is not determined by the rows: set a positive prior precision of the core.");
        }
        for (var row = 0; row < size; row++)
        {
            Mean[row] = TensorPrimitives.Dot<double>(Covariance.AsSpan(row * size, size), eta);
        }
        var (squares, trace) = (TensorPrimitives.Dot<double>(Mean, Mean), 0.0);
        for (var i = 0; i < size; i++)
        {
            trace += Covariance[i * (size + 1)];
        }
        Bound = (prior > 0 ? 0.5 * size * Math.Log(prior) : 0) - 0.5 * prior * (squares + trace) + 0.5 * size - 0.5 * logDeterminant;
        if (_oldPrecision.Length > 0)
        {
            Bound += TensorPrimitives.Dot<double>(_oldEta, Mean) - 0.5 * TensorPrimitives.Dot<double>(_oldPrecision, Covariance);
            for (var row = 0; row < size; row++)
            {
                Bound -= 0.5 * Mean[row] * TensorPrimitives.Dot<double>(_oldPrecision.AsSpan(row * size, size), Mean);
            }
        }
    }

    /// <summary>The mode by whose coordinates the core's message is summed: any will do.</summary>
    private int CheapestMode()
    {
        var best = 0;
        var least = double.PositiveInfinity;
        for (var mode = 0; mode < _moments.Length; mode++)
        {
            var cost = (double)_entries.Count * _layout.OtherPairs(mode) + (double)_entries.Points[mode].Length * _layout.OtherPairs(mode) * _moments[mode].Pairs;
            if (cost < least)
            {
                (best, least) = (mode, cost);
            }
        }
        return best;
    }

    /// <summary>For one coordinate of a mode the sums over its rows of the products of the other modes' moments.</summary>
    private sealed class ProductSums(TensorEntries entries, ModeMoments[] moments, CoreLayout layout, int mode)
    {
        private readonly int[] _others = [.. Enumerable.Range(0, moments.Length).Where(other => other != mode)];
        private readonly double[] _left = new double[Math.Max(1, layout.OtherPairs(mode))];

        /// <summary>Σ y ⊗ m.</summary>
        internal double[] Means { get; } = new double[layout.OtherSize(mode)];

        /// <summary>Σ ⊗ S, packed.</summary>
        internal double[] Seconds { get; } = new double[layout.OtherPairs(mode)];

        /// <summary>Sums up a coordinate; false where it has no rows.</summary>
        internal bool Add(int point)
        {
            Means.AsSpan().Clear();
            Seconds.AsSpan().Clear();
            var starts = entries.Starts(mode);
            var targets = entries.Targets(mode);
            for (var n = starts[point]; n < starts[point + 1]; n++)
            {
                if (_others.Length == 0)
                {
                    Means[0] += targets[n];
                    Seconds[0]++;
                    continue;
                }
                var last = moments[_others[^1]];
                var place = entries.Places(mode, _others[^1])[n];
                var length = 1;
                _left[0] = targets[n];
                for (var j = 0; j < _others.Length - 1; j++)
                {
                    length = CoreLayout.Expand(_left, length, moments[_others[j]].Mean(entries.Places(mode, _others[j])[n]));
                }
                AddProduct(Means, length, last.Mean(place));
                length = 1;
                _left[0] = 1;
                for (var j = 0; j < _others.Length - 1; j++)
                {
                    length = CoreLayout.Expand(_left, length, moments[_others[j]].Second(entries.Places(mode, _others[j])[n]));
                }
                AddProduct(Seconds, length, last.Second(place));
            }
            return starts[point + 1] > starts[point];
        }

        private void AddProduct(Span<double> sums, int length, ReadOnlySpan<double> last)
        {
            for (var i = 0; i < length; i++)
            {
                SmallMatrix.AddScaled(sums.Slice(i * last.Length, last.Length), _left[i], last);
            }
        }
    }
}
