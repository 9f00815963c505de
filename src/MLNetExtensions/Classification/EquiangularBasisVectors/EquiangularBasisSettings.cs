using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Which set of vectors to make. The values are checked by <see cref="Check"/>.</summary>
internal sealed record EquiangularBasisSettings
{
    /// <summary>Sets of fewer numbers are optimised in double precision, longer, and from several starts: some starts end in poor sets.</summary>
    private const long SmallSize = 10_000;

    private const int RestartsOfSmall = 3;
    private const int StepsOfSmall = 2000;
    private const int StepsOfLarge = 300;
    private const int FewestSteps = 20;

    /// <summary>The learning rate of <see cref="StepsOfSmall"/> steps. Twice as much throws small sets back at times.</summary>
    private const double RateOfSmall = 0.005;

    /// <summary>The multiply-adds that an optimisation may take before the steps become fewer; some 12 seconds of one core.</summary>
    private const double Work = 5e11;

    /// <summary>With fewer steps than these the optimised set is far from what is possible.</summary>
    private const int StepsWorthwhile = 100;

    /// <summary>Above so many numbers Gold sequences are the default where they fit.</summary>
    private const long LargeSize = 1_000_000;

    /// <summary>The published threshold for N ≤ d.</summary>
    private const double ThresholdOfFew = 0.002;

    /// <summary>What the hinge generator can reach in reasonable time lies so far above the lower bound.</summary>
    private const double ThresholdOverBound = 1.5;

    /// <summary>N, at least 2.</summary>
    public required int Count { get; init; }

    /// <summary>d.</summary>
    public required int Dimension { get; init; }

    public EquiangularBasisGenerator Generator { get; init; }

    public required int Seed { get; init; }

    /// <summary>Steps of the smooth maximum; null: 2,000 for small sets, else 300, fewer (at least 20) where they would take long.</summary>
    public int? Steps { get; init; }

    /// <summary>Learning rate of the smooth maximum; null: 0.005 for 2,000 steps, more for fewer, with the cube root of their number.</summary>
    public double? LearningRate { get; init; }

    /// <summary>
    /// beta of the first step: blunt enough that far more than the worst pairs count. At (d, N) = (100, 1000) and the rate 0.005, 500 steps come from 10 to a largest
    /// |cosine| of 0.132, from 50 to 0.135; likewise at other sizes.
    /// </summary>
    public double FirstSharpness { get; init; } = 10;

    public double LastSharpness { get; init; } = 3000;

    /// <summary>Starts of which the best is kept; null: three for small sets, else one. The hinge generator takes a further one only after parallel vectors.</summary>
    public int? Restarts { get; init; }

    /// <summary>Null: half as much again as the lower bound, 0.002 where N ≤ d.</summary>
    public double? HingeThreshold { get; init; }

    public double HingeLearningRate { get; init; } = 0.001;

    public int HingeSteps { get; init; } = 100_000;

    /// <summary>Null: those of the calling thread.</summary>
    public int? NumberOfThreads { get; init; }

    /// <summary>Where to optimise. The vectors come back to the CPU.</summary>
    public Device Device { get; init; } = CPU;

    /// <summary>Where sets are kept for the next time; null: nowhere.</summary>
    public string? CacheFolder { get; init; }

    internal double LowerBound => BasisBounds.Best(Count, Dimension);

    internal bool IsSmall => (long)Count * Dimension < SmallSize;

    /// <summary>The generator, once <see cref="EquiangularBasisGenerator.Auto"/> is decided.</summary>
    internal EquiangularBasisGenerator ChosenGenerator
        => Generator != EquiangularBasisGenerator.Auto ? Generator
            : Count <= Dimension ? EquiangularBasisGenerator.Orthonormal
            // Two opposite vectors: no line holds two others.
            : Dimension == 1 ? EquiangularBasisGenerator.Simplex
            : PrefersGold ? EquiangularBasisGenerator.Gold
            : EquiangularBasisGenerator.SmoothMaximum;

    internal SmoothSchedule Schedule
    {
        get
        {
            var steps = Steps ?? DefaultSteps;
            return new(steps, LearningRate ?? RateOfSmall * Math.Cbrt((double)StepsOfSmall / Math.Max(1, steps)), FirstSharpness, LastSharpness);
        }
    }

    internal int NumberOfStarts => Restarts ?? (IsSmall || ChosenGenerator == EquiangularBasisGenerator.Hinge ? RestartsOfSmall : 1);

    internal double Threshold => HingeThreshold ?? (Count <= Dimension ? ThresholdOfFew : ThresholdOverBound * LowerBound);

    private double StepsForWork => Work / (1.5 * Count * Count * Dimension);

    private int DefaultSteps => IsSmall ? StepsOfSmall : (int)Math.Clamp(StepsForWork, FewestSteps, StepsOfLarge);

    private bool PrefersGold
        => (long)Count * Dimension > LargeSize && GoldVectors.Exists(Count, Dimension) && (GoldVectors.Order(Dimension) == Dimension || StepsForWork < StepsWorthwhile);

    /// <summary>The dimension for so many classes where the user leaves it open: as many, at least 64 and at most 512, which is enough for 262,144 Gold sequences; beyond, 2048.</summary>
    internal static int DefaultDimension(int count) => GoldVectors.Exists(count, 512) ? Math.Clamp(count, 64, 512) : 2048;

    /// <summary>Throws an <see cref="ArgumentOutOfRangeException"/> for what cannot be.</summary>
    internal void Check()
    {
        Require(Count >= 2, nameof(Count), Count, "There must be at least two classes.");
        Require(Dimension >= 1, nameof(Dimension), Dimension, "The dimension must be at least 1.");
        Require(Dimension > 1 || Count == 2, nameof(Dimension), Dimension, $"One dimension holds two different directions, not {Count}.");
        Require(Steps is null or >= 0, nameof(Steps), Steps, "The number of steps must not be negative.");
        Require(LearningRate is null || IsPositive(LearningRate.Value), nameof(LearningRate), LearningRate, "The learning rate must be positive.");
        Require(IsPositive(FirstSharpness), nameof(FirstSharpness), FirstSharpness, "The sharpness must be positive.");
        Require(IsPositive(LastSharpness), nameof(LastSharpness), LastSharpness, "The sharpness must be positive.");
        Require(Restarts is null or >= 1, nameof(Restarts), Restarts, "There must be at least one start.");
        Require(IsPositive(HingeLearningRate), nameof(HingeLearningRate), HingeLearningRate, "The learning rate must be positive.");
        Require(HingeSteps >= 0, nameof(HingeSteps), HingeSteps, "The number of steps must not be negative.");
        Require(NumberOfThreads is null or >= 1, nameof(NumberOfThreads), NumberOfThreads, "There must be at least one thread.");
        switch (Generator)
        {
            case EquiangularBasisGenerator.Auto or EquiangularBasisGenerator.SmoothMaximum:
                break;
            case EquiangularBasisGenerator.Orthonormal:
                Require(Count <= Dimension, nameof(Dimension), Dimension, $"{Dimension} dimensions hold {Dimension} orthonormal vectors, not {Count}.");
                break;
            case EquiangularBasisGenerator.Simplex:
                Require(Count - 1 <= Dimension, nameof(Dimension), Dimension, $"A simplex of {Count} vectors needs at least {Count - 1} dimensions, not {Dimension}.");
                break;
            case EquiangularBasisGenerator.Hinge:
                Require(Threshold is > 0 and < 1 && Threshold >= LowerBound, nameof(HingeThreshold), HingeThreshold,
                    $"The threshold must lie below 1 and not below {LowerBound:g4}: of {Count} vectors in {Dimension} dimensions two always have a |cosine| of at least that.");
                break;
            case EquiangularBasisGenerator.Gold:
                Require(GoldVectors.Exists(Count, Dimension), nameof(Dimension), Dimension,
                    $"{Dimension} dimensions hold {(long)GoldVectors.Order(Dimension) * GoldVectors.Order(Dimension)} Gold sequences (8 dimensions 64, 32 1,024, 128 16,384, 512 262,144, 2048 4,194,304), not {Count}.");
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(Generator), Generator, "There is no such generator.");
        }
    }

    private static bool IsPositive(double value) => value > 0 && double.IsFinite(value);

    private static void Require(bool condition, string name, object? value, string message)
    {
        if (!condition)
        {
            throw new ArgumentOutOfRangeException(name, value, message);
        }
    }
}
