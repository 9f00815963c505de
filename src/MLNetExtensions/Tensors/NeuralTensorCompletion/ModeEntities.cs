using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.Tensors;

/// <summary>
/// The entities of a mode that a model was trained on, and what data calls them. They are found by name, whatever the type of the column, so that data may have another vocabulary than the training
/// had; keys without values are found by number.
/// </summary>
internal sealed class ModeEntities : IEntityNumbers
{
    private readonly Lazy<Dictionary<string, int>> _byName;
    private readonly Lazy<Dictionary<ulong, int>> _byKey;

    /// <summary>Takes entities over.</summary>
    /// <param name="vocabulary">Their names; without values where they come from keys that had none.</param>
    /// <param name="keys">Their keys in the training data; null = it had no keys.</param>
    internal ModeEntities(KeyVocabulary vocabulary, ulong[]? keys)
    {
        Vocabulary = vocabulary;
        Keys = keys;
        Names = vocabulary.Values ?? [.. keys!.Select(key => key.ToString(CultureInfo.InvariantCulture))];
        _byName = new(() => Numbers(Names));
        _byKey = new(() => Numbers(Keys!));
    }

    internal KeyVocabulary Vocabulary { get; }

    internal ulong[]? Keys { get; }

    internal IReadOnlyList<string> Names { get; }

    internal int Count => Names.Count;

    /// <summary>The number of an entity; negative if there is none of this name.</summary>
    internal int IndexOf(string name) => _byName.Value.GetValueOrDefault(name, TensorScorer.Unseen);

    /// <exception cref="ArgumentOutOfRangeException">A column has keys without values, and the entities have names only.</exception>
    internal void Check(IExceptionContext context, InputColumn mode, DataViewSchema schema)
    {
        var column = mode.Find(context, schema);
        if (Keys is null && column.Type is KeyDataViewType && KeyVocabulary.Of(column).Values is null)
        {
            throw MLNetExtensions.Check.SchemaMismatch(context, mode.Role, mode.Name, "a key with values, Integer or String", column.Type.ToString());
        }
    }

    public Func<ulong, int> OfKeys(DataViewSchema.Column column)
    {
        var other = KeyVocabulary.Of(column);
        if (other.Values is null || Vocabulary.Values is null)
        {
            var byKey = _byKey.Value;
            return key => byKey.GetValueOrDefault(key, TensorScorer.Unseen);
        }
        int[] numbers = [TensorScorer.Unseen, .. other.Values.Select(IndexOf)];
        return key => key < (ulong)numbers.Length ? numbers[key] : TensorScorer.Unseen;
    }

    public Func<long, int> OfIntegers(DataViewSchema.Column column)
    {
        var numbers = new Dictionary<long, int>();
        foreach (var (number, name) in Names.Index())
        {
            if (long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
            {
                numbers.TryAdd(integer, number);
            }
        }
        return integer => numbers.GetValueOrDefault(integer, TensorScorer.Unseen);
    }

    public Func<string, int> OfTexts(DataViewSchema.Column column)
    {
        _ = _byName.Value;
        return IndexOf;
    }

    private static Dictionary<T, int> Numbers<T>(IReadOnlyList<T> items)
        where T : notnull
    {
        var numbers = new Dictionary<T, int>();
        foreach (var (number, item) in items.Index())
        {
            numbers.TryAdd(item, number);
        }
        return numbers;
    }
}
