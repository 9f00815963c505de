using Microsoft.ML;

namespace MLNetExtensions;

/// <summary>What a model has to tell, as data: a view in memory that can also be read by people.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class ResultTable : IDataView, IDisplayed
{
    private const int MostBars = 20;

    private readonly IDataView _view;
    private readonly string _title;
    private readonly IReadOnlyList<ResultColumn> _columns;
    private readonly ResultColumn? _barNames;
    private readonly ResultColumn? _barValues;
    private readonly int _rows;

    internal ResultTable(IDataView view, string title, IReadOnlyList<ResultColumn> columns, ResultColumn? barNames, ResultColumn? barValues)
    {
        (_view, _title, _columns, _barNames, _barValues) = (view, title, columns, barNames, barValues);
        _rows = (int)view.GetRowCount()!.Value;
    }

    /// <inheritdoc/>
    public bool CanShuffle => _view.CanShuffle;

    /// <inheritdoc/>
    public DataViewSchema Schema => _view.Schema;

    /// <inheritdoc/>
    public long? GetRowCount() => _rows;

    /// <inheritdoc/>
    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => _view.GetRowCursor(columnsNeeded, rand);

    /// <inheritdoc/>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => _view.GetRowCursorSet(columnsNeeded, n, rand);

    /// <summary>The first rows as a table.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString() => TextTable.Of(Header(), [.. Enumerable.Range(0, _rows).Select(Row)]);

    /// <summary>The first rows as a table, where it has its point with a chart of the rows with the largest values.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml()
    {
        var table = Html.Table($"Rows{Html.More(Html.MostRows, _rows)}", Header(), Enumerable.Range(0, Math.Min(_rows, Html.MostRows)).Select(Row));
        return Html.Section(_title, _barNames is null || _barValues is null ? [table] : [Bars(_barNames, _barValues), Html.Folded("All rows", table)]);
    }

    private string Bars(ResultColumn names, ResultColumn values)
    {
        var largest = Enumerable.Range(0, _rows).OrderByDescending(values.Value).Take(MostBars);
        var most = _rows > MostBars ? FormattableString.Invariant($": the largest {MostBars} of {_rows}") : "";
        return Html.BarChart($"{values.Name}{most}", [.. largest.Select(row => (names.Text(row), values.Value(row)))]);
    }

    private string[] Header() => [.. _columns.Select(column => column.Name)];

    private string[] Row(int row) => [.. _columns.Select(column => column.Text(row))];
}
