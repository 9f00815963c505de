using System.Globalization;
using System.Numerics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>The item types that an input column may have.</summary>
[Flags]
internal enum InputTypes
{
    Single = 1,
    Double = 2,
    Boolean = 4,
    Key = 8,
    Text = 16,
    DateTime = 32,
    Byte = 64,
    Int32 = 128,
    Int64 = 256,
    SByte = 512,
    Int16 = 1024,
    UInt16 = 2048,
    UInt32 = 4096,

    /// <summary>All that an Int64 holds.</summary>
    Integer = SByte | Byte | Int16 | UInt16 | Int32 | UInt32 | Int64,
    Number = Single | Double,
}

/// <summary>The shapes that an input column may have.</summary>
[Flags]
internal enum InputShapes
{
    Scalar = 1,
    Vector = 2,
    VariableVector = 4,
    Fixed = Scalar | Vector,
}

/// <summary>What a transformer or an estimator asks of an input column.</summary>
/// <param name="Name">The name of the column.</param>
/// <param name="Role">What it is to the algorithm, as messages call it: feature, label, series …</param>
/// <param name="Types">The item types accepted.</param>
/// <param name="Shapes">The shapes accepted.</param>
/// <param name="Size">The number of values in a row, where only one will do.</param>
internal abstract record InputColumn(string Name, string Role, InputTypes Types, InputShapes Shapes, int? Size = null)
{
    /// <summary>Finds the column in the schema of data.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none of this name, or it has another type.</exception>
    internal DataViewSchema.Column Find(IExceptionContext context, DataViewSchema schema)
    {
        var column = schema.GetColumnOrNull(Name) ?? throw context.ExceptSchemaMismatch("inputSchema", Role, Name);
        var vector = column.Type as VectorDataViewType;
        var shape = vector is null ? InputShapes.Scalar : vector.IsKnownSize ? InputShapes.Vector : InputShapes.VariableVector;
        if (!Accepts(column.Type.GetItemType(), shape) || (Size is { } size && shape != InputShapes.VariableVector && column.Type.GetValueCount() != size))
        {
            throw context.ExceptSchemaMismatch("inputSchema", Role, Name, Expected, NameOf(column.Type));
        }
        return column;
    }

    /// <summary>The number of values in a row of a column; 0 where it varies.</summary>
    internal static int Width(DataViewSchema.Column column) => column.Type.GetValueCount();

    /// <summary>Checks the column in the shape of a schema, as an estimator sees it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none of this name, or it has another type.</exception>
    internal void Check(IExceptionContext context, SchemaShape schema)
    {
        if (!schema.TryFindColumn(Name, out var column))
        {
            throw context.ExceptSchemaMismatch("inputSchema", Role, Name);
        }
        var shape = column.Kind switch
        {
            SchemaShape.Column.VectorKind.Scalar => InputShapes.Scalar,
            SchemaShape.Column.VectorKind.Vector => InputShapes.Vector,
            _ => InputShapes.VariableVector,
        };
        if (column.IsKey ? !Types.HasFlag(InputTypes.Key) || !Shapes.HasFlag(shape) : !Accepts(column.ItemType, shape))
        {
            throw context.ExceptSchemaMismatch("inputSchema", Role, Name, Expected, column.GetTypeString());
        }
    }

    /// <summary>The type to take the column for where no schema tells it.</summary>
    internal DataViewType PreferredType
    {
        get
        {
            PrimitiveDataViewType item = Types.HasFlag(InputTypes.Single) ? NumberDataViewType.Single
                : Types.HasFlag(InputTypes.Double) ? NumberDataViewType.Double
                : Types.HasFlag(InputTypes.Text) ? TextDataViewType.Instance
                : Types.HasFlag(InputTypes.Key) ? new KeyDataViewType(typeof(uint), uint.MaxValue)
                : Types.HasFlag(InputTypes.Int64) ? NumberDataViewType.Int64
                : Types.HasFlag(InputTypes.DateTime) ? DateTimeDataViewType.Instance
                : BooleanDataViewType.Instance;
            return Shapes.HasFlag(InputShapes.Vector) && (Size is not null || !Shapes.HasFlag(InputShapes.Scalar)) ? new VectorDataViewType(item, Size ?? 0) : item;
        }
    }

    /// <summary>Makes a buffer for a column of this type.</summary>
    internal abstract RowBuffer CreateBuffer(DataViewType type, long rows = 0);

    /// <summary>Returns an action that appends the value of the row's current position to the buffer.</summary>
    internal abstract Action Bind(DataViewRow row, DataViewSchema.Column column, RowBuffer buffer);

    private bool Accepts(DataViewType item, InputShapes shape)
    {
        var type = item switch
        {
            KeyDataViewType => InputTypes.Key,
            NumberDataViewType when item.RawType == typeof(float) => InputTypes.Single,
            NumberDataViewType when item.RawType == typeof(double) => InputTypes.Double,
            NumberDataViewType when item.RawType == typeof(byte) => InputTypes.Byte,
            NumberDataViewType when item.RawType == typeof(int) => InputTypes.Int32,
            NumberDataViewType when item.RawType == typeof(long) => InputTypes.Int64,
            NumberDataViewType when item.RawType == typeof(sbyte) => InputTypes.SByte,
            NumberDataViewType when item.RawType == typeof(short) => InputTypes.Int16,
            NumberDataViewType when item.RawType == typeof(ushort) => InputTypes.UInt16,
            NumberDataViewType when item.RawType == typeof(uint) => InputTypes.UInt32,
            BooleanDataViewType => InputTypes.Boolean,
            TextDataViewType => InputTypes.Text,
            DateTimeDataViewType => InputTypes.DateTime,
            _ => default,
        };
        return type != default && Types.HasFlag(type) && Shapes.HasFlag(shape);
    }

    // ML.NET writes a vector of unknown size as Vector<Single>, which is what may be expected.
    private static string NameOf(DataViewType type) => type is VectorDataViewType { IsKnownSize: false } vector ? $"VarVector<{vector.ItemType}>" : type.ToString()!;

    private string Expected
    {
        get
        {
            var items = Enum.GetValues<InputTypes>().Where(type => BitOperations.IsPow2((int)type) && Types.HasFlag(type)).ToArray();
            var sized = Size is { } size ? $", {size}" : "";
            var all = new List<string>();
            if (Shapes.HasFlag(InputShapes.Scalar) && Size is null or 1)
            {
                all.AddRange(items.Select(item => $"{item}"));
            }
            if (Shapes.HasFlag(InputShapes.Vector))
            {
                all.AddRange(items.Select(item => $"Vector<{item}{sized}>"));
            }
            if (Shapes.HasFlag(InputShapes.VariableVector))
            {
                all.AddRange(items.Select(item => $"VarVector<{item}>"));
            }
            return string.Join(" or ", all);
        }
    }
}

/// <summary>An input column whose values the algorithm takes as <typeparamref name="T"/>.</summary>
/// <typeparam name="T">float or double for numbers and Booleans, long for whole numbers, ulong for keys (0 = missing), string for text, whole numbers and the values of keys, DateTime for dates.</typeparam>
internal sealed record InputColumn<T>(string Name, string Role, InputTypes Types, InputShapes Shapes, int? Size = null) : InputColumn(Name, Role, Types, Shapes, Size)
{
    internal override RowBuffer<T> CreateBuffer(DataViewType type, long rows = 0) => new(type.GetValueCount(), rows);

    internal override Action Bind(DataViewRow row, DataViewSchema.Column column, RowBuffer buffer)
    {
        var raw = column.Type.GetItemType().RawType;
        var target = (RowBuffer<T>)buffer;
        if (raw == typeof(T))
        {
            return Bind<T>(row, column, target, static value => value);
        }
        if (typeof(T) == typeof(string) && column.Type.GetItemType() is KeyDataViewType)
        {
            return BindKeyAsText(row, column, (RowBuffer<string>)buffer);
        }
        object convert = (raw, typeof(T)) switch
        {
            (var from, var to) when from == typeof(float) && to == typeof(double) => (Func<float, double>)(static value => value),
            (var from, var to) when from == typeof(double) && to == typeof(float) => (Func<double, float>)(static value => (float)value),
            (var from, var to) when from == typeof(bool) && to == typeof(float) => (Func<bool, float>)(static value => value ? 1 : 0),
            (var from, var to) when from == typeof(bool) && to == typeof(double) => (Func<bool, double>)(static value => value ? 1 : 0),
            (var from, var to) when from == typeof(byte) && to == typeof(float) => (Func<byte, float>)(static value => value),
            (var from, var to) when from == typeof(byte) && to == typeof(ulong) => (Func<byte, ulong>)(static value => value),
            (var from, var to) when from == typeof(ushort) && to == typeof(ulong) => (Func<ushort, ulong>)(static value => value),
            (var from, var to) when from == typeof(uint) && to == typeof(ulong) => (Func<uint, ulong>)(static value => value),
            (var from, var to) when from == typeof(sbyte) && to == typeof(long) => (Func<sbyte, long>)(static value => value),
            (var from, var to) when from == typeof(byte) && to == typeof(long) => (Func<byte, long>)(static value => value),
            (var from, var to) when from == typeof(short) && to == typeof(long) => (Func<short, long>)(static value => value),
            (var from, var to) when from == typeof(ushort) && to == typeof(long) => (Func<ushort, long>)(static value => value),
            (var from, var to) when from == typeof(int) && to == typeof(long) => (Func<int, long>)(static value => value),
            (var from, var to) when from == typeof(uint) && to == typeof(long) => (Func<uint, long>)(static value => value),
            (var from, var to) when from == typeof(int) && to == typeof(string) => (Func<int, string>)(static value => value.ToString(CultureInfo.InvariantCulture)),
            (var from, var to) when from == typeof(long) && to == typeof(string) => (Func<long, string>)(static value => value.ToString(CultureInfo.InvariantCulture)),
            (var from, var to) when from == typeof(ReadOnlyMemory<char>) && to == typeof(string) => (Func<ReadOnlyMemory<char>, string>)(static value => value.ToString()),
            _ => throw new NotSupportedException($"Column '{Name}': {raw} is not read as {typeof(T)}."),
        };
        return convert switch
        {
            Func<float, T> from => Bind(row, column, target, from),
            Func<double, T> from => Bind(row, column, target, from),
            Func<bool, T> from => Bind(row, column, target, from),
            Func<sbyte, T> from => Bind(row, column, target, from),
            Func<byte, T> from => Bind(row, column, target, from),
            Func<short, T> from => Bind(row, column, target, from),
            Func<ushort, T> from => Bind(row, column, target, from),
            Func<uint, T> from => Bind(row, column, target, from),
            Func<int, T> from => Bind(row, column, target, from),
            Func<long, T> from => Bind(row, column, target, from),
            Func<ReadOnlyMemory<char>, T> from => Bind(row, column, target, from),
            _ => throw new NotSupportedException($"Column '{Name}': {raw} is not read as {typeof(T)}."),
        };
    }

    // A key stands for its value where it has one, else for its number; a missing key for nothing.
    private static Action BindKeyAsText(DataViewRow row, DataViewSchema.Column column, RowBuffer<string> buffer)
    {
        var values = KeyVocabulary.Of(column).Values;
        var keys = new RowBuffer<ulong>(column.Type.GetValueCount());
        var read = new InputColumn<ulong>(column.Name, "", InputTypes.Key, InputShapes.Fixed).Bind(row, column, keys);
        return () =>
        {
            keys.Clear();
            read();
            var target = buffer.Add(keys.Values.Length);
            for (var i = 0; i < target.Length; i++)
            {
                var key = keys.Values[i];
                target[i] = key == 0 ? "" : values is null ? key.ToString(CultureInfo.InvariantCulture) : values[(int)key - 1];
            }
        };
    }

    private static Action Bind<TRaw>(DataViewRow row, DataViewSchema.Column column, RowBuffer<T> buffer, Func<TRaw, T> convert)
    {
        if (column.Type is not VectorDataViewType)
        {
            var getScalar = row.GetGetter<TRaw>(column);
            TRaw scalar = default!;
            return () =>
            {
                getScalar(ref scalar);
                buffer.Add(1)[0] = convert(scalar);
            };
        }
        var getVector = row.GetGetter<VBuffer<TRaw>>(column);
        VBuffer<TRaw> vector = default;
        return () =>
        {
            getVector(ref vector);
            var target = buffer.Add(vector.Length);
            if (vector is VBuffer<T> same)
            {
                same.CopyTo(target);
                return;
            }
            var values = vector.GetValues();
            if (vector.IsDense)
            {
                for (var i = 0; i < values.Length; i++)
                {
                    target[i] = convert(values[i]);
                }
                return;
            }
            target.Fill(convert(default!));
            var indices = vector.GetIndices();
            for (var i = 0; i < values.Length; i++)
            {
                target[indices[i]] = convert(values[i]);
            }
        };
    }
}
