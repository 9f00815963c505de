using System.Runtime.CompilerServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Objects of the user as rows, and through row-to-row transformers.</summary>
/// <typeparam name="TIn">The type of the objects.</typeparam>
internal sealed class EngineInput<TIn> : IDisposable
    where TIn : class
{
    private readonly DataViewConstructionUtils.InputRow<TIn> _input;

    internal EngineInput(IHostEnvironment env, IEnumerable<ITransformer> transformers, SchemaDefinition? schema)
    {
        _input = DataViewConstructionUtils.CreateInputRow<TIn>(env, schema);
        Row = EngineRows.Map(env, _input, transformers);
        // Until the first object is set, columns have the values of one without any.
        Set((TIn)RuntimeHelpers.GetUninitializedObject(typeof(TIn)));
    }

    /// <summary>The row of the object last set, with the columns of the transformers.</summary>
    internal DataViewRow Row { get; }

    internal void Set(TIn value) => _input.ExtractValues(value);

    public void Dispose() => Row.Dispose();
}

/// <summary>Rows, through row-to-row transformers, as objects of the user.</summary>
/// <typeparam name="TOut">The type of the objects.</typeparam>
internal sealed class EngineOutput<TOut> : IDisposable
    where TOut : class, new()
{
    private readonly IRowReadableAs<TOut> _output;
    private readonly AddedColumnsRow _row;

    /// <param name="env">The environment.</param>
    /// <param name="input">The row before the columns are added.</param>
    /// <param name="columns">The columns that are added.</param>
    /// <param name="transformers">The transformers that follow.</param>
    internal EngineOutput(IHostEnvironment env, DataViewRow input, IReadOnlyList<OutputColumn> columns, IEnumerable<ITransformer> transformers)
    {
        _row = new(input, columns);
        var mapped = EngineRows.Map(env, _row, transformers);
        _output = TypedCursorable<TOut>.Create(env, new EmptyDataView(env, mapped.Schema), ignoreMissingColumns: false, schemaDefinition: null).GetRow(mapped);
    }

    /// <summary>Where the value of an added column is written, before <see cref="Get"/>.</summary>
    internal RowBuffer<T> Buffer<T>(int column) => (RowBuffer<T>)_row.Buffers[column];

    internal TOut Get()
    {
        _row.Advance();
        var result = new TOut();
        _output.FillValues(result);
        return result;
    }

    public void Dispose() => _output.Dispose();

    private sealed class AddedColumnsRow : DataViewRow
    {
        private readonly DataViewRow _input;
        private readonly IReadOnlyList<OutputColumn> _columns;
        private long _position = -1;

        internal AddedColumnsRow(DataViewRow input, IReadOnlyList<OutputColumn> columns)
        {
            _input = input;
            _columns = columns;
            Buffers = [.. columns.Select(column => column.CreateBuffer())];
            var builder = new DataViewSchema.Builder();
            builder.AddColumns(input.Schema);
            foreach (var column in columns)
            {
                builder.AddColumn(column.Name, column.Type, column.Annotations);
            }
            Schema = builder.ToSchema();
        }

        internal IReadOnlyList<RowBuffer> Buffers { get; }

        public override DataViewSchema Schema { get; }

        /// <summary>Its own: the added columns change while the input stays, and what follows keeps values by position.</summary>
        public override long Position => _position;

        public override long Batch => _input.Batch;

        internal void Advance() => _position++;

        public override bool IsColumnActive(DataViewSchema.Column column) => column.Index < Schema.Count;

        public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            var index = column.Index - _input.Schema.Count;
            return index < 0
                ? _input.GetGetter<TValue>(_input.Schema[column.Index])
                : _columns[index].CreateGetter(Buffers[index], static () => 0) as ValueGetter<TValue>
                    ?? throw new InvalidOperationException($"Column '{column.Name}' is of type {column.Type}: its values are {column.Type.RawType}, not {typeof(TValue)}.");
        }
    }
}

internal static class EngineRows
{
    /// <exception cref="InvalidOperationException">One of the transformers does not map row by row.</exception>
    internal static DataViewRow Map(IExceptionContext context, DataViewRow row, IEnumerable<ITransformer> transformers)
    {
        foreach (var transformer in transformers)
        {
            if (!transformer.IsRowToRowMapper)
            {
                throw Check.BadData(context, $"{transformer.GetType().Name} does not map row by row: an engine cannot run it.");
            }
            var mapper = transformer.GetRowToRowMapper(row.Schema);
            row = mapper.GetRow(row, mapper.OutputSchema);
        }
        return row;
    }
}
