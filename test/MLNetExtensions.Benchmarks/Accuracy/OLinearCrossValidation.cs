using System.CommandLine;
using Forecasting;
using Microsoft.ML;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Two small files, cross-validated with a rolling origin: a small OLinear against seasonal naive.</summary>
internal static class OLinearCrossValidation
{
    private const string ForecastColumn = "Forecast";

    private const int WindowSize = 36;

    private const int NumberOfFolds = 3;

    public static Command Command()
    {
        var seed = new Option<int>("--seed") { Description = "The seed.", DefaultValueFactory = _ => 2023 };
        var threads = new Option<int?>("--threads") { Description = "The number of threads.", DefaultValueFactory = _ => 1 };
        var command = new Command("olinear-cv", $"OLinear on power.csv and national_illness.csv, {WindowSize} rows to 24, {NumberOfFolds} folds in time order, beside seasonal naive.") { seed, threads };
        command.SetAction(arguments =>
        {
            var (power, powerNaive) = Run("power.csv", seasonality: 1, batchSize: 16, arguments.GetValue(seed), arguments.GetValue(threads));
            var (illness, illnessNaive) = Run("national_illness.csv", seasonality: 52, batchSize: 8, arguments.GetValue(seed), arguments.GetValue(threads));
            Console.WriteLine($"olinear-cv power_mase={power:F4} power_naive_mase={powerNaive:F4} illness_mase={illness:F4} illness_naive_mase={illnessNaive:F4}");
        });
        return command;
    }

    private static (double Mase, double NaiveMase) Run(string file, int seasonality, int batchSize, int seed, int? threads)
    {
        var ml = new MLContext(seed);
        var series = CsvSeries.Load(ml, Repository.DataFile(file));
        var forecaster = ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options
        {
            InputColumnName = CsvSeries.ColumnName,
            OutputColumnName = ForecastColumn,
            WindowSize = WindowSize,
            Horizon = 24,
            Width = 64,
            NumberOfLayers = 1,
            DropoutRate = 0,
            LearningRate = 5e-4,
            BatchSize = batchSize,
            MaximumNumberOfEpochs = 20,
            Seed = seed,
            NumberOfThreads = threads,
            Progress = new Progress(),
        });
        using var result = ml.Forecasting.CrossValidate(series, forecaster, CsvSeries.ColumnName, ForecastColumn, seasonality, WindowSize, NumberOfFolds);
        Console.WriteLine($"{file}, seasonal naive of {seasonality} rows");
        Console.WriteLine(result);
        Finding.Add($"{file}, folds in time order", "pack", "MASE", result.Average.MeanAbsoluteScaledError);
        Finding.Add($"{file}, folds in time order", "seasonal naive", "MASE", result.SeasonalNaiveAverage.MeanAbsoluteScaledError);
        return (result.Average.MeanAbsoluteScaledError, result.SeasonalNaiveAverage.MeanAbsoluteScaledError);
    }

    private sealed class Progress : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => Console.Error.WriteLine(value);
    }
}
