using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions;

/// <summary>The values of a key column, as a model keeps them.</summary>
/// <param name="Count">The number of keys.</param>
/// <param name="Type">The type of the values: String, or the name of a .NET number, Boolean or date type; null where the keys have no values.</param>
/// <param name="Values">The values in the order of the keys, in invariant, round-trip form.</param>
internal sealed record KeyVocabulary(ulong Count, string? Type, IReadOnlyList<string>? Values)
{
    [JsonIgnore]
    internal DataViewType? ValueType => Type is null ? null : s_kinds.TryGetValue(Type, out var kind) ? kind.Type : throw new FormatException($"Keys of type '{Type}' are not known.");

    private static readonly Dictionary<string, Kind> s_kinds = new Kind[]
    {
        new Kind<sbyte>(NumberDataViewType.SByte), new Kind<byte>(NumberDataViewType.Byte), new Kind<short>(NumberDataViewType.Int16),
        new Kind<ushort>(NumberDataViewType.UInt16), new Kind<int>(NumberDataViewType.Int32), new Kind<uint>(NumberDataViewType.UInt32),
        new Kind<long>(NumberDataViewType.Int64), new Kind<ulong>(NumberDataViewType.UInt64), new Kind<float>(NumberDataViewType.Single),
        new Kind<double>(NumberDataViewType.Double), new Kind<bool>(BooleanDataViewType.Instance), new Kind<DateTime>(DateTimeDataViewType.Instance),
        new Kind<DateTimeOffset>(DateTimeOffsetDataViewType.Instance), new Kind<TimeSpan>(TimeSpanDataViewType.Instance), new TextKind(),
    }.ToDictionary(kind => kind.Name);

    /// <summary>Reads the vocabulary of a key column.</summary>
    internal static KeyVocabulary Of(DataViewSchema.Column column)
    {
        var count = ((KeyDataViewType)column.Type.GetItemType()).Count;
        return OfAnnotation(column, AnnotationUtils.Kinds.KeyValues) is { } vocabulary ? vocabulary with { Count = count } : new(count, null, null);
    }

    /// <summary>Reads a vocabulary that another column is annotated with; null = it is not.</summary>
    internal static KeyVocabulary? OfAnnotation(DataViewSchema.Column column, string annotation)
    {
        if (column.Annotations.Schema.GetColumnOrNull(annotation) is not { Type: VectorDataViewType type })
        {
            return null;
        }
        var kind = s_kinds.Values.FirstOrDefault(kind => kind.Type.RawType == type.ItemType.RawType);
        return kind is null ? null : new((ulong)type.Size, kind.Name, kind.Read(column.Annotations, annotation));
    }

    /// <summary>Checks what was read from a file.</summary>
    /// <exception cref="FormatException">Count, type and values do not fit together.</exception>
    internal void CheckContent()
    {
        if ((Type is null) != (Values is null) || (Values is not null && ((ulong)Values.Count != Count || Values.Contains(null!))))
        {
            throw new FormatException($"{Values?.Count ?? 0} values of the type '{Type}' do not fit {Count} keys.");
        }
        if (Type is not null)
        {
            _ = ValueType;
            s_kinds[Type].Check(Values!);
        }
    }

    /// <summary>Adds the values as an annotation, if the keys have any.</summary>
    internal void AddTo(DataViewSchema.Annotations.Builder builder, string annotation = AnnotationUtils.Kinds.KeyValues)
    {
        if (Type is not null)
        {
            _ = ValueType;
            s_kinds[Type].Write(builder, annotation, Values!);
        }
    }

    /// <summary>Adds the values to a column of objects, if the keys have any.</summary>
    internal void AddTo(SchemaDefinition.Column column)
    {
        if (Type is not null)
        {
            _ = ValueType;
            s_kinds[Type].Write(column, Values!);
        }
    }

    /// <summary>
    /// Leads from the keys of another column to those of this vocabulary with the same value; 0 = missing or unknown. Keys without values match by number.
    /// </summary>
    internal KeyMatch Match(DataViewSchema.Column column)
    {
        var other = Of(column);
        if (Values is null || other.Values is null)
        {
            return new(null, Math.Min(Count, other.Count));
        }
        var keys = new Dictionary<string, ulong>();
        for (var i = 0; i < Values.Count; i++)
        {
            keys.TryAdd(Values[i], (ulong)i + 1);
        }
        return new([0, .. other.Values.Select(value => keys.GetValueOrDefault(value))], 0);
    }

    private abstract class Kind(string name, PrimitiveDataViewType type)
    {
        internal string Name => name;

        internal PrimitiveDataViewType Type => type;

        internal abstract string[] Read(DataViewSchema.Annotations annotations, string annotation);

        internal abstract void Write(DataViewSchema.Annotations.Builder builder, string annotation, IReadOnlyList<string> values);

        internal abstract void Write(SchemaDefinition.Column column, IReadOnlyList<string> values);

        /// <exception cref="FormatException">A value is not of this type.</exception>
        internal virtual void Check(IReadOnlyList<string> values)
        {
        }
    }

    private sealed class Kind<T>(PrimitiveDataViewType type) : Kind(typeof(T).Name, type)
        where T : IParsable<T>
    {
        internal override string[] Read(DataViewSchema.Annotations annotations, string annotation)
        {
            VBuffer<T> values = default;
            annotations.GetValue(annotation, ref values);
            return [.. values.DenseValues().Select(value => value switch
            {
                // Without its kind, which ML.NET's own files do not keep either: dates match by what they say.
                DateTime date => DateTime.SpecifyKind(date, DateTimeKind.Unspecified).ToString("O", CultureInfo.InvariantCulture),
                DateTimeOffset date => date.ToString("O", CultureInfo.InvariantCulture),
                float or double => ((IFormattable)value).ToString("R", CultureInfo.InvariantCulture),
                IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
                _ => value.ToString()!,
            })];
        }

        internal override void Write(DataViewSchema.Annotations.Builder builder, string annotation, IReadOnlyList<string> values)
        {
            var parsed = Parse(values);
            builder.Add(annotation, new VectorDataViewType(Type, parsed.Length), (ref VBuffer<T> target) => new VBuffer<T>(parsed.Length, parsed).CopyTo(ref target));
        }

        internal override void Write(SchemaDefinition.Column column, IReadOnlyList<string> values)
            => column.AddAnnotation(AnnotationUtils.Kinds.KeyValues, Parse(values), new VectorDataViewType(Type, values.Count));

        internal override void Check(IReadOnlyList<string> values) => Parse(values);

        private static T[] Parse(IReadOnlyList<string> values) => [.. values.Select(value => T.TryParse(value, CultureInfo.InvariantCulture, out var result)
            ? result
            : throw new FormatException($"The key value '{value}' is no {typeof(T).Name}."))];
    }

    private sealed class TextKind() : Kind(nameof(String), TextDataViewType.Instance)
    {
        internal override string[] Read(DataViewSchema.Annotations annotations, string annotation)
        {
            VBuffer<ReadOnlyMemory<char>> values = default;
            annotations.GetValue(annotation, ref values);
            return [.. values.DenseValues().Select(value => value.ToString())];
        }

        internal override void Write(DataViewSchema.Annotations.Builder builder, string annotation, IReadOnlyList<string> values)
        {
            var text = values.Select(value => value.AsMemory()).ToArray();
            builder.Add(annotation, new VectorDataViewType(TextDataViewType.Instance, text.Length), (ref VBuffer<ReadOnlyMemory<char>> target) => new VBuffer<ReadOnlyMemory<char>>(text.Length, text).CopyTo(ref target));
        }

        internal override void Write(SchemaDefinition.Column column, IReadOnlyList<string> values)
            => column.AddAnnotation(AnnotationUtils.Kinds.KeyValues, values.Select(value => value.AsMemory()).ToArray(), new VectorDataViewType(TextDataViewType.Instance, values.Count));
    }
}

/// <summary>Leads from the keys of one column to those of a vocabulary.</summary>
/// <param name="table">The key for each key, the missing one included; null = the same number.</param>
/// <param name="count">The largest key that is known, where there is no table: columns may have more keys than fit into one.</param>
internal sealed class KeyMatch(ulong[]? table, ulong count)
{
    /// <summary>The key of the vocabulary; 0 = missing or unknown.</summary>
    internal ulong this[ulong key] => table is null ? (key <= count ? key : 0) : key < (ulong)table.Length ? table[key] : 0;
}
