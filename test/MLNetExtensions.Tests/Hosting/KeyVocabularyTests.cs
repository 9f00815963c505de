using System.Globalization;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests;

[TestClass]
public sealed class KeyVocabularyTests
{
    [TestMethod]
    public void ValuesOfEveryTypeSurviveAFile()
    {
        Check(NumberDataViewType.SByte, new sbyte[] { sbyte.MinValue, -1, 127 });
        Check(NumberDataViewType.Byte, new byte[] { 0, 255 });
        Check(NumberDataViewType.Int16, new short[] { short.MinValue, 5 });
        Check(NumberDataViewType.UInt16, new ushort[] { 0, ushort.MaxValue });
        Check(NumberDataViewType.Int32, new[] { int.MinValue, -1, int.MaxValue });
        Check(NumberDataViewType.UInt32, new uint[] { 0, uint.MaxValue });
        Check(NumberDataViewType.Int64, new[] { long.MinValue, long.MaxValue });
        Check(NumberDataViewType.UInt64, new ulong[] { 0, ulong.MaxValue });
        Check(NumberDataViewType.Single, new[] { 0.1f, float.MinValue, float.Epsilon, float.PositiveInfinity, float.NaN });
        Check(NumberDataViewType.Double, new[] { 0.1, 1 / 3.0, double.MinValue, double.Epsilon, double.NegativeInfinity });
        Check(BooleanDataViewType.Instance, new[] { false, true });
        Check(TimeSpanDataViewType.Instance, new[] { TimeSpan.MinValue, TimeSpan.FromTicks(1), TimeSpan.MaxValue });
        Check(DateTimeOffsetDataViewType.Instance, new[] { new DateTimeOffset(2024, 2, 29, 1, 2, 3, 4, TimeSpan.FromMinutes(330)), DateTimeOffset.MinValue });
        Check(DateTimeDataViewType.Instance, new[] { new DateTime(2024, 2, 29, 1, 2, 3, 4).AddTicks(5), DateTime.MaxValue });
        Check(TextDataViewType.Instance, new[] { "b".AsMemory(), "".AsMemory(), "ä\"\n'İ".AsMemory() });
    }

    [TestMethod]
    public void DatesMatchByWhatTheySayNotByTheirKind()
    {
        var noon = new DateTime(2024, 7, 1, 12, 0, 0);
        foreach (var kind in Enum.GetValues<DateTimeKind>())
        {
            var date = DateTime.SpecifyKind(noon, kind);
            // ML.NET's own files keep no kind.
            Assert.AreEqual(noon.Ticks, RoundTrip<DateTime>(DateTimeDataViewType.Instance, [date])[0].Ticks);
            var vocabulary = KeyVocabulary.Of(Column(Annotation(DateTimeDataViewType.Instance, [noon]), 1));
            CollectionAssert.AreEqual(new ulong[] { 0, 1 }, Matches(vocabulary, Column(Annotation(DateTimeDataViewType.Instance, [date]), 1)));
        }
    }

    [TestMethod]
    public void KeysWithoutValuesKeepTheirCount()
    {
        foreach (var count in new ulong[] { 1, 7, ulong.MaxValue })
        {
            var data = new TestView(1).Add("Key", new KeyDataViewType(typeof(ulong), count), row => 1ul);
            var vocabulary = RoundTrip(KeyVocabulary.Of(data.Schema["Key"]));
            Assert.AreEqual(count, vocabulary.Count);
            Assert.IsNull(vocabulary.Type);
            Assert.IsNull(vocabulary.ValueType);
            var builder = new DataViewSchema.Annotations.Builder();
            vocabulary.AddTo(builder);
            Assert.IsEmpty(builder.ToAnnotations().Schema);
        }
    }

    [TestMethod]
    public void KeysMatchByValue()
    {
        var vocabulary = new KeyVocabulary(3, "String", ["a", "b", "c"]);
        CollectionAssert.AreEqual(new ulong[] { 0, 3, 0, 1 }, Matches(vocabulary, Column(TestView.KeyValues("c", "x", "a"), 3)));
        CollectionAssert.AreEqual(new ulong[] { 0, 1, 2, 3 }, Matches(vocabulary, Column(TestView.KeyValues("a", "b", "c"), 3)));
        // Case matters.
        CollectionAssert.AreEqual(new ulong[] { 0, 0 }, Matches(vocabulary, Column(TestView.KeyValues("A"), 1)));
    }

    [TestMethod]
    public void KeysWithoutValuesMatchByNumber()
    {
        CollectionAssert.AreEqual(new ulong[] { 0, 1, 2 }, Matches(new(3, "String", ["a", "b", "c"]), Column(null, 2)));
        CollectionAssert.AreEqual(new ulong[] { 0, 1, 2, 0, 0 }, Matches(new(2, null, null), Column(null, 4)));
        CollectionAssert.AreEqual(new ulong[] { 0, 1, 2 }, Matches(new(2, null, null), Column(TestView.KeyValues("a", "b"), 2)));
    }

    [TestMethod]
    public void ColumnsOfAnyNumberOfKeysMatch()
    {
        // As a text loader declares keys whose number it was not told.
        foreach (var count in new ulong[] { uint.MaxValue, ulong.MaxValue })
        {
            var column = new TestView(1).Add("Key", new KeyDataViewType(typeof(ulong), count), row => 1ul).Schema["Key"];
            var match = new KeyVocabulary(3, null, null).Match(column);
            Assert.AreEqual(3ul, match[3]);
            Assert.AreEqual(0ul, match[4]);
            Assert.AreEqual(0ul, match[count]);
            Assert.AreEqual(count, new KeyVocabulary(count, null, null).Match(column)[count]);
        }
    }

    [TestMethod]
    public void AValueThatIsThereTwiceIsItsFirstKey()
        => CollectionAssert.AreEqual(new ulong[] { 0, 1 }, Matches(new(2, "String", ["a", "a"]), Column(TestView.KeyValues("a"), 1)));

    [TestMethod]
    public void ValuesDoNotDependOnTheCulture()
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            CollectionAssert.AreEqual(new[] { 1.5, -2.25 }, RoundTrip<double>(NumberDataViewType.Double, [1.5, -2.25]));
            CollectionAssert.AreEqual(new[] { "1.5" }, KeyVocabulary.Of(Column(Annotation(NumberDataViewType.Double, [1.5]), 1)).Values!.ToArray());
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    private static ulong[] Matches(KeyVocabulary vocabulary, DataViewSchema.Column column)
    {
        var match = vocabulary.Match(column);
        return [.. Enumerable.Range(0, (int)((KeyDataViewType)column.Type).Count + 1).Select(key => match[(ulong)key])];
    }

    private static DataViewSchema.Column Column(DataViewSchema.Annotations? annotations, ulong count)
        => new TestView(1).Add("Key", new KeyDataViewType(typeof(uint), count), row => 1u, annotations).Schema["Key"];

    private static DataViewSchema.Annotations Annotation<T>(PrimitiveDataViewType type, T[] values)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        builder.AddKeyValues(values.Length, type, (ref VBuffer<T> target) => new VBuffer<T>(values.Length, values).CopyTo(ref target));
        return builder.ToAnnotations();
    }

    private static void Check<T>(PrimitiveDataViewType type, T[] values)
        => CollectionAssert.AreEqual(values.Select(Text).ToArray(), RoundTrip(type, values).Select(Text).ToArray(), type.ToString());

    private static string Text<T>(T value) => value is ReadOnlyMemory<char> text ? text.ToString() : value is IFormattable formattable ? formattable.ToString(value is TimeSpan ? "c" : value is float or double ? "R" : value is DateTime or DateTimeOffset ? "O" : null, CultureInfo.InvariantCulture) : $"{value}";

    private static T[] RoundTrip<T>(PrimitiveDataViewType type, T[] values)
    {
        var vocabulary = RoundTrip(KeyVocabulary.Of(Column(Annotation(type, values), (ulong)values.Length)));
        vocabulary.CheckContent();
        Assert.IsTrue(type.Equals(vocabulary.ValueType));
        var builder = new DataViewSchema.Annotations.Builder();
        vocabulary.AddTo(builder);
        VBuffer<T> read = default;
        builder.ToAnnotations().GetValue("KeyValues", ref read);
        return [.. read.DenseValues()];
    }

    private static KeyVocabulary RoundTrip(KeyVocabulary vocabulary) => JsonSerializer.Deserialize<KeyVocabulary>(JsonSerializer.Serialize(vocabulary, ModelJson.Options), ModelJson.Options)!;
}
