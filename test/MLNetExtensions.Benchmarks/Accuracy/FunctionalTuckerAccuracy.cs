using System.CommandLine;
using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers.FastTree;
using Microsoft.ML.Trainers.LightGbm;
using MLNetExtensions.Tensors;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Functional Bayesian Tucker on three sets, beside the published setting, ML.NET's boosted trees and the mean of the day, on the same rows.</summary>
internal static class FunctionalTuckerAccuracy
{
    private const string Name = "funbat";

    // Whose coverage the last line names.
    private const string Covered = "tmax";

    private static readonly Dictionary<string, (Func<TensorSet> Read, int Rank, MaternSmoothness Smoothness, PublishedTucker Published)> s_sets = new()
    {
        // The published code has coordinates on [0, 10] for fine dust.
        ["tmax"] = (TensorSet.Noaa, 5, MaternSmoothness.Matern32, new(MaternSmoothness.Matern12, LengthScale: 0.1, Variance: 5, Iterations: 150, FunctionDamping: 0.3, NoiseDamping: 0.8)),
        ["pm25"] = (TensorSet.Beijing, 2, MaternSmoothness.Matern12, new(MaternSmoothness.Matern12, LengthScale: 0.01, Variance: 5, Iterations: 150, FunctionDamping: 0.3, NoiseDamping: 0.8)),
        ["synthetic2"] = (TensorSet.Synthetic, 1, MaternSmoothness.Matern32, new(MaternSmoothness.Matern32, LengthScale: 0.1, Variance: 0.5, Iterations: 100, FunctionDamping: 0.1, NoiseDamping: 0.2)),
    };

    public static Command Command()
    {
        var sets = new Option<string>("--sets") { Description = "The sets, by name: a,b.", DefaultValueFactory = _ => string.Join(',', s_sets.Keys) };
        var folds = new Option<int>("--folds") { Description = "The number of folds, the first ones.", DefaultValueFactory = _ => int.MaxValue };
        var seed = new Option<int>("--seed") { Description = "The seed.", DefaultValueFactory = _ => 1 };
        var threads = new Option<int>("--threads") { Description = "The number of threads.", DefaultValueFactory = _ => 1 };
        var rivals = new Option<bool>("--rivals") { Description = "Whether to measure what it is compared with, too.", DefaultValueFactory = _ => true };
        var command = new Command(Name, "Functional Bayesian Tucker (CP) with length scales chosen by the bound: daily maximum temperatures, fine dust, a known function.") { sets, folds, seed, threads, rivals };
        command.SetAction(arguments => Run(arguments.GetValue(sets)!.Split(','), arguments.GetValue(folds), arguments.GetValue(seed), arguments.GetValue(threads), arguments.GetValue(rivals)));
        return command;
    }

    /// <summary>What the pack is trained with on one of the sets.</summary>
    public static FunctionalBayesianTuckerTrainer.Options PackOptions(string name, int seed, int threads) => new()
    {
        FeatureColumnName = nameof(TensorEntry.Coordinates),
        Rank = s_sets[name].Rank,
        Smoothness = s_sets[name].Smoothness,
        SelectLengthScales = true,
        Seed = seed,
        NumberOfThreads = threads,
    };

    private static void Run(string[] names, int folds, int seed, int threads, bool rivals)
    {
        var last = new List<string> { Name };
        foreach (var name in names)
        {
            if (!s_sets.TryGetValue(name, out var one))
            {
                throw new ArgumentException($"There is no set '{name}'; there are {string.Join(", ", s_sets.Keys)}.");
            }
            var set = one.Read();
            var (first, _) = set.Fold(0);
            var count = Math.Clamp(folds, 1, set.FoldCount);
            Console.WriteLine($"{set.Name}: {set.Entries.Length} rows, {first.Length} to train on, {first[0].Coordinates.Length} modes, {count} fold(s); errors in {set.UnitName}");
            Console.WriteLine($"  {"",-24}{"RMSE",9}{"±",8}{"MAE",9}{"CRPS",9}{"95 %",8}{"s/fold",9}");
            var pack = Measure(set, count, "pack, scales chosen", (ml, training, test) =>
            {
                using var model = ml.Regression.Trainers.FunctionalBayesianTucker(PackOptions(name, seed, threads)).Fit(set.View(ml, training));
                Console.Error.WriteLine($"  length scales {string.Join(" ", model.LengthScales)}, bound {model.EvidenceLowerBound:F1}, noise {model.NoiseStandardDeviation:F4}");
                // Scored as long as the model is there.
                return ml.Data.LoadFromEnumerable(ml.Data.CreateEnumerable<ScoredEntry>(model.Transform(set.View(ml, test)), reuseRowObject: false).ToArray());
            });
            last.Add($"rmse_{name}={pack.Rmse:F5}");
            if (name == Covered)
            {
                last.Add($"coverage_{name}={pack.Coverage:F4}");
            }
            if (!rivals)
            {
                continue;
            }
            Measure(set, count, "published setting", (ml, training, test) => ml.Data.LoadFromEnumerable(one.Published.Run(training, test, one.Rank, seed)));
            Measure(set, count, "FastTree", (ml, training, test) => ml.Regression.Trainers.FastTree(new FastTreeRegressionTrainer.Options { NumberOfThreads = threads, Seed = seed }).Fit(set.View(ml, training)).Transform(set.View(ml, test)));
            Measure(set, count, "LightGbm", (ml, training, test) => ml.Regression.Trainers.LightGbm(new LightGbmRegressionTrainer.Options { NumberOfThreads = threads, Seed = seed }).Fit(set.View(ml, training)).Transform(set.View(ml, test)));
            if (set.Day is { } day)
            {
                DayMean(set, count, day);
            }
        }
        Console.WriteLine(string.Join(' ', last));
    }

    private static (double Rmse, double Coverage) Measure(TensorSet set, int folds, string name, Func<MLContext, TensorEntry[], TensorEntry[], IDataView> score)
    {
        var (errors, metrics) = (new List<RegressionMetrics>(), new List<ProbabilisticRegressionMetrics>());
        var seconds = 0.0;
        for (var fold = 0; fold < folds; fold++)
        {
            Console.Error.WriteLine($"{set.Name}: {name}, fold {fold}");
            var ml = new MLContext(1);
            var (training, test) = set.Fold(fold);
            var clock = Stopwatch.StartNew();
            var scored = score(ml, training, test);
            seconds += clock.Elapsed.TotalSeconds;
            errors.Add(ml.Regression.Evaluate(scored, nameof(TensorEntry.Truth)));
            if (scored.Schema.GetColumnOrNull(nameof(ScoredEntry.ScoreStdDev)) is not null)
            {
                metrics.Add(ml.Regression.EvaluateProbabilistic(scored));
            }
        }
        var (crps, coverage) = metrics.Count > 0 ? (metrics.Average(one => one.ContinuousRankedProbabilityScore), metrics.Average(one => one.Coverage)) : (double.NaN, double.NaN);
        return (Row(set, name, [.. errors.Select(one => one.RootMeanSquaredError)], errors.Average(one => one.MeanAbsoluteError), crps, coverage, seconds / folds), coverage);
    }

    private static void DayMean(TensorSet set, int folds, int day)
    {
        var (rmse, mae) = (new List<double>(), 0.0);
        for (var fold = 0; fold < folds; fold++)
        {
            var (training, test) = set.Fold(fold);
            var means = training.GroupBy(entry => entry.Coordinates[day]).ToDictionary(rows => rows.Key, rows => rows.Average(entry => (double)entry.Label));
            var overall = training.Average(entry => (double)entry.Label);
            double[] errors = [.. test.Select(entry => entry.Label - means.GetValueOrDefault(entry.Coordinates[day], overall))];
            rmse.Add(Math.Sqrt(errors.Average(error => error * error)));
            mae += errors.Average(Math.Abs) / folds;
        }
        Row(set, "mean of the day", [.. rmse], mae, double.NaN, double.NaN, 0);
    }

    private static double Row(TensorSet set, string name, double[] rmse, double mae, double crps, double coverage, double seconds)
    {
        var mean = rmse.Average() / set.Unit;
        var deviation = rmse.Length > 1 ? Math.Sqrt(rmse.Sum(value => Math.Pow(value / set.Unit - mean, 2)) / (rmse.Length - 1)) : double.NaN;
        Console.WriteLine($"  {name,-24}{mean,9:F4}{deviation,8:F4}{mae / set.Unit,9:F4}{crps / set.Unit,9:F4}{coverage,8:F3}{seconds,9:F1}   {string.Join(" ", rmse.Select(value => $"{value / set.Unit:F4}"))}");
        Finding.Add($"{set.Name}, values between measurements, {set.UnitName}", name, "RMSE", mean, seconds);
        return mean;
    }
}
