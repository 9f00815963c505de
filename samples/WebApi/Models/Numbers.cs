namespace WebApi.Models;

/// <summary>Tables of numbers that come from requests and go into answers.</summary>
internal static class Numbers
{
    /// <summary>Checks that there are as many rows and values as must be, all finite.</summary>
    /// <exception cref="RequestException">There are not.</exception>
    public static void Check(float[]?[]? rows, int width, int least, int most, string field)
    {
        if (rows is null || rows.Length < least || rows.Length > most)
        {
            throw RequestException.Invalid(field, $"Must hold {least} to {most} rows, not {rows?.Length ?? 0}.");
        }
        for (var i = 0; i < rows.Length; i++)
        {
            if (rows[i] is not { } row || row.Length != width)
            {
                throw RequestException.Invalid($"{field}[{i}]", $"Must hold {width} values, not {rows[i]?.Length ?? 0}.");
            }
            if (row.IndexOfAnyExceptFinite() is >= 0 and var place)
            {
                throw RequestException.Invalid($"{field}[{i}][{place}]", "Must be a finite number of single precision.");
            }
        }
    }

    /// <summary>JSON has no NaN: null stands for it.</summary>
    public static float? Finite(float value) => float.IsFinite(value) ? value : null;

    /// <summary>The rows of a table.</summary>
    public static float?[][] Rows(float[,] table)
        => [.. Enumerable.Range(0, table.GetLength(0)).Select(row => Enumerable.Range(0, table.GetLength(1)).Select(column => Finite(table[row, column])).ToArray())];

    private static int IndexOfAnyExceptFinite(this float[] row) => Array.FindIndex(row, value => !float.IsFinite(value));
}
