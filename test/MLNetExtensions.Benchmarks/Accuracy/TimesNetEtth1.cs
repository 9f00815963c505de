using System.CommandLine;
using Forecasting;
using Microsoft.ML;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>ETTh1, 96 hours to 96 hours, with the hyper-parameters of the published scripts.</summary>
internal static class TimesNetEtth1
{
    /// <summary>What the published scripts tell the network of the time.</summary>
    public const TimeFeatures HourlyFeatures = TimeFeatures.Hour | TimeFeatures.Weekday | TimeFeatures.DayOfMonth | TimeFeatures.DayOfYear;

    private const string DateColumn = "date";

    public static Command Command()
    {
        var seed = new Option<int>("--seed") { Description = "The seed.", DefaultValueFactory = _ => 2021 };
        var epochs = new Option<int>("--epochs") { Description = "The most epochs to train.", DefaultValueFactory = _ => 10 };
        var threads = new Option<int?>("--threads") { Description = "The number of threads. Without it: the number of cores." };
        var selection = TimesNetAccuracy.TrainPeriods();
        var command = new Command("timesnet-etth1", "TimesNet on ETTh1 by the protocol of the paper. Published: mse 0.384, mae 0.402.") { seed, epochs, threads, selection };
        command.SetAction(arguments =>
        {
            var series = CsvSeries.Load(new MLContext(), Repository.DataFile("ETTh1.csv"), timeColumn: DateColumn);
            var options = new TimesNetForecastingEstimator.Options
            {
                WindowSize = 96,
                Horizon = 96,
                Network = { Width = 16, HiddenWidth = 32, TopPeriods = 5, NumberOfKernels = 6, NumberOfLayers = 2, DropoutRate = 0.1, TrainPeriods = arguments.GetValue(selection) },
                TimeColumnName = CsvSeries.TimeColumnName,
                TimeFeatures = HourlyFeatures,
                LearningRate = 1e-4,
                LearningRateSchedule = LearningRateSchedule.HalvingEveryEpoch,
                BatchSize = 32,
                MaximumNumberOfEpochs = arguments.GetValue(epochs),
                Patience = 3,
                Seed = arguments.GetValue(seed),
                NumberOfThreads = arguments.GetValue(threads),
            };
            ForecastRun.Run("timesnet-etth1", series, SplitRows.EttHourly, options, (forecasting, options) => forecasting.ForecastByTimesNet(options));
        });
        return command;
    }
}
