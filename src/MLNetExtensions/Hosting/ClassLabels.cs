using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>The classes that a classifier tells apart: as many as the key type of its label column has, with their values.</summary>
internal sealed class ClassLabels
{
    private const int MostClasses = 1 << 20;
    private const string SavedKeys = "label";

    private readonly KeyVocabulary _keys;

    private Dictionary<string, int>? _indices;

    private ClassLabels(KeyVocabulary keys) => _keys = keys;

    internal int Count => (int)_keys.Count;

    internal static InputColumn<ulong> Column(string name) => new(name, "label", InputTypes.Key, InputShapes.Scalar);

    /// <exception cref="InvalidOperationException">The column has too many keys.</exception>
    internal static ClassLabels Of(IExceptionContext context, DataViewSchema.Column column)
    {
        var keys = KeyVocabulary.Of(column);
        return keys.Count <= MostClasses ? new(keys) : throw Check.BadData(context, $"The label column '{column.Name}' is a key of {keys.Count} values; at most {MostClasses} classes can be told apart.");
    }

    /// <summary>Classes without names.</summary>
    internal static ClassLabels OfCount(int count) => new(new KeyVocabulary((ulong)count, null, null));

    /// <summary>The number of the class of a name, counted from 0; -1 where there is none. Classes without names have their keys.</summary>
    internal int IndexOf(string name)
    {
        if (_keys.Values is null)
        {
            return int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var key) && key >= 1 && key <= Count ? key - 1 : -1;
        }
        _indices ??= _keys.Values.Index().DistinctBy(item => item.Item).ToDictionary(item => item.Item, item => item.Index);
        return _indices.GetValueOrDefault(name, -1);
    }

    /// <summary>The name of a class, or its key where it has none.</summary>
    internal string NameOf(int index) => _keys.Values?[index] ?? (index + 1).ToString(CultureInfo.InvariantCulture);

    /// <summary>These classes, and others behind them.</summary>
    /// <exception cref="FormatException">A name is no value of the type of the key's values; without values, no number of a key, or there are too many.</exception>
    internal ClassLabels Extend(IReadOnlyList<string> names)
    {
        KeyVocabulary extended;
        if (_keys.Values is null)
        {
            var most = names.Max(name => ulong.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var key) ? key : throw new FormatException($"'{name}' is no key, and the classes of the model have no names."));
            extended = _keys with { Count = Math.Max(most, _keys.Count) };
        }
        else
        {
            extended = _keys with { Count = _keys.Count + (ulong)names.Count, Values = [.. _keys.Values, .. names] };
        }
        extended.CheckContent();
        return extended.Count <= MostClasses ? new(extended) : throw new FormatException($"{extended.Count} are too many classes; at most {MostClasses} can be told apart.");
    }

    /// <summary>These classes, and clusters behind them: "Cluster 1" and so on where the classes have names.</summary>
    /// <param name="count">The number of clusters; positive.</param>
    /// <param name="replace">Whether the clusters take the place of the classes.</param>
    /// <exception cref="FormatException">The names of the classes are no texts, or there are too many.</exception>
    internal ClassLabels AddClusters(int count, bool replace)
    {
        if (_keys.Values is null)
        {
            return OfCount(count + (replace ? 0 : Count));
        }
        var classes = replace ? new(_keys with { Count = 0, Values = [] }) : this;
        var names = Enumerable.Range(1, count + classes.Count).Select(number => string.Create(CultureInfo.InvariantCulture, $"Cluster {number}"));
        return classes.Extend([.. names.Where(name => classes.IndexOf(name) < 0).Take(count)]);
    }

    /// <summary>Whether a key names no class: one beyond the count of its type is as good as missing.</summary>
    internal bool IsMissing(ulong key) => key == 0 || key > _keys.Count;

    /// <summary>Makes a column of objects one of these classes.</summary>
    internal void AddTo(SchemaDefinition.Column column)
    {
        column.ColumnType = new KeyDataViewType(typeof(uint), Count);
        _keys.AddTo(column);
    }

    /// <summary>The columns PredictedLabel and Score, for <see cref="Write"/>.</summary>
    internal IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema, string kind = ScoreColumns.Kind.MulticlassClassification) => ScoreColumns.DeliverClasses(inputSchema, _keys, kind);

    /// <summary>A column of the keys of several classes.</summary>
    internal OutputColumn<uint> KeysColumn(string name, int size)
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        _keys.AddTo(annotations);
        return new(name, new VectorDataViewType(new KeyDataViewType(typeof(uint), Count), size), annotations.ToAnnotations());
    }

    /// <summary>A column with a number for each class, whose slots are named like the classes where these are text.</summary>
    internal OutputColumn<float> NumbersColumn(string name)
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        if (_keys.ValueType is TextDataViewType)
        {
            SlotNames.AddTo(annotations, _keys.Values!);
        }
        return new(name, new VectorDataViewType(NumberDataViewType.Single, Count), annotations.ToAnnotations());
    }

    /// <summary>Writes PredictedLabel and Score, the first two outputs, of all rows of a batch.</summary>
    /// <param name="logits">[rows, classes]; NaN in rows that cannot be scored, whose label will be missing.</param>
    /// <param name="batch">The batch.</param>
    internal void Write(ReadOnlySpan<float> logits, ScoringBatch batch)
    {
        var labels = batch.Output<uint>(0);
        var scores = batch.Output<float>(1);
        for (var row = 0; row < batch.Count; row++)
        {
            labels.Add(1)[0] = Softmax(logits.Slice(row * Count, Count), scores.Add(Count));
        }
    }

    /// <summary>Writes the probabilities and returns the key of the largest; 0 if there is none.</summary>
    private static uint Softmax(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best])
            {
                best = i;
            }
        }
        double sum = 0;
        foreach (var logit in logits)
        {
            sum += Math.Exp((double)logit - logits[best]);
        }
        for (var i = 0; i < logits.Length; i++)
        {
            probabilities[i] = (float)(Math.Exp((double)logits[i] - logits[best]) / sum);
        }
        return double.IsFinite(sum) ? (uint)best + 1 : 0;
    }

    internal void Save(ModelWriter writer) => writer.Keys(new Dictionary<string, KeyVocabulary> { [SavedKeys] = _keys });

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="FormatException">The model file holds no classes.</exception>
    internal static ClassLabels Load(ModelReader reader)
        => reader.Keys().TryGetValue(SavedKeys, out var keys) && keys.Count is > 0 and <= MostClasses
            ? new(keys)
            : throw new FormatException("The keys of the label are missing.");
}
