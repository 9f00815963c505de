using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Scores one row at a time, for a prediction engine and the like.</summary>
internal sealed class ScoringRowMapper(ScoringSchema schema) : IRowToRowMapper
{
    public DataViewSchema InputSchema => schema.Input;

    public DataViewSchema OutputSchema => schema.Output;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
        => schema.Dependencies(schema.Activate(dependingColumns));

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        var host = schema.Transformer.Host;
        host.CheckValue(input, nameof(input));
        host.CheckValue(activeColumns, nameof(activeColumns));
        host.CheckParam(ReferenceEquals(input.Schema, schema.Input), nameof(input), "The row is of another schema than this mapper.");
        return new Row(schema, input, schema.Activate(activeColumns));
    }

    private sealed class Row : DataViewRow
    {
        private readonly ScoringSchema _schema;
        private readonly DataViewRow _input;
        private readonly bool[] _active;
        private readonly BatchScorer? _scorer;
        private readonly ScoringBatch? _batch;
        private readonly IReadOnlyList<RowBuffer> _outputs = [];
        private readonly Action? _read;
        private long _scored = long.MinValue;
        private bool _disposed;

        internal Row(ScoringSchema schema, DataViewRow input, bool[] active)
        {
            _schema = schema;
            _input = input;
            _active = active;
            if (schema.ScoresAny(active))
            {
                _scorer = schema.Transformer.CreateScorer(schema);
                (_batch, _outputs, _read) = schema.CreateBatch(input, active);
            }
        }

        public override DataViewSchema Schema => _schema.Output;

        public override long Position => _input.Position;

        public override long Batch => _input.Batch;

        public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => ScoringSchema.IsActive(column, _active);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
            => column.Index < _schema.Input.Count && IsColumnActive(column)
                ? _input.GetGetter<TValue>(_schema.Input[column.Index])
                : _schema.Getter<TValue>(column, _active, index => _schema.Outputs[_schema.OutputIndex(index)].CreateGetter(_outputs[_schema.OutputIndex(index)], Score));

        private int Score()
        {
            if (_scored != _input.Position)
            {
                _schema.Transformer.ThrowIfDisposed();
                _batch!.Clear();
                _read!();
                _scorer!.Score(_batch);
                _scored = _input.Position;
            }
            return 0;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && !_disposed)
            {
                _disposed = true;
                _scorer?.Dispose();
                _input.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
