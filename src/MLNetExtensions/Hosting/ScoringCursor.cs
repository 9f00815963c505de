using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>
/// Scores rows as they stream by. One row through a network costs nearly as much as many, so the cursor reads ahead, 1, 2, 4 … rows at a time: whoever wants a
/// single row waits for one, whoever reads on pays little for each. The columns passed through are copied meanwhile.
/// </summary>
internal sealed class ScoringCursor : DataViewRowCursor
{
    private const int LargestBatch = 256;

    private readonly ScoringSchema _schema;
    private readonly DataViewRowCursor _input;
    private readonly bool[] _active;
    private readonly BatchScorer? _scorer;
    private readonly ScoringBatch? _batch;
    private readonly IReadOnlyList<RowBuffer> _outputs = [];
    private readonly Action? _read;
    private readonly CopiedColumn?[] _copies = [];
    private readonly int _largestBatch = 1;
    private readonly ValueGetter<DataViewRowId>? _getId;
    private readonly DataViewRowId[] _ids = [];
    private readonly long[] _batches = [];
    private int _size = 1;
    private int _count;
    private int _row;
    private long _position = -1;
    private bool _ended;
    private bool _disposed;

    internal ScoringCursor(ScoringSchema schema, DataViewRowCursor input, bool[] active)
    {
        _schema = schema;
        _input = input;
        _active = active;
        if (!schema.ScoresAny(active))
        {
            return;
        }
        _scorer = schema.Transformer.CreateScorer(schema);
        (_batch, _outputs, _read) = schema.CreateBatch(input, active);
        var passed = schema.Input.Where(column => active[column.Index]).ToArray();
        if (passed.All(column => column.Type.IsCacheable()))
        {
            _largestBatch = LargestBatch;
            _copies = new CopiedColumn?[schema.Input.Count];
            foreach (var column in passed)
            {
                _copies[column.Index] = CopiedColumn.Create(input, column, LargestBatch);
            }
            _getId = input.GetIdGetter();
            _ids = new DataViewRowId[LargestBatch];
            _batches = new long[LargestBatch];
        }
    }

    public override DataViewSchema Schema => _schema.Output;

    public override long Position => _position;

    public override long Batch => _largestBatch == 1 || _count == 0 ? _input.Batch : _batches[_row];

    public override bool IsColumnActive(DataViewSchema.Column column) => ScoringSchema.IsActive(column, _active);

    public override bool MoveNext()
    {
        if (_ended)
        {
            return false;
        }
        if (++_row >= _count && !Fill())
        {
            _ended = true;
            _position = -1;
            _scorer?.Complete();
            return false;
        }
        _position++;
        return true;
    }

    private bool Fill()
    {
        _row = 0;
        _count = 0;
        _batch?.Clear();
        while (_count < _size && _input.MoveNext())
        {
            _read?.Invoke();
            if (_getId is not null)
            {
                _getId(ref _ids[_count]);
                _batches[_count] = _input.Batch;
                foreach (var copy in _copies)
                {
                    copy?.Take(_count);
                }
            }
            _count++;
        }
        if (_count > 0 && _batch is not null)
        {
            _schema.Transformer.ThrowIfDisposed();
            _scorer!.Score(_batch);
        }
        _size = Math.Min(2 * _size, _largestBatch);
        return _count > 0;
    }

    public override ValueGetter<DataViewRowId> GetIdGetter()
        => _getId is null ? _input.GetIdGetter() : (ref DataViewRowId id) => id = _ids[CurrentRow()];

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (_largestBatch == 1 && column.Index < _schema.Input.Count && IsColumnActive(column))
        {
            return _input.GetGetter<TValue>(_schema.Input[column.Index]);
        }
        return _schema.Getter<TValue>(column, _active, index => _schema.OutputIndex(index) is >= 0 and var output
            ? _schema.Outputs[output].CreateGetter(_outputs[output], CurrentRow)
            : _copies[index]!.CreateGetter(CurrentRow));
    }

    private int CurrentRow()
    {
        _schema.Transformer.Host.Check(_position >= 0, "The cursor is not at a row: a value cannot be read.");
        return _row;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            _ended = true;
            _position = -1;
            _scorer?.Dispose();
            _input.Dispose();
        }
        base.Dispose(disposing);
    }
}
