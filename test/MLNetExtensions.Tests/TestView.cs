using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests;

/// <summary>
/// Data made of functions of the row number. It keeps the contract of <see cref="IDataView"/> to the letter, splits itself into as many cursors as are asked for,
/// and notes what it is asked.
/// </summary>
internal sealed class TestView(int rows) : IDataView
{
    // Rows go to the cursors of a set in turns of so many.
    private const int RowsPerTurn = 16;

    private readonly List<(string Name, DataViewType Type, DataViewSchema.Annotations? Annotations, Func<Func<int>, Delegate> CreateGetter)> _columns = [];
    private readonly HashSet<string> _columnsAsked = [];
    private readonly Lock _lock = new();
    private DataViewSchema? _schema;
    private int _cursorsOpened;
    private int _cursorsClosed;

    public DataViewSchema Schema => _schema ??= BuildSchema();

    public bool CanShuffle { get; init; }

    /// <summary>Whether the number of rows is told.</summary>
    internal bool KnowsItsRows { get; init; } = true;

    /// <summary>The low half of the id of a row in the n-th cursor.</summary>
    internal Func<int, int, long> Id { get; init; } = (row, cursor) => row;

    /// <summary>The number of rows in the n-th cursor.</summary>
    internal Func<int, int> RowsOfCursor { get; init; } = _ => rows;

    /// <summary>Called with each row that a cursor comes to.</summary>
    internal Action<int>? OnRow { get; set; }

    internal int CursorsOpened => _cursorsOpened;

    internal int CursorsClosed => _cursorsClosed;

    internal bool GotRandom { get; private set; }

    /// <summary>The columns that a cursor was asked for.</summary>
    internal IReadOnlyCollection<string> ColumnsAsked => _columnsAsked;

    internal TestView Add<T>(string name, DataViewType type, Func<int, T> value, DataViewSchema.Annotations? annotations = null)
    {
        _columns.Add((name, type, annotations, row => (ValueGetter<T>)((ref T target) => target = value(row()))));
        return this;
    }

    /// <summary>A vector of known size, dense or, in the rows that <paramref name="sparse"/> names, sparse.</summary>
    internal TestView AddVector<T>(string name, PrimitiveDataViewType item, int size, Func<int, T[]> value, Func<int, bool>? sparse = null, DataViewSchema.Annotations? annotations = null)
    {
        _columns.Add((name, size == 0 ? new VectorDataViewType(item) : new VectorDataViewType(item, size), annotations, row => (ValueGetter<VBuffer<T>>)((ref VBuffer<T> target) =>
        {
            var values = value(row());
            if (sparse?.Invoke(row()) == true)
            {
                var indices = Enumerable.Range(0, values.Length).Where(i => !EqualityComparer<T>.Default.Equals(values[i], default)).ToArray();
                new VBuffer<T>(values.Length, indices.Length, [.. indices.Select(i => values[i])], indices).CopyTo(ref target);
                return;
            }
            new VBuffer<T>(values.Length, values).CopyTo(ref target);
        })));
        return this;
    }

    internal static DataViewSchema.Annotations SlotNames(params string[] names)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        builder.AddSlotNames(names.Length, Text(names));
        return builder.ToAnnotations();
    }

    internal static DataViewSchema.Annotations KeyValues(params string[] values)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        builder.AddKeyValues(values.Length, TextDataViewType.Instance, Text(values));
        return builder.ToAnnotations();
    }

    public long? GetRowCount() => KnowsItsRows ? rows : null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => Open(columnsNeeded, 1, rand)[0];

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => Open(columnsNeeded, n <= 0 ? 3 : n, rand);

    private DataViewRowCursor[] Open(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand)
    {
        lock (_lock)
        {
            GotRandom |= rand is not null;
            var active = new bool[Schema.Count];
            foreach (var column in columnsNeeded)
            {
                Assert.AreEqual(Schema[column.Index].Name, column.Name, "A column of another schema.");
                active[column.Index] = true;
                _columnsAsked.Add(column.Name);
            }
            int[] order = [.. Enumerable.Range(0, RowsOfCursor(_cursorsOpened))];
            if (CanShuffle && rand is not null)
            {
                rand.Shuffle(order);
            }
            return [.. Enumerable.Range(0, n).Select(i => new Cursor(this, _cursorsOpened++, active, [.. Enumerable.Range(0, order.Length)
                .Where(k => k / RowsPerTurn % n == i).Select(k => (order[k], n == 1 ? 0L : k / RowsPerTurn))]))];
        }
    }

    private DataViewSchema BuildSchema()
    {
        var builder = new DataViewSchema.Builder();
        foreach (var (name, type, annotations, _) in _columns)
        {
            builder.AddColumn(name, type, annotations);
        }
        return builder.ToSchema();
    }

    private static ValueGetter<VBuffer<ReadOnlyMemory<char>>> Text(string[] texts)
        => (ref VBuffer<ReadOnlyMemory<char>> target) => new VBuffer<ReadOnlyMemory<char>>(texts.Length, [.. texts.Select(text => text.AsMemory())]).CopyTo(ref target);

    private sealed class Cursor(TestView view, int number, bool[] active, (int Row, long Batch)[] rows) : DataViewRowCursor
    {
        private int _at = -1;
        private bool _ended;
        private bool _disposed;

        public override DataViewSchema Schema => view.Schema;

        public override long Position => _ended ? -1 : _at;

        public override long Batch => _at >= 0 && _at < rows.Length ? rows[_at].Batch : 0;

        public override bool IsColumnActive(DataViewSchema.Column column) => active[column.Index];

        public override bool MoveNext()
        {
            if (_ended || ++_at >= rows.Length)
            {
                _ended = true;
                return false;
            }
            view.OnRow?.Invoke(rows[_at].Row);
            return true;
        }

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new((ulong)view.Id(Row(), number), 7);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            Assert.IsTrue(active[column.Index], $"The value of the inactive column '{column.Name}' was asked for.");
            return (ValueGetter<TValue>)view._columns[column.Index].CreateGetter(Row);
        }

        private int Row()
        {
            Assert.IsTrue(_at >= 0 && !_ended && !_disposed, "A value was asked for outside of the rows.");
            return rows[_at].Row;
        }

        protected override void Dispose(bool disposing)
        {
            if (!_disposed)
            {
                _disposed = true;
                _ended = true;
                Interlocked.Increment(ref view._cursorsClosed);
            }
            base.Dispose(disposing);
        }
    }
}
