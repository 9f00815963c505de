using System.Numerics.Tensors;

namespace MLNetExtensions.Tensors;

/// <summary>Numbers of a posterior under the name that a file keeps them by.</summary>
internal readonly record struct NamedArray(string Name, double[] Values, long[] Shape);

/// <summary>
/// What inference learned: the posterior of the functions of each mode, of the core and of the noise. It does not change, and scores from any number of threads.
/// </summary>
internal sealed class FunctionalTuckerPosterior
{
    // Below, double precision cannot tell the variance of a prediction from 0; a function's own variance is of the order of 1.
    internal const double SmallestVariance = 1e-15;

    private readonly CoreLayout? _layout;
    private readonly double[] _corePairs;

    internal FunctionalTuckerPosterior(FunctionalTuckerModelShape shape, FunctionalTuckerMode[] modes, double[] core, double[] coreCovariance)
    {
        (Shape, Modes, Core, CoreCovariance) = (shape, modes, core, coreCovariance);
        _corePairs = [];
        if (shape.Form == TuckerForm.Tucker)
        {
            // The covariance with every pair of functions once, seen from mode 0.
            _layout = new CoreLayout(shape.Ranks);
            _corePairs = new double[_layout.OtherPairs(0) * SmallMatrix.Packed(shape.Ranks[0])];
            var offsets = new int[core.Length];
            for (var row = 0; row < core.Length; row++)
            {
                _layout.PairOffsets(0, row, offsets);
                for (var column = 0; column < core.Length; column++)
                {
                    _corePairs[offsets[column]] += coreCovariance[row * core.Length + column];
                }
            }
        }
    }

    internal FunctionalTuckerModelShape Shape { get; }

    /// <summary>The functions of each mode.</summary>
    internal FunctionalTuckerMode[] Modes { get; }

    /// <summary>The mean of the core [P], mode 0 slowest; empty for CP.</summary>
    internal double[] Core { get; }

    /// <summary>The covariance of the core [P, P]; empty for CP.</summary>
    internal double[] CoreCovariance { get; }

    /// <summary>The message of all rows to the core [P, P], without its prior.</summary>
    internal required double[] CorePrecision { get; init; }

    /// <summary>Its linear part [P].</summary>
    internal required double[] CoreEta { get; init; }

    /// <summary>a of the noise precision's Gamma posterior.</summary>
    internal required double NoiseShape { get; init; }

    /// <summary>b of it.</summary>
    internal required double NoiseRate { get; init; }

    /// <summary>E[tau] = a / b.</summary>
    internal required double NoisePrecision { get; init; }

    /// <summary>The rows that it has seen.</summary>
    internal required long Rows { get; init; }

    /// <summary>The bound after each sweep of the last inference.</summary>
    internal required double[] Bounds { get; init; }

    /// <summary>Whether the last inference converged before its sweeps were used up.</summary>
    internal required bool IsConverged { get; init; }

    /// <summary>The error on the rows of the last inference.</summary>
    internal required double TrainingRmse { get; init; }

    /// <summary>The bound after the last sweep.</summary>
    internal double Bound => Bounds.Length == 0 ? double.NegativeInfinity : Bounds[^1];

    /// <summary>Predicts f.</summary>
    /// <param name="coordinates">[n, K]; rows with a number that is not finite get NaN.</param>
    /// <param name="mean">Receives E[f] [n].</param>
    /// <param name="latentVariance">Receives the variance of f [n], without noise; always positive.</param>
    internal void Predict(ReadOnlySpan<double> coordinates, Span<double> mean, Span<double> latentVariance)
    {
        var modes = Modes.Length;
        if (coordinates.Length != (long)mean.Length * modes || latentVariance.Length != mean.Length)
        {
            throw new ArgumentException($"{coordinates.Length} coordinates of {modes} modes do not belong to {mean.Length} rows.", nameof(coordinates));
        }
        var values = new Values[modes];
        for (var mode = 0; mode < modes; mode++)
        {
            values[mode] = new Values(Modes[mode].Rank);
        }
        var scratch = new double[Math.Max(Modes.Max(mode => mode.ScratchSize), 4 * Math.Max(Core.Length, _corePairs.Length))];
        for (var n = 0; n < mean.Length; n++)
        {
            var isFinite = true;
            for (var mode = 0; mode < modes; mode++)
            {
                var point = coordinates[n * modes + mode];
                isFinite &= double.IsFinite(point);
                // Neighbours often share a coordinate.
                if (n == 0 || point != coordinates[(n - 1) * modes + mode])
                {
                    Modes[mode].Values(point, values[mode].Mean, values[mode].Covariance, scratch);
                }
            }
            if (!isFinite)
            {
                mean[n] = latentVariance[n] = double.NaN;
                continue;
            }
            (mean[n], var variance) = Shape.Form == TuckerForm.Cp ? OfProducts(values) : OfCore(values, scratch);
            latentVariance[n] = variance > SmallestVariance ? variance : SmallestVariance;
        }
    }

    /// <summary>The functions of a mode.</summary>
    /// <param name="mode">The number of the mode.</param>
    /// <param name="points">[n].</param>
    /// <param name="means">Receives their means [n, R].</param>
    /// <param name="variances">Receives their variances [n, R].</param>
    internal void ModeFunction(int mode, ReadOnlySpan<double> points, Span<double> means, Span<double> variances)
    {
        var functions = Modes[mode];
        var rank = functions.Rank;
        var covariance = new double[rank * rank];
        var scratch = new double[functions.ScratchSize];
        for (var n = 0; n < points.Length; n++)
        {
            functions.Values(points[n], means.Slice(n * rank, rank), covariance, scratch);
            for (var r = 0; r < rank; r++)
            {
                variances[n * rank + r] = covariance[r * (rank + 1)];
            }
        }
    }

    /// <summary>All numbers that make it up.</summary>
    internal IReadOnlyList<NamedArray> ToArrays()
    {
        var arrays = new List<NamedArray>
        {
            new("noise", [NoiseShape, NoiseRate, NoisePrecision, Rows, IsConverged ? 1 : 0, TrainingRmse], [6]),
            new("bounds", Bounds, [Bounds.Length]),
        };
        if (Shape.Form == TuckerForm.Tucker)
        {
            long size = Core.Length;
            arrays.Add(new("core.mean", Core, [.. Shape.Ranks.Select(rank => (long)rank)]));
            arrays.Add(new("core.covariance", CoreCovariance, [size, size]));
            arrays.Add(new("core.precision", CorePrecision, [size, size]));
            arrays.Add(new("core.eta", CoreEta, [size]));
        }
        for (var k = 0; k < Modes.Length; k++)
        {
            var mode = Modes[k];
            long points = mode.Points.Length;
            void Add(string name, double[] values) => arrays.Add(new($"mode{k}.{name}", values, [points, values.Length / points]));
            arrays.Add(new($"mode{k}.points", mode.Points, [points]));
            Add("messages", mode.Messages);
            Add("filtered_mean", mode.FilteredMean);
            Add("filtered_covariance", mode.FilteredCovariance);
            Add("later_mean", mode.LaterMean);
            Add("later_precision", mode.LaterPrecision);
            arrays.Add(new($"mode{k}.start_mean", mode.StartMean, [mode.StartMean.Length]));
            arrays.Add(new($"mode{k}.start_covariance", mode.StartCovariance, [mode.StartCovariance.Length]));
        }
        return arrays;
    }

    /// <summary>The reverse of <see cref="ToArrays"/>.</summary>
    /// <exception cref="FormatException">A name is missing, or its numbers do not fit.</exception>
    internal static FunctionalTuckerPosterior FromArrays(FunctionalTuckerModelShape shape, IReadOnlyDictionary<string, double[]> arrays)
    {
        var modes = new FunctionalTuckerMode[shape.Modes];
        for (var k = 0; k < modes.Length; k++)
        {
            var (kernel, rank) = (shape.Kernel(k), shape.Ranks[k]);
            var size = kernel.States * rank;
            var points = Get($"mode{k}.points", null);
            var count = points.Length;
            for (var i = 0; i < count; i++)
            {
                if (!double.IsFinite(points[i]) || i > 0 && points[i] <= points[i - 1])
                {
                    throw new FormatException($"The coordinates of mode {k} do not ascend.");
                }
            }
            if (count == 0)
            {
                throw new FormatException($"Mode {k} has no coordinates.");
            }
            modes[k] = new FunctionalTuckerMode(kernel, rank)
            {
                Points = points,
                Messages = Get($"mode{k}.messages", (long)count * (rank + SmallMatrix.Packed(rank))),
                FilteredMean = Get($"mode{k}.filtered_mean", (long)count * size),
                FilteredCovariance = Get($"mode{k}.filtered_covariance", (long)count * SmallMatrix.Packed(size)),
                LaterMean = Get($"mode{k}.later_mean", (long)count * size),
                LaterPrecision = Get($"mode{k}.later_precision", (long)count * SmallMatrix.Packed(size)),
                StartMean = Get($"mode{k}.start_mean", size),
                StartCovariance = Get($"mode{k}.start_covariance", SmallMatrix.Packed(size)),
            };
        }
        var (hasCore, core) = (shape.Form == TuckerForm.Tucker, (long)shape.CoreSize);
        var noise = Get("noise", 6);
        return new FunctionalTuckerPosterior(shape, modes, hasCore ? Get("core.mean", core) : [], hasCore ? Get("core.covariance", core * core) : [])
        {
            CorePrecision = hasCore ? Get("core.precision", core * core) : [],
            CoreEta = hasCore ? Get("core.eta", core) : [],
            NoiseShape = noise[0],
            NoiseRate = noise[1],
            NoisePrecision = noise[2],
            Rows = (long)noise[3],
            IsConverged = noise[4] != 0,
            TrainingRmse = noise[5],
            Bounds = Get("bounds", null),
        };

        double[] Get(string name, long? length)
            => !arrays.TryGetValue(name, out var values) ? throw new FormatException($"'{name}' is missing.")
                : length is { } expected && values.Length != expected ? throw new FormatException($"'{name}' holds {values.Length} numbers instead of {expected}.")
                : values;
    }

    /// <summary>CP: the covariance of products grows by V S_before + m m' V_after mode by mode; every part is positive semi-definite, so that nothing cancels.</summary>
    private static (double Mean, double Variance) OfProducts(Values[] values)
    {
        var rank = values[0].Mean.Length;
        double mean = 0, variance = 0;
        for (var r = 0; r < rank; r++)
        {
            var product = 1.0;
            foreach (var mode in values)
            {
                product *= mode.Mean[r];
            }
            mean += product;
            for (var s = r; s < rank; s++)
            {
                double covariance = 0, means = 1;
                foreach (var mode in values)
                {
                    var (own, square) = (mode.Covariance[r * rank + s], mode.Mean[r] * mode.Mean[s]);
                    covariance = covariance * (own + square) + means * own;
                    means *= square;
                }
                variance += s == r ? covariance : 2 * covariance;
            }
        }
        return (mean, variance);
    }

    /// <summary>
    /// Tucker: the covariance of the core against the second moments of the functions, and the mean of the core against their covariance; the latter as a sum over modes
    /// of G contracted with the means of the modes before, the covariance of one, and the second moments of those after.
    /// </summary>
    private (double Mean, double Variance) OfCore(Values[] values, Span<double> scratch)
    {
        var (modes, size) = (values.Length, Core.Length);
        var current = scratch[..Math.Max(size, _corePairs.Length)];
        scratch = scratch[current.Length..];
        // Contracted with the last mode first, of which the numbers are fastest. Pairs were summed over both orders.
        _corePairs.CopyTo(current);
        var length = _corePairs.Length;
        for (var mode = modes - 1; mode >= 0; mode--)
        {
            var second = values[mode].Second();
            length /= second.Length;
            for (var i = 0; i < length; i++)
            {
                current[i] = TensorPrimitives.Dot(current.Slice(i * second.Length, second.Length), second);
            }
        }
        var variance = current[0];

        // G contracted with the means of the modes before.
        var rest = scratch[..size];
        var weighted = scratch.Slice(size, size);
        var row = scratch.Slice(2 * size, size);
        Core.CopyTo(rest);
        length = size;
        for (var mode = 0; mode < modes; mode++)
        {
            rest[..length].CopyTo(weighted);
            var stride = length;
            for (var other = mode; other < modes; other++)
            {
                var rank = values[other].Mean.Length;
                stride /= rank;
                var matrix = other == mode ? values[other].Covariance : values[other].FullSecond();
                for (var start = 0; start < length; start += rank * stride)
                {
                    SmallMatrix.Multiply(matrix, weighted.Slice(start, rank * stride), row, rank, rank, stride);
                    row[..(rank * stride)].CopyTo(weighted[start..]);
                }
            }
            variance += TensorPrimitives.Dot<double>(rest[..length], weighted[..length]);
            length /= values[mode].Mean.Length;
            SmallMatrix.Multiply(values[mode].Mean, rest, row, 1, values[mode].Mean.Length, length);
            row[..length].CopyTo(rest);
        }
        return (rest[0], variance);
    }

    /// <summary>The functions of a mode at the coordinate of a row.</summary>
    private sealed class Values(int rank)
    {
        private readonly double[] _second = new double[SmallMatrix.Packed(rank)];
        private readonly double[] _full = new double[rank * rank];

        internal double[] Mean { get; } = new double[rank];

        internal double[] Covariance { get; } = new double[rank * rank];

        internal double[] FullSecond()
        {
            for (var r = 0; r < rank; r++)
            {
                for (var s = 0; s < rank; s++)
                {
                    _full[r * rank + s] = Covariance[r * rank + s] + Mean[r] * Mean[s];
                }
            }
            return _full;
        }

        internal double[] Second()
        {
            SmallMatrix.Pack(FullSecond(), _second, rank);
            return _second;
        }
    }
}
