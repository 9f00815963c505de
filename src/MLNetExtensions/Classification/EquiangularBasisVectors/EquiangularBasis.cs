using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// N unit vectors, as near to mutually orthogonal as the generator brings them, one for each class. They are constants of the classifier and belong into the saved
/// model: another library or number of threads may give others.
/// </summary>
internal sealed class EquiangularBasis : IDisposable
{
    /// <summary>The multiply-adds up to which the result is measured once more in double precision; about half a second.</summary>
    private const double MeasuredWork = 2e10;

    internal EquiangularBasis(Tensor vectors, EquiangularBasisGenerator generator, int seed, int steps, double maxAbsCosine)
    {
        Vectors = vectors.DetachFromDisposeScope();
        Generator = generator;
        Seed = seed;
        Steps = steps;
        MaxAbsCosine = maxAbsCosine;
        LowerBound = BasisBounds.Best(Count, Dimension);
    }

    /// <summary>[N, d] float32 on the CPU, row-major, unit rows. Belongs to this object.</summary>
    internal Tensor Vectors { get; }

    internal int Count => (int)Vectors.size(0);

    internal int Dimension => (int)Vectors.size(1);

    /// <summary>What made them, never <see cref="EquiangularBasisGenerator.Auto"/>.</summary>
    internal EquiangularBasisGenerator Generator { get; }

    internal int Seed { get; }

    /// <summary>The steps of the optimisation that gave the vectors; 0 where there was none.</summary>
    internal int Steps { get; }

    /// <summary>
    /// The largest |cosine| of two vectors: that of the float32 vectors, computed in double precision, where that takes less than a second; known for Gold
    /// sequences; else as the generator met it, in single precision.
    /// </summary>
    internal double MaxAbsCosine { get; }

    /// <summary>No set of this size has a smaller one.</summary>
    internal double LowerBound { get; }

    /// <summary>Makes the set, or reads it from the cache. The same settings give the same bits on the same machine.</summary>
    /// <param name="settings">What to make.</param>
    /// <param name="warn">Hears of a cache that cannot be used, and of an optimisation that missed its goal.</param>
    /// <param name="cancellation">Heard within each step.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such set.</exception>
    internal static EquiangularBasis Create(EquiangularBasisSettings settings, Action<string>? warn = null, CancellationToken cancellation = default)
    {
        settings.Check();
        TorchRuntime.Require();
        using var threads = TorchThreads.Use(settings.NumberOfThreads);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var cache = settings.CacheFolder is { } folder ? new BasisCache(folder, settings) : null;
        if (cache?.Read(warn) is { } known)
        {
            return known;
        }
        var basis = Generate(settings, warn, cancellation);
        cache?.Write(basis, warn);
        return basis;
    }

    public void Dispose() => Vectors.Dispose();

    private static EquiangularBasis Generate(EquiangularBasisSettings settings, Action<string>? warn, CancellationToken cancellation)
    {
        var (count, dimension, seed) = (settings.Count, settings.Dimension, settings.Seed);
        var threads = settings.NumberOfThreads ?? get_num_threads();
        var generator = settings.ChosenGenerator;
        if (generator == EquiangularBasisGenerator.Gold)
        {
            return new(GoldVectors.Create(count, dimension, threads, cancellation), generator, seed, 0, GoldVectors.MaxAbsCosine(count, dimension));
        }
        cancellation.ThrowIfCancellationRequested();
        var (vectors, maximum, steps) = generator switch
        {
            EquiangularBasisGenerator.Orthonormal => (ExactBases.Orthonormal(count, dimension, seed), double.NaN, 0),
            EquiangularBasisGenerator.Simplex => (ExactBases.Simplex(count, dimension, seed), double.NaN, 0),
            EquiangularBasisGenerator.SmoothMaximum => Smooth(settings, threads, cancellation),
            _ => Hinge(settings, threads, warn, cancellation),
        };
        vectors = UnitRows.Normalize(vectors.to(ScalarType.Float64)).to(ScalarType.Float32);
        if (0.5 * count * count * dimension <= MeasuredWork)
        {
            maximum = MaximumOnly.Of(vectors.to(ScalarType.Float64), threads, cancellation);
        }
        else if (double.IsNaN(maximum))
        {
            maximum = MaximumOnly.Of(vectors, threads, cancellation);
        }
        return new(vectors.cpu(), generator, seed, steps, maximum);
    }

    private static (Tensor Vectors, double Maximum, int Steps) Smooth(EquiangularBasisSettings settings, int threads, CancellationToken cancellation)
    {
        var (best, smallest) = (empty(0), double.PositiveInfinity);
        for (var start = 0; start < settings.NumberOfStarts && smallest > settings.LowerBound + SmoothMaximum.BoundTolerance; start++)
        {
            using var run = new SmoothMaximum(Start(settings, start), settings.Schedule, threads);
            var (vectors, maximum) = run.Run(settings.LowerBound, cancellation);
            if (maximum < smallest)
            {
                (best, smallest) = (vectors, maximum);
            }
        }
        return (best, smallest, settings.Schedule.Steps);
    }

    private static (Tensor Vectors, double Maximum, int Steps) Hinge(EquiangularBasisSettings settings, int threads, Action<string>? warn, CancellationToken cancellation)
    {
        var (best, smallest, steps) = (empty(0), double.PositiveInfinity, 0);
        for (var start = 0; start < settings.NumberOfStarts; start++)
        {
            using var run = new HingeGenerator(Start(settings, start), settings.Threshold, settings.HingeLearningRate, threads);
            var (vectors, maximum, done, end) = run.Run(settings.HingeSteps, cancellation);
            if (maximum < smallest)
            {
                (best, smallest, steps) = (vectors, maximum, done);
            }
            if (end != HingeEnd.ParallelVectors)
            {
                break;
            }
        }
        if (smallest > settings.Threshold + HingeGenerator.StopTolerance)
        {
            warn?.Invoke($"The hinge generator came to a largest |cosine| of {smallest:g4}, not to the threshold {settings.Threshold:g4}: give it a higher threshold or more steps, or take the smooth maximum.");
        }
        return (best, smallest, steps);
    }

    /// <summary>Large sets in single precision: twice as fast, and to four digits as good.</summary>
    private static Tensor Start(EquiangularBasisSettings settings, int start)
        => UnitRows.Random(settings.Count, settings.Dimension, settings.Seed, start, settings.IsSmall ? ScalarType.Float64 : ScalarType.Float32, settings.Device);
}
