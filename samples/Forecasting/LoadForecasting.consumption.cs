using Microsoft.ML;
using Microsoft.ML.Data;

namespace Forecasting;

/// <summary>Consumption: from a model file to forecasts.</summary>
internal static partial class LoadForecasting
{
    public const string ForecastColumnName = "Forecast";
    public const string LowerColumnName = "Lower";
    public const string UpperColumnName = "Upper";
    public const double ConfidenceLevel = 0.9;

    /// <summary>Loads the model; no type of the pack is named.</summary>
    public static ITransformer LoadModel(MLContext mlContext, string modelPath) => mlContext.Model.Load(modelPath, out _);

    /// <summary>Forecasts the last rows of a series from the window before them.</summary>
    /// <param name="mlContext">The context of the model.</param>
    /// <param name="model">The model.</param>
    /// <param name="series">At least windowSize + horizon rows.</param>
    /// <param name="windowSize">The window of the model.</param>
    /// <param name="horizon">The horizon of the model.</param>
    public static ForecastWindow ForecastLastWindow(MLContext mlContext, ITransformer model, IDataView series, int windowSize, int horizon)
    {
        var rows = series.GetColumn<float[]>(CsvSeries.ColumnName).TakeLast(windowSize + horizon).ToArray();
        var channels = rows[0].Length;
        // The forecast stands in the row that it is made in: the last of its window.
        var tail = mlContext.Data.SkipRows(series, series.GetColumn<float[]>(CsvSeries.ColumnName).Count() - rows.Length);
        var forecast = mlContext.Data.CreateEnumerable<SeriesForecast>(model.Transform(tail), reuseRowObject: false).ElementAt(windowSize - 1);
        return new(rows[..windowSize], rows[windowSize..], [.. forecast.Forecast.Chunk(channels)], [.. forecast.Lower.Chunk(channels)], [.. forecast.Upper.Chunk(channels)]);
    }

    /// <summary>Makes sure that two models forecast the same.</summary>
    /// <exception cref="InvalidOperationException">They do not.</exception>
    public static void RequireEqualForecasts(ITransformer expected, ITransformer actual, IDataView data)
    {
        var pairs = expected.Transform(data).GetColumn<float[]>(ForecastColumnName).Zip(actual.Transform(data).GetColumn<float[]>(ForecastColumnName));
        // Rows without a full window are NaN in both, which counts as equal here.
        if (pairs.Any(pair => !pair.First.AsSpan().SequenceEqual(pair.Second)))
        {
            throw new InvalidOperationException("The loaded model forecasts other values than the trained one.");
        }
    }
}

/// <summary>A window, what followed it, and what was forecast for it; row by row, each with one value per channel.</summary>
internal sealed record ForecastWindow(float[][] History, float[][] Truth, float[][] Forecast, float[][] Lower, float[][] Upper);
