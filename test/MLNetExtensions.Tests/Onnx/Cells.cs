using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace MLNetExtensions.Tests.Onnx;

/// <summary>The values of a column, row by row, of any type.</summary>
internal sealed record Cells(Array Values, int Width)
{
    internal int Count => Values.Length / Width;

    internal static Cells Of<T>(params T[][] rows) => new(rows.SelectMany(row => row).ToArray(), rows[0].Length);

    internal static Cells Read(IDataView data, string name)
    {
        var column = data.Schema[name];
        var raw = column.Type.GetItemType().RawType;
        return raw == typeof(float) ? Read<float, float>(data, column, value => value)
            : raw == typeof(double) ? Read<double, double>(data, column, value => value)
            : raw == typeof(bool) ? Read<bool, bool>(data, column, value => value)
            : raw == typeof(byte) ? Read<byte, byte>(data, column, value => value)
            : raw == typeof(ushort) ? Read<ushort, ushort>(data, column, value => value)
            : raw == typeof(uint) ? Read<uint, uint>(data, column, value => value)
            : raw == typeof(ulong) ? Read<ulong, ulong>(data, column, value => value)
            : raw == typeof(int) ? Read<int, int>(data, column, value => value)
            : raw == typeof(long) ? Read<long, long>(data, column, value => value)
            : raw == typeof(ReadOnlyMemory<char>) ? Read<ReadOnlyMemory<char>, string>(data, column, value => value.ToString())
            : throw new AssertFailedException($"'{name}' is {column.Type}.");
    }

    internal static Cells Of(OrtValue value, int rows)
    {
        var type = value.GetTensorTypeAndShape();
        var width = (int)(type.ElementCount / rows);
        return type.ElementDataType switch
        {
            TensorElementType.Float => new(value.GetTensorDataAsSpan<float>().ToArray(), width),
            TensorElementType.Double => new(value.GetTensorDataAsSpan<double>().ToArray(), width),
            TensorElementType.Bool => new(value.GetTensorDataAsSpan<bool>().ToArray(), width),
            TensorElementType.UInt32 => new(value.GetTensorDataAsSpan<uint>().ToArray(), width),
            TensorElementType.Int64 => new(value.GetTensorDataAsSpan<long>().ToArray(), width),
            TensorElementType.String => new(value.GetStringTensorAsArray(), width),
            var other => throw new AssertFailedException($"{other}"),
        };
    }

    internal Cells Rows(IReadOnlyList<int> rows)
    {
        var chosen = Array.CreateInstance(Values.GetType().GetElementType()!, rows.Count * Width);
        for (var i = 0; i < rows.Count; i++)
        {
            Array.Copy(Values, rows[i] * Width, chosen, i * Width, Width);
        }
        return new(chosen, Width);
    }

    /// <summary>The last rows before each row and the row itself, as one wide row; rows without as many are left out.</summary>
    internal Cells Windows(IReadOnlyList<IReadOnlyList<int>> windows) => new(Rows([.. windows.SelectMany(rows => rows)]).Values, Width * windows[0].Count);

    internal OrtValue ToOrt(long[] shape)
    {
        OrtValue? Tensor<T>()
            where T : unmanaged
            // Not by the type of the array, for which signed and unsigned numbers are alike.
            => Values.GetType() == typeof(T[]) ? OrtValue.CreateTensorValueFromMemory((T[])Values, shape) : null;
        if (Values is string[] texts)
        {
            var tensor = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, shape);
            for (var i = 0; i < texts.Length; i++)
            {
                tensor.StringTensorSetElementAt(texts[i], i);
            }
            return tensor;
        }
        return Tensor<float>() ?? Tensor<double>() ?? Tensor<bool>() ?? Tensor<byte>() ?? Tensor<ushort>() ?? Tensor<uint>() ?? Tensor<ulong>() ?? Tensor<int>() ?? Tensor<long>() ?? throw new AssertFailedException($"{Values.GetType()}");
    }

    /// <summary>Compares with other cells: numbers by max(1, |value|), NaN with NaN, all else exactly.</summary>
    internal void AssertClose(Cells actual, string name, double tolerance = 1e-5)
    {
        Assert.HasCount(Values.Length, actual.Values, name);
        for (var i = 0; i < Values.Length; i++)
        {
            var (expected, found) = (Values.GetValue(i)!, actual.Values.GetValue(i)!);
            Assert.AreEqual(expected.GetType(), found.GetType(), name);
            if (expected is float or double)
            {
                var (a, b) = (Convert.ToDouble(expected), Convert.ToDouble(found));
                Assert.IsTrue(a.Equals(b) || Math.Abs(a - b) <= tolerance * Math.Max(1, Math.Abs(a)), $"'{name}', row {i / Width}, slot {i % Width}: {b:r}, expected {a:r}.");
            }
            else
            {
                Assert.AreEqual(expected, found, $"'{name}', row {i / Width}, slot {i % Width}.");
            }
        }
    }

    private static Cells Read<TRaw, T>(IDataView data, DataViewSchema.Column column, Func<TRaw, T> convert)
    {
        var values = new List<T>();
        using var cursor = data.GetRowCursor([column]);
        if (column.Type is VectorDataViewType)
        {
            var getter = cursor.GetGetter<VBuffer<TRaw>>(column);
            VBuffer<TRaw> vector = default;
            while (cursor.MoveNext())
            {
                getter(ref vector);
                values.AddRange(vector.DenseValues().Select(convert));
            }
        }
        else
        {
            var getter = cursor.GetGetter<TRaw>(column);
            TRaw value = default!;
            while (cursor.MoveNext())
            {
                getter(ref value);
                values.Add(convert(value));
            }
        }
        return new(values.ToArray(), column.Type.GetValueCount());
    }
}
