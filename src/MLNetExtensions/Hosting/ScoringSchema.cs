using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>A transformer bound to the schema of its data: where its inputs are, and the columns that result.</summary>
internal sealed class ScoringSchema
{
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or has another type.</exception>
    internal ScoringSchema(ScoringTransformer transformer, DataViewSchema input)
    {
        transformer.Host.CheckValue(input, "inputSchema");
        Transformer = transformer;
        Input = input;
        InputColumns = [.. transformer.Inputs.Select(column => column.Find(transformer.Host, input))];
        Outputs = transformer.GetOutputs(input);
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(input);
        foreach (var column in Outputs)
        {
            builder.AddColumn(column.Name, column.Type, column.Annotations);
        }
        Output = builder.ToSchema();
    }

    internal ScoringTransformer Transformer { get; }

    internal DataViewSchema Input { get; }

    /// <summary>The transformer's inputs, in its order.</summary>
    internal IReadOnlyList<DataViewSchema.Column> InputColumns { get; }

    internal IReadOnlyList<OutputColumn> Outputs { get; }

    /// <summary>The columns of the input at their indices, then the outputs.</summary>
    internal DataViewSchema Output { get; }

    /// <summary>The index among the outputs, or negative for a column that is passed through.</summary>
    internal int OutputIndex(int column) => column - Input.Count;

    /// <summary>Which columns of the output schema are asked for.</summary>
    internal bool[] Activate(IEnumerable<DataViewSchema.Column> columns)
    {
        var active = new bool[Output.Count];
        foreach (var column in columns)
        {
            Transformer.Host.CheckParam(column.Index < Output.Count && Output[column.Index].Name == column.Name, nameof(columns), $"Column '{column.Name}' is not of this schema.");
            active[column.Index] = true;
        }
        return active;
    }

    /// <summary>Whether a column of the transformer itself is among the active ones.</summary>
    internal bool ScoresAny(bool[] active) => active.AsSpan(Input.Count).Contains(true);

    /// <summary>The columns to ask of the input: those passed through, and the transformer's inputs if anything is scored.</summary>
    internal IEnumerable<DataViewSchema.Column> Dependencies(bool[] active, bool passThrough = true, bool inputs = true)
    {
        var needed = new bool[Input.Count];
        if (passThrough)
        {
            active.AsSpan(0, Input.Count).CopyTo(needed);
        }
        if (inputs && ScoresAny(active))
        {
            foreach (var column in InputColumns)
            {
                needed[column.Index] = true;
            }
        }
        return Input.Where(column => needed[column.Index]);
    }

    /// <summary>Makes a batch without rows, the readers that add one from <paramref name="row"/>, and room for as many.</summary>
    internal (ScoringBatch Batch, IReadOnlyList<RowBuffer> Outputs, Action Read) CreateBatch(DataViewRow row, bool[] active, long rows = 0)
    {
        var inputs = Transformer.Inputs.Select((column, i) => column.CreateBuffer(InputColumns[i].Type, rows)).ToArray();
        var outputs = Outputs.Select(column => column.CreateBuffer()).ToArray();
        var batch = new ScoringBatch(inputs, outputs, active[Input.Count..]);
        var readers = inputs.Select((buffer, i) => Transformer.Inputs[i].Bind(row, InputColumns[i], buffer)).ToArray();
        return (batch, outputs, () =>
        {
            foreach (var read in readers)
            {
                read();
            }
            batch.AddRow();
        }
        );
    }

    /// <summary>Returns a getter of an active column as the type that the caller asked for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column is not active.</exception>
    /// <exception cref="InvalidOperationException">The column has another type.</exception>
    internal ValueGetter<TValue> Getter<TValue>(DataViewSchema.Column column, bool[] active, Func<int, Delegate> create)
    {
        Transformer.Host.CheckParam(IsActive(column, active), nameof(column), $"Column '{column.Name}' is not active.");
        return create(column.Index) as ValueGetter<TValue>
            ?? throw Transformer.Host.Except($"Column '{column.Name}' is of type {column.Type}: its values are {column.Type.RawType}, not {typeof(TValue)}.");
    }

    internal static bool IsActive(DataViewSchema.Column column, bool[] active) => column.Index < active.Length && active[column.Index];
}
