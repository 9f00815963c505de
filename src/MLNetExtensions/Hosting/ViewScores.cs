using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>The scores of all rows of a view, for models whose scores depend on all of them.</summary>
internal sealed class ViewScores
{
    private ViewScores(IReadOnlyList<DataViewRowId> ids, IReadOnlyList<RowBuffer> outputs)
    {
        Ids = ids;
        Outputs = outputs;
    }

    /// <summary>The ids of the rows, in their order.</summary>
    internal IReadOnlyList<DataViewRowId> Ids { get; }

    internal IReadOnlyList<RowBuffer> Outputs { get; }

    internal static ViewScores Compute(ScoringSchema schema, IDataView input, bool[] active)
    {
        using var cursor = input.GetRowCursor(schema.Dependencies(active, passThrough: false));
        var (batch, outputs, read) = schema.CreateBatch(cursor, active, input.GetRowCount() ?? 0);
        var getId = cursor.GetIdGetter();
        var ids = new List<DataViewRowId>();
        while (cursor.MoveNext())
        {
            DataViewRowId id = default;
            getId(ref id);
            ids.Add(id);
            read();
            schema.Transformer.Host.CheckAlive();
        }
        using var scorer = schema.Transformer.CreateScorer(schema);
        if (ids.Count > 0)
        {
            scorer.Score(batch);
        }
        scorer.Complete();
        return new(ids, outputs);
    }
}

/// <summary>Joins the scores of a view to a second cursor over it, which supplies the columns passed through.</summary>
internal sealed class ViewScoringCursor(ScoringSchema schema, DataViewRowCursor input, bool[] active, ViewScores scores) : DataViewRowCursor
{
    private readonly ValueGetter<DataViewRowId> _getId = input.GetIdGetter();
    private int _rows;
    private bool _ended;
    private bool _disposed;

    public override DataViewSchema Schema => schema.Output;

    public override long Position => input.Position;

    public override long Batch => input.Batch;

    public override bool IsColumnActive(DataViewSchema.Column column) => ScoringSchema.IsActive(column, active);

    public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

    public override bool MoveNext()
    {
        if (_ended)
        {
            return false;
        }
        schema.Transformer.ThrowIfDisposed();
        var moved = input.MoveNext();
        DataViewRowId id = default;
        if (moved)
        {
            _getId(ref id);
        }
        if (moved ? _rows >= scores.Ids.Count || !id.Equals(scores.Ids[_rows]) : _rows != scores.Ids.Count)
        {
            throw schema.Transformer.Host.Except($"The view gave other rows when it was read again: row {_rows} {(moved ? "has another id" : "is missing")}. Cache the data before {schema.Transformer.GetType().Name}.");
        }
        _rows++;
        _ended = !moved;
        return moved;
    }

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        => column.Index < schema.Input.Count && IsColumnActive(column)
            ? input.GetGetter<TValue>(schema.Input[column.Index])
            : schema.Getter<TValue>(column, active, index => schema.Outputs[schema.OutputIndex(index)].CreateGetter(scores.Outputs[schema.OutputIndex(index)], CurrentRow));

    private int CurrentRow()
    {
        schema.Transformer.Host.Check(input.Position >= 0, "The cursor is not at a row: a value cannot be read.");
        return (int)input.Position;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            _ended = true;
            input.Dispose();
        }
        base.Dispose(disposing);
    }
}
