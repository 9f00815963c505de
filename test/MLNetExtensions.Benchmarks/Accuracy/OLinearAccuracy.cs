using System.CommandLine;
using Microsoft.ML;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Any CSV file, any of the paper's hyper-parameters.</summary>
internal static class OLinearAccuracy
{
    public static Command Command()
    {
        // The sets of the split ett have one row of the paper's table, whatever their size.
        var file = new ForecastFile(2023,
            usual: new(96, 96, 512, 0.1, 5e-4, 30, 5, 32, LearningRateSchedule.Cosine),
            small: new(36, 24, 256, 0, 1e-4, 50, 10, 4, LearningRateSchedule.DelayedExponential),
            ett: new(96, 96, 512, 0.2, 5e-4, 30, 8, 32, LearningRateSchedule.HalvingEveryEpoch));
        var layers = new Option<int>("--layers") { Description = "L.", DefaultValueFactory = _ => 2 };
        var mixing = new Option<ChannelMixing>("--mixing") { Description = "How channels are mixed.", DefaultValueFactory = _ => ChannelMixing.Learned };
        return file.Command("olinear", "OLinear", [layers, mixing], arguments =>
        {
            var (series, split, settings) = file.Load(arguments);
            var options = new OLinearEstimator.Options
            {
                Width = settings.Width!.Value,
                NumberOfLayers = arguments.GetValue(layers),
                DropoutRate = settings.Dropout,
                LearningRateSchedule = settings.Schedule,
                ChannelMixing = arguments.GetValue(mixing),
            };
            file.Set(arguments, settings, options);
            ForecastRun.Run("olinear", series, split, options, (forecasting, options) => forecasting.ForecastByOLinear(options));
        });
    }
}
