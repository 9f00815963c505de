using Microsoft.ML;
using MLNetExtensions.TimeSeries;
using Spectre.Console;

namespace Forecasting;

/// <summary>Evaluation: how good the forecasts are, beside the simplest ones.</summary>
internal static partial class LoadForecasting
{
    /// <summary>Compares the forecasts of all test windows with what followed.</summary>
    public static ForecastingMetrics Evaluate(MLContext mlContext, ITransformer model, DataOperationsCatalog.TrainTestData split, int seasonality)
        => mlContext.Forecasting.Evaluate(model.Transform(split.TestSet), CsvSeries.ColumnName, ForecastColumnName, seasonality,
            lowerColumnName: LowerColumnName, upperColumnName: UpperColumnName, trainingData: split.TrainSet);

    /// <summary>The metrics as a table.</summary>
    public static Table MetricsTable(ForecastingMetrics metrics, ForecastingModel model, int seasonality)
    {
        var table = new Table().Border(TableBorder.Rounded)
            .Title($"{metrics.NumberOfForecasts:N0} forecasts of {metrics.PerStep.Count} rows")
            .AddColumn("Error");
        foreach (var name in new[] { $"{model}", $"Naive ({seasonality} rows before)", "Better by" })
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
            var (forecast, naive) = (error(metrics.Overall), error(metrics.SeasonalNaive));
            table.AddRow(name, $"{forecast:G4}", $"{naive:G4}", $"{1 - forecast / naive:P1}");
        }
    }
}
