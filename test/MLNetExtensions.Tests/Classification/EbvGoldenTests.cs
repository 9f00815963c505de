using MLNetExtensions.Tests.Golden;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Classification;

[TestClass]
[TestCategory("Golden")]
public sealed class EbvGoldenTests
{
    private const double Tolerance = 1e-9;
    private const double ToleranceFloat32 = 1e-5;

    // The stored temperature was found by the flat minimum itself.
    private const double TemperatureTolerance = 1e-6;

    private static IEnumerable<object[]> ClassifyRows => GoldenFiles.Rows("ebv", "classify");

    private static IEnumerable<object[]> TrainRows => GoldenFiles.Rows("ebv", "train10");

    [TestMethod]
    [DynamicData(nameof(ClassifyRows))]
    public void Head(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "ebv.classify");
        foreach (var (dtype, tolerance) in new[] { (ScalarType.Float64, Tolerance), (ScalarType.Float32, ToleranceFloat32) })
        {
            using var scope = NewDisposeScope();
            using var module = CreateHead(golden, "", dtype);
            using var table = new ClassTable(new ClassBlock(golden.Tensor("W", dtype)));
            var raw = module.Raw(golden.Tensor("x", dtype));
            golden.AssertClose("raw", raw, tolerance);
            var embedding = EbvModule.Normalize(raw);
            golden.AssertClose("embedding", embedding, tolerance);
            var cosines = table.Cosines(embedding);
            golden.AssertClose("cosine", cosines, tolerance);
            golden.AssertClose("angle", ClassTable.Angles(cosines), tolerance);
            golden.AssertClose("logits", table.Logits(embedding, golden.Scalar("tau")), tolerance);
            golden.AssertClose("probability", table.Probabilities(embedding, golden.Scalar("tau")), tolerance);
            golden.AssertClose("predicted", cosines.argmax(1), 0);
            if (dtype == ScalarType.Float32)
            {
                golden.AssertValues("predicted", [.. table.Top(embedding, golden.Scalar("tau"), 1).Classes.Select(i => (double)i)], 0);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ClassifyRows))]
    public void Losses(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "ebv.classify");
        foreach (var name in golden.List("losses"))
        {
            foreach (var (dtype, tolerance) in new[] { (ScalarType.Float64, Tolerance), (ScalarType.Float32, ToleranceFloat32) })
            {
                using var scope = NewDisposeScope();
                using var loss = CreateLoss(golden, name + ".", "", dtype, null);
                AssertLoss(golden, name, dtype, tolerance, loss.ComputePlain);
                AssertLoss(golden, name, dtype, tolerance, loss.Compute);
                foreach (var size in new long[] { 1, 3, loss.Classes })
                {
                    using var chunked = CreateLoss(golden, name + ".", "", dtype, size);
                    AssertLoss(golden, name, dtype, tolerance, chunked.Compute);
                }
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ClassifyRows))]
    public void CalibrationMeansAndQuantile(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "ebv.classify");
        using var scope = NewDisposeScope();
        var (logits, labels, embedding, vectors) = (golden.Tensor("logits"), golden.Tensor("labels"), golden.Tensor("embedding"), golden.Tensor("W"));
        var temperature = TemperatureCalibration.Fit(logits, labels);
        golden.AssertValues("calib.T", [temperature], TemperatureTolerance);
        golden.AssertValues("calib.nll_before", [TemperatureCalibration.NegativeLogLikelihood(logits, labels, 1)], Tolerance);
        golden.AssertValues("calib.nll_after", [TemperatureCalibration.NegativeLogLikelihood(logits, labels, temperature)], Tolerance);
        using var means = new ClassMeans((int)vectors.size(0), (int)vectors.size(1), CPU);
        means.Add(embedding, labels);
        golden.AssertClose("class_means", means.Directions(), Tolerance);
        using var table = new ClassTable(new ClassBlock(means.Directions()));
        golden.AssertClose("class_mean_cosine", table.Cosines(embedding), Tolerance);
        golden.AssertValues($"own_cosine_quantile_{golden.Option("quantile")}", [OpenSet.Threshold(OpenSet.OwnCosines(embedding, labels, vectors), golden.Number("quantile"))], Tolerance);
    }

    [TestMethod]
    [DynamicData(nameof(ClassifyRows))]
    public void Trunks(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "ebv.classify");
        foreach (var trunk in golden.List("trunks"))
        {
            AssertTrunk(golden, trunk + ".", ScalarType.Float64, Tolerance);
            AssertTrunk(golden, trunk + ".", ScalarType.Float32, ToleranceFloat32);
        }
    }

    [TestMethod]
    [DynamicData(nameof(TrainRows))]
    public void Training(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "ebv.train10");
        Train(golden, ScalarType.Float64, Tolerance);
        Train(golden, ScalarType.Float32, ToleranceFloat32);
    }

    private static EbvLoss CreateLoss(GoldenCase golden, string options, string tensors, ScalarType dtype, long? classesPerChunk)
        => new(golden.Tensor(tensors + "W", dtype), golden.Scalar(tensors + "tau"), golden.Number(options + "label_smoothing")) { ClassesPerChunk = classesPerChunk };

    private static Tensor Targets(GoldenCase golden, string options, string tensors, ScalarType dtype)
        => golden.Choose(options + "targets", ("hard", true), ("soft", false)) ? golden.Tensor(tensors + "labels") : golden.Tensor(tensors + "soft_targets", dtype);

    /// <summary>The head alone: what is said to be the trunk passes its inputs on.</summary>
    private static EbvModule CreateHead(GoldenCase golden, string prefix, ScalarType dtype)
    {
        var shape = golden.Shape(prefix + "weight");
        var module = new EbvModule(new NoTrunk((int)shape[1]), (int)shape[0], null, dtype);
        module.CopyFrom(new Dictionary<string, Tensor> { ["head.weight"] = golden.Tensor(prefix + "weight", dtype), ["head.bias"] = golden.Tensor(prefix + "bias", dtype) });
        return module;
    }

    private static void AssertLoss(GoldenCase golden, string name, ScalarType dtype, double tolerance, Func<Tensor, Tensor, Tensor?, Tensor> compute)
    {
        using var scope = NewDisposeScope();
        using var module = CreateHead(golden, "", dtype);
        var x = golden.Tensor("x", dtype).requires_grad_();
        var raw = module.Raw(x);
        raw.retain_grad();
        var value = compute(raw, Targets(golden, name + ".", "", dtype), null);
        golden.AssertClose(name + ".loss", value, tolerance);
        value.backward();
        golden.AssertClose(name + ".grad_raw", raw.grad!, tolerance);
        golden.AssertClose(name + ".grad_weight", module.Parameters[0].Value.grad!, tolerance);
        golden.AssertClose(name + ".grad_bias", module.Parameters[1].Value.grad!, tolerance);
        golden.AssertClose(name + ".grad_x", x.grad!, tolerance);
    }

    private static void AssertTrunk(GoldenCase golden, string prefix, ScalarType dtype, double tolerance)
    {
        using var scope = NewDisposeScope();
        var input = golden.Shape(prefix + "x");
        var shape = new ConvShape
        {
            Channels = (int)input[1],
            Height = (int)input[2],
            Width = (int)input[3],
            StemWidth = (int)golden.Shape(prefix + "stem.conv.weight")[0],
            StemStride = golden.Integer(prefix + "stem_stride"),
            MaxPool = golden.Integer(prefix + "max_pool"),
            Blocks = [.. golden.List(prefix + "block_strides").Select((stride, i) => new ConvBlock((int)golden.Shape($"{prefix}block{i}.conv1.weight")[0], int.Parse(stride)))],
            Normalization = new(golden.Number(prefix + "batch_norm_momentum"), golden.Number(prefix + "batch_norm_eps")),
        };
        using var module = new EbvModule(new ConvTrunk(shape, null, dtype, CPU), (int)golden.Shape(prefix + "head.weight")[0], null, dtype);
        Copy(golden, module.Parameters, prefix, dtype);
        using var loss = CreateLoss(golden, prefix, prefix, dtype, null);
        using var table = new ClassTable(new ClassBlock(golden.Tensor(prefix + "W", dtype)));
        var (x, tau) = (golden.Tensor(prefix + "x", dtype), golden.Scalar(prefix + "tau"));

        var features = module.Trunk.Forward(x, training: true);
        golden.AssertClose(prefix + "train.features", features, tolerance);
        var raw = module.Raw(features);
        golden.AssertClose(prefix + "train.logits", table.Logits(EbvModule.Normalize(raw), tau), tolerance);
        var value = loss.Compute(raw, Targets(golden, prefix, prefix, dtype));
        golden.AssertClose(prefix + "train.loss", value, tolerance);
        value.backward();
        var gradients = module.Parameters.Where(parameter => golden.Has($"{prefix}grad.{parameter.Key}")).ToArray();
        Assert.IsNotEmpty(gradients);
        foreach (var (name, parameter) in gradients)
        {
            golden.AssertClose($"{prefix}grad.{name}", parameter.grad!, tolerance);
        }
        foreach (var (name, buffer) in module.Buffers)
        {
            golden.AssertClose($"{prefix}after.{name}", buffer, tolerance);
        }
        golden.AssertClose(prefix + "eval.features", module.Trunk.Forward(x, training: false), tolerance);
        var embedding = module.Embed(x);
        golden.AssertClose(prefix + "eval.embedding", embedding, tolerance);
        golden.AssertClose(prefix + "eval.logits", table.Logits(embedding, tau), tolerance);
    }

    private static void Train(GoldenCase golden, ScalarType dtype, double tolerance)
    {
        using var scope = NewDisposeScope();
        var (steps, epochs) = (golden.Integer("steps"), golden.Integer("epochs"));
        Assert.AreEqual(steps, golden.Shape("X")[0]);
        Assert.IsLessThanOrEqualTo(epochs, steps);
        var shape = new MlpShape
        {
            Inputs = (int)golden.Shape("X")[2],
            Widths = [(int)golden.Shape("init.hidden.weight")[0]],
            Normalization = new(golden.Number("batch_norm_momentum"), golden.Number("batch_norm_eps")),
        };
        using var module = new EbvModule(new MlpTrunk(shape, null, dtype, CPU), (int)golden.Shape("init.head.weight")[0], null, dtype);
        Copy(golden, module.Weights, "init.", dtype);
        using var loss = new EbvLoss(golden.Tensor("W", dtype), golden.Scalar("tau"), golden.Scalar("label_smoothing"));
        using var enough = new CancellationTokenSource();
        var optimizer = golden.Choose("optimizer", ("sgd", OptimizerKind.Sgd), ("adamw", OptimizerKind.AdamW));
        var settings = new TrainingSettings
        {
            // One step in an epoch: the rates are those of the epochs.
            MaximumNumberOfEpochs = epochs,
            BatchSize = (int)golden.Shape("X")[1],
            LearningRate = golden.Number("base_lr"),
            Schedule = golden.Choose("schedule", ("constant", LearningRateSchedule.Constant), ("warmup_cosine", LearningRateSchedule.WarmupCosine)),
            Warmup = new(golden.Integer("warmup_epochs"), golden.Number("start_factor")),
            Optimizer = optimizer,
            Beta1 = golden.Number(optimizer == OptimizerKind.Sgd ? "momentum" : "beta1"),
            WeightDecay = golden.Scalar("weight_decay"),
            NumberOfThreads = 1,
            Seed = 1,
            CancellationToken = enough.Token,
            OnCancellation = CancellationBehavior.ReturnBest,
            Report = progress =>
            {
                if (progress.Epoch == 1)
                {
                    AssertWeights("step1.");
                }
                if (progress.Epoch == steps)
                {
                    enough.Cancel();
                }
            },
        };
        settings = optimizer == OptimizerKind.Sgd ? settings with { Nesterov = golden.Flag("nesterov") } : settings with { Beta2 = golden.Number("beta2"), Epsilon = golden.Number("eps") };
        var outcome = TrainingLoop.Run(new EbvLearner(module, loss), new Steps(golden, dtype), null, settings);
        golden.AssertValues("lr_per_step", [.. outcome.History.Select(epoch => epoch.LearningRate)], 1e-15);
        golden.AssertValues("loss_per_step", [.. outcome.History.Select(epoch => epoch.TrainingLoss)], tolerance);
        AssertWeights("final.");
        using var table = new ClassTable(new ClassBlock(golden.Tensor("W", dtype)));
        golden.AssertClose("eval_logits_batch0", table.Logits(module.Embed(golden.Tensor("X", dtype).select(0, 0)), golden.Scalar("tau")), tolerance);

        void AssertWeights(string prefix)
        {
            foreach (var (name, weight) in module.Weights)
            {
                golden.AssertClose(prefix + GoldenName(name), weight, tolerance);
            }
        }
    }

    private static string GoldenName(string name) => name switch
    {
        "hidden0.weight" => "hidden.weight",
        "hidden0.bn.weight" => "bn.gamma",
        "hidden0.bn.bias" => "bn.beta",
        _ => name.Replace("hidden0.bn", "bn"),
    };

    private static void Copy(GoldenCase golden, IReadOnlyList<KeyValuePair<string, Tensor>> targets, string prefix, ScalarType dtype)
        => ParameterSet.Copy(targets.ToDictionary(target => target.Key, target => golden.Tensor(prefix + GoldenName(target.Key), dtype)), targets);

    /// <summary>The batch of each step, one after the other; the order within it does not matter.</summary>
    private sealed class Steps(GoldenCase golden, ScalarType dtype) : IBatchSource
    {
        private int _step;

        public int Count => (int)golden.Shape("X")[1];

        public Batch Take(ReadOnlySpan<int> indices)
        {
            var step = _step++;
            return new(indices.Length) { [EbvLearner.Input] = golden.Tensor("X", dtype).select(0, step), [EbvLearner.Target] = golden.Tensor("Y").select(0, step) };
        }
    }
}
