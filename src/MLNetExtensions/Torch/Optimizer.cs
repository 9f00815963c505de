using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetExtensions.Torch;

/// <summary>The update rules, as in PyTorch.</summary>
public enum OptimizerKind
{
    /// <summary>Adam; weight decay is added to the gradient.</summary>
    Adam,

    /// <summary>Adam with weight decay taken directly from the weights.</summary>
    AdamW,

    /// <summary>Adam without its second moment until that has a tractable variance; weight decay is added to the gradient.</summary>
    RAdam,

    /// <summary>Gradient descent with momentum (0.9, and not Nesterov's, unless the trainer lets you set it), not damped; weight decay is added to the gradient.</summary>
    Sgd,
}

/// <summary>
/// Adam and its kin, and gradient descent, whose momentum is <c>beta1</c>. On the CPU one pass over the memory of a parameter does the whole update; elsewhere, and for other types than float and double,
/// tensor operations do it. Both round after every operation, in the same order, and so agree bit for bit.
/// TorchSharp's own optimisers hand native code scalars that a finalizer may free meanwhile.
/// </summary>
internal sealed class Optimizer : IDisposable
{
    private const int ChunkSize = 1 << 16;

    private readonly IReadOnlyList<Tensor> _parameters;
    private readonly OptimizerKind _kind;
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _epsilon;
    private readonly double _weightDecay;
    private readonly int _numberOfThreads;
    private readonly bool _nesterov;
    private readonly Tensor _steps;
    private readonly Tensor[] _first;
    private readonly Tensor[] _second;

    internal Optimizer(IReadOnlyList<Tensor> parameters, OptimizerKind kind, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double weightDecay = 0, int numberOfThreads = 1, bool nesterov = false)
    {
        _parameters = parameters;
        _kind = kind;
        _beta1 = beta1;
        _beta2 = beta2;
        _epsilon = epsilon;
        _weightDecay = weightDecay;
        _numberOfThreads = numberOfThreads;
        _nesterov = nesterov;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _steps = zeros(parameters.Count, dtype: ScalarType.Int64).DetachFromDisposeScope();
        _first = [.. parameters.Select(p => zeros_like(p).DetachFromDisposeScope())];
        _second = kind == OptimizerKind.Sgd ? [] : [.. parameters.Select(p => zeros_like(p).DetachFromDisposeScope())];
    }

    /// <summary>All that the optimizer remembers from step to step: the steps of each parameter and its moments.</summary>
    internal IEnumerable<KeyValuePair<string, Tensor>> State
        => _first.Select((m, i) => KeyValuePair.Create($"first.{i}", m))
            .Concat(_second.Select((v, i) => KeyValuePair.Create($"second.{i}", v)))
            .Prepend(new("steps", _steps));

    /// <summary>For tests: the tensor operations on the CPU too.</summary>
    internal bool UseTensorOperations { get; init; }

    /// <summary>Changes the parameters that have a gradient.</summary>
    internal void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var steps = MemoryMarshal.Cast<byte, long>(_steps.bytes);
        for (int i = 0; i < _parameters.Count; i++)
        {
            var parameter = _parameters[i];
            if (parameter.grad is not { } gradient)
            {
                continue;
            }
            var rule = Rule(++steps[i], learningRate);
            var contiguous = gradient.contiguous();
            var second = _second.Length == 0 ? null : _second[i];
            if (!UseTensorOperations && HasSpan(parameter) && HasSpan(_first[i]) && (second is null || HasSpan(second)))
            {
                switch (parameter.dtype)
                {
                    case ScalarType.Float32:
                        Update<float>(parameter, contiguous, _first[i], second, rule);
                        continue;
                    case ScalarType.Float64:
                        Update<double>(parameter, contiguous, _first[i], second, rule);
                        continue;
                }
            }
            Update(parameter, gradient, _first[i], second, rule);
        }
    }

    /// <summary>
    /// Scales all gradients so that their common L2 norm is at most <paramref name="maximumNorm"/>; 0 leaves them as they are.
    /// </summary>
    /// <returns>The norm before, summed in double precision; 0 if clipping is off.</returns>
    internal double ClipGradients(double maximumNorm)
    {
        if (maximumNorm == 0)
        {
            return 0;
        }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        double sum = 0;
        foreach (var parameter in _parameters)
        {
            if (parameter.grad is { } gradient)
            {
                sum += SumOfSquares(gradient.contiguous());
            }
        }
        double norm = Math.Sqrt(sum);
        double factor = maximumNorm / (norm + 1e-6);
        if (factor < 1)
        {
            using var scalar = factor.ToScalar();
            foreach (var parameter in _parameters)
            {
                parameter.grad?.mul_(scalar);
            }
        }
        return norm;
    }

    internal void ClearGradients()
    {
        foreach (var parameter in _parameters)
        {
            parameter.grad = null;
        }
    }

    public void Dispose()
    {
        _steps.Dispose();
        foreach (var tensor in _first.Concat(_second))
        {
            tensor.Dispose();
        }
    }

    /// <summary>
    /// g += L2 p;  p *= Shrink;  m = Beta1 m + (1 - Beta1) g;  v = Beta2 v + (1 - Beta2) g²;
    /// p -= StepSize m / (RootScale √v + Epsilon), or StepSize m if not Adaptive. Without v: m = Beta1 m + g, and g + Beta1 m in the place of m if Nesterov.
    /// </summary>
    private readonly record struct UpdateRule(double L2, double Shrink, double Beta1, double Beta2, double RootScale, double Epsilon, double StepSize, bool Adaptive, bool Nesterov = false);

    private UpdateRule Rule(long step, double learningRate)
    {
        if (_kind == OptimizerKind.Sgd)
        {
            return new UpdateRule(_weightDecay, 1, _beta1, 0, 1, 0, learningRate, false, _nesterov);
        }
        double correction1 = 1 - Math.Pow(_beta1, step);
        double correction2 = 1 - Math.Pow(_beta2, step);
        var rule = new UpdateRule(_weightDecay, 1, _beta1, _beta2, 1 / Math.Sqrt(correction2), _epsilon, learningRate / correction1, true);
        if (_kind == OptimizerKind.AdamW)
        {
            return rule with { L2 = 0, Shrink = 1 - learningRate * _weightDecay };
        }
        if (_kind == OptimizerKind.RAdam)
        {
            double longest = 2 / (1 - _beta2) - 1;
            double length = longest - 2 * step * Math.Pow(_beta2, step) / correction2;
            if (length <= 5)
            {
                return rule with { Adaptive = false };
            }
            // Epsilon joins the root before its bias is corrected, unlike in Adam.
            double rectification = Math.Sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length));
            return rule with { RootScale = 1, StepSize = rule.StepSize * rectification * Math.Sqrt(correction2) };
        }
        return rule;
    }

    private static bool HasSpan(Tensor tensor)
        => tensor.device_type == DeviceType.CPU && tensor.is_contiguous() && tensor.NumberOfElements * tensor.ElementSize <= int.MaxValue;

    private static void Update(Tensor parameter, Tensor gradient, Tensor first, Tensor? second, in UpdateRule rule)
    {
        using var scope = NewDisposeScope();
        using var stepSize = rule.StepSize.ToScalar();
        if (rule.L2 != 0)
        {
            gradient = gradient.Plus(parameter.Times(rule.L2));
        }
        if (rule.Shrink != 1)
        {
            using var shrink = rule.Shrink.ToScalar();
            parameter.mul_(shrink);
        }
        if (second is null)
        {
            first.mul_(TensorOps.Constant(rule.Beta1)).add_(gradient, TensorOps.One);
            parameter.sub_((rule.Nesterov ? gradient.Plus(first.Times(rule.Beta1)) : first).mul(stepSize));
            return;
        }
        first.mul_(TensorOps.Constant(rule.Beta1)).add_(gradient.Times(1 - rule.Beta1), TensorOps.One);
        second.mul_(TensorOps.Constant(rule.Beta2)).add_(gradient.Times(gradient).mul_(TensorOps.Constant(1 - rule.Beta2)), TensorOps.One);
        if (!rule.Adaptive)
        {
            parameter.sub_(first.mul(stepSize));
            return;
        }
        using var rootScale = rule.RootScale.ToScalar();
        var root = Root(second).mul_(rootScale).add_(TensorOps.Constant(rule.Epsilon), TensorOps.One);
        parameter.sub_(first.div(root).mul_(stepSize));
    }

    /// <summary>The square root. That of libtorch on the CPU comes from MKL, which does not always round to the nearest number; processors do.</summary>
    private static Tensor Root(Tensor tensor)
    {
        if (tensor.dtype is not (ScalarType.Float32 or ScalarType.Float64) || !HasSpan(tensor))
        {
            return tensor.sqrt();
        }
        var root = tensor.clone();
        if (tensor.dtype == ScalarType.Float32)
        {
            TensorPrimitives.Sqrt(Elements<float>(root), Elements<float>(root));
        }
        else
        {
            TensorPrimitives.Sqrt(Elements<double>(root), Elements<double>(root));
        }
        return root;
    }

    private void Update<T>(Tensor parameter, Tensor gradient, Tensor first, Tensor? second, UpdateRule rule)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        => ForChunks(parameter.NumberOfElements, (_, range) =>
        {
            if (second is null)
            {
                Descend(Elements<T>(parameter)[range], Elements<T>(gradient)[range], Elements<T>(first)[range], rule);
            }
            else
            {
                Update(Elements<T>(parameter)[range], Elements<T>(gradient)[range], Elements<T>(first)[range], Elements<T>(second)[range], rule);
            }
        });

    private static Span<T> Elements<T>(Tensor tensor)
        where T : unmanaged
        => MemoryMarshal.Cast<byte, T>(tensor.bytes);

    private static void Update<T>(Span<T> parameter, ReadOnlySpan<T> gradient, Span<T> first, Span<T> second, in UpdateRule rule)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var p = MemoryMarshal.Cast<T, Vector<T>>(parameter);
        var g = MemoryMarshal.Cast<T, Vector<T>>(gradient)[..p.Length];
        var m = MemoryMarshal.Cast<T, Vector<T>>(first)[..p.Length];
        var v = MemoryMarshal.Cast<T, Vector<T>>(second)[..p.Length];
        Vector<T> l2 = Broadcast<T>(rule.L2), shrink = Broadcast<T>(rule.Shrink), epsilon = Broadcast<T>(rule.Epsilon);
        Vector<T> keep1 = Broadcast<T>(rule.Beta1), take1 = Broadcast<T>(1 - rule.Beta1), keep2 = Broadcast<T>(rule.Beta2), take2 = Broadcast<T>(1 - rule.Beta2);
        Vector<T> rootScale = Broadcast<T>(rule.RootScale), stepSize = Broadcast<T>(rule.StepSize);
        bool hasL2 = rule.L2 != 0;
        bool adaptive = rule.Adaptive;
        for (int i = 0; i < p.Length; i++)
        {
            var slope = hasL2 ? g[i] + p[i] * l2 : g[i];
            var mean = m[i] * keep1 + slope * take1;
            var square = v[i] * keep2 + slope * slope * take2;
            m[i] = mean;
            v[i] = square;
            var direction = adaptive ? mean / (Vector.SquareRoot(square) * rootScale + epsilon) : mean;
            p[i] = p[i] * shrink - direction * stepSize;
        }
        int done = p.Length * Vector<T>.Count;
        int rest = parameter.Length - done;
        if (rest > 0)
        {
            // The tail goes through the same code, as one vector filled up with zeros.
            Span<T> tail = stackalloc T[4 * Vector<T>.Count];
            tail.Clear();
            Span<T> p1 = tail[..Vector<T>.Count], g1 = tail.Slice(Vector<T>.Count, Vector<T>.Count), m1 = tail.Slice(2 * Vector<T>.Count, Vector<T>.Count), v1 = tail[(3 * Vector<T>.Count)..];
            parameter[done..].CopyTo(p1);
            gradient[done..].CopyTo(g1);
            first[done..].CopyTo(m1);
            second[done..].CopyTo(v1);
            Update(p1, g1, m1, v1, rule);
            p1[..rest].CopyTo(parameter[done..]);
            m1[..rest].CopyTo(first[done..]);
            v1[..rest].CopyTo(second[done..]);
        }
    }

    private static void Descend<T>(Span<T> parameter, ReadOnlySpan<T> gradient, Span<T> momentum, in UpdateRule rule)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var p = MemoryMarshal.Cast<T, Vector<T>>(parameter);
        var g = MemoryMarshal.Cast<T, Vector<T>>(gradient)[..p.Length];
        var m = MemoryMarshal.Cast<T, Vector<T>>(momentum)[..p.Length];
        Vector<T> l2 = Broadcast<T>(rule.L2), keep = Broadcast<T>(rule.Beta1), stepSize = Broadcast<T>(rule.StepSize);
        bool hasL2 = rule.L2 != 0;
        bool nesterov = rule.Nesterov;
        for (int i = 0; i < p.Length; i++)
        {
            var slope = hasL2 ? g[i] + p[i] * l2 : g[i];
            var speed = m[i] * keep + slope;
            m[i] = speed;
            p[i] -= (nesterov ? slope + speed * keep : speed) * stepSize;
        }
        for (int i = p.Length * Vector<T>.Count; i < parameter.Length; i++)
        {
            var slope = hasL2 ? gradient[i] + parameter[i] * l2[0] : gradient[i];
            var speed = momentum[i] * keep[0] + slope;
            momentum[i] = speed;
            parameter[i] -= (nesterov ? slope + speed * keep[0] : speed) * stepSize[0];
        }
    }

    private static Vector<T> Broadcast<T>(double value)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        => new(T.CreateTruncating(value));

    private double SumOfSquares(Tensor gradient)
    {
        switch (gradient.dtype)
        {
            case ScalarType.Float32 when HasSpan(gradient):
                return SumOfSquares<float>(gradient);
            case ScalarType.Float64 when HasSpan(gradient):
                return SumOfSquares<double>(gradient);
            default:
                using (NewDisposeScope())
                {
                    var wide = gradient.to(ScalarType.Float64);
                    return wide.Times(wide).sum().cpu().item<double>();
                }
        }
    }

    private double SumOfSquares<T>(Tensor gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // One sum per chunk, added in order: the same number for any number of threads.
        var sums = new double[NumberOfChunks(gradient.NumberOfElements)];
        ForChunks(gradient.NumberOfElements, (chunk, range) => sums[chunk] = SumOfSquares<T>(Elements<T>(gradient)[range]));
        return sums.Sum();
    }

    private static double SumOfSquares<T>(ReadOnlySpan<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double a = 0, b = 0, c = 0, d = 0;
        int i = 0;
        for (; i <= values.Length - 4; i += 4)
        {
            double w = double.CreateTruncating(values[i]), x = double.CreateTruncating(values[i + 1]), y = double.CreateTruncating(values[i + 2]), z = double.CreateTruncating(values[i + 3]);
            a += w * w;
            b += x * x;
            c += y * y;
            d += z * z;
        }
        for (; i < values.Length; i++)
        {
            double w = double.CreateTruncating(values[i]);
            a += w * w;
        }
        return a + b + (c + d);
    }

    private static int NumberOfChunks(long length) => (int)((length + ChunkSize - 1) / ChunkSize);

    private void ForChunks(long length, Action<int, Range> action)
    {
        int chunks = NumberOfChunks(length);
        void Chunk(int chunk) => action(chunk, (chunk * ChunkSize)..(int)Math.Min(length, (chunk + 1L) * ChunkSize));
        if (_numberOfThreads == 1 || chunks == 1)
        {
            for (int chunk = 0; chunk < chunks; chunk++)
            {
                Chunk(chunk);
            }
        }
        else
        {
            Parallel.For(0, chunks, new ParallelOptions { MaxDegreeOfParallelism = _numberOfThreads }, Chunk);
        }
    }
}
