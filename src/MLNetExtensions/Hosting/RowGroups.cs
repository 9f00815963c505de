using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Which rows of a view belong together (a series, an episode), in which order: rows of several groups may be interleaved. Without a group column all rows are one.</summary>
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

    /// <summary>The column that says to which group a row belongs: keys stand for their values where they have any, else for their numbers; a missing one is a group named "".</summary>
    internal static InputColumn<string> Column(string name) => new(name, "group", InputTypes.Key | InputTypes.Text, InputShapes.Scalar);

    /// <param name="groups">The group of each row; null = all rows are one.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="known">The groups there are, rows of others belonging to none; null = those that appear, in this order.</param>
    internal static RowGroups Of(RowBuffer<string>? groups, int rows, IReadOnlyList<string>? known = null)
    {
        if (groups is null)
        {
            return new(rows);
        }
        var names = new List<string>(known ?? []);
        var numbers = names.Select((name, number) => (name, number)).ToDictionary(pair => pair.name, pair => pair.number);
        var ofRows = new int[groups.Count];
        for (var row = 0; row < ofRows.Length; row++)
        {
            var name = groups[row][0];
            if (!numbers.TryGetValue(name, out var number))
            {
                number = -1;
                if (known is null)
                {
                    numbers.Add(name, number = names.Count);
                    names.Add(name);
                }
            }
            ofRows[row] = number;
        }
        return new(ofRows, names);
    }

    /// <summary>Reads the groups of a view, and nothing else.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The group column is missing or neither key nor text.</exception>
    internal static RowGroups Read(IHost host, IDataView data, string? groupColumnName)
    {
        if (groupColumnName is null)
        {
            var rows = DataReader.CountRows(data);
            return rows <= Array.MaxLength ? new((int)rows) : throw Check.BadData(host, $"The data has {rows} rows; at most {Array.MaxLength} can be split.");
        }
        var groups = (RowBuffer<string>)DataReader.Read(host, data, default, Column(groupColumnName))[0];
        return Of(groups, groups.Count);
    }
}
