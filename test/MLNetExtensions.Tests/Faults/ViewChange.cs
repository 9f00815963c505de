using System.Globalization;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests.Faults;

/// <summary>What can be wrong with data.</summary>
internal enum ViewChangeKind
{
    NaN,
    PositiveInfinity,
    NegativeInfinity,
    Huge,
    MinusHuge,
    Largest,
    MinusLargest,
    Denormal,
    Zero,
    Missing,
    Constant,
    Repeated,
    Sparse,
    Text,
    Integers,
    Doubles,
    Booleans,
    Variable,
    Longer,
    Scalar,
    NoKeyValues,
    Dropped,
}

/// <summary>A change of one column of a view.</summary>
/// <param name="Column">The number of the column, modulo those that there are.</param>
/// <param name="Kind">What is changed.</param>
/// <param name="Every">Every how many rows; changes of the type hold for all.</param>
internal sealed record ViewChange(int Column, ViewChangeKind Kind, int Every)
{
    internal bool IsOfType => Kind >= ViewChangeKind.Text;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kind} in column {Column}{(IsOfType ? "" : $", every {Every} rows")}");
}

/// <summary>Views with changes.</summary>
internal static class ChangedView
{
    /// <summary>A view with the first rows of another, and changes in its columns.</summary>
    internal static TestView Of(TestView source, int rows, IReadOnlyList<ViewChange> changes)
    {
        var result = new TestView(rows);
        var columns = source.Schema.Where(column => !column.IsHidden).ToArray();
        for (var i = 0; i < columns.Length; i++)
        {
            var type = (columns[i].Type as VectorDataViewType)?.ItemType ?? columns[i].Type;
            typeof(ChangedView).GetMethod(nameof(Add), BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(type.RawType)
                .Invoke(null, [result, source, columns[i], rows, changes.Where(change => change.Column % columns.Length == i).ToArray()]);
        }
        return result;
    }

    /// <summary>The name of the column that a change is of.</summary>
    internal static string NameOf(TestView source, ViewChange change) => source.Schema[change.Column % source.Schema.Count].Name;

    private static void Add<T>(TestView result, TestView source, DataViewSchema.Column column, int count, ViewChange[] changes)
    {
        if (changes.Any(change => change.Kind == ViewChangeKind.Dropped))
        {
            return;
        }
        var vector = column.Type as VectorDataViewType;
        var rows = vector is null ? [.. source.GetColumn<T>(column).Select(value => new[] { value })] : source.GetColumn<VBuffer<T>>(column).Select(value => value.DenseValues().ToArray()).ToArray();
        foreach (var change in changes.Where(change => !change.IsOfType))
        {
            for (var row = change.Every - 1; row < Math.Min(count, rows.Length); row += change.Every)
            {
                rows[row] = change.Kind switch
                {
                    ViewChangeKind.Constant => rows[0],
                    ViewChangeKind.Repeated => rows[Math.Max(row - 1, 0)],
                    _ => rows[row].Length == 0 ? rows[row] : [.. rows[row].Select((value, slot) => slot == row % rows[row].Length ? Value(change.Kind, value) : value)],
                };
            }
        }
        // Cells of rows that the source does not have.
        T[] Row(int row) => rows[row % Math.Max(rows.Length, 1)];
        var sparse = changes.Any(change => change.Kind == ViewChangeKind.Sparse) ? row => true : (Func<int, bool>?)null;
        var annotations = changes.Any(change => change.Kind == ViewChangeKind.NoKeyValues) ? null : column.Annotations;
        var item = (PrimitiveDataViewType)(vector?.ItemType ?? column.Type);
        switch (changes.LastOrDefault(change => change.IsOfType)?.Kind)
        {
            case ViewChangeKind.Text:
                result.Add(column.Name, TextDataViewType.Instance, row => Convert.ToString(Row(row).FirstOrDefault(), CultureInfo.InvariantCulture).AsMemory());
                break;
            case ViewChangeKind.Integers:
                AddOf(NumberDataViewType.Int32, row => row % 3);
                break;
            case ViewChangeKind.Doubles:
                AddOf(NumberDataViewType.Double, row => Row(row).FirstOrDefault() is float value ? value : row / 3.0);
                break;
            case ViewChangeKind.Booleans:
                AddOf(BooleanDataViewType.Instance, row => row % 2 == 0);
                break;
            case ViewChangeKind.Variable:
                result.AddVector(column.Name, item, 0, row => Row(row)[..(row % (Row(row).Length + 1))]);
                break;
            case ViewChangeKind.Longer:
                var size = (vector?.Size ?? 1) + 1;
                result.AddVector<T>(column.Name, item, size, row => [.. Enumerable.Range(0, size).Select(slot => Row(row) is { Length: > 0 } values ? values[slot % values.Length] : default!)]);
                break;
            case ViewChangeKind.Scalar:
                result.Add(column.Name, item, row => Row(row).FirstOrDefault()!);
                break;
            default:
                if (vector is null)
                {
                    result.Add(column.Name, item, row => Row(row)[0], annotations);
                }
                else
                {
                    result.AddVector(column.Name, item, vector.Size, Row, sparse, annotations);
                }
                break;
        }

        void AddOf<TOther>(PrimitiveDataViewType type, Func<int, TOther> value)
        {
            if (vector is null)
            {
                result.Add(column.Name, type, value);
            }
            else
            {
                result.AddVector<TOther>(column.Name, type, vector.Size, row => [.. Row(row).Select(_ => value(row))]);
            }
        }
    }

    private static T Value<T>(ViewChangeKind kind, T old)
    {
        double? number = kind switch
        {
            ViewChangeKind.NaN => double.NaN,
            ViewChangeKind.PositiveInfinity => double.PositiveInfinity,
            ViewChangeKind.NegativeInfinity => double.NegativeInfinity,
            ViewChangeKind.Huge => 1e30,
            ViewChangeKind.MinusHuge => -1e30,
            ViewChangeKind.Largest => old is float ? float.MaxValue : double.MaxValue,
            ViewChangeKind.MinusLargest => old is float ? float.MinValue : double.MinValue,
            ViewChangeKind.Denormal => old is float ? float.Epsilon : double.Epsilon,
            ViewChangeKind.Zero => 0,
            _ => null,
        };
        return (old, number) switch
        {
            (float, { } value) => (T)(object)(float)value,
            (double, { } value) => (T)(object)value,
            // The missing key, the empty text.
            _ when kind is ViewChangeKind.Missing or ViewChangeKind.NaN => default!,
            _ => old,
        };
    }
}
