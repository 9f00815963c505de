using MLNetExtensions.Onnx;
using MLNetExtensions.Tensors;
using MLNetExtensions.Tests.Onnx;

namespace MLNetExtensions.Tests.TensorModels;

/// <summary>What inference must do whatever the numbers.</summary>
[TestClass]
public sealed class FunctionalTuckerTests
{
    private const double Rounding = 1e-10;

    private static readonly MaternSmoothness[] s_all = Enum.GetValues<MaternSmoothness>();

    [TestMethod]
    public void TwoStepsAreOne()
    {
        foreach (var smoothness in s_all)
        {
            var kernel = MaternKernel.Create(smoothness, 0.3, 1.7);
            var states = kernel.States;
            foreach (var (first, second) in new[] { (0.1, 0.05), (1e-4, 2e-4), (0.5, 3.0), (1e-6, 1.0) })
            {
                var (a1, q1, a2, q2) = (new double[states * states], new double[states * states], new double[states * states], new double[states * states]);
                kernel.Step(first, a1, q1);
                kernel.Step(second, a2, q2);
                var product = new double[states * states];
                SmallMatrix.Multiply(a2, a1, product, states, states, states);
                StateSteps.PropagateCovariance(a2, q2, q1, new double[states * states], states, 1);
                kernel.Step(first + second, a1, q2);
                for (var i = 0; i < product.Length; i++)
                {
                    Assert.AreEqual(a1[i], product[i], 1e-12 * a1.Max(Math.Abs), $"{smoothness}: A({first}) A({second})");
                    Assert.AreEqual(q2[i], q1[i], 1e-12 * q2.Max(Math.Abs), $"{smoothness}: Q({first} + {second})");
                }
            }
        }
    }

    [TestMethod]
    public void StepsKeepTheStationaryCovarianceAndGiveTheKernel()
    {
        foreach (var smoothness in s_all)
        {
            foreach (var distance in new[] { 1e-9, 1e-3, 0.2, 2.5, 40, 1e5 })
            {
                var kernel = MaternKernel.Create(smoothness, 0.7, 1.3);
                var states = kernel.States;
                var (transition, noise, stationary, covariance) = (new double[states * states], new double[states * states], new double[states * states], new double[states * states]);
                kernel.Stationary(stationary);
                kernel.Stationary(covariance);
                kernel.Step(distance, transition, noise);
                var across = new double[states * states];
                SmallMatrix.Multiply(transition, stationary, across, states, states, states);
                Assert.AreEqual(kernel.Covariance(distance), across[0], 1e-13, $"{smoothness}, {distance}");
                StateSteps.PropagateCovariance(transition, noise, covariance, new double[states * states], states, 1);
                for (var i = 0; i < covariance.Length; i++)
                {
                    Assert.AreEqual(stationary[i], covariance[i], 1e-12 * stationary.Max(), $"{smoothness}, {distance}");
                }
                for (var i = 0; i < states; i++)
                {
                    Assert.IsGreaterThan(0, noise[i * (states + 1)], $"{smoothness}, {distance}: the noise of state {i}");
                }
            }
        }
    }

    [TestMethod]
    public void AChainIsADenseProcess()
    {
        const int Count = 30;
        foreach (var smoothness in s_all)
        {
            var random = new Random(3);
            double[] points = [.. Enumerable.Range(0, Count).Select(_ => random.NextDouble()).Order()];
            double[] precisions = [.. points.Select(_ => 0.5 + 20 * random.NextDouble())];
            double[] values = [.. points.Select(point => Math.Sin(7 * point) + 0.1 * random.NextDouble())];
            var kernel = MaternKernel.Create(smoothness, 0.4, 1.2);
            var moments = new ModeMoments(Count, 1);
            var messages = new double[Count * moments.Stride];
            for (var i = 0; i < Count; i++)
            {
                messages[i * moments.Stride] = precisions[i] * values[i];
                messages[i * moments.Stride + 1] = precisions[i];
            }
            var chain = new FunctionChain(points, kernel, 1);
            var evidence = chain.Run(messages, 0, moments.Values, moments.Stride);
            var mode = chain.ToMode(messages, 0, moments.Stride);

            var inverse = new double[Count * Count];
            for (var i = 0; i < Count; i++)
            {
                for (var j = 0; j < Count; j++)
                {
                    inverse[i * Count + j] = kernel.Covariance(Math.Abs(points[i] - points[j])) + (i == j ? 1 / precisions[i] : 0);
                }
            }
            var logDeterminant = SymmetricInverse.Invert(inverse, Count);
            // log N(values; 0, K + Λ⁻¹), less what makes each message a normal density.
            var dense = -0.5 * logDeterminant;
            for (var i = 0; i < Count; i++)
            {
                dense -= 0.5 * values[i] * SmallMatrix.Dot(inverse.AsSpan(i * Count, Count), values);
                dense += 0.5 * precisions[i] * values[i] * values[i] - 0.5 * Math.Log(precisions[i]);
            }
            Assert.AreEqual(dense, evidence, 1e-9, $"{smoothness}: the evidence");
            foreach (var query in (double[])[-0.7, -0.01, .. points, points[3] + 1e-6, 0.5 * (points[10] + points[11]), 1.02, 1.9])
            {
                double[] across = [.. points.Select(point => kernel.Covariance(Math.Abs(point - query)))];
                var (mean, variance) = (0.0, kernel.Variance);
                for (var i = 0; i < Count; i++)
                {
                    mean += across[i] * SmallMatrix.Dot(inverse.AsSpan(i * Count, Count), values);
                    variance -= across[i] * SmallMatrix.Dot(inverse.AsSpan(i * Count, Count), across);
                }
                var (m, v) = (new double[1], new double[1]);
                mode.Values(query, m, v, new double[mode.ScratchSize]);
                Assert.AreEqual(mean, m[0], Rounding, $"{smoothness}: the mean at {query}");
                Assert.AreEqual(variance, v[0], Rounding, $"{smoothness}: the variance at {query}");
            }
        }
    }

    [TestMethod]
    public void ACoordinateWithoutDataChangesNothing()
    {
        foreach (var smoothness in s_all)
        {
            var random = new Random(5);
            double[] points = [0.1, 0.15, 0.3, 0.55, 0.8, 0.81];
            const int Empty = 3;
            var kernel = MaternKernel.Create(smoothness, 0.2, 1);
            var with = Chain(points, Empty);
            var without = Chain([.. points.Where((_, i) => i != Empty)], -1);
            foreach (var query in (double[])[0, .. points, 0.5, 0.6, 1])
            {
                var (m1, v1, m2, v2) = (new double[2], new double[4], new double[2], new double[4]);
                with.Values(query, m1, v1, new double[with.ScratchSize]);
                without.Values(query, m2, v2, new double[without.ScratchSize]);
                AssertClose(m2, m1, 1e-12);
                AssertClose(v2, v1, 1e-12);
            }

            FunctionalTuckerMode Chain(double[] places, int empty)
            {
                random = new Random(5);
                var moments = new ModeMoments(places.Length, 2);
                var messages = new double[places.Length * moments.Stride];
                for (var i = 0; i < places.Length; i++)
                {
                    if (i == empty)
                    {
                        continue;
                    }
                    var (x, y, z) = (random.NextDouble(), random.NextDouble(), random.NextDouble());
                    ReadOnlySpan<double> message = [x, y, 1 + x, 0.3, 2 + z];
                    message.CopyTo(messages.AsSpan(i * moments.Stride));
                }
                var chain = new FunctionChain(places, kernel, 2);
                chain.Run(messages, 0, moments.Values, moments.Stride);
                return chain.ToMode(messages, 0, moments.Stride);
            }
        }
    }

    [TestMethod]
    public void MessagesAndPredictionsAreTheSumsTheyStandFor()
    {
        int[][] all = [[3], [2, 3], [2, 1, 3], [2, 3, 1, 2]];
        foreach (var ranks in all)
        {
            var modes = ranks.Length;
            var (coordinates, targets) = Rows(12, modes, 4, seed: modes);
            var shape = Shape(TuckerForm.Tucker, ranks);
            var entries = new TensorEntries(coordinates, targets, modes);
            var sweeps = new FunctionalTuckerSweeps(entries, shape, new());
            sweeps.Start(new Random(1), isWide: false);
            sweeps.Sweep();
            sweeps.Sweep();
            var core = sweeps.Core!;
            var digits = Enumerable.Range(0, core.Mean.Length).Select(place => Digits(place, ranks)).ToArray();
            for (var mode = 0; mode < modes; mode++)
            {
                var moments = sweeps.Moments[mode];
                var messages = new double[moments.Values.Length];
                core.Messages(mode, messages);
                var rank = ranks[mode];
                for (var point = 0; point < entries.Points[mode].Length; point++)
                {
                    var (eta, precision) = (new double[rank], new double[rank * rank]);
                    for (var n = 0; n < targets.Length; n++)
                    {
                        if (coordinates[n * modes + mode] != entries.Points[mode][point])
                        {
                            continue;
                        }
                        for (var r = 0; r < digits.Length; r++)
                        {
                            eta[digits[r][mode]] += targets[n] * core.Mean[r] * Others(n, mode, k => Mean(sweeps, k, n)[digits[r][k]]);
                            for (var s = 0; s < digits.Length; s++)
                            {
                                precision[digits[r][mode] * rank + digits[s][mode]] += (core.Mean[r] * core.Mean[s] + core.Covariance[r * digits.Length + s])
                                    * Others(n, mode, k => Second(sweeps, k, n, digits[r][k], digits[s][k]));
                            }
                        }
                    }
                    AssertClose(eta, messages.AsSpan(point * moments.Stride, rank).ToArray(), 1e-11);
                    var full = new double[rank * rank];
                    SmallMatrix.Unpack(messages.AsSpan(point * moments.Stride + rank), full, rank);
                    AssertClose(precision, full, 1e-11);
                }
            }
            // The same core and functions predict.
            var posterior = sweeps.ToPosterior([], isConverged: false);
            var (mean, variance) = (new double[targets.Length], new double[targets.Length]);
            posterior.Predict(coordinates, mean, variance);
            for (var n = 0; n < targets.Length; n++)
            {
                var (expected, square) = (0.0, 0.0);
                for (var r = 0; r < digits.Length; r++)
                {
                    expected += core.Mean[r] * Others(n, -1, k => Mean(sweeps, k, n)[digits[r][k]]);
                    for (var s = 0; s < digits.Length; s++)
                    {
                        square += (core.Mean[r] * core.Mean[s] + core.Covariance[r * digits.Length + s]) * Others(n, -1, k => Second(sweeps, k, n, digits[r][k], digits[s][k]));
                    }
                }
                Assert.AreEqual(expected, mean[n], 1e-11);
                Assert.AreEqual(square - expected * expected, variance[n], 1e-11);
            }

            double Others(int n, int except, Func<int, double> factor) => Enumerable.Range(0, modes).Where(k => k != except).Aggregate(1.0, (product, k) => product * factor(k));

            int Place(int k, int n) => Array.BinarySearch(entries.Points[k], coordinates[n * modes + k]);

            ReadOnlySpan<double> Mean(FunctionalTuckerSweeps state, int k, int n) => state.Moments[k].Mean(Place(k, n));

            double Second(FunctionalTuckerSweeps state, int k, int n, int r, int s)
            {
                var full = new double[ranks[k] * ranks[k]];
                SmallMatrix.Unpack(state.Moments[k].Second(Place(k, n)), full, ranks[k]);
                return full[r * ranks[k] + s];
            }
        }
    }

    [TestMethod]
    [DataRow(TuckerForm.Cp, false)]
    [DataRow(TuckerForm.Cp, true)]
    [DataRow(TuckerForm.Tucker, false)]
    [DataRow(TuckerForm.Tucker, true)]
    public void TheBoundNeverFalls(TuckerForm form, bool isEverythingLearned)
    {
        var (coordinates, targets) = Rows(200, 3, 15);
        var shape = Shape(form, form == TuckerForm.Cp ? [2, 2, 2] : [2, 3, 1]);
        var settings = new FunctionalTuckerSettings { Rescale = isEverythingLearned, LearnVariances = isEverythingLearned };
        var sweeps = new FunctionalTuckerSweeps(new TensorEntries(coordinates, targets, 3), shape, settings);
        sweeps.Start(new Random(2), isWide: false);
        var before = double.NegativeInfinity;
        for (var sweep = 0; sweep < 60; sweep++)
        {
            sweeps.Sweep();
            Assert.IsGreaterThanOrEqualTo(before - 1e-9 * Math.Abs(before), sweeps.Bound, $"sweep {sweep}");
            before = sweeps.Bound;
        }
    }

    [TestMethod]
    [DataRow(TuckerForm.Cp)]
    [DataRow(TuckerForm.Tucker)]
    public void MovingScaleSavesSweeps(TuckerForm form)
    {
        var (coordinates, targets) = Rows(300, 3, 20);
        var bounds = new List<double>();
        foreach (var isRescaled in (bool[])[false, true])
        {
            var sweeps = new FunctionalTuckerSweeps(new TensorEntries(coordinates, targets, 3), Shape(form, [2, 2, 2]), new() { Rescale = isRescaled });
            sweeps.Start(new Random(1), isWide: false);
            for (var sweep = 0; sweep < 15; sweep++)
            {
                sweeps.Sweep();
            }
            bounds.Add(sweeps.Bound);
        }
        Assert.IsGreaterThan(bounds[0] + 1, bounds[1]);
    }

    [TestMethod]
    [DataRow(TuckerForm.Cp)]
    [DataRow(TuckerForm.Tucker)]
    public void TheOrderOfRowsAndModesDoesNotMatter(TuckerForm form)
    {
        var (coordinates, targets) = Rows(80, 3, 12);
        int[] ranks = form == TuckerForm.Cp ? [2, 2, 2] : [2, 3, 2];
        var plain = Run(coordinates, targets, [0, 1, 2]);
        int[] order = [.. Enumerable.Range(0, targets.Length).Reverse()];
        var shuffled = Run([.. order.SelectMany(n => coordinates[(n * 3)..(n * 3 + 3)])], [.. order.Select(n => targets[n])], [0, 1, 2]);
        AssertClose(plain, shuffled, 1e-9);
        // In Jacobi order no mode is first.
        int[] modes = [2, 0, 1];
        AssertClose(plain, Run([.. Enumerable.Range(0, targets.Length).SelectMany(n => modes.Select(mode => coordinates[n * 3 + mode]))], targets, modes), 1e-9);

        double[] Run(double[] x, double[] y, int[] which)
        {
            var entries = new TensorEntries(x, y, 3);
            var sweeps = new FunctionalTuckerSweeps(entries, Shape(form, [.. which.Select(mode => ranks[mode])]), new() { Jacobi = true, Rescale = false });
            for (var k = 0; k < 3; k++)
            {
                var rank = ranks[which[k]];
                for (var i = 0; i < entries.Points[k].Length; i++)
                {
                    var identity = new double[rank * rank];
                    for (var r = 0; r < rank; r++)
                    {
                        identity[r * (rank + 1)] = 0.1;
                    }
                    sweeps.Moments[k].Set(i, [.. Enumerable.Range(0, rank).Select(r => 0.3 + 0.2 * r + 0.1 * entries.Points[k][i])], identity);
                }
            }
            if (sweeps.Core is { } core)
            {
                int[] own = [.. which.Select(mode => ranks[mode])];
                for (var i = 0; i < core.Mean.Length; i++)
                {
                    var digits = Digits(i, own);
                    core.Mean[i] = 0.2 + Enumerable.Range(0, 3).Sum(k => 0.1 * (which[k] + 1) * digits[k]);
                }
            }
            for (var sweep = 0; sweep < 3; sweep++)
            {
                sweeps.Sweep();
            }
            var queries = Rows(7, 3, 0, seed: 9).Coordinates;
            double[] moved = [.. Enumerable.Range(0, 7).SelectMany(n => which.Select(mode => queries[n * 3 + mode]))];
            var (mean, variance) = (new double[7], new double[7]);
            sweeps.ToPosterior([], false).Predict(moved, mean, variance);
            return [.. mean, .. variance, sweeps.NoisePrecision];
        }
    }

    [TestMethod]
    public void RowsAtOneCoordinateAddUp()
    {
        double[] coordinates = [0.1, 0.2, 0.1, 0.2, 0.9, 0.4];
        var shape = Shape(TuckerForm.Cp, [2, 2]);
        var messages = new List<double[]>();
        foreach (var (first, second) in new[] { (0.0, 0.0), (1.0, 0.0), (0.0, 3.0), (1.0, 3.0) })
        {
            var sweeps = new FunctionalTuckerSweeps(new TensorEntries(coordinates, [first, second, 0.5], 2), shape, new());
            sweeps.Start(new Random(4), isWide: true);
            sweeps.Sweep();
            messages.Add(sweeps.Messages(0));
        }
        for (var i = 0; i < 2; i++)
        {
            Assert.AreEqual(messages[1][i] - messages[0][i] + (messages[2][i] - messages[0][i]), messages[3][i] - messages[0][i], 1e-12);
            Assert.AreEqual(3 * (messages[1][i] - messages[0][i]), messages[2][i] - messages[0][i], 1e-12);
        }
        AssertClose(messages[0][2..5], messages[3][2..5], 0);
    }

    [TestMethod]
    public void SmallCasesWork()
    {
        foreach (var smoothness in s_all)
        {
            // One mode; one coordinate in a mode; equal rows; a single row.
            AssertSound(Fit([0, 0.5, 1, 0.2], [1, -1, 0.5, 0], Shape(TuckerForm.Cp, [1], smoothness)), [0.3]);
            AssertSound(Fit([0, 0.5, 1, 0.2], [1, -1, 0.5, 0], Shape(TuckerForm.Tucker, [2], smoothness)), [0.3]);
            AssertSound(Fit([0, 0.5, 0.2, 0.5, 1, 0.5], [1, -1, 0.5], Shape(TuckerForm.Tucker, [2, 1], smoothness)), [0.4, 0.5, 0.4, 3]);
            AssertSound(Fit([0.5, 0.5, 0.5, 0.5, 0.5, 0.5], [1, 1, 1], Shape(TuckerForm.Cp, [2, 2], smoothness)), [0.5, 0.5, 2, -1]);
            AssertSound(Fit([0.5, 0.5], [1], Shape(TuckerForm.Cp, [2, 2], smoothness)), [0.5, 0.5, 2, -1]);
            AssertSound(Fit([.. Enumerable.Range(0, 20).SelectMany(i => (double[])[i / 19.0, i * 7 % 20 / 19.0])], new double[20], Shape(TuckerForm.Tucker, [2, 2], smoothness)), [0.5, 0.5]);
        }
    }

    [TestMethod]
    public void ExtremeLengthScalesStaySound()
    {
        var (coordinates, targets) = Rows(120, 2, 25);
        foreach (var smoothness in s_all)
        {
            foreach (var scale in (double[])[1e-6, 1e6])
            {
                foreach (var form in Enum.GetValues<TuckerForm>())
                {
                    AssertSound(Fit(coordinates, targets, Shape(form, [2, 2], smoothness) with { LengthScales = [scale, 1 / scale] }),
                        [0.5, 0.5, 0.5 + 1e-9, 1, -3, 0.2, 5, 1e300, .. coordinates[..8]]);
                }
            }
        }
    }

    [TestMethod]
    [DataRow(TuckerForm.Cp)]
    [DataRow(TuckerForm.Tucker)]
    public void FewRowsDoNotEndAtZero(TuckerForm form)
    {
        var (coordinates, targets) = Rows(150, 3, 0);
        for (var seed = 0; seed < 4; seed++)
        {
            var posterior = FunctionalTuckerInference.Fit(coordinates, targets, Shape(form, [2, 2, 2]) with { LengthScales = [0.3, 0.3, 0.3] }, new() { Seed = seed, MaximumSweeps = 30 });
            Assert.IsLessThan(0.5, posterior.TrainingRmse, $"seed {seed}");
        }
    }

    [TestMethod]
    public void IntervalsHoldTheirPromise()
    {
        var (coordinates, targets) = Rows(1200, 2, 0, noise: 0.2);
        var posterior = Fit(coordinates[..1200], targets[..600], Shape(TuckerForm.Cp, [2, 2], MaternSmoothness.Matern52) with { LengthScales = [0.4, 0.4] });
        var (mean, variance) = (new double[600], new double[600]);
        posterior.Predict(coordinates.AsSpan(1200), mean, variance);
        Assert.AreEqual(0.2, 1 / Math.Sqrt(posterior.NoisePrecision), 0.03);
        var within = Enumerable.Range(0, 600).Count(i => Math.Abs(targets[600 + i] - mean[i]) < 1.96 * Math.Sqrt(variance[i] + 1 / posterior.NoisePrecision));
        Assert.IsInRange(0.92, 0.98, within / 600.0);
    }

    /// <summary>In double precision, on coordinates of the training, between them, next to them and far outside.</summary>
    [TestMethod]
    [DataRow(TuckerForm.Cp, MaternSmoothness.Matern12)]
    [DataRow(TuckerForm.Cp, MaternSmoothness.Matern52)]
    [DataRow(TuckerForm.Tucker, MaternSmoothness.Matern32)]
    public void TheOnnxGraphPredictsTheSame(TuckerForm form, MaternSmoothness smoothness)
    {
        const int Count = 60;
        var (coordinates, targets) = Rows(100, 3, 12);
        var posterior = Fit(coordinates, targets, Shape(form, [2, 2, 2], smoothness));
        double[] queries = [.. coordinates[..60], .. coordinates[..60].Select(value => value + 1e-6), .. Rows(18, 3, 0, seed: 7).Coordinates, -3, 0.5, 40, 1e3, -1e3, 0];
        var (mean, variance) = (new double[Count], new double[Count]);
        posterior.Predict(queries, mean, variance);
        var graph = new OnnxGraph(["x", "mean", "variance"]);
        var (meanValue, varianceValue) = FunctionalTuckerOnnx.Write(graph, posterior, graph.Input("x", OnnxType.Double, OnnxGraph.Rows, 3));
        graph.Output("mean", meanValue, OnnxType.Double, OnnxGraph.Rows, 1);
        graph.Output("variance", varianceValue, OnnxType.Double, OnnxGraph.Rows, 1);
        using var stream = new MemoryStream();
        graph.ToModel("g", "p", "1").WriteTo(stream);
        using var file = new OnnxFile(stream.ToArray());
        var results = file.Run(_ => new Cells(queries, 3), Enumerable.Range(0, Count));
        for (var i = 0; i < Count; i++)
        {
            Assert.AreEqual(mean[i], ((double[])results["mean"].Values)[i], 1e-9, $"mean {i}");
            Assert.AreEqual(variance[i], ((double[])results["variance"].Values)[i], 1e-9, $"variance {i}");
        }
    }

    [TestMethod]
    [DataRow(TuckerForm.Cp)]
    [DataRow(TuckerForm.Tucker)]
    public void ArraysHoldTheWholePosterior(TuckerForm form)
    {
        var (coordinates, targets) = Rows(100, 3, 12);
        var posterior = Fit(coordinates, targets, Shape(form, [2, 2, 2]));
        var arrays = posterior.ToArrays().ToDictionary(array => array.Name, array => array.Values);
        foreach (var array in posterior.ToArrays())
        {
            Assert.HasCount((int)array.Shape.Aggregate(1L, (product, size) => product * size), array.Values, array.Name);
        }
        var read = FunctionalTuckerPosterior.FromArrays(posterior.Shape, arrays);
        var queries = Rows(50, 3, 0, seed: 7).Coordinates;
        var (mean, variance, mean2, variance2) = (new double[50], new double[50], new double[50], new double[50]);
        posterior.Predict(queries, mean, variance);
        read.Predict(queries, mean2, variance2);
        AssertClose(mean, mean2, 0);
        AssertClose(variance, variance2, 0);
        foreach (var name in arrays.Keys)
        {
            var damaged = new Dictionary<string, double[]>(arrays) { [name] = [.. arrays[name], 0] };
            if (name is not ("bounds"))
            {
                Assert.ThrowsExactly<FormatException>(() => FunctionalTuckerPosterior.FromArrays(posterior.Shape, damaged), name);
            }
            damaged.Remove(name);
            Assert.ThrowsExactly<FormatException>(() => FunctionalTuckerPosterior.FromArrays(posterior.Shape, damaged), name);
        }
    }

    [TestMethod]
    [DataRow(TuckerForm.Cp)]
    [DataRow(TuckerForm.Tucker)]
    public void UpdatesLearnFromFurtherRows(TuckerForm form)
    {
        var (coordinates, targets) = Rows(900, 2, 0, noise: 0.01);
        var shape = Shape(form, [2, 2]) with { LengthScales = [0.3, 0.3] };
        var old = Fit(coordinates[..300], targets[..150], shape);
        var bounds = new List<double>();
        var updated = FunctionalTuckerInference.Update(old, coordinates[300..1200], targets[150..600], new() { MaximumSweeps = 60, Report = progress => bounds.Add(progress.Bound) });
        for (var i = 1; i < bounds.Count; i++)
        {
            Assert.IsGreaterThanOrEqualTo(bounds[i - 1] - 1e-9 * Math.Abs(bounds[i - 1]), bounds[i], $"sweep {i}");
        }
        Assert.AreEqual(600, updated.Rows);
        Assert.HasCount(600, updated.Modes[0].Points);
        Assert.AreEqual(old.NoiseShape + 225, updated.NoiseShape);
        Assert.IsLessThan(0.8 * Error(old), Error(updated));
        Assert.IsLessThan(2 * Error(Fit(coordinates[..1200], targets[..600], shape)), Error(updated));
        // The model that was updated is as it was.
        Assert.AreEqual(150, old.Rows);

        double Error(FunctionalTuckerPosterior posterior)
        {
            var (mean, variance) = (new double[300], new double[300]);
            posterior.Predict(coordinates.AsSpan(1200), mean, variance);
            return Math.Sqrt(mean.Zip(targets[600..], (one, other) => (one - other) * (one - other)).Average());
        }
    }

    [TestMethod]
    [DataRow(TuckerForm.Cp)]
    [DataRow(TuckerForm.Tucker)]
    public void TheNumberOfThreadsChangesNothing(TuckerForm form)
    {
        var (coordinates, targets) = Rows(6000, 3, 40);
        var bounds = new List<double[]>();
        foreach (var threads in (int[])[1, 2])
        {
            bounds.Add(FunctionalTuckerInference.Fit(coordinates, targets, Shape(form, [2, 2, 2]), new() { Threads = threads, MaximumSweeps = 4, Restarts = 1, SelectionSweeps = 1, LengthScaleGrid = [0.1, 0.5] }).Bounds);
        }
        AssertClose(bounds[0], bounds[1], 0);
    }

    [TestMethod]
    public void TheBoundChoosesLengthScales()
    {
        var random = new Random(1);
        double[] coordinates = [.. Enumerable.Range(0, 1000).Select(_ => random.NextDouble())];
        // Slow in one mode, fast in the other.
        double[] targets = [.. Enumerable.Range(0, 500).Select(n => (1 + coordinates[2 * n]) * Math.Sin(40 * coordinates[2 * n + 1]) + 0.1 * random.NextDouble())];
        var posterior = FunctionalTuckerInference.Fit(coordinates, targets, Shape(TuckerForm.Cp, [1, 1]), new() { LengthScaleGrid = [0.001, 0.01, 0.1, 1] });
        Assert.AreEqual(1, posterior.Shape.LengthScales[0]);
        Assert.AreEqual(0.1, posterior.Shape.LengthScales[1]);
        Assert.IsLessThan(0.05, posterior.TrainingRmse);
    }

    [TestMethod]
    public void GammaAndItsDerivative()
    {
        foreach (var (x, log, digamma) in new[] { (1.0, 0, -0.57721566490153286), (0.5, 0.57236494292470009, -1.9635100260214235), (10, 12.801827480081469, 2.2517525890667211), (1000.5, 5908.674175848678, 6.907755320648795) })
        {
            Assert.AreEqual(log, GammaFunction.Log(x), 1e-12 * Math.Max(1, log), $"ln Γ({x})");
            Assert.AreEqual(digamma, GammaFunction.Digamma(x), 1e-12, $"ψ({x})");
        }
    }

    private static FunctionalTuckerPosterior Fit(double[] coordinates, double[] targets, FunctionalTuckerModelShape shape) => FunctionalTuckerInference.Fit(coordinates, targets, shape, new() { MaximumSweeps = 60 });

    private static void AssertSound(FunctionalTuckerPosterior posterior, double[] queries)
    {
        var (mean, variance) = (new double[queries.Length / posterior.Modes.Length], new double[queries.Length / posterior.Modes.Length]);
        posterior.Predict(queries, mean, variance);
        Assert.IsTrue(mean.All(double.IsFinite), $"{posterior.Shape}: means {string.Join(' ', mean)}");
        Assert.IsTrue(variance.All(value => double.IsFinite(value) && value > 0), $"{posterior.Shape}: variances {string.Join(' ', variance)}");
        Assert.IsTrue(double.IsFinite(posterior.NoisePrecision) && posterior.NoisePrecision > 0);
        Assert.IsTrue(posterior.Bounds.All(double.IsFinite), $"{posterior.Shape}: bounds {string.Join(' ', posterior.Bounds)}");
    }

    private static FunctionalTuckerModelShape Shape(TuckerForm form, int[] ranks, MaternSmoothness smoothness = MaternSmoothness.Matern32) => new()
    {
        Form = form,
        Ranks = ranks,
        Smoothness = smoothness,
        LengthScales = [.. ranks.Select(_ => 0.2)],
        Variances = [.. ranks.Select(_ => 1.0)],
    };

    /// <summary>Values of a smooth function with two components; coordinates of a mode are alike for several rows, or, for 0 distinct ones, for none.</summary>
    private static (double[] Coordinates, double[] Targets) Rows(int count, int modes, int distinct, int seed = 1, double noise = 0.1)
    {
        var random = new Random(seed);
        var coordinates = new double[count * modes];
        var targets = new double[count];
        for (var n = 0; n < count; n++)
        {
            var (one, two) = (1.0, 1.0);
            for (var mode = 0; mode < modes; mode++)
            {
                var x = coordinates[n * modes + mode] = distinct > 0 ? random.Next(distinct) / (double)distinct : random.NextDouble();
                one *= Math.Sin(3 * x + mode) + 0.5;
                two *= Math.Cos(4 * x - mode);
            }
            var gauss = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble());
            targets[n] = one + two + noise * gauss;
        }
        return (coordinates, targets);
    }

    private static int[] Digits(int place, int[] ranks)
    {
        var digits = new int[ranks.Length];
        for (var mode = ranks.Length - 1; mode >= 0; mode--)
        {
            digits[mode] = place % ranks[mode];
            place /= ranks[mode];
        }
        return digits;
    }

    private static void AssertClose(double[] expected, double[] actual, double tolerance)
    {
        Assert.HasCount(expected.Length, actual);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], tolerance * Math.Max(1, Math.Abs(expected[i])), $"number {i}");
        }
    }
}
