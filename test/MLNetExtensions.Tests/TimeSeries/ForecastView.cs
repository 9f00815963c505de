using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

/// <summary>A row of a view that looks as if a forecaster had scored it.</summary>
internal sealed class ForecastRow
{
    public string Group { get; set; } = "";

    public float[] Series { get; set; } = [];

    public float[] Forecast { get; set; } = [];

    public float[] Lower { get; set; } = [];

    public float[] Upper { get; set; } = [];
}

/// <summary>Makes views with forecast columns out of nothing but numbers.</summary>
internal static class ForecastView
{
    /// <param name="ml">The context.</param>
    /// <param name="rows">The rows; missing forecasts and bounds become NaN.</param>
    /// <param name="horizon">H.</param>
    /// <param name="indices">The channels that are forecast.</param>
    /// <param name="width">The number of channels of the series.</param>
    /// <param name="level">The confidence level that the bound columns state; null: none.</param>
    /// <param name="boundIndices">The channels of the bounds; null: as those of the forecast.</param>
    internal static IDataView Create(MLContext ml, IEnumerable<ForecastRow> rows, int horizon, int[] indices, int width = 1, object? level = null, int[]? boundIndices = null)
    {
        var definition = SchemaDefinition.Create(typeof(ForecastRow));
        definition[nameof(ForecastRow.Series)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, width);
        foreach (var name in new[] { nameof(ForecastRow.Forecast), nameof(ForecastRow.Lower), nameof(ForecastRow.Upper) })
        {
            var column = definition[name];
            var channels = name == nameof(ForecastRow.Forecast) ? indices : boundIndices ?? indices;
            column.ColumnType = ForecastColumns.Type(horizon, channels.Length);
            column.AddAnnotation("ChannelIndices", new VBuffer<int>(channels.Length, channels), new VectorDataViewType(NumberDataViewType.Int32, channels.Length));
            var slots = Enumerable.Range(1, horizon).SelectMany(step => channels.Select(channel => $"c{channel}@+{step}".AsMemory())).ToArray();
            column.AddAnnotation("SlotNames", new VBuffer<ReadOnlyMemory<char>>(slots.Length, slots), new VectorDataViewType(TextDataViewType.Instance, slots.Length));
            if (name != nameof(ForecastRow.Forecast) && level is not null)
            {
                switch (level)
                {
                    case float single:
                        column.AddAnnotation("ConfidenceLevel", single, NumberDataViewType.Single);
                        break;
                    case double number:
                        column.AddAnnotation("ConfidenceLevel", number, NumberDataViewType.Double);
                        break;
                }
            }
        }
        float[] Full(float[] values) => values.Length > 0 ? values : [.. Enumerable.Repeat(float.NaN, horizon * indices.Length)];
        return ml.Data.LoadFromEnumerable(rows.Select(row => new ForecastRow { Group = row.Group, Series = row.Series, Forecast = Full(row.Forecast), Lower = Full(row.Lower), Upper = Full(row.Upper) }).ToArray(), definition);
    }

    /// <summary>A series of one channel without forecasts, as training data.</summary>
    internal static IDataView Training(MLContext ml, params float[] values) => Create(ml, values.Select(value => new ForecastRow { Series = [value] }), 1, [0]);
}
