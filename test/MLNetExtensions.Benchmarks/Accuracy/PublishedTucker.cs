using MLNetExtensions.Tensors;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>An entry with what a model says of it.</summary>
internal sealed class ScoredEntry
{
    public float Label { get; set; }

    public float Truth { get; set; }

    public float Score { get; set; }

    public float ScoreStdDev { get; set; }
}

/// <summary>
/// A configuration of the published code, CP: every function pulled to 0 at every coordinate besides its prior, messages damped, a fixed number of iterations from its own random start. Coordinates on
/// [0, 1], labels of variance 1. Its predictions between training coordinates, which count neighbours twice, are replaced by the exact ones.
/// </summary>
internal sealed record PublishedTucker(MaternSmoothness Smoothness, double LengthScale, double Variance, int Iterations, double FunctionDamping, double NoiseDamping)
{
    private const double FirstMessage = 1e-3;

    public ScoredEntry[] Run(TensorEntry[] training, TensorEntry[] test, int rank, int seed)
    {
        var modes = training[0].Coordinates.Length;
        double[] least = [.. Enumerable.Range(0, modes).Select(mode => training.Min(entry => entry.Coordinates[mode]))];
        double[] most = [.. Enumerable.Range(0, modes).Select(mode => training.Max(entry => entry.Coordinates[mode]))];
        var mean = training.Average(entry => (double)entry.Label);
        var deviation = Math.Sqrt(training.Average(entry => Math.Pow(entry.Label - mean, 2)));
        var shape = new FunctionalTuckerModelShape
        {
            Form = TuckerForm.Cp,
            Ranks = [.. Enumerable.Repeat(rank, modes)],
            Smoothness = Smoothness,
            LengthScales = [.. Enumerable.Repeat(LengthScale, modes)],
            Variances = [.. Enumerable.Repeat(Variance, modes)],
        };
        var random = new Random(seed);
        // The prior mean of the states at the first coordinate, drawn once.
        var states = Smoothness == MaternSmoothness.Matern12 ? rank : 2 * rank;
        double[]?[] first = [.. Enumerable.Range(0, modes).Select(_ => (double[])[.. Enumerable.Range(0, states).Select(_ => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))])];
        var coordinates = Scale(training);
        var sweeps = new FunctionalTuckerSweeps(new TensorEntries(coordinates, [.. training.Select(entry => (entry.Label - mean) / deviation)], modes), shape, new FunctionalTuckerSettings
        {
            FunctionDamping = FunctionDamping,
            NoiseDamping = NoiseDamping,
            PseudoPriorVariance = 1,
            Rescale = false,
        }, initialMeans: first);
        for (var mode = 0; mode < modes; mode++)
        {
            Start(sweeps, mode, [.. coordinates.Where((_, i) => i % modes == mode)], random);
        }
        sweeps.NoisePrecision = 1;
        sweeps.NoiseMessage = training.Length;
        for (var i = 0; i < Iterations; i++)
        {
            sweeps.Sweep();
        }
        var posterior = sweeps.ToPosterior([], isConverged: false);
        var (scores, variances) = (new double[test.Length], new double[test.Length]);
        posterior.Predict(Scale(test), scores, variances);
        return [.. test.Select((entry, i) => new ScoredEntry
        {
            Label = entry.Label,
            Truth = entry.Truth,
            Score = (float)(mean + deviation * scores[i]),
            ScoreStdDev = (float)(deviation * Math.Sqrt(variances[i] + 1 / posterior.NoisePrecision)),
        })];

        double[] Scale(TensorEntry[] entries) => [.. entries.SelectMany(entry => entry.Coordinates.Select((value, mode) => (value - least[mode]) / (most[mode] - least[mode])))];
    }

    /// <summary>Means uniform on [0, 1), covariances 1, and of every row a small message.</summary>
    private static void Start(FunctionalTuckerSweeps sweeps, int mode, double[] coordinates, Random random)
    {
        var (moments, messages) = (sweeps.Moments[mode], sweeps.Messages(mode));
        var rank = moments.Rank;
        var identity = new double[rank * rank];
        for (var r = 0; r < rank; r++)
        {
            identity[r * (rank + 1)] = 1;
        }
        // η, then Λ packed, at each distinct coordinate in order.
        foreach (var (point, rows) in coordinates.CountBy(value => value).OrderBy(pair => pair.Key).Index().Select(pair => (pair.Index, pair.Item.Value)))
        {
            moments.Set(point, [.. Enumerable.Range(0, rank).Select(_ => random.NextDouble())], identity);
            var message = messages.AsSpan(point * moments.Stride, rank + moments.Pairs);
            for (int r = 0, diagonal = rank; r < rank; diagonal += rank - r, r++)
            {
                for (var row = 0; row < rows; row++)
                {
                    message[r] += FirstMessage * random.NextDouble();
                }
                message[diagonal] = FirstMessage * rows;
            }
        }
    }
}
