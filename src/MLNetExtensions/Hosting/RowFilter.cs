using System.Collections;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Some rows of a view, chosen by position. Columns and row ids are those of the view; nothing is read before a cursor is.</summary>
internal sealed class RowFilter : IDataView
{
    private readonly IHost _host;
    private readonly IDataView _input;
    private readonly BitArray _rows;
    private readonly long _count;
    private readonly int _end;

    internal RowFilter(IHost host, IDataView input, BitArray rows)
    {
        _host = host;
        _input = input;
        _rows = rows;
        for (var row = 0; row < rows.Count; row++)
        {
            if (rows[row])
            {
                _count++;
                _end = row + 1;
            }
        }
    }

    public DataViewSchema Schema => _input.Schema;

    public bool CanShuffle => false;

    public long? GetRowCount() => _count;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        _host.CheckValue(columnsNeeded, nameof(columnsNeeded));
        return new Cursor(this, _input.GetRowCursor(columnsNeeded));
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => [GetRowCursor(columnsNeeded)];

    private sealed class Cursor(RowFilter view, DataViewRowCursor input) : DataViewRowCursor
    {
        private int _row = -1;
        private long _position = -1;
        private bool _ended;
        private bool _disposed;

        public override DataViewSchema Schema => view.Schema;

        public override long Position => _position;

        public override long Batch => input.Batch;

        public override bool IsColumnActive(DataViewSchema.Column column) => input.IsColumnActive(column);

        public override bool MoveNext()
        {
            // What follows the last row of the part is not read.
            while (!_ended && ++_row < view._end && input.MoveNext())
            {
                if (view._rows[_row])
                {
                    _position++;
                    return true;
                }
            }
            _ended = true;
            _position = -1;
            return false;
        }

        public override ValueGetter<DataViewRowId> GetIdGetter() => Guard(input.GetIdGetter());

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => Guard(input.GetGetter<TValue>(column));

        // The input's own cursor stands at a row still when this one has come to its end.
        private ValueGetter<TValue> Guard<TValue>(ValueGetter<TValue> getter) => (ref TValue value) =>
        {
            view._host.Check(_position >= 0, "The cursor is not at a row: a value cannot be read.");
            getter(ref value);
        };

        protected override void Dispose(bool disposing)
        {
            if (disposing && !_disposed)
            {
                _disposed = true;
                _ended = true;
                _position = -1;
                input.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
