using System.Collections;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests;

/// <summary>The rows of a view, as one cursor gives them.</summary>
internal sealed record Snapshot(IReadOnlyList<SnapshotRow> Rows)
{
    internal static Snapshot Of(IDataView view, Func<DataViewSchema.Column, bool>? active = null, Random? random = null)
    {
        using var cursor = view.GetRowCursor(view.Schema.Where(active ?? (_ => true)), random);
        Assert.AreSame(view.Schema, cursor.Schema);
        return Of(cursor);
    }

    internal static Snapshot Of(DataViewRowCursor cursor)
    {
        var cells = cursor.Schema.Select(column => cursor.IsColumnActive(column) ? Cell(cursor, column) : () => null).ToArray();
        var getId = cursor.GetIdGetter();
        var rows = new List<SnapshotRow>();
        Assert.AreEqual(-1, cursor.Position);
        while (cursor.MoveNext())
        {
            Assert.AreEqual(rows.Count, cursor.Position);
            DataViewRowId id = default;
            getId(ref id);
            rows.Add(new(id, cursor.Batch, [.. cells.Select(cell => cell())]));
        }
        Assert.AreEqual(-1, cursor.Position);
        Assert.IsFalse(cursor.MoveNext());
        Assert.AreEqual(rows.Count, rows.Select(row => row.Id).Distinct().Count(), "Ids collide.");
        return new(rows);
    }

    /// <summary>Returns a function that reads the column at the current row: vectors as dense arrays.</summary>
    internal static Func<object?> Cell(DataViewRow row, DataViewSchema.Column column)
    {
        var vector = column.Type as VectorDataViewType;
        var method = typeof(Snapshot).GetMethod(vector is null ? nameof(Scalar) : nameof(Vector), BindingFlags.Static | BindingFlags.NonPublic)!;
        return method.MakeGenericMethod((vector?.ItemType ?? column.Type).RawType).CreateDelegate<Func<DataViewRow, DataViewSchema.Column, Func<object?>>>()(row, column);
    }

    /// <summary>Asserts equal rows; columns that are not active on one side are not compared.</summary>
    internal static void AssertEqual(Snapshot expected, Snapshot actual, double tolerance = 1e-6, bool ids = true, Func<int, bool>? columns = null)
    {
        Assert.AreEqual(expected.Rows.Count, actual.Rows.Count);
        for (var row = 0; row < expected.Rows.Count; row++)
        {
            var (a, b) = (expected.Rows[row], actual.Rows[row]);
            Assert.IsTrue(!ids || a.Id.Equals(b.Id), $"Row {row} has another id.");
            for (var i = 0; i < Math.Min(a.Values.Length, b.Values.Length); i++)
            {
                if (columns?.Invoke(i) != false && a.Values[i] is { } x && b.Values[i] is { } y)
                {
                    AssertSame(x, y, tolerance, $"Row {row}, column {i}");
                }
            }
        }
    }

    internal static void AssertSame(object expected, object actual, double tolerance, string where)
    {
        Assert.AreEqual(expected.GetType(), actual.GetType(), where);
        switch (expected, actual)
        {
            case (IList a, IList b):
                Assert.AreEqual(a.Count, b.Count, where);
                for (var i = 0; i < a.Count; i++)
                {
                    AssertSame(a[i]!, b[i]!, tolerance, $"{where}[{i}]");
                }
                break;
            case (float a, float b) when tolerance > 0:
                Assert.IsTrue(Close(a, b, tolerance), $"{where}: {a:R} and {b:R}");
                break;
            case (double a, double b) when tolerance > 0:
                Assert.IsTrue(Close(a, b, tolerance / 1000), $"{where}: {a:R} and {b:R}");
                break;
            default:
                Assert.AreEqual(expected, actual, where);
                break;
        }
    }

    private static bool Close(double a, double b, double tolerance) => a.Equals(b) || Math.Abs(a - b) <= tolerance * Math.Max(1, Math.Abs(a));

    private static Func<object?> Scalar<T>(DataViewRow row, DataViewSchema.Column column)
    {
        var get = row.GetGetter<T>(column);
        T value = default!;
        return () =>
        {
            get(ref value);
            return value is ReadOnlyMemory<char> text ? text.ToString() : value;
        };
    }

    private static Func<object?> Vector<T>(DataViewRow row, DataViewSchema.Column column)
    {
        var get = row.GetGetter<VBuffer<T>>(column);
        VBuffer<T> value = default;
        return () =>
        {
            get(ref value);
            var dense = value.DenseValues().ToArray();
            return dense is ReadOnlyMemory<char>[] texts ? texts.Select(text => text.ToString()).ToArray() : dense;
        };
    }
}

internal sealed record SnapshotRow(DataViewRowId Id, long Batch, object?[] Values);

internal static class SchemaAssert
{
    /// <summary>Equal names, types, order and annotations, and names lead to the same columns.</summary>
    internal static void AreEqual(DataViewSchema expected, DataViewSchema actual)
    {
        Assert.AreEqual(expected.Count, actual.Count);
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.AreEqual(expected[i].Name, actual[i].Name);
            Assert.IsTrue(expected[i].Type.Equals(actual[i].Type), $"'{expected[i].Name}': {expected[i].Type} and {actual[i].Type}");
            Assert.AreEqual(expected[i].IsHidden, actual[i].IsHidden);
            Assert.AreEqual(expected[expected[i].Name].Index, actual[expected[i].Name].Index);
            CheckAnnotations(expected[i]);
            CheckAnnotations(actual[i]);
            var (a, b) = (Annotations(expected[i]), Annotations(actual[i]));
            CollectionAssert.AreEquivalent(a.Keys, b.Keys, $"The annotations of '{expected[i].Name}' differ.");
            foreach (var name in a.Keys)
            {
                Snapshot.AssertSame(a[name], b[name], 0, $"{expected[i].Name}.{name}");
            }
        }
    }

    private static Dictionary<string, object> Annotations(DataViewSchema.Column column)
        => column.Annotations.Schema.ToDictionary(annotation => annotation.Name, annotation => Value(column.Annotations, annotation));

    private static object Value(DataViewSchema.Annotations annotations, DataViewSchema.Column column)
    {
        var read = typeof(SchemaAssert).GetMethod(nameof(Read), BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(column.Type.RawType);
        return read.Invoke(null, [annotations, column.Name])!;
    }

    private static object Read<T>(DataViewSchema.Annotations annotations, string name)
    {
        T value = default!;
        annotations.GetValue(name, ref value);
        return value switch
        {
            ReadOnlyMemory<char> text => text.ToString(),
            VBuffer<ReadOnlyMemory<char>> texts => texts.DenseValues().Select(text => text.ToString()).ToArray(),
            VBuffer<float> numbers => numbers.DenseValues().ToArray(),
            VBuffer<int> numbers => numbers.DenseValues().ToArray(),
            _ => value!,
        };
    }

    private static void CheckAnnotations(DataViewSchema.Column column)
    {
        var names = column.Annotations.Schema.Select(annotation => annotation.Name).ToList();
        Assert.IsTrue(names.All(name => !string.IsNullOrEmpty(name)));
        Assert.AreEqual(names.Count, names.Distinct().Count(), "An annotation is there twice.");
        var number = 0;
        Assert.ThrowsExactly<InvalidOperationException>(() => column.Annotations.GetValue("An annotation that nobody has", ref number));
        if (names.Contains("SlotNames"))
        {
            Assert.IsTrue(column.HasSlotNames(((VectorDataViewType)column.Type).Size), $"The slot names of '{column.Name}' are not a text for each slot.");
        }
        if (names.Contains("KeyValues"))
        {
            var item = column.Type is VectorDataViewType vector ? vector.ItemType : column.Type;
            Assert.AreEqual(((KeyDataViewType)item).Count, (ulong)((VectorDataViewType)column.Annotations.Schema["KeyValues"].Type).Size);
        }
    }
}
