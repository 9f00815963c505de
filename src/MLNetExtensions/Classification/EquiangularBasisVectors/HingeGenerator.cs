using System.Numerics;
using MLNetExtensions.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// The published generator: plain gradient steps on sum over ordered pairs of max(0, |cos| - threshold), the vectors normalised before each step, outside the gradient.
/// Stops at the first set within 1e-4 of the threshold.
/// </summary>
internal sealed class HingeGenerator : IDisposable
{
    internal const double StopTolerance = 1e-4;

    /// <summary>Two vectors that come so close never part again: the pull between them is almost along themselves.</summary>
    private const double Parallel = 0.95;

    private const int ParallelSteps = 100;

    private readonly PairPass _pass;
    private readonly Tensor _gradient;
    private readonly double _threshold;
    private readonly double _learningRate;

    /// <summary>Takes over the start [N, d].</summary>
    internal HingeGenerator(Tensor start, double threshold, double learningRate, int numberOfThreads, int? slice = null, bool useTensorOperations = false)
    {
        Vectors = start.DetachFromDisposeScope();
        _pass = new(start, numberOfThreads, slice) { UseTensorOperations = useTensorOperations };
        _gradient = zeros_like(start).DetachFromDisposeScope();
        _threshold = threshold;
        _learningRate = learningRate;
    }

    /// <summary>V [N, d]: unit rows after <see cref="Evaluate"/>, not after <see cref="Move"/>.</summary>
    internal Tensor Vectors { get; }

    /// <summary>The gradient that <see cref="Evaluate"/> computed.</summary>
    internal Tensor Gradient => _gradient;

    /// <summary>Normalises the vectors and computes the loss of each slice of rows, the largest |cos| and the gradient.</summary>
    internal PairSums Evaluate(CancellationToken cancellation = default)
    {
        UnitRows.Normalize(Vectors);
        var sums = _pass.Run(Vectors, new HingeWeight(_threshold), _gradient, cancellation);
        using var noGrad = no_grad();
        // Each pair counts in both orders.
        _gradient.mul_(TensorOps.Constant(2));
        return sums;
    }

    internal void Move()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var rate = (-_learningRate).ToScalar();
        Vectors.add_(_gradient, rate);
    }

    /// <summary>Runs until the threshold is reached, at most <paramref name="maximumSteps"/> steps, or until two vectors have become parallel for good.</summary>
    /// <returns>The best vectors met, of the open dispose scope, their largest |cos|, the steps done and how it ended.</returns>
    internal (Tensor Vectors, double Maximum, int Steps, HingeEnd End) Run(int maximumSteps, CancellationToken cancellation, Action<int, PairSums>? observe = null)
    {
        using var noGrad = no_grad();
        var best = Vectors.clone();
        var (smallest, lowestOfParallel, parallel) = (double.PositiveInfinity, double.PositiveInfinity, 0);
        for (var step = 0; ; step++)
        {
            var sums = Evaluate(cancellation);
            observe?.Invoke(step, sums);
            var maximum = sums.Maximum;
            if (maximum < smallest)
            {
                smallest = maximum;
                best.copy_(Vectors);
            }
            // One step without parallel vectors, or with less of it, and the count begins anew.
            parallel = maximum > Parallel && maximum >= lowestOfParallel ? parallel + 1 : 0;
            lowestOfParallel = maximum > Parallel ? Math.Min(lowestOfParallel, maximum) : double.PositiveInfinity;
            HingeEnd? end = maximum <= _threshold + StopTolerance ? HingeEnd.Threshold
                : parallel >= ParallelSteps ? HingeEnd.ParallelVectors
                : step == maximumSteps ? HingeEnd.Steps
                : null;
            if (end is { } reason)
            {
                return (best, smallest, step, reason);
            }
            Move();
        }
    }

    public void Dispose()
    {
        _pass.Dispose();
        _gradient.Dispose();
        Vectors.Dispose();
    }
}

/// <summary>How a run of the hinge generator ended.</summary>
internal enum HingeEnd
{
    /// <summary>The threshold was reached.</summary>
    Threshold,

    /// <summary>All steps were done.</summary>
    Steps,

    /// <summary>Two vectors are nearly the same up to their sign, and would stay so.</summary>
    ParallelVectors,
}

/// <summary>The weight sign(cos) where |cos| exceeds the threshold, and what it exceeds it by.</summary>
internal readonly struct HingeWeight(double threshold) : IPairFunction
{
    public double TermOfZero => 0;

    public Vector<T> Weigh<T>(Vector<T> cosines, Vector<T> absolute, ref Vector<T> sum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var excess = absolute - new Vector<T>(T.CreateTruncating(threshold));
        sum += Vector.Max(excess, Vector<T>.Zero);
        return Vector.ConditionalSelect(Vector.GreaterThan(excess, Vector<T>.Zero), Vector.CopySign(Vector<T>.One, cosines), Vector<T>.Zero);
    }

    public (Tensor Weights, Tensor Terms) Weigh(Tensor cosines, Tensor absolute)
    {
        using var minus = (-threshold).ToScalar();
        var terms = absolute.add_(minus, TensorOps.One).relu_();
        return (terms.sign().mul_(cosines.sign()), terms);
    }
}
