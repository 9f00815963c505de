using System.CommandLine;
using Forecasting;
using Microsoft.ML;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>ETTh1, 96 hours to 96 hours, with the hyper-parameters of the paper's scripts.</summary>
internal static class OLinearEtth1
{
    public static Command Command()
    {
        var seed = new Option<int>("--seed") { Description = "The seed.", DefaultValueFactory = _ => 2023 };
        var epochs = new Option<int>("--epochs") { Description = "The most epochs to train.", DefaultValueFactory = _ => 30 };
        var threads = new Option<int?>("--threads") { Description = "The number of threads. Without it: the number of cores." };
        var command = new Command("olinear-etth1", "OLinear on ETTh1 by the protocol of the paper. Published: mse 0.360, mae 0.382.") { seed, epochs, threads };
        command.SetAction(arguments =>
        {
            var series = CsvSeries.Load(new MLContext(), Repository.DataFile("ETTh1.csv"));
            var options = PaperOptions(arguments.GetValue(seed), arguments.GetValue(epochs), arguments.GetValue(threads));
            ForecastRun.Run("olinear-etth1", series, SplitRows.EttHourly, options, (forecasting, options) => forecasting.ForecastByOLinear(options));
        });
        return command;
    }

    /// <summary>The hyper-parameters of the paper's script.</summary>
    public static OLinearEstimator.Options PaperOptions(int seed, int epochs, int? threads) => new()
    {
        WindowSize = 96,
        Horizon = 96,
        NumberOfLayers = 2,
        Width = 512,
        DropoutRate = 0.2,
        LearningRate = 5e-4,
        LearningRateSchedule = LearningRateSchedule.HalvingEveryEpoch,
        BatchSize = 32,
        MaximumNumberOfEpochs = epochs,
        Patience = 8,
        Seed = seed,
        NumberOfThreads = threads,
    };
}
