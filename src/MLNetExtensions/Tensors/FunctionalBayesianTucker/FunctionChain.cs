using System.Numerics.Tensors;

namespace MLNetExtensions.Tensors;

/// <summary>
/// Filter and smoother of the R functions of one mode over its M distinct coordinates. What the rows say about the functions at a coordinate comes as a message
/// exp(-½ u'Λu + η'u). The smoother carries the mean r and the precision N of what later coordinates say, so that only R x R matrices, which are well behaved,
/// are ever inverted: neither Λ nor the covariance of the state need be regular. Messages and results hold for each coordinate first R numbers (η, or the
/// means), then a packed symmetric matrix (Λ, or the second moments).
/// </summary>
internal sealed class FunctionChain
{
    private readonly double[] _points;
    private MaternKernel _kernel;
    private readonly int _rank;
    private readonly int _states;
    private readonly int _size;
    private readonly double[] _initialMean;
    private readonly double[] _transitions;
    private readonly double[] _noises;
    private readonly double[] _filteredMean;
    private readonly double[] _filteredCovariance;
    private readonly double[] _innovationMean;
    private readonly double[] _innovationPrecision;

    // Of the coordinate at hand.
    private readonly double[] _mean;
    private readonly double[] _covariance;
    private readonly double[] _scratch;
    private readonly double[] _across;
    private readonly double[] _gain;
    private readonly double[] _message;
    private readonly double[] _inverse;
    private readonly double[] _small;
    private readonly double[] _second;
    private readonly double[] _vector;
    private readonly double[] _residual;
    private readonly int[] _pivots;

    /// <summary>Prepares a chain.</summary>
    /// <param name="points">The distinct coordinates, ascending.</param>
    /// <param name="kernel">The prior of each function.</param>
    /// <param name="rank">R.</param>
    /// <param name="initialMean">The prior mean [D] of the state at the first coordinate; null = 0.</param>
    internal FunctionChain(double[] points, MaternKernel kernel, int rank, double[]? initialMean = null)
    {
        _points = points;
        _kernel = kernel;
        _rank = rank;
        _states = kernel.States;
        _size = _states * rank;
        _initialMean = initialMean ?? new double[_size];
        var (count, block) = (points.Length, _states * _states);
        _transitions = new double[count * block];
        _noises = new double[count * block];
        for (var i = 1; i < count; i++)
        {
            // Steps of regular grids are alike: the exponentials are worth remembering.
            if (i > 1 && points[i] - points[i - 1] == points[i - 1] - points[i - 2])
            {
                _transitions.AsSpan((i - 1) * block, block).CopyTo(_transitions.AsSpan(i * block));
                _noises.AsSpan((i - 1) * block, block).CopyTo(_noises.AsSpan(i * block));
            }
            else
            {
                kernel.Step(points[i] - points[i - 1], _transitions.AsSpan(i * block, block), _noises.AsSpan(i * block, block));
            }
        }
        _filteredMean = new double[count * _size];
        _filteredCovariance = new double[count * SmallMatrix.Packed(_size)];
        _innovationMean = new double[count * rank];
        _innovationPrecision = new double[count * SmallMatrix.Packed(rank)];
        _mean = new double[_size];
        _covariance = new double[_size * _size];
        _scratch = new double[_size * _size];
        _across = new double[_size * rank];
        _gain = new double[_size * rank];
        _message = new double[rank * rank];
        _inverse = new double[rank * rank];
        _small = new double[rank * rank];
        _second = new double[rank * rank];
        _vector = new double[_size];
        _residual = new double[rank];
        _pivots = new int[rank];
    }

    /// <summary>Filters and smooths.</summary>
    /// <param name="messages">For each coordinate η and Λ.</param>
    /// <param name="pseudoPrecision">1/v, added to the diagonal of every Λ.</param>
    /// <param name="moments">Receives for each coordinate the means m and the second moments V + m m'.</param>
    /// <param name="stride">The distance of two coordinates in both.</param>
    /// <returns>log ∫ p(Z) Π exp(-½u'Λu + η'u) dZ.</returns>
    internal double Run(ReadOnlySpan<double> messages, double pseudoPrecision, Span<double> moments, int stride)
    {
        var evidence = Filter(messages, pseudoPrecision, stride);
        Smooth(messages, pseudoPrecision, moments, stride, null, null);
        return evidence;
    }

    /// <summary>Takes another prior, which differs by its variance only.</summary>
    internal void SetVariance(MaternKernel kernel)
    {
        TensorPrimitives.Multiply(_noises, kernel.Variance / _kernel.Variance, _noises);
        _kernel = kernel;
    }

    /// <summary>The posterior after <see cref="Run"/> with the same messages.</summary>
    /// <param name="messages">For each coordinate η and Λ.</param>
    /// <param name="pseudoPrecision">1/v.</param>
    /// <param name="stride">The distance of two coordinates.</param>
    internal FunctionalTuckerMode ToMode(ReadOnlySpan<double> messages, double pseudoPrecision, int stride)
    {
        var (count, packed) = (_points.Length, SmallMatrix.Packed(_size));
        var laterMean = new double[count * _size];
        var laterPrecision = new double[count * packed];
        Filter(messages, pseudoPrecision, stride);
        Smooth(messages, pseudoPrecision, new double[messages.Length], stride, laterMean, laterPrecision);

        // The state at the first coordinate, from which steps lead back in time. _vector and _scratch hold what follows it.
        var startMean = new double[_size];
        var startCovariance = new double[_size * _size];
        SmallMatrix.Unpack(_filteredCovariance.AsSpan(0, packed), _covariance, _size);
        var product = new double[_size * _size];
        SmallMatrix.Multiply(_covariance, _scratch, product, _size, _size, _size);
        SmallMatrix.Multiply(product, _covariance, startCovariance, _size, _size, _size);
        for (var i = 0; i < startCovariance.Length; i++)
        {
            startCovariance[i] = _covariance[i] - startCovariance[i];
        }
        SmallMatrix.Multiply(_covariance, _vector, startMean, _size, _size, 1);
        SmallMatrix.AddScaled(startMean, 1, _filteredMean.AsSpan(0, _size));
        var startPacked = new double[packed];
        SmallMatrix.Pack(startCovariance, startPacked, _size);

        var messageSize = _rank + SmallMatrix.Packed(_rank);
        var own = new double[count * messageSize];
        for (var i = 0; i < count; i++)
        {
            messages.Slice(i * stride, messageSize).CopyTo(own.AsSpan(i * messageSize));
        }
        return new FunctionalTuckerMode(_kernel, _rank)
        {
            Points = _points,
            Messages = own,
            FilteredMean = [.. _filteredMean],
            FilteredCovariance = [.. _filteredCovariance],
            LaterMean = laterMean,
            LaterPrecision = laterPrecision,
            StartMean = startMean,
            StartCovariance = startPacked,
        };
    }

    private double Filter(ReadOnlySpan<double> messages, double pseudoPrecision, int stride)
    {
        int rank = _rank, size = _size, states = _states, block = states * states, packed = SmallMatrix.Packed(size), packedRank = SmallMatrix.Packed(rank);
        Span<double> mean = _mean, covariance = _covariance, across = _across, gain = _gain, lambda = _message, inverse = _inverse, small = _small, residual = _residual;
        _initialMean.CopyTo(mean);
        covariance.Clear();
        _kernel.Stationary(_scratch);
        for (var a = 0; a < states; a++)
        {
            for (var b = 0; b < states; b++)
            {
                for (var r = 0; r < rank; r++)
                {
                    covariance[(a * rank + r) * size + b * rank + r] = _scratch[a * states + b];
                }
            }
        }
        var evidence = 0.0;
        for (var i = 0; i < _points.Length; i++)
        {
            if (i > 0)
            {
                var transition = _transitions.AsSpan(i * block, block);
                StateSteps.Propagate(transition, mean, _vector, states, rank, isTransposed: false);
                StateSteps.PropagateCovariance(transition, _noises.AsSpan(i * block, block), covariance, _scratch, states, rank);
            }
            var eta = messages.Slice(i * stride, rank);
            SmallMatrix.Unpack(messages.Slice(i * stride + rank, packedRank), lambda, rank);
            for (var r = 0; r < rank; r++)
            {
                lambda[r * (rank + 1)] += pseudoPrecision;
            }
            for (var j = 0; j < size; j++)
            {
                covariance.Slice(j * size, rank).CopyTo(across.Slice(j * rank));
            }
            // B = I + ΛS, its inverse, and r = η - Λμ.
            SmallMatrix.Multiply(lambda, across, inverse, rank, rank, rank);
            for (var r = 0; r < rank; r++)
            {
                inverse[r * (rank + 1)] += 1;
                var expected = SmallMatrix.Dot(lambda.Slice(r * rank, rank), mean[..rank]);
                residual[r] = eta[r] - expected;
                evidence += mean[r] * (eta[r] - 0.5 * expected);
            }
            evidence -= 0.5 * SmallMatrix.Invert(inverse, rank, _pivots);
            SmallMatrix.Multiply(inverse, lambda, small, rank, rank, rank);
            SmallMatrix.Pack(small, _innovationPrecision.AsSpan(i * packedRank, packedRank), rank);
            var innovation = _innovationMean.AsSpan(i * rank, rank);
            SmallMatrix.Multiply(inverse, residual, innovation, rank, rank, 1);
            SmallMatrix.Multiply(across, inverse, gain, size, rank, rank);
            for (var j = 0; j < size; j++)
            {
                var step = SmallMatrix.Dot(across.Slice(j * rank, rank), innovation);
                mean[j] += step;
                if (j < rank)
                {
                    evidence += 0.5 * residual[j] * step;
                }
            }
            Condition(covariance, across, gain, lambda);
            mean.CopyTo(_filteredMean.AsSpan(i * size));
            SmallMatrix.Pack(covariance, _filteredCovariance.AsSpan(i * packed, packed), size);
        }
        return evidence;
    }

    /// <summary>P - C B⁻¹ Λ C', where C are the first R columns of P and the gain is C B⁻¹, the first R columns of the result.</summary>
    private void Condition(Span<double> covariance, ReadOnlySpan<double> across, ReadOnlySpan<double> gain, ReadOnlySpan<double> lambda)
    {
        int rank = _rank, size = _size;
        for (var r = 0; r < rank; r++)
        {
            covariance[r * size + r] = gain[r * rank + r];
            for (var s = r + 1; s < rank; s++)
            {
                covariance[r * size + s] = covariance[s * size + r] = 0.5 * (gain[r * rank + s] + gain[s * rank + r]);
            }
        }
        Span<double> row = _residual;
        for (var i = rank; i < size; i++)
        {
            SmallMatrix.Multiply(gain.Slice(i * rank, rank), lambda, row, 1, rank, rank);
            for (var r = 0; r < rank; r++)
            {
                covariance[i * size + r] = covariance[r * size + i] = gain[i * rank + r];
            }
            for (var j = i; j < size; j++)
            {
                covariance[i * size + j] = covariance[j * size + i] = covariance[i * size + j] - SmallMatrix.Dot(row, across.Slice(j * rank, rank));
            }
        }
    }

    private void Smooth(ReadOnlySpan<double> messages, double pseudoPrecision, Span<double> moments, int stride, double[]? laterMean, double[]? laterPrecision)
    {
        int rank = _rank, size = _size, states = _states, block = states * states, packed = SmallMatrix.Packed(size), packedRank = SmallMatrix.Packed(rank);
        // Before a coordinate's own message r, N are those of its filtered state, after it those of its predicted state.
        Span<double> r = _vector, n = _scratch, values = _gain, product = _across, second = _second, lambda = _message, small = _small, weighted = _inverse, step = _residual;
        r.Clear();
        n.Clear();
        for (var i = _points.Length - 1; ; i--)
        {
            // The rows of P that belong to the values: [R, D].
            SmallMatrix.Unpack(_filteredCovariance.AsSpan(i * packed, packed), _covariance, size);
            _covariance.AsSpan(0, rank * size).CopyTo(values);
            SmallMatrix.Multiply(values, n, product, rank, size, size);
            SmallMatrix.MultiplyTransposed(product, values, second, rank, size, rank);
            var target = moments.Slice(i * stride, rank + packedRank);
            for (var j = 0; j < rank; j++)
            {
                step[j] = SmallMatrix.Dot(values.Slice(j * size, size), r);
                target[j] = _filteredMean[i * size + j] + step[j];
            }
            for (int j = 0, next = rank; j < rank; j++)
            {
                for (var k = j; k < rank; k++)
                {
                    target[next++] = values[j * size + k] - 0.5 * (second[j * rank + k] + second[k * rank + j]) + target[j] * target[k];
                }
            }
            if (i == 0)
            {
                return;
            }
            SmallMatrix.Unpack(messages.Slice(i * stride + rank, packedRank), lambda, rank);
            for (var j = 0; j < rank; j++)
            {
                lambda[j * (rank + 1)] += pseudoPrecision;
            }
            // L'NL + W of the values with L = I - P(:, values) Λ H.
            SmallMatrix.Multiply(lambda, second, small, rank, rank, rank);
            SmallMatrix.Multiply(small, lambda, weighted, rank, rank, rank);
            SmallMatrix.Unpack(_innovationPrecision.AsSpan(i * packedRank, packedRank), small, rank);
            for (var j = 0; j < weighted.Length; j++)
            {
                small[j] += weighted[j];
            }
            for (var j = 0; j < rank; j++)
            {
                r[j] += _innovationMean[i * rank + j] - SmallMatrix.Dot(lambda.Slice(j * rank, rank), step);
                for (var l = 0; l < rank; l++)
                {
                    var factor = lambda[j * rank + l];
                    for (var k = 0; k < rank; k++)
                    {
                        var part = factor * product[l * size + k];
                        small[j * rank + k] -= part;
                        small[k * rank + j] -= part;
                    }
                    for (var k = rank; k < size; k++)
                    {
                        n[j * size + k] -= factor * product[l * size + k];
                    }
                }
            }
            for (var j = 0; j < rank; j++)
            {
                for (var k = 0; k < rank; k++)
                {
                    n[j * size + k] += 0.5 * (small[j * rank + k] + small[k * rank + j]);
                }
                for (var k = rank; k < size; k++)
                {
                    n[k * size + j] = n[j * size + k];
                }
            }
            if (laterMean is not null && laterPrecision is not null)
            {
                r.CopyTo(laterMean.AsSpan(i * size));
                SmallMatrix.Pack(n, laterPrecision.AsSpan(i * packed, packed), size);
            }
            var transition = _transitions.AsSpan(i * block, block);
            StateSteps.Propagate(transition, r, _mean, states, rank, isTransposed: true);
            StateSteps.PullBackPrecision(transition, n, _covariance, states, rank);
        }
    }
}
