using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// The column that says which series a row belongs to, read as the number of the group in order of first appearance. Keys are told apart by their values where they
/// have any, else by number; a missing key is a group of its own, named by the empty string.
/// </summary>
internal sealed record GroupColumn : InputColumn
{
    /// <summary>What a row of a group that is not known is read as, once the groups are <see cref="AreKnown"/>.</summary>
    internal const int Unknown = -1;

    private readonly Dictionary<string, int> _numbers = [];
    private readonly List<string> _names = [];
    private KeyVocabulary? _vocabulary;

    internal GroupColumn(string name)
        : base(name, "group", InputTypes.Key | InputTypes.Text, InputShapes.Scalar)
    {
    }

    /// <summary>The groups read so far, in the order of their numbers.</summary>
    internal IReadOnlyList<string> Names => _names;

    /// <summary>Whether rows of other groups are <see cref="Unknown"/>, instead of groups of their own.</summary>
    internal bool AreKnown { get; init; }

    internal override RowBuffer<int> CreateBuffer(DataViewType type, long rows = 0) => new(1, rows);

    internal override Action Bind(DataViewRow row, DataViewSchema.Column column, RowBuffer buffer)
    {
        var target = (RowBuffer<int>)buffer;
        return column.Type switch
        {
            TextDataViewType => Bind(row.GetGetter<ReadOnlyMemory<char>>(column), target, text => NumberOf(text.Span)),
            _ when column.Type.RawType == typeof(byte) => Bind(row.GetGetter<byte>(column), target, NumberOfKey(column, static (byte key) => key)),
            _ when column.Type.RawType == typeof(ushort) => Bind(row.GetGetter<ushort>(column), target, NumberOfKey(column, static (ushort key) => key)),
            _ when column.Type.RawType == typeof(uint) => Bind(row.GetGetter<uint>(column), target, NumberOfKey(column, static (uint key) => key)),
            _ => Bind(row.GetGetter<ulong>(column), target, NumberOfKey(column, static (ulong key) => key)),
        };
    }

    private static Action Bind<T>(ValueGetter<T> getter, RowBuffer<int> buffer, Func<T, int> number)
    {
        T value = default!;
        return () =>
        {
            getter(ref value);
            buffer.Add(1)[0] = number(value);
        };
    }

    private int NumberOf(ReadOnlySpan<char> name)
    {
        var numbers = _numbers.GetAlternateLookup<ReadOnlySpan<char>>();
        if (numbers.TryGetValue(name, out var number))
        {
            return number;
        }
        if (AreKnown)
        {
            return Unknown;
        }
        numbers[name] = _names.Count;
        _names.Add(name.ToString());
        return _names.Count - 1;
    }

    private Func<T, int> NumberOfKey<T>(DataViewSchema.Column column, Func<T, ulong> widen)
    {
        // Keys of another view are translated into those of the first.
        var first = _vocabulary is null;
        var vocabulary = _vocabulary ??= KeyVocabulary.Of(column);
        var match = first ? key => key : vocabulary.Match(column);
        var numbers = new Dictionary<ulong, int>();
        return raw =>
        {
            var key = widen(raw);
            if (!numbers.TryGetValue(key, out var number))
            {
                var matched = match(key);
                number = matched == 0 && key != 0 ? Unknown : NumberOf(NameOf(vocabulary, matched));
                numbers.Add(key, number);
            }
            return number;
        };
    }

    private static string NameOf(KeyVocabulary vocabulary, ulong key)
        => key == 0 ? "" : vocabulary.Values is { } values && key <= (ulong)values.Count ? values[(int)key - 1] : key.ToString(CultureInfo.InvariantCulture);
}
