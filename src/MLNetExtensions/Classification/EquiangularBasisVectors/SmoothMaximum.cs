using System.Numerics;
using MLNetExtensions.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>How a set is optimised: learning rate lr and sharpness beta of the steps t = 0 … S - 1.</summary>
/// <param name="Steps">S.</param>
/// <param name="LearningRate">lr of the first step.</param>
/// <param name="FirstSharpness">beta of the first step.</param>
/// <param name="LastSharpness">Where beta would be at step S.</param>
internal sealed record SmoothSchedule(int Steps, double LearningRate, double FirstSharpness, double LastSharpness)
{
    /// <summary>The rule of the steps; its options as in <see cref="MLNetExtensions.Torch.Optimizer"/>.</summary>
    internal OptimizerKind Optimizer { get; init; }

    internal double Beta1 { get; init; } = 0.9;

    internal double Beta2 { get; init; } = 0.999;

    internal double Epsilon { get; init; } = 1e-8;

    /// <summary>Geometric from the first towards the last.</summary>
    internal double Sharpness(int step) => FirstSharpness * Math.Pow(LastSharpness / FirstSharpness, (double)step / Steps);

    /// <summary>Half a cosine, from the whole rate towards 0.</summary>
    internal double Rate(int step) => LearningRate * (1 + Math.Cos(Math.PI * step / Steps)) / 2;
}

/// <summary>
/// Minimises F = (N / beta) ln sum over pairs of exp(beta |cos|) by Adam on the gradient's part along the sphere, with growing beta.
/// The largest |cos| jitters until the rate is small: the best set is kept, not the last.
/// </summary>
internal sealed class SmoothMaximum : IDisposable
{
    /// <summary>A set this close to the lower bound is as good as can be.</summary>
    internal const double BoundTolerance = 1e-4;

    private readonly SmoothSchedule _schedule;
    private readonly PairPass _pass;
    private readonly Optimizer _optimizer;
    private readonly Tensor _gradient;
    private readonly int _frozen;
    private double? _shift;

    /// <summary>Takes over the start [N, d], unit rows, of which the first <paramref name="frozen"/> stay where they are, but for rounding.</summary>
    internal SmoothMaximum(Tensor start, SmoothSchedule schedule, int numberOfThreads, int? tile = null, bool useTensorOperations = false, int frozen = 0)
    {
        _frozen = frozen;
        Vectors = start.DetachFromDisposeScope();
        _schedule = schedule;
        _pass = new(start, numberOfThreads, tile) { UseTensorOperations = useTensorOperations };
        _optimizer = new([Vectors], schedule.Optimizer, schedule.Beta1, schedule.Beta2, schedule.Epsilon, numberOfThreads: numberOfThreads) { UseTensorOperations = useTensorOperations };
        _gradient = zeros_like(start).DetachFromDisposeScope();
    }

    /// <summary>V [N, d], unit rows, as they stand.</summary>
    internal Tensor Vectors { get; }

    /// <summary>The gradient that <see cref="Evaluate"/> computed, orthogonal to each row's vector.</summary>
    internal Tensor Gradient => _gradient;

    /// <summary>Computes F and its gradient.</summary>
    internal (double Maximum, double Objective) Evaluate(double sharpness, CancellationToken cancellation = default)
    {
        var count = Vectors.size(0);
        // The largest |cos| of the step before serves to keep the exponentials in range: one pass does.
        var shift = _shift ?? _pass.Run(Vectors, default(MaximumOnly), null, cancellation).Maximum;
        var sums = _pass.Run(Vectors, new ExponentialWeight(sharpness, shift), _gradient, cancellation);
        if (Math.Abs(sharpness * (sums.Maximum - shift)) > ExponentialWeight.LargestOffset)
        {
            shift = sums.Maximum;
            sums = _pass.Run(Vectors, new ExponentialWeight(sharpness, shift), _gradient, cancellation);
        }
        _shift = sums.Maximum;
        var total = sums.Sum;
        using (NewDisposeScope())
        using (no_grad())
        using (var scale = (2 * count / total).ToScalar())
        {
            _gradient.mul_(scale);
            _gradient.addcmul_(Vectors, _gradient.Times(Vectors).sum(1, keepdim: true), TensorOps.Constant(-1));
            if (_frozen > 0)
            {
                _gradient.narrow(0, 0, _frozen).zero_();
            }
        }
        return (sums.Maximum, count * (Math.Log(total / 2) / sharpness + shift));
    }

    /// <summary>One step of the optimizer along the gradient.</summary>
    internal void Move(double learningRate)
    {
        Vectors.grad = _gradient;
        _optimizer.Step(learningRate);
        UnitRows.Normalize(Vectors);
    }

    /// <summary>Runs the schedule; ends early where the lower bound is reached.</summary>
    /// <param name="bound">No set has a smaller largest |cos|.</param>
    /// <param name="cancellation">Heard within each step.</param>
    /// <param name="observe">Gets the number of steps done and the largest |cos| after them.</param>
    /// <returns>The best vectors met, of the open dispose scope, and their largest |cos|.</returns>
    internal (Tensor Vectors, double Maximum) Run(double bound, CancellationToken cancellation, Action<int, double>? observe = null)
    {
        using var noGrad = no_grad();
        var best = Vectors.clone();
        var smallest = double.PositiveInfinity;
        for (var step = 0; step <= _schedule.Steps; step++)
        {
            var last = step == _schedule.Steps;
            var maximum = last ? _pass.Run(Vectors, default(MaximumOnly), null, cancellation).Maximum : Evaluate(_schedule.Sharpness(step), cancellation).Maximum;
            observe?.Invoke(step, maximum);
            if (maximum < smallest)
            {
                smallest = maximum;
                best.copy_(Vectors);
            }
            if (last || smallest <= bound + BoundTolerance)
            {
                break;
            }
            Move(_schedule.Rate(step));
        }
        return (best, smallest);
    }

    public void Dispose()
    {
        _pass.Dispose();
        _optimizer.Dispose();
        _gradient.Dispose();
        Vectors.Dispose();
    }
}

/// <summary>The weights sign(cos) exp(beta (|cos| - shift)).</summary>
internal readonly struct ExponentialWeight(double sharpness, double shift) : IPairFunction
{
    /// <summary>How far the exponent of the largest |cos| may be from 0, so that in single precision neither the sum overflows nor weights that count vanish.</summary>
    internal const double LargestOffset = 20;

    public double TermOfZero => Math.Exp(-sharpness * shift);

    public Vector<T> Weigh<T>(Vector<T> cosines, Vector<T> absolute, ref Vector<T> sum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var weights = Exp((absolute - new Vector<T>(T.CreateTruncating(shift))) * new Vector<T>(T.CreateTruncating(sharpness)));
        sum += weights;
        // sign(0) = 0
        return Vector.ConditionalSelect(Vector.Equals(cosines, Vector<T>.Zero), Vector<T>.Zero, Vector.CopySign(weights, cosines));
    }

    public (Tensor Weights, Tensor Terms) Weigh(Tensor cosines, Tensor absolute)
    {
        using var minus = (-shift).ToScalar();
        using var scale = sharpness.ToScalar();
        var terms = absolute.add_(minus, TensorOps.One).mul_(scale).exp_();
        return (terms.Times(cosines.sign()), terms);
    }

    private static Vector<T> Exp<T>(Vector<T> exponents)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        => typeof(T) == typeof(float)
            ? Vector.As<float, T>(Vector.Exp(Vector.AsVectorSingle(exponents)))
            : Vector.As<double, T>(Vector.Exp(Vector.AsVectorDouble(exponents)));
}
