using System.CommandLine;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>The training step of a classifier's last layer with many classes: fixed class vectors against a softmax layer, in time and memory.</summary>
internal static class EbvHeadBench
{
    private const int Batch = 64;
    private const int Features = 512;
    private const double Temperature = 0.07;
    private const int NarrowDimension = 64;

    private static readonly int[] s_classes = [1_000, 10_000, 100_000];
    private static readonly int[] s_dimensions = [NarrowDimension, 256, 512];

    public static Command Command()
    {
        var threads = new Option<int>("--threads") { Description = "The number of threads of both sides.", DefaultValueFactory = _ => 1 };
        var repeats = new Option<int>("--repeats") { Description = "The number of blocks whose median counts.", DefaultValueFactory = _ => 7 };
        var command = new Command("ebv-head", "Equiangular basis vectors: the step of the head (forward, backward, update) and its memory against a softmax layer of the same features and classes.") { threads, repeats };
        command.SetAction(arguments => Run(arguments.GetValue(threads), arguments.GetValue(repeats)));
        return command;
    }

    private static void Run(int threads, int repeats)
    {
        TorchRuntime.Require();
        using var number = TorchThreads.Use(threads);
        using var scope = NewDisposeScope();
        Console.WriteLine($"batch {Batch}, {Features} features, gradient descent with momentum on both sides, {threads} thread(s), medians of {repeats} blocks");
        CompareLosses(ScalarType.Float64, 1e-12);
        CompareLosses(ScalarType.Float32, 1e-6);
        var ratios = new Dictionary<int, double>();
        var memoryRatios = new Dictionary<int, double>();
        foreach (var classes in s_classes)
        {
            ratios[classes] = MeasureTime(classes, threads, repeats);
            memoryRatios[classes] = MeasureMemory(classes, threads);
        }
        Console.WriteLine($"ebv-head ratio_1k={ratios[1_000]:F2} ratio_10k={ratios[10_000]:F2} ratio_100k={ratios[100_000]:F2} memory_ratio_100k={memoryRatios[100_000]:F2} dimension={NarrowDimension} threads={threads} clock={(threads == 1 ? "cpu" : "wall")}");
    }

    /// <summary>The loss in chunks of classes, with its own gradient, against the loss with all logits, differentiated by libtorch.</summary>
    private static void CompareLosses(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        foreach (var classes in s_classes)
        {
            using var loss = new EbvLoss(Vectors(classes, NarrowDimension, type), Temperature, labelSmoothing: 0.1);
            var labels = Labels(classes);
            var (plain, plainGradient) = Differentiate(loss.ComputePlain);
            var (chunked, gradient) = Differentiate(loss.Compute);
            var lossError = Math.Abs(plain - chunked) / Math.Max(1, Math.Abs(plain));
            var gradientError = Largest(plainGradient.Minus(gradient)) / Largest(plainGradient);
            Console.WriteLine($"chunked against full loss, {classes,7:N0} classes, {type}: loss {chunked:F6}, off by {lossError:E1}; gradient off by {gradientError:E1} of its largest entry");
            if (!(lossError <= tolerance && gradientError <= 10 * tolerance))
            {
                throw new InvalidOperationException("The losses differ by more than rounding.");
            }

            (double, Tensor) Differentiate(Func<Tensor, Tensor, Tensor?, Tensor> compute)
            {
                var raw = Draw(4, type, Batch, NarrowDimension).requires_grad_();
                var value = compute(raw, labels, null);
                value.backward();
                return (value.to(ScalarType.Float64).item<double>(), raw.grad!);
            }
        }
    }

    private static double MeasureTime(int classes, int threads, int repeats)
    {
        var heads = new List<Head> { new SoftmaxHead(classes, threads) };
        heads.AddRange(s_dimensions.Select(dimension => new EbvHead(classes, dimension, threads)));
        try
        {
            // About a tenth of a second for the fastest in each block.
            var calls = Math.Max(1, 100_000 / classes);
            var times = Timing.Medians(repeats, calls, [.. heads.Select(head => (Action)head.Step)]);
            Console.WriteLine($"{classes:N0} classes, one step:");
            foreach (var (head, time) in heads.Zip(times))
            {
                var seconds = time.Seconds(threads);
                Console.WriteLine($"  {head.Name,-10} {time}   {times[0].Seconds(threads) / seconds,6:F2} times as fast   {head.MultiplyAdds * 2 / seconds / 1e9,6:F1} GFLOP/s in its products");
            }
            return times[0].Seconds(threads) / times[1].Seconds(threads);
        }
        finally
        {
            heads.ForEach(head => head.Dispose());
        }
    }

    private static double MeasureMemory(int classes, int threads)
    {
        Func<Head>[] heads = [() => new SoftmaxHead(classes, threads), .. s_dimensions.Select(dimension => (Func<Head>)(() => new EbvHead(classes, dimension, threads)))];
        var peaks = heads.Select(create => PeakMemory.Megabytes(() => TwoSteps(create))).ToArray();
        foreach (var (create, peak) in heads.Zip(peaks))
        {
            using var head = create();
            Console.WriteLine($"  {head.Name,-10} {peak,8:F1} MiB at most, with its weights   {peaks[0] / peak,6:F1} times as little");
        }
        return peaks[0] / peaks[1];
    }

    private static void TwoSteps(Func<Head> create)
    {
        using var head = create();
        head.Step();
        head.Step();
    }

    private static double Largest(Tensor tensor) => tensor.abs().max().to(ScalarType.Float64).item<double>();

    private static Tensor Draw(int seed, ScalarType type, params long[] size)
    {
        using var generator = new Generator((ulong)seed);
        return empty(size, dtype: type).normal_(0, 1, generator);
    }

    // Any directions do: their values cost the same time.
    private static Tensor Vectors(int classes, int dimension, ScalarType type)
    {
        var vectors = Draw(1, type, classes, dimension);
        return vectors.div_(vectors.norm(1, keepdim: true));
    }

    private static Tensor Labels(int classes)
    {
        var random = new Random(2);
        return tensor(Enumerable.Range(0, Batch).Select(_ => (long)random.Next(classes)).ToArray());
    }

    /// <summary>A last layer in training, its features being the result of a trunk that wants their gradient.</summary>
    private abstract class Head : IDisposable
    {
        private const double LearningRate = 0.01;

        private readonly Optimizer _optimizer;
        private readonly Tensor _features;
        private readonly Tensor _labels;

        protected Head(string name, int classes, int outputs, int threads)
        {
            Name = name;
            Layers = new(null, ScalarType.Float32, CPU);
            using var scope = NewDisposeScope();
            using var generator = new Generator(3);
            Weight = Layers.Linear("weight", [outputs, Features], Features);
            Bias = Layers.Linear("bias", [outputs], Features);
            Initialization.Uniform(Weight, 1 / Math.Sqrt(Features), generator);
            _features = Draw(4, ScalarType.Float32, Batch, Features).requires_grad_().DetachFromDisposeScope();
            _labels = Labels(classes).DetachFromDisposeScope();
            _optimizer = new([Weight, Bias], OptimizerKind.Sgd, numberOfThreads: threads);
        }

        public string Name { get; }

        /// <summary>Of the products of a step.</summary>
        public abstract double MultiplyAdds { get; }

        protected Layers Layers { get; }

        protected Tensor Weight { get; }

        protected Tensor Bias { get; }

        public void Step()
        {
            using var scope = NewDisposeScope();
            _optimizer.ClearGradients();
            _features.grad?.Dispose();
            _features.grad = null;
            Loss(_features, _labels).backward();
            _optimizer.Step(LearningRate);
        }

        public virtual void Dispose()
        {
            _optimizer.ClearGradients();
            _optimizer.Dispose();
            _features.grad?.Dispose();
            _features.Dispose();
            _labels.Dispose();
            Layers.Dispose();
        }

        protected abstract Tensor Loss(Tensor features, Tensor labels);
    }

    private sealed class SoftmaxHead(int classes, int threads) : Head("softmax", classes, classes, threads)
    {
        public override double MultiplyAdds => 3.0 * Batch * Weight.size(0) * Features;

        protected override Tensor Loss(Tensor features, Tensor labels) => nn.functional.cross_entropy(nn.functional.linear(features, Weight, Bias), labels);
    }

    private sealed class EbvHead : Head
    {
        private readonly EbvLoss _loss;
        private readonly int _dimension;

        public EbvHead(int classes, int dimension, int threads)
            : base($"d = {dimension}", classes, dimension, threads)
        {
            using var scope = NewDisposeScope();
            _dimension = dimension;
            _loss = new(Vectors(classes, dimension, ScalarType.Float32), Temperature);
        }

        public override double MultiplyAdds => 2.0 * Batch * _loss.Classes * _dimension + 3.0 * Batch * _dimension * Features;

        public override void Dispose()
        {
            _loss.Dispose();
            base.Dispose();
        }

        protected override Tensor Loss(Tensor features, Tensor labels) => _loss.Compute(nn.functional.linear(features, Weight, Bias), labels);
    }
}
