using MLNetExtensions.Tensors;
using MLNetExtensions.Tests.Golden;

namespace MLNetExtensions.Tests.TensorModels;

[TestClass]
[TestCategory("Golden")]
public sealed class FunctionalTuckerGoldenTests
{
    private const double Tolerance = 1e-9;
    private const double BoundTolerance = 1e-8;
    private const double KernelTolerance = 1e-12;
    private const double Vanished = 1e-300;

    private static IEnumerable<object[]> KernelRows => GoldenFiles.Rows("funbat", "kernels");

    private static IEnumerable<object[]> ChainRows => GoldenFiles.Rows("funbat", "chain_nu12", "chain_nu32");

    private static IEnumerable<object[]> ModelRows => GoldenFiles.Rows("funbat", "cp_full", "tucker_full", "cp_reference_mode", "tucker_reference_mode");

    [TestMethod]
    [DynamicData(nameof(KernelRows))]
    public void Kernels(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "funbat.kernels");
        var (orders, scales, variances, distances) = (golden.Doubles("nu2"), golden.Doubles("lengthscale"), golden.Doubles("variance"), golden.Doubles("dt"));
        var width = (int)golden.Shape("A")[1];
        var (transitions, noises, covariances) = (golden.Doubles("A"), golden.Doubles("Q"), golden.Doubles("k"));
        for (var i = 0; i < orders.Length; i++)
        {
            var kernel = MaternKernel.Create(Smoothness(orders[i]), scales[i], variances[i]);
            var (transition, noise) = (new double[kernel.States * kernel.States], new double[kernel.States * kernel.States]);
            kernel.Step(distances[i], transition, noise);
            AssertRelative(covariances[i], kernel.Covariance(distances[i]), $"{file}: k of case {i}");
            for (var a = 0; a < width; a++)
            {
                for (var b = 0; b < width; b++)
                {
                    var isUsed = a < kernel.States && b < kernel.States;
                    AssertRelative(transitions[(i * width + a) * width + b], isUsed ? transition[a * kernel.States + b] : 0, $"{file}: A[{a}, {b}] of case {i}");
                    AssertRelative(noises[(i * width + a) * width + b], isUsed ? noise[a * kernel.States + b] : 0, $"{file}: Q[{a}, {b}] of case {i}");
                }
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ChainRows))]
    public void Chains(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "funbat.chain");
        golden.Choose("before_first", ("time_reversal", true));
        var points = golden.Doubles("t");
        var (count, rank) = (points.Length, (int)golden.Shape("obs_eta")[1]);
        var kernel = MaternKernel.Create(Smoothness(golden.Scalar("nu2")), golden.Scalar("lengthscale"), golden.Scalar("variance"));
        var (states, size) = (kernel.States, kernel.States * rank);
        var stationary = new double[states * states];
        kernel.Stationary(stationary);
        golden.AssertValues("Pinf", stationary, Tolerance);
        var moments = new ModeMoments(count, rank);
        var messages = Interleave(golden.Doubles("obs_eta"), golden.Doubles("obs_Lambda"), count, moments);
        var chain = new FunctionChain(points, kernel, rank, golden.Doubles("m0"));
        golden.AssertValues("logZ", [chain.Run(messages, 0, moments.Values, moments.Stride)], Tolerance);
        var mode = chain.ToMode(messages, 0, moments.Stride);

        var (transitions, noises) = (new List<double>(), new List<double>());
        var (predictedMean, predictedCovariance) = (new List<double>(), new List<double>());
        var (filteredCovariance, smoothedMean, smoothedCovariance) = (new List<double>(), new List<double>(), new List<double>());
        for (var i = 0; i < count; i++)
        {
            var (transition, noise) = (new double[states * states], new double[states * states]);
            kernel.Step(i == 0 ? 0 : points[i] - points[i - 1], transition, noise);
            transitions.AddRange(transition);
            noises.AddRange(noise);
            var (mean, covariance) = (golden.Doubles("m0"), new double[size * size]);
            if (i == 0)
            {
                StateSteps.PropagateCovariance(transition, stationary, covariance, new double[size * size], states, rank);
            }
            else
            {
                mean = mode.FilteredMean.AsSpan((i - 1) * size, size).ToArray();
                SmallMatrix.Unpack(mode.FilteredCovariance.AsSpan((i - 1) * SmallMatrix.Packed(size)), covariance, size);
                StateSteps.Propagate(transition, mean, new double[size], states, rank, isTransposed: false);
                StateSteps.PropagateCovariance(transition, noise, covariance, new double[size * size], states, rank);
            }
            predictedMean.AddRange(mean);
            predictedCovariance.AddRange(covariance);
            SmallMatrix.Unpack(mode.FilteredCovariance.AsSpan(i * SmallMatrix.Packed(size)), covariance, size);
            filteredCovariance.AddRange(covariance);
            mode.State(points[i], mean, covariance, new double[mode.ScratchSize]);
            smoothedMean.AddRange(mean);
            smoothedCovariance.AddRange(covariance);
        }
        golden.AssertValues("A", [.. transitions], Tolerance);
        golden.AssertValues("Q", [.. noises], Tolerance);
        golden.AssertValues("m_pred", [.. predictedMean], Tolerance);
        golden.AssertValues("P_pred", [.. predictedCovariance], Tolerance);
        golden.AssertValues("m_filt", mode.FilteredMean, Tolerance);
        golden.AssertValues("P_filt", [.. filteredCovariance], Tolerance);
        golden.AssertValues("m_smooth", [.. smoothedMean], Tolerance);
        golden.AssertValues("P_smooth", [.. smoothedCovariance], Tolerance);
        AssertFunctions(golden, "query_", mode, golden.Doubles("t_query"));
    }

    [TestMethod]
    [DynamicData(nameof(ModelRows))]
    public void Models(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "funbat.model");
        golden.Choose("coordinate_scaling", ("none", true));
        golden.Choose("target_scaling", ("none", true));
        var form = golden.Choose("model", ("cp", TuckerForm.Cp), ("tucker", TuckerForm.Tucker));
        var damping = golden.List("damping").Select(double.Parse).ToArray();
        var prior = golden.Doubles("a0b0");
        var settings = new FunctionalTuckerSettings
        {
            A0 = prior[0],
            B0 = prior[1],
            FunctionDamping = damping[0],
            NoiseDamping = damping[1],
            CoreDamping = damping[2],
            PseudoPriorVariance = golden.Option("pseudo_prior_variance") == "infinity" ? double.PositiveInfinity : golden.Number("pseudo_prior_variance"),
            CorePriorPrecision = golden.Number("core_prior_precision"),
            CoreCovariance = golden.Flag("core_covariance"),
            Rescale = false,
            Jacobi = golden.Choose("update_order", ("sequential", false), ("jacobi", true)),
        };
        var shape = new FunctionalTuckerModelShape
        {
            Form = form,
            Ranks = [.. golden.Doubles("rank").Select(rank => (int)rank)],
            Smoothness = Smoothness(golden.Scalar("nu2")),
            LengthScales = golden.Doubles("lengthscale"),
            Variances = golden.Doubles("variance"),
        };
        var hasMean = golden.Choose("initial_mean", ("zero", false), ("given", true));
        var means = hasMean ? Enumerable.Range(0, shape.Modes).Select(mode => golden.Doubles($"mode{mode}.m0")).ToArray() : null;
        var entries = new TensorEntries(golden.Doubles("coords"), golden.Doubles("y"), shape.Modes);
        var sweeps = new FunctionalTuckerSweeps(entries, shape, settings, initialMeans: means);
        SetStart(golden, entries, sweeps, golden.Choose("initial_messages", ("none", false), ("given", true)));

        var checkpoints = golden.List("checkpoints").Select(int.Parse).ToArray();
        var hasBound = golden.Flag("bound");
        for (var iteration = 1; iteration <= golden.Integer("iterations"); iteration++)
        {
            if (iteration == 1 && golden.Has("iter1.mode0.a_mean"))
            {
                AssertFirstMessages(golden, entries, sweeps, shape);
            }
            sweeps.Sweep();
            if (checkpoints.Contains(iteration))
            {
                AssertSweeps(golden, $"iter{iteration}.", sweeps, hasBound);
            }
        }
        AssertPredictions(golden, sweeps.ToPosterior([sweeps.Bound], isConverged: false));
    }

    private static void SetStart(GoldenCase golden, TensorEntries entries, FunctionalTuckerSweeps sweeps, bool hasMessages)
    {
        for (var mode = 0; mode < entries.Modes; mode++)
        {
            golden.AssertValues($"mode{mode}.t", entries.Points[mode], 0);
            var moments = sweeps.Moments[mode];
            var (mean, covariance) = (golden.Doubles($"init.mode{mode}.mean"), golden.Doubles($"init.mode{mode}.cov"));
            for (var i = 0; i < entries.Points[mode].Length; i++)
            {
                moments.Set(i, mean.AsSpan(i * moments.Rank, moments.Rank), covariance.AsSpan(i * moments.Rank * moments.Rank, moments.Rank * moments.Rank));
            }
            if (hasMessages)
            {
                Interleave(golden.Doubles($"init.mode{mode}.eta"), golden.Doubles($"init.mode{mode}.Lambda"), entries.Points[mode].Length, moments).CopyTo(sweeps.Messages(mode), 0);
            }
        }
        if (sweeps.Core is { } core)
        {
            golden.Doubles("init.core").CopyTo(core.Mean, 0);
            if (golden.Has("init.core_cov"))
            {
                golden.Doubles("init.core_cov").CopyTo(core.Covariance, 0);
            }
            if (hasMessages)
            {
                golden.Doubles("init.core_precision").CopyTo(core.Precision, 0);
                golden.Doubles("init.core_eta").CopyTo(core.Eta, 0);
            }
        }
        if (golden.Has("tau_init"))
        {
            sweeps.NoisePrecision = golden.Scalar("tau_init");
        }
        if (hasMessages)
        {
            sweeps.NoiseMessage = golden.Scalar("beta_init");
        }
    }

    /// <summary>E[a] and E[a a'] of every row: its message, were it the only one of its coordinate.</summary>
    private static void AssertFirstMessages(GoldenCase golden, TensorEntries entries, FunctionalTuckerSweeps sweeps, FunctionalTuckerModelShape shape)
    {
        var (coordinates, modes) = (golden.Doubles("coords"), shape.Modes);
        var (means, seconds) = (new List<double>(), new List<double>());
        for (var n = 0; n < entries.Count; n++)
        {
            var single = new TensorEntries(coordinates[(n * modes)..((n + 1) * modes)], [1], modes);
            var one = new FunctionalTuckerSweeps(single, shape, new());
            for (var mode = 0; mode < modes; mode++)
            {
                var moments = sweeps.Moments[mode];
                moments.Values.AsSpan(Array.BinarySearch(entries.Points[mode], single.Points[mode][0]) * moments.Stride, moments.Stride).CopyTo(one.Moments[mode].Values);
            }
            var message = new double[one.Moments[0].Stride];
            ITensorForm form;
            if (sweeps.Core is { } core)
            {
                var own = new CoreForm(single, one.Moments, new() { CoreCovariance = golden.Flag("core_covariance") }, [], []);
                core.Mean.CopyTo(own.Mean, 0);
                core.Covariance.CopyTo(own.Covariance, 0);
                form = own;
            }
            else
            {
                form = new CpForm(single, one.Moments, 1);
            }
            form.Messages(0, message);
            means.AddRange(message[..shape.Ranks[0]]);
            var second = new double[shape.Ranks[0] * shape.Ranks[0]];
            SmallMatrix.Unpack(message.AsSpan(shape.Ranks[0]), second, shape.Ranks[0]);
            seconds.AddRange(second);
        }
        golden.AssertValues("iter1.mode0.a_mean", [.. means], Tolerance);
        golden.AssertValues("iter1.mode0.a_second", [.. seconds], Tolerance);
    }

    private static void AssertSweeps(GoldenCase golden, string prefix, FunctionalTuckerSweeps sweeps, bool hasBound)
    {
        for (var mode = 0; mode < sweeps.Moments.Length; mode++)
        {
            var moments = sweeps.Moments[mode];
            var (eta, precision) = Split(sweeps.Messages(mode), moments);
            golden.AssertValues($"{prefix}mode{mode}.eta", eta, Tolerance);
            golden.AssertValues($"{prefix}mode{mode}.Lambda", precision, Tolerance);
            var (mean, second) = Split(moments.Values, moments);
            for (var i = 0; i < second.Length; i++)
            {
                var (point, r, s) = (i / (moments.Rank * moments.Rank), i / moments.Rank % moments.Rank, i % moments.Rank);
                second[i] -= mean[point * moments.Rank + r] * mean[point * moments.Rank + s];
            }
            golden.AssertValues($"{prefix}mode{mode}.mean", mean, Tolerance);
            golden.AssertValues($"{prefix}mode{mode}.cov", second, Tolerance);
            if (golden.Has($"{prefix}mode{mode}.logZ"))
            {
                golden.AssertValues($"{prefix}mode{mode}.logZ", [sweeps.Evidence(mode)], Tolerance);
            }
        }
        if (sweeps.Core is { } core)
        {
            golden.AssertValues(prefix + "core", core.Mean, Tolerance);
            golden.AssertValues(prefix + "core_cov", core.Covariance, Tolerance);
        }
        golden.AssertValues(prefix + "tau", [sweeps.NoisePrecision], Tolerance);
        golden.AssertValues(prefix + "gamma_ab", [sweeps.NoiseShape, sweeps.NoiseRate], Tolerance);
        if (golden.Has(prefix + "train_rmse"))
        {
            golden.AssertValues(prefix + "train_rmse", [sweeps.TrainingRmse()], Tolerance);
        }
        if (hasBound)
        {
            golden.AssertValues(prefix + "elbo", [sweeps.Bound], BoundTolerance);
        }
    }

    private static void AssertPredictions(GoldenCase golden, FunctionalTuckerPosterior posterior)
    {
        var (coordinates, modes) = (golden.Doubles("coords_test"), posterior.Modes.Length);
        var rows = coordinates.Length / modes;
        var (mean, variance) = (new double[rows], new double[rows]);
        posterior.Predict(coordinates, mean, variance);
        golden.AssertValues("test.pred", mean, Tolerance);
        golden.AssertValues("test.latent_var", variance, Tolerance);
        golden.AssertValues("test.total_var", [.. variance.Select(latent => latent + 1 / posterior.NoisePrecision)], Tolerance);
        for (var mode = 0; mode < modes; mode++)
        {
            if (golden.Has($"test.mode{mode}.mean"))
            {
                AssertFunctions(golden, $"test.mode{mode}.", posterior.Modes[mode], [.. Enumerable.Range(0, rows).Select(row => coordinates[row * modes + mode])]);
            }
        }
    }

    private static void AssertFunctions(GoldenCase golden, string prefix, FunctionalTuckerMode mode, double[] points)
    {
        var (means, covariances) = (new List<double>(), new List<double>());
        foreach (var point in points)
        {
            var (mean, covariance) = (new double[mode.Rank], new double[mode.Rank * mode.Rank]);
            mode.Values(point, mean, covariance, new double[mode.ScratchSize]);
            means.AddRange(mean);
            covariances.AddRange(covariance);
        }
        golden.AssertValues(prefix + "mean", [.. means], Tolerance);
        golden.AssertValues(prefix + "cov", [.. covariances], Tolerance);
    }

    private static double[] Interleave(double[] eta, double[] precision, int count, ModeMoments layout)
    {
        var messages = new double[count * layout.Stride];
        for (var i = 0; i < count; i++)
        {
            eta.AsSpan(i * layout.Rank, layout.Rank).CopyTo(messages.AsSpan(i * layout.Stride));
            SmallMatrix.Pack(precision.AsSpan(i * layout.Rank * layout.Rank), messages.AsSpan(i * layout.Stride + layout.Rank), layout.Rank);
        }
        return messages;
    }

    private static (double[] First, double[] Second) Split(double[] values, ModeMoments layout)
    {
        var count = values.Length / layout.Stride;
        var (first, second) = (new double[count * layout.Rank], new double[count * layout.Rank * layout.Rank]);
        for (var i = 0; i < count; i++)
        {
            values.AsSpan(i * layout.Stride, layout.Rank).CopyTo(first.AsSpan(i * layout.Rank));
            SmallMatrix.Unpack(values.AsSpan(i * layout.Stride + layout.Rank), second.AsSpan(i * layout.Rank * layout.Rank), layout.Rank);
        }
        return (first, second);
    }

    private static MaternSmoothness Smoothness(double twiceTheOrder) => twiceTheOrder switch
    {
        1 => MaternSmoothness.Matern12,
        3 => MaternSmoothness.Matern32,
        5 => MaternSmoothness.Matern52,
        _ => throw new AssertFailedException($"The value '{twiceTheOrder}' of nu2 is unknown."),
    };

    private static void AssertRelative(double expected, double actual, string what)
    {
        if (Math.Abs(expected) < Vanished)
        {
            Assert.IsLessThan(2 * Vanished, Math.Abs(actual), what);
            return;
        }
        Assert.IsLessThanOrEqualTo(KernelTolerance, Math.Abs(actual - expected) / Math.Abs(expected), $"{what}: {actual:r} instead of {expected:r}.");
    }
}
