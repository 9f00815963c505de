using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;
using Spectre.Console;

namespace Forecasting;

/// <summary>Evaluation: how good the forecasts are, beside the simplest ones.</summary>
internal static partial class LoadForecasting
{
    /// <summary>Compares the forecasts of all test windows with what followed.</summary>
    public static ForecastingMetrics Evaluate(MLContext mlContext, ITransformer model, DataOperationsCatalog.TrainTestData split, int seasonality)
        => mlContext.Forecasting.Evaluate(model.Transform(split.TestSet), CsvSeries.ColumnName, ForecastColumnName, seasonality, trainingData: split.TrainSet);

    /// <summary>The part of the actual values that lie between their bounds, over all test windows, steps and channels.</summary>
    public static double Coverage(MLContext mlContext, ITransformer model, IDataView testSet)
    {
        var actual = testSet.GetColumn<float[]>(CsvSeries.ColumnName).ToArray();
        var channels = actual[0].Length;
        long inside = 0, all = 0;
        foreach (var (row, forecast) in mlContext.Data.CreateEnumerable<SeriesForecast>(model.Transform(testSet), reuseRowObject: true).Index())
        {
            // Rows without a full window have no bounds, and the last rows nothing to compare with.
            if (float.IsNaN(forecast.Lower[0]) || row + forecast.Lower.Length / channels >= actual.Length)
            {
                continue;
            }
            for (var i = 0; i < forecast.Lower.Length; i++)
            {
                var value = actual[row + 1 + i / channels][i % channels];
                inside += value >= forecast.Lower[i] && value <= forecast.Upper[i] ? 1 : 0;
                all++;
            }
        }
        return (double)inside / all;
    }

    /// <summary>The metrics as a table.</summary>
    public static Table MetricsTable(ForecastingMetrics metrics, int seasonality)
    {
        var table = new Table().Border(TableBorder.Rounded)
            .Title($"{metrics.NumberOfForecasts:N0} forecasts of {metrics.PerStep.Count} rows")
            .AddColumn("Error");
        foreach (var name in new[] { "OLinear", $"Naive ({seasonality} rows before)", "Better by" })
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }
        Row("MAE", errors => errors.MeanAbsoluteError);
        Row("RMSE", errors => errors.RootMeanSquaredError);
        Row("MSE", errors => errors.MeanSquaredError);
        Row("MASE", errors => errors.MeanAbsoluteScaledError);
        return table;

        void Row(string name, Func<ForecastErrors, double> error)
        {
            var (model, naive) = (error(metrics.Overall), error(metrics.SeasonalNaive));
            table.AddRow(name, $"{model:G4}", $"{naive:G4}", $"{1 - model / naive:P1}");
        }
    }
}
