using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>
/// A trained model in a pipeline: it adds its output columns to those of its input. Most are of one of two kinds,
/// <see cref="RowScoringTransformer"/> and <see cref="SequenceScoringTransformer"/>.
/// </summary>
[TypeFormatterSource(typeof(FormatterSource))]
public abstract class ScoringTransformer : ITransformer, IDisposable, IDisplayed
{
    private protected ScoringTransformer(IHost host) => Host = host;

    internal IHost Host { get; }

    /// <summary>The columns that scoring reads, in the order in which scorers see them.</summary>
    internal abstract IReadOnlyList<InputColumn> Inputs { get; }

    /// <summary>The columns that scoring adds to data of this schema, whose input columns were checked.</summary>
    internal abstract IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema);

    /// <summary>Makes the scorer of one cursor.</summary>
    internal abstract BatchScorer CreateScorer(ScoringSchema schema);

    /// <summary>How the model file calls this kind of model.</summary>
    internal abstract ModelSignature Signature { get; }

    /// <summary>Writes all that scoring needs.</summary>
    internal abstract void Save(ModelWriter writer);

    /// <summary>What rows the score of a row depends on.</summary>
    internal abstract SequenceReach Reach { get; }

    /// <summary>Whether <see cref="Save"/> makes tensors; where not, saving does not touch the native library.</summary>
    internal virtual bool HoldsTensors => true;

    /// <summary>Writes what scoring computes as a graph. The base refuses.</summary>
    /// <exception cref="NotSupportedException">The model has no form in ONNX.</exception>
    internal virtual void WriteOnnx(OnnxScoring onnx) => throw onnx.Refuse("cannot be written as ONNX.");

    /// <summary>The number of rows that a row of the graph looks back on, itself included; 0 = the graph reads rows, not windows.</summary>
    internal virtual int OnnxWindowSize => 0;

    /// <summary>Whether the graph has a result for each row of its windows, not one for each window.</summary>
    internal virtual bool IsOnnxOfAllRows => false;

    /// <summary>The type of an input in a graph that is written without a schema.</summary>
    internal virtual DataViewType GetOnnxInputType(int input) => Inputs[input].PreferredType;

    internal bool IsRowToRow => Reach == SequenceReach.Row;

    /// <summary>Returns the schema that <see cref="Transform"/> gives to data of the given schema.</summary>
    /// <param name="inputSchema">The schema of the data.</param>
    /// <returns>The columns of the input, then those of this transformer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or has another type.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => new ScoringSchema(this, inputSchema).Output;

    /// <summary>Adds the output columns. Nothing is read before a cursor of the result is.</summary>
    /// <param name="input">The data.</param>
    /// <returns>A view of the data with the columns of <see cref="GetOutputSchema"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or has another type.</exception>
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public IDataView Transform(IDataView input)
    {
        Host.CheckValue(input, nameof(input));
        ThrowIfDisposed();
        return new ScoringView(new ScoringSchema(this, input.Schema), input);
    }

    /// <summary>What the model is, in words.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString() => $"{GetType().Name}{Environment.NewLine}{TextTable.Of(["", "value"], [.. About().Select(fact => (string[])[fact.Name, fact.Value])])}";

    /// <summary>What the model is, as a table and charts.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml() => Html.Section(GetType().Name, [.. Charts, Html.Table("Model", ["", "value"], About().Select(fact => (string[])[fact.Name, fact.Value]))]);

    /// <summary>What a person is told of the model; none of it in native memory, which may be freed.</summary>
    private protected virtual IEnumerable<(string Name, string Value)> Facts => [];

    /// <summary>Charts of what was learned.</summary>
    private protected virtual IEnumerable<string> Charts => [];

    private IEnumerable<(string Name, string Value)> About() => Facts.Prepend(("input columns", string.Join(", ", Inputs.Select(column => column.Name))));

    bool ITransformer.IsRowToRowMapper => IsRowToRow;

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema)
    {
        if (!IsRowToRow)
        {
            throw Host.Except($"{GetType().Name} scores rows in their sequence: it cannot score one row alone, as a PredictionEngine would.");
        }
        ThrowIfDisposed();
        return new ScoringRowMapper(new ScoringSchema(this, inputSchema));
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        Host.CheckValue(ctx, nameof(ctx));
        ThrowIfDisposed();
        ModelWriter.Write(Host, ctx, this);
    }

    /// <summary>Frees the native memory of the model. Views made by <see cref="Transform"/> can be scored no more.</summary>
    public void Dispose()
    {
        if (!IsDisposed)
        {
            IsDisposed = true;
            DisposeCore();
        }
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the model holds; called once.</summary>
    private protected abstract void DisposeCore();

    private protected bool IsDisposed { get; private set; }

    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    internal void ThrowIfDisposed()
    {
        if (IsDisposed)
        {
            throw Host.Process(new ObjectDisposedException(GetType().Name));
        }
    }
}

/// <summary>A model that scores each row by itself: a <see cref="PredictionEngine{TSrc, TDst}"/> can be made of it, and views may be shuffled or read by several cursors at once.</summary>
public abstract class RowScoringTransformer : ScoringTransformer
{
    private protected RowScoringTransformer(IHost host)
        : base(host)
    {
    }

    internal sealed override SequenceReach Reach => SequenceReach.Row;
}

/// <summary>What rows the score of a row depends on.</summary>
internal enum SequenceReach
{
    /// <summary>The row alone.</summary>
    Row,

    /// <summary>The row and those before it: rows stream through.</summary>
    Past,

    /// <summary>All rows of the view: each cursor reads the input columns into memory first.</summary>
    View,

    /// <summary>As <see cref="View"/>, computed once and shared by the cursors of the view.</summary>
    SharedView,
}

/// <summary>A model whose scores depend on several rows: it reads them in the order of the view, in one cursor, and never shuffled.</summary>
public abstract class SequenceScoringTransformer : ScoringTransformer
{
    private protected SequenceScoringTransformer(IHost host)
        : base(host)
    {
    }

    internal override SequenceReach Reach => SequenceReach.Past;
}
