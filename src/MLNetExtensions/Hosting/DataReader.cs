using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Reads columns of data into memory, for training.</summary>
internal static class DataReader
{
    private const int RowsBetweenLooks = 4096;

    /// <summary>Reads the columns in one pass, asking the data for no others.</summary>
    /// <returns>One buffer for each column.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="OperationCanceledException">The host was told to stop.</exception>
    internal static IReadOnlyList<RowBuffer> Read(IHost host, IDataView data, CancellationToken cancellationToken, params IReadOnlyList<InputColumn> columns)
    {
        var found = columns.Select(column => column.Find(host, data.Schema)).ToArray();
        var rows = data.GetRowCount() ?? 0;
        var buffers = columns.Select((column, i) => column.CreateBuffer(found[i].Type, rows)).ToArray();
        using var cursor = data.GetRowCursor(found);
        var readers = buffers.Select((buffer, i) => columns[i].Bind(cursor, found[i], buffer)).ToArray();
        while (cursor.MoveNext())
        {
            foreach (var read in readers)
            {
                read();
            }
            if (cursor.Position % RowsBetweenLooks == 0)
            {
                host.CheckAlive();
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        return buffers;
    }

    /// <summary>The number of rows, counted where the data does not know it.</summary>
    internal static long CountRows(IDataView data)
    {
        if (data.GetRowCount() is { } known)
        {
            return known;
        }
        using var cursor = data.GetRowCursor([]);
        long count = 0;
        while (cursor.MoveNext())
        {
            count++;
        }
        return count;
    }
}
