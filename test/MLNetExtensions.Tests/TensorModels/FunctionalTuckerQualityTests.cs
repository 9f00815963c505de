using System.Globalization;
using System.IO.Compression;
using MLNetExtensions.Tensors;
using MLNetExtensions.Tests.Golden;

namespace MLNetExtensions.Tests.TensorModels;

/// <summary>How well functional CP predicts real fields, with given length scales.</summary>
[TestClass]
public sealed class FunctionalTuckerQualityTests
{
    private const double Normal95 = 1.959964;

    [TestMethod]
    public void AProductOfTwoFunctions()
    {
        var (error, coverage) = Run("funbat_synthetic2.csv.gz", 2, label: 2, truth: 3, split: 4, 1, MaternSmoothness.Matern32, [0.3, 0.3]);
        Assert.IsLessThanOrEqualTo(0.0065, error);
        Assert.IsInRange(0.92, 0.98, coverage);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void FineDustBetterThanTheMeanOfTheDay()
    {
        var (error, coverage) = Run("funbat_beijing_pm25.csv.gz", 3, label: 3, truth: 3, split: 4, 2, MaternSmoothness.Matern12, [1, 1, 0.01]);
        Assert.IsLessThanOrEqualTo(18.9, error);
        Assert.IsInRange(0.92, 0.96, coverage);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void DailyMaximumTemperatures()
    {
        var (error, coverage) = Run("funbat_noaa_tmax.csv.gz", 3, label: 3, truth: 3, split: 4, 5, MaternSmoothness.Matern32, [0.3, 0.3, 0.0025], isTest: value => value == 0);
        Assert.IsLessThanOrEqualTo(4.8, error);
        Assert.IsInRange(0.92, 0.96, coverage);
    }

    /// <summary>The error against the truth, and the part of the labels within their 95 % intervals, of the test rows of the first split.</summary>
    private static (double Error, double Coverage) Run(string file, int modes, int label, int truth, int split, int rank, MaternSmoothness smoothness, double[] scales, Func<double, bool>? isTest = null)
    {
        var path = Path.Combine(GoldenFiles.SharedFolder, "data", file);
        if (!File.Exists(path))
        {
            Assert.Inconclusive($"There is no '{path}'.");
        }
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        reader.ReadLine();
        var (training, test) = (new List<double[]>(), new List<double[]>());
        while (reader.ReadLine() is { } line)
        {
            double[] row = [.. line.Split(',').Select(cell => double.Parse(cell, CultureInfo.InvariantCulture))];
            ((isTest ?? (value => value > 0))(row[split]) ? test : training).Add(row);
        }
        var mean = training.Average(row => row[label]);
        var deviation = Math.Sqrt(training.Average(row => (row[label] - mean) * (row[label] - mean)));
        (double Low, double High)[] ranges = [.. Enumerable.Range(0, modes).Select(mode => (training.Min(row => row[mode]), training.Max(row => row[mode])))];
        double[] Scale(List<double[]> rows) => [.. rows.SelectMany(row => row[..modes].Select((value, mode) => (value - ranges[mode].Low) / (ranges[mode].High - ranges[mode].Low)))];
        var shape = new FunctionalTuckerModelShape
        {
            Form = TuckerForm.Cp,
            Ranks = [.. Enumerable.Repeat(rank, modes)],
            Smoothness = smoothness,
            LengthScales = scales,
            Variances = [.. Enumerable.Repeat(1.0, modes)],
        };
        var posterior = FunctionalTuckerInference.Fit(Scale(training), [.. training.Select(row => (row[label] - mean) / deviation)], shape, new() { Seed = 1 });
        var (scores, variances) = (new double[test.Count], new double[test.Count]);
        posterior.Predict(Scale(test), scores, variances);
        var (squares, within) = (0.0, 0);
        for (var i = 0; i < scores.Length; i++)
        {
            var score = mean + deviation * scores[i];
            squares += (score - test[i][truth]) * (score - test[i][truth]);
            within += Math.Abs(score - test[i][label]) <= Normal95 * deviation * Math.Sqrt(variances[i] + 1 / posterior.NoisePrecision) ? 1 : 0;
        }
        return (Math.Sqrt(squares / scores.Length), (double)within / scores.Length);
    }
}
