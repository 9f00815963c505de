using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tensors;

/// <summary>Numbers the entities of a mode, from 0; negative = missing or unknown. Each function is for one cursor.</summary>
internal interface IEntityNumbers
{
    Func<ulong, int> OfKeys(DataViewSchema.Column column);

    Func<long, int> OfIntegers(DataViewSchema.Column column);

    Func<string, int> OfTexts(DataViewSchema.Column column);
}

/// <summary>The column of a mode: a key, an integer or text, read as the numbers of entities.</summary>
/// <param name="Name">The name of the column.</param>
/// <param name="Entities">Numbers them.</param>
internal sealed record ModeColumn(string Name, IEntityNumbers Entities)
    : InputColumn(Name, "mode", InputTypes.Key | InputTypes.Text | InputTypes.Integer, InputShapes.Scalar)
{
    internal override RowBuffer<int> CreateBuffer(DataViewType type, long rows = 0) => new(1, rows);

    internal override Action Bind(DataViewRow row, DataViewSchema.Column column, RowBuffer buffer) => column.Type switch
    {
        KeyDataViewType => Bind(row, column, (RowBuffer<int>)buffer, Entities.OfKeys(column)),
        TextDataViewType => Bind(row, column, (RowBuffer<int>)buffer, Entities.OfTexts(column)),
        _ => Bind(row, column, (RowBuffer<int>)buffer, Entities.OfIntegers(column)),
    };

    private Action Bind<T>(DataViewRow row, DataViewSchema.Column column, RowBuffer<int> buffer, Func<T, int> numberOf)
    {
        var value = new RowBuffer<T>(1);
        var read = new InputColumn<T>(Name, Role, Types, Shapes).Bind(row, column, value);
        return () =>
        {
            value.Clear();
            read();
            buffer.Add(1)[0] = numberOf(value.Values[0]);
        };
    }
}
