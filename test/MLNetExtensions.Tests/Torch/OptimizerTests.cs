using MLNetExtensions.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Torch;

[TestClass]
public sealed class OptimizerTests
{
    private const int Steps = 20;

    // Around the widths of vectors, and around the chunks that threads share.
    private static readonly int[] s_sizes = [1, 3, 7, 8, 9, 15, 17, 33, 1000, 65536, 3 * 65536 + 5];

    [TestMethod]
    [DataRow(nameof(OptimizerKind.Adam), 0.0, ScalarType.Float32)]
    [DataRow(nameof(OptimizerKind.Adam), 0.01, ScalarType.Float32)]
    [DataRow(nameof(OptimizerKind.AdamW), 0.01, ScalarType.Float32)]
    [DataRow(nameof(OptimizerKind.RAdam), 0.01, ScalarType.Float32)]
    [DataRow(nameof(OptimizerKind.Sgd), 0.0, ScalarType.Float32)]
    [DataRow(nameof(OptimizerKind.Sgd), 0.01, ScalarType.Float32)]
    [DataRow(nameof(OptimizerKind.Adam), 0.0, ScalarType.Float64)]
    [DataRow(nameof(OptimizerKind.Adam), 0.01, ScalarType.Float64)]
    [DataRow(nameof(OptimizerKind.AdamW), 0.01, ScalarType.Float64)]
    [DataRow(nameof(OptimizerKind.RAdam), 0.01, ScalarType.Float64)]
    [DataRow(nameof(OptimizerKind.Sgd), 0.01, ScalarType.Float64)]
    [DataRow(nameof(OptimizerKind.Sgd), 0.01, ScalarType.Float32, true)]
    [DataRow(nameof(OptimizerKind.Sgd), 0.0, ScalarType.Float64, true)]
    public void SpansAndTensorOperationsAgreeBitForBit(string kind, double weightDecay, ScalarType type, bool nesterov = false)
    {
        using var threadsOfTorch = TorchThreads.Use(1);
        using var scope = NewDisposeScope();
        var inSpans = Parameters(s_sizes, type);
        var inThreads = Parameters(s_sizes, type);
        var inTensors = Parameters(s_sizes, type);
        var rule = Enum.Parse<OptimizerKind>(kind);
        using var spans = new Optimizer(inSpans, rule, weightDecay: weightDecay, nesterov: nesterov);
        using var threads = new Optimizer(inThreads, rule, weightDecay: weightDecay, numberOfThreads: 3, nesterov: nesterov);
        using var tensors = new Optimizer(inTensors, rule, weightDecay: weightDecay, nesterov: nesterov) { UseTensorOperations = true };
        for (int step = 1; step <= Steps; step++)
        {
            SetGradients(step, inSpans, inThreads, inTensors);
            double rate = 0.01 / step;
            spans.Step(rate);
            threads.Step(rate);
            tensors.Step(rate);
        }
        for (int i = 0; i < s_sizes.Length; i++)
        {
            AssertBitEqual(inTensors[i], inSpans[i]);
            AssertBitEqual(inTensors[i], inThreads[i]);
        }
        foreach (var (expected, actual) in tensors.State.Zip(spans.State))
        {
            Assert.AreEqual(expected.Key, actual.Key);
            AssertBitEqual(expected.Value, actual.Value);
        }
    }

    [TestMethod]
    [DataRow(ScalarType.Float32, 1e-6)]
    [DataRow(ScalarType.Float64, 1e-12)]
    public void AgreesWithTorch(ScalarType type, double tolerance)
    {
        AssertAgrees(type, tolerance, 0.01, p => optim.Adam(p, 0.01), OptimizerKind.Adam, 0);
        AssertAgrees(type, tolerance, 0.01, p => optim.Adam(p, 0.01, weight_decay: 0.1), OptimizerKind.Adam, 0.1);
        AssertAgrees(type, tolerance, 0.01, p => optim.AdamW(p, 0.01, weight_decay: 0.1), OptimizerKind.AdamW, 0.1);
        AssertAgrees(type, tolerance, 0.01, p => optim.SGD(p, 0.01, momentum: 0.9), OptimizerKind.Sgd, 0);
        AssertAgrees(type, tolerance, 0.01, p => optim.SGD(p, 0.01, momentum: 0.9, weight_decay: 0.1), OptimizerKind.Sgd, 0.1);
        AssertAgrees(type, tolerance, 0.01, p => optim.SGD(p, 0.01, momentum: 0.9, nesterov: true), OptimizerKind.Sgd, 0, nesterov: true);
        AssertAgrees(type, tolerance, 0.01, p => optim.SGD(p, 0.01, momentum: 0.9, weight_decay: 0.1, nesterov: true), OptimizerKind.Sgd, 0.1, nesterov: true);
        // TorchSharp multiplies the rectified step of RAdam by the learning rate twice; at 1 that does no harm.
        AssertAgrees(type, tolerance, 1, p => optim.RAdam(p, 1), OptimizerKind.RAdam, 0);
        AssertAgrees(type, tolerance, 1, p => optim.RAdam(p, 1, weight_decay: 0.1), OptimizerKind.RAdam, 0.1);
    }

    [TestMethod]
    public void RAdamFollowsItsFormulas()
    {
        using var scope = NewDisposeScope();
        Tensor[] parameters = [ones(1, ScalarType.Float64).requires_grad_(true)];
        using var optimizer = new Optimizer(parameters, OptimizerKind.RAdam, 0.8, 0.95, 1e-3, 0.1);
        double p = 1, m = 0, v = 0, longest = 2 / (1 - 0.95) - 1;
        for (int t = 1; t <= Steps; t++)
        {
            double g = Math.Sin(t);
            parameters[0].grad = tensor(new[] { g });
            optimizer.Step(0.02);
            g += 0.1 * p;
            m = 0.8 * m + 0.2 * g;
            v = 0.95 * v + 0.05 * g * g;
            double correction = 1 - Math.Pow(0.95, t);
            double length = longest - 2 * t * Math.Pow(0.95, t) / correction;
            double factor = length > 5
                ? Math.Sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) * Math.Sqrt(correction) / (Math.Sqrt(v) + 1e-3)
                : 1;
            p -= 0.02 * m / (1 - Math.Pow(0.8, t)) * factor;
            Assert.AreEqual(p, parameters[0].item<double>(), 1e-13);
        }
    }

    [TestMethod]
    public void ParametersWithoutGradientStayAndCountNoStep()
    {
        using var scope = NewDisposeScope();
        var parameters = Parameters([5, 5], ScalarType.Float32);
        var before = parameters[1].detach().clone();
        using var optimizer = new Optimizer(parameters, OptimizerKind.AdamW, weightDecay: 0.1);
        parameters[0].grad = ones(5);
        optimizer.Step(0.1);
        AssertBitEqual(before, parameters[1]);
        CollectionAssert.AreEqual(new long[] { 1, 0 }, optimizer.State.First().Value.data<long>().ToArray());
    }

    [TestMethod]
    public void GradientsNeedNotBeContiguous()
    {
        using var scope = NewDisposeScope();
        Tensor[] a = [zeros(3, 4).requires_grad_(true)];
        Tensor[] b = [zeros(3, 4).requires_grad_(true)];
        var gradient = arange(12, ScalarType.Float32).view(4, 3).t();
        a[0].grad = gradient;
        b[0].grad = gradient.contiguous();
        using var first = new Optimizer(a, OptimizerKind.Adam);
        using var second = new Optimizer(b, OptimizerKind.Adam);
        first.Step(0.1);
        second.Step(0.1);
        AssertBitEqual(b[0], a[0]);
    }

    [TestMethod]
    [DataRow(ScalarType.Float32)]
    [DataRow(ScalarType.Float64)]
    public void ClippingScalesAllGradientsTogether(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var parameters = Parameters(s_sizes, type);
        SetGradients(1, parameters);
        double sum = parameters.Sum(p => p.grad!.to(ScalarType.Float64).data<double>().ToArray().Sum(x => x * x));
        using var one = new Optimizer(parameters, OptimizerKind.Adam);
        using var three = new Optimizer(parameters, OptimizerKind.Adam, numberOfThreads: 3);
        Assert.AreEqual(0.0, one.ClipGradients(0));
        double norm = one.ClipGradients(1e9);
        Assert.AreEqual(Math.Sqrt(sum), norm, 1e-9 * norm);
        Assert.AreEqual(norm, three.ClipGradients(2), "the number of threads changes nothing");
        Assert.AreEqual(2, one.ClipGradients(2), 1e-5);
    }

    [TestMethod]
    public void GradientDescentRemembersNoSecondMoment()
    {
        using var scope = NewDisposeScope();
        using var optimizer = new Optimizer(Parameters([5, 7], ScalarType.Float32), OptimizerKind.Sgd);
        CollectionAssert.AreEqual(new[] { "steps", "first.0", "first.1" }, optimizer.State.Select(item => item.Key).ToArray());
    }

    private static void AssertAgrees(ScalarType type, double tolerance, double rate, Func<IEnumerable<Parameter>, optim.Optimizer> create, OptimizerKind kind, double weightDecay, bool nesterov = false)
    {
        using var threads = TorchThreads.Use(1);
        using var scope = NewDisposeScope();
        Parameter[] theirs = [.. Parameters(s_sizes, type).Select(p => new Parameter(p.detach().clone()))];
        var ours = Parameters(s_sizes, type);
        using var optimizer = new Optimizer(ours, kind, weightDecay: weightDecay, nesterov: nesterov);
        using var reference = create(theirs);
        // TorchSharp's optimisers do not survive a collection at the wrong moment.
        bool quiet = GC.TryStartNoGCRegion(64 << 20);
        for (int step = 1; step <= Steps; step++)
        {
            SetGradients(step, ours, theirs);
            reference.step();
            optimizer.Step(rate);
        }
        if (quiet)
        {
            GC.EndNoGCRegion();
        }
        foreach (var (expected, actual) in theirs.Zip(ours))
        {
            Assert.IsTrue(allclose(expected, actual, tolerance, tolerance), $"{kind} {type}: {expected.sub(actual).abs().max().to(ScalarType.Float64).item<double>()}");
        }
    }

    private static Tensor[] Parameters(int[] sizes, ScalarType type)
    {
        using var generator = new Generator(1);
        return [.. sizes.Select(size => randn(size, type, generator: generator).requires_grad_(true))];
    }

    private static void SetGradients(int step, params IReadOnlyList<Tensor>[] copies)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)step);
        for (int i = 0; i < copies[0].Count; i++)
        {
            var gradient = randn(copies[0][i].size(0), copies[0][i].dtype, generator: generator);
            foreach (var parameters in copies)
            {
                parameters[i].grad = gradient.clone();
            }
        }
    }

    private static void AssertBitEqual(Tensor expected, Tensor actual)
        => Assert.IsTrue(expected.bytes.SequenceEqual(actual.bytes), $"differs by {expected.sub(actual).abs().max().to(ScalarType.Float64).item<double>()}");
}
