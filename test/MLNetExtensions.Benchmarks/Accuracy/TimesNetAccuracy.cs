using System.CommandLine;
using Forecasting;
using Microsoft.ML;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>TimesNet on any CSV file.</summary>
internal static class TimesNetAccuracy
{
    private const string None = "none";

    public static Command Command()
    {
        var file = new ForecastFile(2021,
            usual: new(96, 96, null, 0.1, 1e-4, 10, 3, 32, LearningRateSchedule.HalvingEveryEpoch),
            small: new(36, 24, null, 0.1, 1e-3, 20, 5, 16, LearningRateSchedule.DelayedExponential),
            ett: new(96, 96, 16, 0.1, 1e-4, 10, 3, 32, LearningRateSchedule.HalvingEveryEpoch, HiddenWidth: 32));
        var hiddenWidth = new Option<int?>("--hidden-width") { Description = "The hidden width of the convolutions. Without it: as the width." };
        var layers = new Option<int>("--layers") { Description = "N.", DefaultValueFactory = _ => 2 };
        var periods = new Option<int>("--top-periods") { Description = "k.", DefaultValueFactory = _ => 5 };
        var kernels = new Option<int>("--kernels") { Description = "K.", DefaultValueFactory = _ => 6 };
        var selection = TrainPeriods();
        var time = new Option<string?>("--time-column") { Description = $"A column with times, or '{None}'. Without it: a first column named 'date'." };
        var features = new Option<TimeFeatures>("--time-features") { Description = "What the network is told of the time.", DefaultValueFactory = _ => TimesNetEtth1.HourlyFeatures };
        return file.Command("timesnet", "TimesNet", [hiddenWidth, layers, periods, kernels, selection, time, features], arguments =>
        {
            var named = arguments.GetValue(time);
            var timeColumn = named == None ? null : named ?? CsvSeries.DateColumn(new MLContext(), file.PathOf(arguments));
            var (series, split, settings) = file.Load(arguments, timeColumn);
            var options = new TimesNetForecastingEstimator.Options
            {
                Network =
                {
                    Width = settings.Width,
                    HiddenWidth = arguments.GetValue(hiddenWidth) ?? settings.HiddenWidth,
                    NumberOfLayers = arguments.GetValue(layers),
                    TopPeriods = arguments.GetValue(periods),
                    NumberOfKernels = arguments.GetValue(kernels),
                    DropoutRate = settings.Dropout,
                    TrainPeriods = arguments.GetValue(selection),
                },
                LearningRateSchedule = settings.Schedule,
            };
            if (timeColumn is not null)
            {
                (options.TimeColumnName, options.TimeFeatures) = (CsvSeries.TimeColumnName, arguments.GetValue(features));
            }
            file.Set(arguments, settings, options);
            ForecastRun.Run("timesnet", series, split, options, (forecasting, options) => forecasting.ForecastByTimesNet(options));
        });
    }

    /// <summary>The option that says whose spectrum chooses the periods in training.</summary>
    public static Option<PeriodSelection> TrainPeriods() => new("--train-periods")
    {
        Description = "Whose spectrum chooses the periods in training: Batch, as published, or PerRow.",
        DefaultValueFactory = _ => PeriodSelection.Batch,
    };
}
