using MLNetExtensions.Tests.Golden;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
[TestCategory("Golden")]
public sealed class TimesNetGoldenTests
{
    private const double Tolerance = 1e-9;
    private const double ToleranceFloat32 = 1e-5;

    // Weights and gradients after several steps in float64: the expected ones are stored as float32.
    private const double StoredTolerance = 1e-6;

    private static readonly TimesNetPeriods s_batch = new(PeriodSelection.Batch);
    private static readonly TimesNetPeriods s_perRow = new(PeriodSelection.PerRow);

    private static IEnumerable<object[]> BlockRows => GoldenFiles.Rows("timesnet", "period_block");

    private static IEnumerable<object[]> ForecastRows => GoldenFiles.Rows("timesnet", "forecast");

    private static IEnumerable<object[]> TaskRows => GoldenFiles.Rows("timesnet", "tasks");

    private static IEnumerable<object[]> TrainRows => GoldenFiles.Rows("timesnet", "train10");

    [TestMethod]
    [DynamicData(nameof(BlockRows))]
    public void PeriodsAndBlock(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "timesnet.period_block");
        using var scope = NewDisposeScope();
        var (rows, steps, width) = ((int)golden.Shape("x")[0], (int)golden.Shape("x")[1], (int)golden.Shape("x")[2]);
        var shape = new TimesNetShape
        {
            Channels = 1,
            WindowSize = steps,
            Width = width,
            HiddenWidth = (int)golden.Shape("w.inception1.k0.weight")[0],
            Layers = 1,
            TopPeriods = golden.Integer("top_k"),
            Kernels = golden.Integer("kernels"),
            Dropout = golden.Number("dropout"),
        };
        using var module = CreateBlock(golden, shape, ScalarType.Float64);
        var parameters = BlockParameters(module);
        var x = golden.Tensor("x", ScalarType.Float64).requires_grad_();

        var amplitudes = TimesNetModule.Amplitudes(x);
        golden.AssertClose("fft.amplitude", amplitudes, Tolerance);
        var host = TimesNetModule.ToHost(amplitudes);
        var mean = PeriodFinder.Mean(host, rows);
        mean[0] = 0;
        golden.AssertValues("fft.batch_mean", mean, Tolerance);
        var batch = PeriodFinder.Choose(host, rows, shape.TopPeriods, PeriodSelection.Batch);
        golden.AssertValues("fft.batch_freq", Doubles(batch[..shape.TopPeriods]), 0);
        golden.AssertValues("fft.batch_period", Doubles(batch[..shape.TopPeriods].Select(f => steps / f)), 0);
        golden.AssertClose("fft.batch_weight", TimesNetModule.MixingWeights(amplitudes, batch), Tolerance);
        var perRow = PeriodFinder.Choose(host, rows, shape.TopPeriods, PeriodSelection.PerRow);
        golden.AssertValues("fft.row_freq", Doubles(perRow), 0);
        golden.AssertValues("fft.row_period", Doubles(perRow.Select(f => steps / f)), 0);
        golden.AssertClose("fft.row_weight", TimesNetModule.MixingWeights(amplitudes, perRow), Tolerance);

        var kernels = module.Fuse();
        golden.AssertClose("fused.inception1.weight", kernels[0].First.Weight, Tolerance);
        golden.AssertClose("fused.inception1.bias", kernels[0].First.Bias, Tolerance);
        golden.AssertClose("fused.inception2.weight", kernels[0].Second.Weight, Tolerance);
        golden.AssertClose("fused.inception2.bias", kernels[0].Second.Bias, Tolerance);
        Func<Tensor, TimesNetPeriods, Tensor>[] ways = [(z, periods) => module.BlockPlain(0, z, periods), (z, periods) => module.Block(0, z, module.Fuse(), periods)];
        foreach (var block in ways)
        {
            golden.AssertClose("y_rows", block(x, s_perRow), Tolerance);
            foreach (var parameter in parameters.Values.Append(x))
            {
                parameter.grad = null;
            }
            var y = block(x, s_batch);
            golden.AssertClose("y", y, Tolerance);
            y.mul(golden.Tensor("grad_y")).sum().backward();
            golden.AssertClose("grad_x", x.grad!, Tolerance);
            foreach (var (name, parameter) in parameters)
            {
                golden.AssertClose("grad." + name, parameter.grad!, Tolerance);
            }
        }
        using var module32 = CreateBlock(golden, shape, ScalarType.Float32);
        golden.AssertClose("y_f32", module32.Block(0, golden.Tensor("x"), module32.Fuse(), s_batch), ToleranceFloat32);
    }

    [TestMethod]
    [DynamicData(nameof(ForecastRows))]
    public void Forecast(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "timesnet.forecast");
        using var scope = NewDisposeScope();
        var shape = Shape(golden, "w.", golden.Shape("x"));
        using var module = Create(golden, "w.", shape, ScalarType.Float64);
        var x = golden.Tensor("x", ScalarType.Float64);
        var marks = Marks(golden, shape, ScalarType.Float64);

        var (normalized, mean, deviation) = TimesNetModule.NormalizeWindow(x, null);
        golden.AssertClose("mean", mean.squeeze(1), Tolerance);
        golden.AssertClose("stdev", deviation.squeeze(1), Tolerance);
        var embedded = module.Embed(normalized, marks, null);
        golden.AssertClose("embedded", embedded, Tolerance);
        var extended = module.Extend(embedded);
        golden.AssertClose("extended", extended, Tolerance);
        golden.AssertClose("block0", module.Block(0, extended, module.Fuse(), s_batch), Tolerance);
        AssertPeriods(golden, module, extended);
        AssertOutputs(golden, shape, "w.", module, x, marks, null);
    }

    [TestMethod]
    [DynamicData(nameof(TaskRows))]
    public void OtherTasks(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "timesnet.tasks");
        using var scope = NewDisposeScope();
        var task = golden.Choose("task", ("imputation", "imputation"), ("anomaly", "anomaly"), ("classification", "classification"), ("metric", "metric"));
        if (task == "metric")
        {
            return; // the metrics have tests of their own
        }
        var shape = Shape(golden, "w.", golden.Shape("x"));
        using var module = Create(golden, "w.", shape, ScalarType.Float64);
        var x = golden.Tensor(task == "imputation" ? "x_zeroed" : "x", ScalarType.Float64);
        var marks = Marks(golden, shape, ScalarType.Float64);
        var mask = task switch
        {
            "imputation" => golden.Tensor("mask", ScalarType.Float64),
            "classification" => golden.Tensor("padding_mask", ScalarType.Float64),
            _ => null,
        };
        AssertPeriods(golden, module, module.Embed(task == "classification" ? x : TimesNetModule.NormalizeWindow(x, mask).Z, marks, null));
        var y = AssertOutputs(golden, shape, "w.", module, x, marks, mask);
        switch (task)
        {
            case "imputation":
                golden.AssertValues("loss_masked_mse", [ReconstructionLoss.OfSelected(y, golden.Tensor("x", ScalarType.Float64), ones_like(y).Minus(mask!)).item<double>()], Tolerance);
                break;
            case "anomaly":
                var (truth, expected, channels) = (golden.Doubles("x"), TimesNetModule.ToHost(y), (int)x.size(2));
                golden.AssertValues("score", [.. truth.Chunk(channels).Zip(expected.Chunk(channels), (values, reconstruction) => AnomalyScores.OfRow<double>(values, reconstruction))], Tolerance);
                break;
            default:
                golden.AssertValues("loss_ce", [nn.functional.cross_entropy(y, golden.Tensor("labels")).item<double>()], Tolerance);
                break;
        }
    }

    [TestMethod]
    [DynamicData(nameof(TrainRows))]
    public void Training(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "timesnet.train10");
        foreach (var mode in golden.List("period_modes"))
        {
            var periods = golden.Choose("period_modes", mode, ("batch", s_batch), ("row", s_perRow));
            Train(golden, periods, ScalarType.Float64, mode, "", StoredTolerance);
            if (golden.Has($"loss.{mode}_f32"))
            {
                Train(golden, periods, ScalarType.Float32, mode, "_f32", ToleranceFloat32);
            }
        }
    }

    private static void Train(GoldenCase golden, TimesNetPeriods periods, ScalarType dtype, string mode, string suffix, double tolerance)
    {
        using var scope = NewDisposeScope();
        var shape = Shape(golden, "w0.", golden.Shape("x").Skip(1).ToArray());
        using var module = Create(golden, "w0.", shape, dtype);
        var target = golden.Tensor("target");
        Func<Tensor, Tensor, Tensor> loss = golden.Choose<Func<Tensor, Tensor, Tensor>>("loss",
            ("mse", (y, t) => StepWeightedLoss.Compute(ForecastLoss.SquaredError, y, t.to(dtype), weights: null)),
            ("smape", (y, t) => StepWeightedLoss.Compute(ForecastLoss.SymmetricAbsolutePercentageError, y, t.to(dtype), weights: null)),
            ("cross_entropy", (y, t) => nn.functional.cross_entropy(y, t)));
        using var optimizer = new Optimizer([.. module.Parameters.Items.Select(item => item.Value)],
            golden.Choose("optimizer", ("adam", OptimizerKind.Adam), ("adamw", OptimizerKind.AdamW), ("radam", OptimizerKind.RAdam)),
            golden.Number("beta1"), golden.Number("beta2"), golden.Number("eps"), golden.Number("weight_decay"));
        var steps = golden.Integer("steps");
        Assert.AreEqual(steps, golden.Shape("x")[0]);
        var losses = new double[steps];
        var norms = new double[steps];
        for (var s = 0; s < steps; s++)
        {
            using var step = NewDisposeScope();
            optimizer.ClearGradients();
            var marks = shape.Marks > 0 ? golden.Tensor("marks", dtype).select(0, s) : null;
            var mask = golden.Has("padding_mask") ? golden.Tensor("padding_mask", dtype).select(0, s) : null;
            var cost = loss(module.Forward(golden.Tensor("x", dtype).select(0, s), marks, mask, periods, null), target.select(0, s));
            cost.backward();
            losses[s] = cost.to(ScalarType.Float64).item<double>();
            norms[s] = Math.Sqrt(module.Parameters.Items.Where(item => item.Value.grad is not null).Sum(item => item.Value.grad!.to(ScalarType.Float64).pow(TensorOps.Constant(2)).sum().item<double>()));
            optimizer.ClipGradients(golden.Number("clip_norm"));
            optimizer.Step(golden.Number("lr"));
        }
        golden.AssertValues($"loss.{mode}{suffix}", losses, tolerance);
        golden.AssertValues($"grad_norm.{mode}{suffix}", norms, tolerance);
        if (dtype == ScalarType.Float64)
        {
            foreach (var (name, parameter) in module.Parameters.Items)
            {
                golden.AssertClose($"w10.{mode}.{name}", parameter, tolerance);
            }
        }
    }

    /// <summary>All ways to compute the result; returns that with the periods of the batch.</summary>
    private static Tensor AssertOutputs(GoldenCase golden, TimesNetShape shape, string prefix, TimesNetModule module, Tensor x, Tensor? marks, Tensor? mask)
    {
        foreach (var forward in new Func<Tensor, Tensor?, Tensor?, TimesNetPeriods, Tensor>[]
        {
            (x, marks, mask, periods) => module.ForwardPlain(x, marks, mask, periods),
            (x, marks, mask, periods) => module.Forward(x, marks, mask, periods, null),
            (x, marks, mask, periods) => module.BeginEvaluation(periods)(x, marks, mask),
        })
        {
            golden.AssertClose("y", forward(x, marks, mask, s_batch), Tolerance);
            golden.AssertClose("y_rows", forward(x, marks, mask, s_perRow), Tolerance);
        }
        var (x32, marks32, mask32) = (x.to(ScalarType.Float32), marks?.to(ScalarType.Float32), mask?.to(ScalarType.Float32));
        using var network = new TimesNetNetwork(Create(golden, prefix, shape, ScalarType.Float32), s_perRow);
        golden.AssertClose("y_f32", network.Module.Forward(x32, marks32, mask32, s_batch, null), ToleranceFloat32);
        AssertGraph(golden, network, x32, marks32, mask32);
        return module.Forward(x, marks, mask, s_batch, null);
    }

    /// <summary>The exported graph of the weights gives the outputs too.</summary>
    private static void AssertGraph(GoldenCase golden, TimesNetNetwork network, Tensor x, Tensor? marks, Tensor? mask)
    {
        using var file = TimesNetOnnxTests.Export(network, s_perRow, mask is not null);
        var rows = Enumerable.Range(0, (int)x.size(0));
        var y = file.Run(name => TimesNetOnnxTests.ToCells(name switch { "x" => x, "marks" => marks!, _ => mask! }), rows)["y"];
        golden.AssertClose("y_rows", tensor((float[])y.Values).view([.. golden.Shape("y_rows")]), ToleranceFloat32);
    }

    private static void AssertPeriods(GoldenCase golden, TimesNetModule module, Tensor input)
    {
        var (rows, k, layers, steps) = ((int)input.size(0), module.Shape.TopPeriods, module.Shape.Layers, module.Shape.Steps);
        golden.AssertValues("periods", Doubles(Frequencies(s_batch).SelectMany(layer => layer[..k]).Select(f => steps / f)), 0);
        if (golden.Has("row_periods"))
        {
            var ofLayers = Frequencies(s_perRow).ToArray();
            golden.AssertValues("row_periods", Doubles(Enumerable.Range(0, rows).SelectMany(row => ofLayers.SelectMany(layer => layer[(row * k)..((row + 1) * k)])).Select(f => steps / f)), 0);
        }

        IEnumerable<int[]> Frequencies(TimesNetPeriods periods)
        {
            var z = input;
            for (var i = 0; i < layers; i++)
            {
                yield return module.Frequencies(i, TimesNetModule.ToHost(TimesNetModule.Amplitudes(z)), rows, periods);
                z = nn.functional.layer_norm(module.Block(i, z, module.Fuse(), periods), [module.Shape.Width], module.Parameters["layer_norm.weight"], module.Parameters["layer_norm.bias"]);
            }
        }
    }

    private static TimesNetShape Shape(GoldenCase golden, string prefix, IReadOnlyList<long> input)
    {
        var embedding = golden.Choose<TimeEmbedding?>("time_embedding", ("none", null), ("linear", TimeEmbedding.Linear), ("fixed", TimeEmbedding.Fixed));
        var columns = golden.List("mark_columns");
        foreach (var column in columns)
        {
            golden.Choose("mark_columns", column, [.. (embedding == TimeEmbedding.Fixed ? [.. TimesNetShape.FixedTables.Select(table => table.Name)] : s_markColumns).Select(name => (name, true))]);
        }
        var task = golden.Option("task");
        var horizon = task == "forecast" ? (int)(golden.Shape(prefix + "predict_linear.weight")[0] - input[1]) : 0;
        return new()
        {
            Channels = (int)input[2],
            WindowSize = (int)input[1],
            Horizon = horizon,
            Classes = task == "classification" ? (int)golden.Shape(prefix + "projection.bias")[0] : 0,
            Marks = embedding is null ? 0 : columns.Length,
            Embedding = embedding ?? TimeEmbedding.Linear,
            Width = (int)golden.Shape(prefix + "token.weight")[0],
            HiddenWidth = (int)golden.Shape(prefix + "block0.inception1.k0.weight")[0],
            Layers = golden.Integer("layers"),
            TopPeriods = golden.Integer("top_k"),
            Kernels = golden.Integer("kernels"),
            Dropout = golden.Number("dropout"),
        };
    }

    private static readonly string[] s_markColumns = ["second", "minute", "hour", "weekday", "day_of_month", "day_of_year", "week", "month"];

    private static Tensor? Marks(GoldenCase golden, TimesNetShape shape, ScalarType dtype) => shape.Marks > 0 ? golden.Tensor("marks", dtype) : null;

    private static TimesNetModule Create(GoldenCase golden, string prefix, TimesNetShape shape, ScalarType dtype)
    {
        var module = new TimesNetModule(shape, null, dtype, CPU);
        using var noGrad = no_grad();
        foreach (var (name, parameter) in module.Parameters.Items)
        {
            CollectionAssert.AreEqual(golden.Shape(prefix + name).ToArray(), parameter.shape, name);
            parameter.copy_(golden.Tensor(prefix + name));
        }
        foreach (var (name, constant) in module.Constants.Items)
        {
            // Sines of another library may differ in their last bit, which float64 would show.
            golden.AssertClose(prefix + name, constant, 1e-6);
            constant.copy_(golden.Tensor(prefix + name));
        }
        return module;
    }

    private static TimesNetModule CreateBlock(GoldenCase golden, TimesNetShape shape, ScalarType dtype)
    {
        var module = new TimesNetModule(shape, null, dtype, CPU);
        using var noGrad = no_grad();
        foreach (var (name, parameter) in BlockParameters(module))
        {
            CollectionAssert.AreEqual(golden.Shape("w." + name).ToArray(), parameter.shape, name);
            parameter.copy_(golden.Tensor("w." + name));
        }
        return module;
    }

    private static Dictionary<string, Tensor> BlockParameters(TimesNetModule module)
    {
        const string Prefix = "block0.";
        return module.Parameters.Items.Where(item => item.Key.StartsWith(Prefix, StringComparison.Ordinal)).ToDictionary(item => item.Key[Prefix.Length..], item => item.Value);
    }

    private static double[] Doubles(IEnumerable<int> values) => [.. values.Select(value => (double)value)];
}
