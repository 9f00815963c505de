using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Data with the columns of a transformer.</summary>
internal sealed class ScoringView : IDataView
{
    private readonly ScoringSchema _schema;
    private readonly IDataView _input;
    private readonly Lock _lock = new();
    private ViewScores? _shared;

    internal ScoringView(ScoringSchema schema, IDataView input)
    {
        _schema = schema;
        _input = input;
    }

    public DataViewSchema Schema => _schema.Output;

    public bool CanShuffle => _schema.Transformer.IsRowToRow && _input.CanShuffle;

    public long? GetRowCount() => _input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        var active = Activate(columnsNeeded);
        if (_schema.ScoresAny(active) && _schema.Transformer.Reach is SequenceReach.View or SequenceReach.SharedView)
        {
            var scores = _schema.Transformer.Reach == SequenceReach.SharedView ? SharedScores() : ViewScores.Compute(_schema, _input, active);
            return new ViewScoringCursor(_schema, _input.GetRowCursor(_schema.Dependencies(active, inputs: false)), active, scores);
        }
        return new ScoringCursor(_schema, _input.GetRowCursor(_schema.Dependencies(active), _schema.Transformer.IsRowToRow ? rand : null), active);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        if (!_schema.Transformer.IsRowToRow)
        {
            return [GetRowCursor(columnsNeeded)];
        }
        var active = Activate(columnsNeeded);
        return [.. _input.GetRowCursorSet(_schema.Dependencies(active), n, rand).Select(cursor => new ScoringCursor(_schema, cursor, active))];
    }

    // All outputs, once for all cursors. A view that could not be read may be readable later.
    private ViewScores SharedScores()
    {
        lock (_lock)
        {
            if (_shared is null)
            {
                var all = new bool[_schema.Output.Count];
                all.AsSpan(_schema.Input.Count).Fill(true);
                _shared = ViewScores.Compute(_schema, _input, all);
            }
            return _shared;
        }
    }

    private bool[] Activate(IEnumerable<DataViewSchema.Column> columnsNeeded)
    {
        _schema.Transformer.Host.CheckValue(columnsNeeded, nameof(columnsNeeded));
        _schema.Transformer.ThrowIfDisposed();
        return _schema.Activate(columnsNeeded);
    }
}
