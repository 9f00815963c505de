using System.CommandLine;
using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Any CSV file, any of the paper's hyper-parameters.</summary>
internal static class OLinearAccuracy
{
    private const int SmallFile = 2000;

    public static Command Command()
    {
        var data = new Option<string>("--data") { Description = "A CSV file with a header.", Required = true };
        var columns = new Option<string?>("--columns") { Description = "The channels, by name: a,b,c. Without it: all numeric columns." };
        var split = new Option<string>("--split") { Description = "The rows of training, validation and test: 'ett' (hourly or by the quarter of an hour), or parts.", DefaultValueFactory = _ => "0.7/0.1/0.2" };
        var window = new Option<int?>("--window") { Description = "The rows that a forecast looks back on. 96; 36 for a small file." };
        var horizon = new Option<int?>("--horizon") { Description = "The rows to forecast. 96; 24 for a small file." };
        var width = new Option<int?>("--width") { Description = "D. 512; 256 for a small file." };
        var layers = new Option<int>("--layers") { Description = "L.", DefaultValueFactory = _ => 2 };
        var dropout = new Option<double?>("--dropout") { Description = "The dropout rate. 0.1; 0 for a small file; 0.2 for the split ett." };
        var learningRate = new Option<double?>("--learning-rate") { Description = "The learning rate of the first epoch. 5e-4; 1e-4 for a small file." };
        var epochs = new Option<int?>("--epochs") { Description = "The most epochs to train. 30; 50 for a small file." };
        var patience = new Option<int?>("--patience") { Description = "The epochs to wait for a better one. 5; 10 for a small file; 8 for the split ett." };
        var batch = new Option<int?>("--batch") { Description = "The windows in a step. 32; 4 for a small file." };
        var schedule = new Option<LearningRateSchedule?>("--schedule") { Description = "How the learning rate falls. Cosine; DelayedExponential for a small file; HalvingEveryEpoch for the split ett." };
        var mixing = new Option<ChannelMixing>("--mixing") { Description = "How channels are mixed.", DefaultValueFactory = _ => ChannelMixing.Learned };
        var seed = new Option<int>("--seed") { Description = "The seed.", DefaultValueFactory = _ => 2023 };
        var threads = new Option<int?>("--threads") { Description = "The number of threads. Without it: the number of cores." };
        var command = new Command("olinear", $"OLinear on a CSV file. A file of fewer than {SmallFile} rows has defaults of its own.")
        {
            data, columns, split, window, horizon, width, layers, dropout, learningRate, epochs, patience, batch, schedule, mixing, seed, threads,
        };
        command.SetAction(arguments =>
        {
            var series = CsvSeries.Load(new MLContext(), arguments.GetValue(data)!, arguments.GetValue(columns)?.Split(','));
            var rows = series.GetColumn<float[]>(CsvSeries.ColumnName).Count();
            var small = rows < SmallFile;
            // The sets of this split have one row of the paper's table, whatever their size.
            var ett = arguments.GetValue(split) == SplitRows.Ett;
            OLinearRun.Run("olinear", series, SplitRows.Parse(arguments.GetValue(split)!, rows), new()
            {
                WindowSize = arguments.GetValue(window) ?? (small ? 36 : 96),
                Horizon = arguments.GetValue(horizon) ?? (small ? 24 : 96),
                Width = arguments.GetValue(width) ?? (small ? 256 : 512),
                NumberOfLayers = arguments.GetValue(layers),
                DropoutRate = arguments.GetValue(dropout) ?? (ett ? 0.2 : small ? 0 : 0.1),
                LearningRate = arguments.GetValue(learningRate) ?? (small ? 1e-4 : 5e-4),
                MaximumNumberOfEpochs = arguments.GetValue(epochs) ?? (small ? 50 : 30),
                Patience = arguments.GetValue(patience) ?? (ett ? 8 : small ? 10 : 5),
                BatchSize = arguments.GetValue(batch) ?? (small ? 4 : 32),
                LearningRateSchedule = arguments.GetValue(schedule) ?? (ett ? LearningRateSchedule.HalvingEveryEpoch : small ? LearningRateSchedule.DelayedExponential : LearningRateSchedule.Cosine),
                ChannelMixing = arguments.GetValue(mixing),
                Seed = arguments.GetValue(seed),
                NumberOfThreads = arguments.GetValue(threads),
            });
        });
        return command;
    }
}
