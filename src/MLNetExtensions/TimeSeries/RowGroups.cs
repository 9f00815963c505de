using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>Which rows of a view make a series, in which order: rows of several groups may be interleaved. Without a group column all rows are one.</summary>
internal sealed class RowGroups
{
    private readonly int[]? _groups;
    private readonly int[] _order = [];
    private readonly int[] _positions = [];
    private readonly int[] _starts;

    private RowGroups(int rows)
    {
        Names = [""];
        Rows = rows;
        _starts = [0, rows];
    }

    private RowGroups(int[] groups, IReadOnlyList<string> names)
    {
        Names = names;
        Rows = groups.Length;
        _groups = groups;
        _starts = new int[names.Count + 1];
        _positions = new int[groups.Length];
        foreach (var group in groups)
        {
            if (group >= 0)
            {
                _starts[group + 1]++;
            }
        }
        for (var group = 0; group < names.Count; group++)
        {
            _starts[group + 1] += _starts[group];
        }
        _order = new int[_starts[^1]];
        var seen = new int[names.Count];
        for (var row = 0; row < groups.Length; row++)
        {
            if (groups[row] >= 0)
            {
                _positions[row] = seen[groups[row]]++;
                _order[_starts[groups[row]] + _positions[row]] = row;
            }
        }
    }

    /// <summary>The names of the groups; a single empty one without a group column.</summary>
    internal IReadOnlyList<string> Names { get; }

    /// <summary>The number of rows of all groups, and of none.</summary>
    internal int Rows { get; }

    internal bool AreNamed => _groups is not null;

    /// <summary>The group of a row; negative where it belongs to none that is known.</summary>
    internal int GroupOf(int row) => _groups is null ? 0 : _groups[row];

    /// <summary>The position of a row within its group.</summary>
    internal int PositionOf(int row) => _groups is null ? row : _positions[row];

    internal int CountOf(int group) => _starts[group + 1] - _starts[group];

    /// <summary>The row at a position within a group.</summary>
    internal int RowAt(int group, int position) => _groups is null ? position : _order[_starts[group] + position];

    /// <summary>The group in words, for messages: nothing where there is only one.</summary>
    internal string Describe(int group) => AreNamed ? $"Group '{Names[group]}' has" : "The data has";

    internal static RowGroups Of(RowBuffer<int>? groups, GroupColumn? column, int rows) => groups is null ? new(rows) : new(groups.Values.ToArray(), column!.Names);

    /// <summary>Reads the groups of a view, and nothing else.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The group column is missing or neither key nor text.</exception>
    internal static RowGroups Read(IHost host, IDataView data, string? groupColumnName)
    {
        if (groupColumnName is null)
        {
            var rows = DataReader.CountRows(data);
            return rows <= Array.MaxLength ? new((int)rows) : throw Check.BadData(host, $"The data has {rows} rows; at most {Array.MaxLength} can be split.");
        }
        var column = new GroupColumn(groupColumnName);
        return Of((RowBuffer<int>)DataReader.Read(host, data, default, column)[0], column, 0);
    }
}
