using Microsoft.ML;
using Microsoft.ML.Data;

namespace Samples.Apps;

/// <summary>A row of numbers with the class that it is of.</summary>
internal sealed class LabelledRow
{
    public float[] Features { get; set; } = [];

    public string Class { get; set; } = "";

    /// <summary>What a model is told that it is; empty where it is asked.</summary>
    public string Shown { get; set; } = "";
}

/// <summary>A CSV file of such rows.</summary>
internal static class LabelledTable
{
    /// <summary>Reads a file: the column with the classes, and all others that hold numbers.</summary>
    /// <exception cref="InvalidDataException">There is no such column, or no column with numbers.</exception>
    public static LabelledRow[] Load(string path, string labelColumn)
    {
        var table = SeriesFile.Load(path);
        var classes = SeriesFile.Column(table, path, labelColumn);
        float[][] numbers = [.. table.Columns.Where(column => column != classes && column.IsNumericColumn()).Select(column => SeriesFile.Numbers(table, path, column.Name))];
        return numbers.Length > 0
            ? [.. Enumerable.Range(0, (int)classes.Length).Select(row => new LabelledRow { Features = [.. numbers.Select(column => column[row])], Class = classes[row]?.ToString() ?? "" }).Where(row => row.Class.Length > 0)]
            : throw new InvalidDataException($"'{path}' has no column with numbers beside '{labelColumn}'.");
    }

    /// <summary>Shows rows to ML.NET: how many numbers they have is known at run time only.</summary>
    public static IDataView View(MLContext context, IReadOnlyList<LabelledRow> rows)
    {
        var schema = SchemaDefinition.Create(typeof(LabelledRow));
        schema[nameof(LabelledRow.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, rows.Count > 0 ? rows[0].Features.Length : 1);
        return context.Data.LoadFromEnumerable(rows, schema);
    }
}
