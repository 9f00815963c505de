using System.CommandLine;
using System.Globalization;
using MLNetExtensions.Benchmarks.Accuracy;
using MLNetExtensions.Tensors;
using MLNetExtensions.Torch;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>A sweep of functional CP on the fine dust of Beijing, against the same mathematics step by step on tensors.</summary>
internal static class FunctionalTuckerBench
{
    private const int Rank = 2;

    /// <summary>Seconds of a sweep of the published code on these rows and one thread, measured on another machine.</summary>
    private const double ReferenceSeconds = 0.97;

    public static Command Command()
    {
        var threads = new Option<int>("--threads") { Description = "The number of threads.", DefaultValueFactory = _ => 1 };
        var command = new Command("funbat", "Functional Bayesian Tucker: the time of a sweep, against the same mathematics without batches and against its floor.") { threads };
        command.SetAction(arguments => Run(arguments.GetValue(threads)));
        return command;
    }

    private static void Run(int threads)
    {
        TorchRuntime.Require();
        using var number = TorchThreads.Use(threads);
        var (training, _) = TensorSet.Beijing().Fold(0);
        var modes = training[0].Coordinates.Length;
        double[] least = [.. Enumerable.Range(0, modes).Select(mode => training.Min(entry => entry.Coordinates[mode]))];
        double[] most = [.. Enumerable.Range(0, modes).Select(mode => training.Max(entry => entry.Coordinates[mode]))];
        double[] coordinates = [.. training.SelectMany(entry => entry.Coordinates.Select((value, mode) => (value - least[mode]) / (most[mode] - least[mode])))];
        var mean = training.Average(entry => entry.Label);
        var deviation = Math.Sqrt(training.Average(entry => Math.Pow(entry.Label - mean, 2)));
        double[] targets = [.. training.Select(entry => (entry.Label - mean) / deviation)];
        var shape = new FunctionalTuckerModelShape
        {
            Form = TuckerForm.Cp,
            Ranks = [.. Enumerable.Repeat(Rank, modes)],
            Smoothness = MaternSmoothness.Matern12,
            LengthScales = [1, 1, 0.01],
            Variances = [1, 1, 1],
        };
        var entries = new TensorEntries(coordinates, targets, modes);
        var settings = new FunctionalTuckerSettings { Threads = threads };

        // The same sweeps from the same start, before they are timed.
        var compared = new FunctionalTuckerSweeps(entries, shape, settings with { Rescale = false });
        compared.Start(new Random(1), isWide: true);
        using var plain = new PlainTucker(entries, shape, compared);
        for (var sweep = 0; sweep < 2; sweep++)
        {
            compared.Sweep();
            plain.Sweep();
        }
        if (!(Math.Abs(compared.NoisePrecision - plain.NoisePrecision) < 1e-8 * plain.NoisePrecision))
        {
            throw new InvalidOperationException($"The plain sweeps differ: noise precision {plain.NoisePrecision} instead of {compared.NoisePrecision}.");
        }

        var sweeps = new FunctionalTuckerSweeps(entries, shape, settings);
        sweeps.Start(new Random(1), isWide: true);
        var own = Timing.Medians(7, 100, sweeps.Sweep)[0];
        var unbatched = Timing.Medians(3, 1, plain.Sweep)[0];
        var floor = Floor(entries) / Rate(threads);
        var seconds = own.Seconds(threads);
        Console.WriteLine($"{entries.Count:N0} rows, {string.Join(" x ", entries.Points.Select(points => points.Length.ToString("N0", CultureInfo.InvariantCulture)))} coordinates, CP, rank {Rank}, {threads} thread(s), seconds {(threads == 1 ? "of the processor" : "on the clock")}");
        Console.WriteLine($"a sweep {own}; step by step {unbatched}; floor {1000 * floor:F3} ms of {Floor(entries) / 1e6:F2} million operations at the speed of a multiplication and addition of numbers in the cache");
        Console.WriteLine($"published code, one thread of another machine: {ReferenceSeconds} s a sweep");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"funbat sweep_ms_pm25={1000 * seconds:F3} ratio_to_plain={unbatched.Seconds(threads) / seconds:F1} ratio_to_reference={ReferenceSeconds / seconds:F0} floor_ratio={seconds / floor:F1}"));
    }

    /// <summary>
    /// The multiplications and additions that no way around is known for: a row makes for each mode products of the other modes' means and second moments and adds them
    /// up, a coordinate takes nine products of R x R matrices for filter and smoother.
    /// </summary>
    private static double Floor(TensorEntries entries)
        => (double)entries.Count * entries.Modes * (2 * (Rank + SmallMatrix.Packed(Rank)) + Rank) + entries.Points.Sum(points => 2.0 * 9 * Rank * Rank * Rank * points.Length);

    private static double Rate(int threads)
    {
        const int Count = 1024;
        double[] x = [.. Enumerable.Range(0, Count).Select(i => 1.0 / (i + 1))];
        var y = new double[Count];
        var time = Timing.Medians(5, 300_000, () => TensorPrimitives.MultiplyAdd(x, 0.5, y, y))[0];
        return threads * 2 * Count / time.Cpu;
    }

    /// <summary>Filter, smoother and messages written down as they are, with tensors, one coordinate after the other; for ν = 1/2, where a function is its state.</summary>
    private sealed class PlainTucker : IDisposable
    {
        private readonly TensorEntries _entries;
        private readonly FunctionalTuckerModelShape _shape;
        private readonly Tensor[] _means;
        private readonly Tensor[] _covariances;
        private readonly Tensor[][] _places;
        private readonly Tensor[] _own;
        private readonly Tensor[] _targets;

        public PlainTucker(TensorEntries entries, FunctionalTuckerModelShape shape, FunctionalTuckerSweeps start)
        {
            (_entries, _shape, NoisePrecision) = (entries, shape, start.NoisePrecision);
            var modes = entries.Modes;
            _means = new Tensor[modes];
            _covariances = new Tensor[modes];
            _places = new Tensor[modes][];
            _own = new Tensor[modes];
            _targets = new Tensor[modes];
            for (var mode = 0; mode < modes; mode++)
            {
                var (count, moments) = (entries.Points[mode].Length, start.Moments[mode]);
                double[] means = [.. Enumerable.Range(0, count).SelectMany(i => moments.Mean(i).ToArray())];
                var covariances = new double[count * Rank * Rank];
                for (var i = 0; i < count; i++)
                {
                    SmallMatrix.Unpack(moments.Second(i), covariances.AsSpan(i * Rank * Rank), Rank);
                    for (var j = 0; j < Rank * Rank; j++)
                    {
                        covariances[i * Rank * Rank + j] -= means[i * Rank + j / Rank] * means[i * Rank + j % Rank];
                    }
                }
                _means[mode] = tensor(means, [count, Rank]);
                _covariances[mode] = tensor(covariances, [count, Rank, Rank]);
                _targets[mode] = tensor(entries.Targets(mode).ToArray());
                var starts = entries.Starts(mode).ToArray();
                _own[mode] = tensor(Enumerable.Range(0, count).SelectMany(i => Enumerable.Repeat((long)i, starts[i + 1] - starts[i])).ToArray());
                _places[mode] = [.. Enumerable.Range(0, modes).Select(other => other == mode ? _own[mode] : tensor(Array.ConvertAll(entries.Places(mode, other).ToArray(), place => (long)place)))];
            }
        }

        public double NoisePrecision { get; private set; }

        public void Sweep()
        {
            using var inference = inference_mode();
            using var scope = NewDisposeScope();
            Tensor? first = null, second = null;
            for (var mode = 0; mode < _entries.Modes; mode++)
            {
                // The messages of all rows, and their sums.
                (first, second) = (ones(_entries.Count, Rank, dtype: ScalarType.Float64), ones(_entries.Count, Rank, Rank, dtype: ScalarType.Float64));
                for (var other = 0; other < _entries.Modes; other++)
                {
                    if (other != mode)
                    {
                        var m = _means[other].index_select(0, _places[mode][other]);
                        first = first.Times(m);
                        second = second.Times(_covariances[other].index_select(0, _places[mode][other]).Plus(m.unsqueeze(2).Times(m.unsqueeze(1))));
                    }
                }
                var count = _entries.Points[mode].Length;
                var eta = zeros(count, Rank, dtype: ScalarType.Float64).index_add_(0, _own[mode], first.Times(_targets[mode].unsqueeze(1)).Times(NoisePrecision), TensorOps.One);
                var precision = zeros(count, Rank, Rank, dtype: ScalarType.Float64).index_add_(0, _own[mode], second.Times(NoisePrecision), TensorOps.One);
                Smooth(mode, eta, precision);
            }
            var last = _entries.Modes - 1;
            var means = _means[last].index_select(0, _own[last]);
            var moments = _covariances[last].index_select(0, _own[last]).Plus(means.unsqueeze(2).Times(means.unsqueeze(1)));
            var error = _targets[last].Times(_targets[last]).sum().item<double>() / 2 - _targets[last].Times(first!.Times(means).sum(1)).sum().item<double>() + second!.Times(moments).sum().item<double>() / 2;
            NoisePrecision = (1 + _entries.Count / 2.0) / (1 + error);
        }

        private void Smooth(int mode, Tensor eta, Tensor precision)
        {
            using var scope = NewDisposeScope();
            var (points, kernel) = (_entries.Points[mode], _shape.Kernel(mode));
            var (transitions, predictedMeans, predicted, filteredMeans, filtered) = (new double[points.Length], new Tensor[points.Length], new Tensor[points.Length], new Tensor[points.Length], new Tensor[points.Length]);
            var identity = eye(Rank, dtype: ScalarType.Float64);
            var mean = zeros(Rank, 1, dtype: ScalarType.Float64);
            var covariance = identity.Times(kernel.Variance);
            var (transition, noise) = (new double[1], new double[1]);
            for (var i = 0; i < points.Length; i++)
            {
                if (i > 0)
                {
                    kernel.Step(points[i] - points[i - 1], transition, noise);
                    transitions[i] = transition[0];
                    var a = identity.Times(transition[0]);
                    mean = a.mm(filteredMeans[i - 1]);
                    covariance = a.mm(filtered[i - 1]).mm(a.t()).Plus(identity.Times(noise[0]));
                }
                predictedMeans[i] = mean;
                predicted[i] = covariance;
                var lambda = precision.select(0, i);
                var gain = covariance.mm(linalg.inv(identity.Plus(lambda.mm(covariance))));
                filteredMeans[i] = mean.Plus(gain.mm(eta.select(0, i).unsqueeze(1).Minus(lambda.mm(mean))));
                filtered[i] = covariance.Minus(gain.mm(lambda).mm(covariance));
            }
            for (var i = points.Length - 2; i >= 0; i--)
            {
                var gain = filtered[i].mm(identity.Times(transitions[i + 1])).mm(linalg.inv(predicted[i + 1]));
                filteredMeans[i] = filteredMeans[i].Plus(gain.mm(filteredMeans[i + 1].Minus(predictedMeans[i + 1])));
                filtered[i] = filtered[i].Plus(gain.mm(filtered[i + 1].Minus(predicted[i + 1])).mm(gain.t()));
            }
            _means[mode].copy_(stack(filteredMeans).squeeze(2));
            _covariances[mode].copy_(stack(filtered));
        }

        public void Dispose()
        {
            foreach (var tensor in (IEnumerable<Tensor>)[.. _means, .. _covariances, .. _targets, .. _places.SelectMany(places => places)])
            {
                tensor.Dispose();
            }
        }
    }
}
