using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace Forecasting;

/// <summary>On line: one row after the other, as they come in.</summary>
internal static partial class LoadForecasting
{
    /// <summary>Creates the engine of a model. It begins with the end of the training data.</summary>
    public static ForecastEngine<SeriesRow, SeriesForecast> CreateEngine(MLContext mlContext, ITransformer model, int channels)
    {
        // The number of channels comes from the file; where it is known, [VectorType(6)] on the property does.
        var schema = SchemaDefinition.Create(typeof(SeriesRow));
        schema[nameof(SeriesRow.Values)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, channels);
        return model.CreateForecastEngine<SeriesRow, SeriesForecast>(mlContext, inputSchemaDefinition: schema);
    }

    /// <summary>Gives the last rows of a series to an engine, one by one, and compares each of its forecasts with that of <c>Transform</c>.</summary>
    /// <param name="mlContext">The context of the model.</param>
    /// <param name="model">The model.</param>
    /// <param name="engine">An engine of the model.</param>
    /// <param name="series">At least windowSize + comparisons rows.</param>
    /// <param name="windowSize">The window of the model.</param>
    /// <param name="comparisons">The number of forecasts to compare.</param>
    /// <returns>The largest difference, relative to the size of the values.</returns>
    public static double FollowLastRows(MLContext mlContext, ITransformer model, ForecastEngine<SeriesRow, SeriesForecast> engine, IDataView series, int windowSize, int comparisons)
    {
        var rows = series.GetColumn<float[]>(CsvSeries.ColumnName).ToArray();
        var first = rows.Length - windowSize - comparisons;
        var expected = model.Transform(mlContext.Data.SkipRows(series, first)).GetColumn<float[]>(ForecastColumnName).ToArray();
        double difference = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            engine.Update(new() { Values = rows[first + i] });
            // Until the window is full of new rows, the engine still remembers the training data, which the view does not hold.
            if (i >= windowSize)
            {
                difference = Math.Max(difference, expected[i].Zip(engine.Predict().Forecast, (a, b) => Math.Abs(a - b) / (1 + Math.Abs(a))).Max());
            }
        }
        return difference;
    }
}

/// <summary>One row of the series, as it comes in.</summary>
internal sealed class SeriesRow
{
    public float[] Values { get; set; } = [];
}

/// <summary>What the engine returns: step by step, channel by channel within a step.</summary>
internal sealed class SeriesForecast
{
    public float[] Forecast { get; set; } = [];

    public float[] Lower { get; set; } = [];

    public float[] Upper { get; set; } = [];
}
