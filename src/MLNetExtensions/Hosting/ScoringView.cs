using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Data with the columns of a transformer.</summary>
internal sealed class ScoringView : IDataView
{
    private readonly ScoringSchema _schema;
    private readonly IDataView _input;
    private readonly Lazy<ViewScores>? _shared;

    internal ScoringView(ScoringSchema schema, IDataView input)
    {
        _schema = schema;
        _input = input;
        if (schema.Transformer is SequenceScoringTransformer { Reach: SequenceReach.SharedView })
        {
            var all = new bool[schema.Output.Count];
            all.AsSpan(schema.Input.Count).Fill(true);
            _shared = new(() => ViewScores.Compute(schema, input, all));
        }
    }

    public DataViewSchema Schema => _schema.Output;

    public bool CanShuffle => _schema.Transformer.IsRowToRow && _input.CanShuffle;

    public long? GetRowCount() => _input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        var active = Activate(columnsNeeded);
        if (_schema.ScoresAny(active) && _schema.Transformer is SequenceScoringTransformer { Reach: not SequenceReach.Past })
        {
            var scores = _shared?.Value ?? ViewScores.Compute(_schema, _input, active);
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

    private bool[] Activate(IEnumerable<DataViewSchema.Column> columnsNeeded)
    {
        _schema.Transformer.Host.CheckValue(columnsNeeded, nameof(columnsNeeded));
        _schema.Transformer.ThrowIfDisposed();
        return _schema.Activate(columnsNeeded);
    }
}
