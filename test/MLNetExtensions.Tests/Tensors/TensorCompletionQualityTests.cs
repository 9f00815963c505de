using System.Globalization;
using System.IO.Compression;
using MLNetExtensions.Tensors;
using MLNetExtensions.Tests.Golden;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests;

/// <summary>Real tensors, whose known cells are few: the errors at cells that no training saw.</summary>
[TestClass]
public sealed class TensorCompletionQualityTests
{
    private const string Parking = "birmingham-parking";
    private const string Synthetic = "synthetic_10K";

    // Of a mean and one number for each entity.
    private const double AdditiveParking = 281;

    [TestMethod]
    [DataRow(Parking, "sparse10", 12, 0.1, 105)]
    [DataRow(Parking, "rm60", 20, 0.1, 31.5)]
    [DataRow(Synthetic, "split", 5, 1, 0.437)]
    public void LeastSquares(string file, string split, int rank, double ridge, double most)
        => Assert.IsLessThanOrEqualTo(most, LeastSquaresError(file, split, new() { Ranks = [rank], Ridges = [ridge], Starts = 4 }));

    // Bayesian factorisations of the same cells leave errors of 25.2 and 27.9 (BATF, BGCP).
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow(Parking, "rm40", 22)]
    [DataRow(Parking, "rm60", 27.5)]
    [DataRow(Parking, "sparse10", 100)]
    [DataRow(Synthetic, "split", 0.4)]
    public void LeastSquaresOfTheRankThatValidationChooses(string file, string split, double most)
        => Assert.IsLessThanOrEqualTo(most, LeastSquaresError(file, split, new()));

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow(Parking, "sparse10", 150, 128, 105)]
    [DataRow(Parking, "rm60", 150, 256, 43)]
    [DataRow(Synthetic, "split", 50, 256, 0.385)]
    public void Networks(string file, string split, int epochs, int batch, double most)
    {
        foreach (var useBFloat16 in new[] { false, true })
        {
            var error = Error(file, split, TensorCompletionModel.Mlp, new() { TrainsInBFloat16 = useBFloat16 }, epochs, batch);
            Assert.IsLessThanOrEqualTo(most, error, useBFloat16 ? "bfloat16" : "float32");
            Assert.IsLessThan(AdditiveParking, error);
        }
    }

    private static double LeastSquaresError(string file, string split, AlsSettings als)
        => Error(file, split, TensorCompletionModel.Cp, new() { Sampling = TensorSampling.None, Als = als }, epochs: 1, batch: 1);

    private static double Error(string file, string split, TensorCompletionModel model, TensorCompletionSettings settings, int epochs, int batch)
    {
        var (index, values, parts) = Read(file, split);
        int[] Rows(string part) => [.. parts.Index().Where(row => row.Item == part).Select(row => row.Index)];
        int[] train = Rows("train"), test = Rows("test");
        var mean = train.Average(row => values[row]);
        var deviation = Math.Sqrt(train.Average(row => Math.Pow(values[row] - mean, 2)));
        // Least squares have no constant: values are not centred for them.
        mean = model == TensorCompletionModel.Cp ? 0 : mean;
        var shape = new TensorCompletionShape { Model = model, Entities = [.. Enumerable.Range(0, 3).Select(mode => index.Where((_, i) => i % 3 == mode).Max() + 1)] };
        var training = new TrainingSettings { MaximumNumberOfEpochs = epochs, BatchSize = batch, EvaluationBatchSize = 1024, LearningRate = 1e-3, Patience = 10, NumberOfThreads = 1, Seed = 1 };
        using var result = TensorCompletionTraining.Run(new(3, index, [.. values.Select(value => (value - mean) / deviation)]), train, Rows("valid"), shape, settings, training, CPU);
        Assert.IsLessThanOrEqualTo(result.Phase1.Min(epoch => epoch.ValidationLoss!.Value), result.ValidationLoss!.Value);
        using var scorer = new TensorScorer(result.Model);
        var scores = scorer.Score([.. test.SelectMany(row => index[(3 * row)..(3 * row + 3)])]);
        return Math.Sqrt(test.Zip(scores, (row, score) => Math.Pow(score * deviation + mean - values[row], 2)).Average());
    }

    /// <summary>The entities and the value of each cell, and the part that it has in a split.</summary>
    private static (int[] Index, double[] Values, string[] Parts) Read(string file, string split)
    {
        var path = Path.Combine(GoldenFiles.SharedFolder, "data", "tensors", file + ".csv.gz");
        if (!File.Exists(path))
        {
            Assert.Inconclusive($"There is no file '{path}'.");
        }
        using var text = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        var column = Array.IndexOf(text.ReadLine()!.Split(','), split);
        string[][] rows = [.. text.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd('\r').Split(','))];
        return ([.. rows.SelectMany(row => row.Take(3)).Select(entity => int.Parse(entity, CultureInfo.InvariantCulture))], [.. rows.Select(row => double.Parse(row[3], CultureInfo.InvariantCulture))], [.. rows.Select(row => row[column])]);
    }
}
