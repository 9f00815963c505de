using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests;

/// <summary>The conformance entries of the TimesNet forecaster: the data of OLinear's, and once with time features.</summary>
internal static class TimesNetForecastingEntries
{
    internal static IEnumerable<ConformanceEntry> All => [SeveralChannels(), ManySeriesInTime(), ScalarDouble()];

    private static DateTime Time(int row) => new DateTime(2024, 2, 28, 20, 0, 0).AddHours(row / 3);

    private static TimesNetForecastingEstimator.Options Tiny() => new()
    {
        OutputColumnName = "Forecast",
        InputColumnName = "Values",
        WindowSize = 8,
        Horizon = 3,
        Network = { Width = 4, NumberOfLayers = 1, TopPeriods = 2, NumberOfKernels = 2 },
        LearningRate = 1e-3,
        BatchSize = 64,
        MaximumNumberOfEpochs = 2,
        Seed = 1,
        NumberOfThreads = 1,
    };

    private static ConformanceEntry Of(string name, ConformanceEntry like, Func<TimesNetForecastingEstimator.Options> options) => like with
    {
        Name = name,
        Exports = true,
        Create = ml => ml.Forecasting.ForecastByTimesNet(options()),
        Options = options,
        CreateWith = (ml, set) => ml.Forecasting.ForecastByTimesNet((TimesNetForecastingEstimator.Options)set),
        Hiding = ml =>
        {
            var hidden = options();
            hidden.OutputColumnName = hidden.InputColumnName!;
            hidden.InputColumnName = null;
            return (ml.Forecasting.ForecastByTimesNet(hidden), like.Data(200));
        },
    };

    private static ConformanceEntry SeveralChannels() => Of("TimesNet forecaster", ConformanceEntries.OLinear(), Tiny);

    private static ConformanceEntry ManySeriesInTime()
    {
        static TimesNetForecastingEstimator.Options Options()
        {
            var options = Tiny();
            options.GroupColumnName = "Store";
            options.TimeColumnName = "Time";
            options.TimeFeatures = TimeFeatures.Hour | TimeFeatures.Weekday | TimeFeatures.DayOfMonth | TimeFeatures.Month;
            options.TimeEmbedding = TimeEmbedding.Fixed;
            options.Network.TopPeriods = 1;
            options.TargetChannels = ["cosine"];
            options.StandardizePerGroup = true;
            options.ConfidenceLowerBoundColumnName = "Low";
            options.ConfidenceUpperBoundColumnName = "High";
            options.ConfidenceLevel = 0.6;
            return options;
        }
        var series = ConformanceEntries.OLinearOfManySeries();
        return Of("TimesNet forecaster of many series in time", series with
        {
            Data = rows => series.Data(rows).Add("Time", DateTimeDataViewType.Instance, Time),
            Inputs = [.. series.Inputs, "Time"],
            Invalid =
            [
                .. series.Invalid,
                new("no time", () => series.Data(99), "Time"),
                new("a time in words", () => series.Data(99).Add("Time", TextDataViewType.Instance, row => "now".AsMemory()), "Time", "String"),
            ],
            WithNaN = rows => series.WithNaN!(rows).Add("Time", DateTimeDataViewType.Instance, Time),
        }, Options);
    }

    private static ConformanceEntry ScalarDouble() => Of("TimesNet forecaster of one Double", ConformanceEntries.OLinearOfScalarDouble(), () =>
    {
        var options = Tiny();
        options.InputColumnName = "Value";
        options.TimeColumnName = "Time";
        options.Network.InferencePeriods = PeriodSelection.Frozen;
        options.Network.TrainPeriods = PeriodSelection.PerRow;
        options.Network.TopPeriods = 1;
        return options;
    });
}
