using System.Globalization;
using Microsoft.ML;

namespace MLNetExtensions.Tensors;

/// <summary>Numbers the entities of a mode as rows name them. Memory follows the entities that occur, not the number of keys that the type of a column allows.</summary>
internal sealed class EntityCollector : IEntityNumbers
{
    private readonly Dictionary<string, int> _numbers = [];
    private readonly List<Entity> _entities = [];

    // Of the first column read.
    private bool _hasKeys;
    private bool _hasNames;
    private string? _type;

    /// <summary>What entity a number stands for, as far as it can be sorted by.</summary>
    private readonly record struct Entity(string Name, ulong Key, long Integer);

    internal int Count => _entities.Count;

    public Func<ulong, int> OfKeys(DataViewSchema.Column column)
    {
        var vocabulary = KeyVocabulary.Of(column);
        Begin(hasKeys: true, vocabulary.Type, vocabulary.Values is not null);
        var numbers = new Dictionary<ulong, int>();
        return key =>
        {
            if (key == 0 || key > vocabulary.Count)
            {
                return TensorScorer.Unseen;
            }
            if (!numbers.TryGetValue(key, out var number))
            {
                number = NumberOf(vocabulary.Values?[(int)key - 1] ?? key.ToString(CultureInfo.InvariantCulture), key, 0);
                numbers.Add(key, number);
            }
            return number;
        };
    }

    public Func<long, int> OfIntegers(DataViewSchema.Column column)
    {
        Begin(hasKeys: false, column.Type.RawType.Name, hasNames: true);
        var numbers = new Dictionary<long, int>();
        return integer =>
        {
            if (!numbers.TryGetValue(integer, out var number))
            {
                number = NumberOf(integer.ToString(CultureInfo.InvariantCulture), 0, integer);
                numbers.Add(integer, number);
            }
            return number;
        };
    }

    public Func<string, int> OfTexts(DataViewSchema.Column column)
    {
        Begin(hasKeys: false, nameof(String), hasNames: true);
        return text => text.Length == 0 ? TensorScorer.Unseen : NumberOf(text, 0, 0);
    }

    /// <summary>The numbers in an order that does not depend on that of the rows: that of keys and integers, else that of names.</summary>
    internal int[] Sort(IEnumerable<int> numbers)
        => [.. numbers.OrderBy(number => _entities[number].Key).ThenBy(number => _entities[number].Integer).ThenBy(number => _entities[number].Name, StringComparer.Ordinal)];

    /// <summary>Some of the entities, numbered anew in the given order.</summary>
    internal ModeEntities Take(int[] numbers) => new(
        new((ulong)numbers.Length, _hasNames ? _type : null, _hasNames ? [.. numbers.Select(number => _entities[number].Name)] : null),
        _hasKeys ? [.. numbers.Select(number => _entities[number].Key)] : null);

    private void Begin(bool hasKeys, string? type, bool hasNames)
    {
        if (_entities.Count == 0)
        {
            (_hasKeys, _type, _hasNames) = (hasKeys, type, hasNames);
        }
    }

    private int NumberOf(string name, ulong key, long integer)
    {
        if (!_numbers.TryGetValue(name, out var number))
        {
            number = _entities.Count;
            _numbers.Add(name, number);
            _entities.Add(new(name, key, integer));
        }
        return number;
    }
}
