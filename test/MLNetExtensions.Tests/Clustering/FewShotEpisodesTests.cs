using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tests.Golden;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Tests.Clustering;

[TestClass]
public sealed class FewShotEpisodesTests
{
    private const int Classes = 4;
    private const int RowsPerClass = 6;

    // Class 2 has a single row: fewer than an episode needs. The row before the last has no label. A row's feature is its number.
    private static TestView View(PrimitiveDataViewType? item = null) => new TestView(Classes * RowsPerClass)
        .AddVector("Features", item ?? NumberDataViewType.Single, 2, row => new float[] { row, -row })
        .Add("Scalar", NumberDataViewType.Double, row => (double)row)
        .Add("Label", new KeyDataViewType(typeof(byte), Classes), row => (byte)Key(row), Values(TextDataViewType.Instance, "north", "south", "east", "west").ToAnnotations());

    private static uint Key(int row) => row == Classes * RowsPerClass - 2 ? 0 : (uint)(row % Classes == 1 && row > Classes ? 0 : row % Classes) + 1;

    private static DataViewSchema.Annotations.Builder Values(PrimitiveDataViewType type, params string[] values)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        new KeyVocabulary((ulong)values.Length, type is TextDataViewType ? nameof(String) : type.RawType.Name, values).AddTo(builder);
        return builder;
    }

    [TestMethod]
    [DataRow("1shot", 1)]
    [DataRow("5shot", 5)]
    public void EpisodesOfOmniglotAreThoseOfTheFile(string name, int shots)
    {
        var (rows, ways) = (20, 5);
        var file = OmniglotFile();
        var split = file.ToDoubles("split");
        int[][] classes = [.. file.ToDoubles("class_id").Index().Where(item => split[item.Index] == 1).GroupBy(item => item.Item).OrderBy(group => group.Key).Select(group => group.Select(item => item.Index).ToArray())];
        Assert.HasCount(64, classes);
        var (support, queries) = (file.ToDoubles($"check_seed1_{name}_support"), file.ToDoubles($"check_seed1_{name}_query"));
        int[][] drawn = [.. Enumerable.Range(0, rows).Select(e => FewShotSampler.Draw(classes, ways, shots, 15, 1, e)).Select(episode => (int[])[.. episode.Support.SelectMany(all => all), .. episode.Queries.SelectMany(all => all)])];
        CollectionAssert.AreEqual(support, drawn.SelectMany(all => all[..(ways * shots)]).Select(row => (double)row).ToArray());
        CollectionAssert.AreEqual(queries, drawn.SelectMany(all => all[(ways * shots)..]).Select(row => (double)row).ToArray());
    }

    [TestMethod]
    public void TheViewOfOmniglotHasTheSameRows()
    {
        var file = OmniglotFile();
        var (features, ids, split) = (file.ToArray<float>("features"), file.ToDoubles("class_id"), file.ToDoubles("split"));
        var data = new TestView(ids.Length).AddVector("Features", NumberDataViewType.Single, 32, row => features[(row * 32)..(row * 32 + 32)])
            .Add("Label", new KeyDataViewType(typeof(uint), 110), row => split[row] == 1 ? (uint)ids[row] + 1 : 0u);
        var episodes = new MLContext().Clustering.DrawFewShotEpisodes(data, shots: 5, numberOfEpisodes: 20);
        int[] check = [.. Enumerable.Range(0, 20).SelectMany(e => Slice("support", 25, e).Concat(Slice("query", 75, e)))];
        CollectionAssert.AreEqual(check.Select(row => (uint)ids[row] + 1).ToArray(), episodes.GetColumn<uint>("Label").ToArray());
        CollectionAssert.AreEqual(check.Select((_, i) => (uint)(i / 100) + 1).ToArray(), episodes.GetColumn<uint>("Episode").ToArray());
        CollectionAssert.AreEqual(check.Select((row, i) => i % 100 < 25 ? (uint)ids[row] + 1 : 0).ToArray(), episodes.GetColumn<uint>("SupportLabel").ToArray());
        foreach (var (row, actual) in check.Zip(episodes.GetColumn<float[]>("Features")))
        {
            CollectionAssert.AreEqual(features[(row * 32)..(row * 32 + 32)], actual);
        }

        IEnumerable<int> Slice(string part, int count, int e) => file.ToDoubles($"check_seed1_5shot_{part}").Skip(count * e).Take(count).Select(row => (int)row);
    }

    [TestMethod]
    public void AnEpisodeHasNoRowTwiceAndItsOwnLabels()
    {
        var episodes = new MLContext().Clustering.DrawFewShotEpisodes(View(), ways: 3, shots: 2, queries: 100, numberOfEpisodes: 50);
        Assert.AreEqual(3 + 2 - 1, episodes.Schema.Count);
        var rows = episodes.GetColumn<float[]>("Features").Zip(episodes.GetColumn<uint>("Label"), episodes.GetColumn<uint>("SupportLabel")).Zip(episodes.GetColumn<uint>("Episode"), (row, episode) => (row, episode)).ToArray();
        Assert.HasCount(50, rows.GroupBy(row => row.episode).ToArray());
        foreach (var episode in rows.GroupBy(row => row.episode))
        {
            Assert.IsTrue(episode.GroupBy(row => row.row.First[0]).All(same => same.Count() == 1));
            Assert.IsTrue(episode.All(row => row.row.Second == Key((int)row.row.First[0]) && row.row.Second != 2));
            // All rows of the classes are shown or asked; the shown ones come first.
            Assert.HasCount(Enumerable.Range(0, Classes * RowsPerClass).Count(row => Key(row) is not (0 or 2)), episode.ToArray());
            Assert.AreEqual(3 * 2, episode.TakeWhile(row => row.row.Third == row.row.Second).Count());
            Assert.IsTrue(episode.Skip(3 * 2).All(row => row.row.Third == 0));
            Assert.IsTrue(episode.Take(3 * 2).GroupBy(row => row.row.Second).All(shown => shown.Count() == 2));
        }
        Assert.IsGreaterThan(10, rows.GroupBy(row => row.episode).Select(episode => string.Join(' ', episode.Select(row => row.row.First[0]))).Distinct().Count());
    }

    [TestMethod]
    public void KeysKeepTheirValues()
    {
        foreach (var (type, values) in new (PrimitiveDataViewType, string[])[] { (TextDataViewType.Instance, ["north", "south", "east", "west"]), (NumberDataViewType.Int32, ["7", "-1", "5", "0"]) })
        {
            var data = new TestView(Classes * RowsPerClass).AddVector("Features", NumberDataViewType.Double, 1, row => new double[] { row })
                .Add("Label", new KeyDataViewType(typeof(uint), Classes), row => (uint)(row % Classes) + 1, Values(type, values).ToAnnotations());
            var episodes = new MLContext().Clustering.DrawFewShotEpisodes(data, ways: 2, numberOfEpisodes: 1);
            CollectionAssert.AreEqual(values, KeyVocabulary.Of(episodes.Schema["Label"]).Values!.ToArray());
            CollectionAssert.AreEqual(values, KeyVocabulary.Of(episodes.Schema["SupportLabel"]).Values!.ToArray());
            Assert.AreEqual(new KeyDataViewType(typeof(uint), Classes), episodes.Schema["SupportLabel"].Type);
            Assert.IsNull(KeyVocabulary.Of(episodes.Schema["Episode"]).Values);
        }
    }

    [TestMethod]
    public void ColumnsAndNumbersThatDoNotFitAreNamed()
    {
        var clustering = new MLContext().Clustering;
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => clustering.DrawFewShotEpisodes(View(), ways: 1)).Message, "ways");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => clustering.DrawFewShotEpisodes(View(), shots: 0)).Message, "shots");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => clustering.DrawFewShotEpisodes(View(), queries: 0)).Message, "queries");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => clustering.DrawFewShotEpisodes(View(), numberOfEpisodes: 0)).Message, "numberOfEpisodes");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => clustering.DrawFewShotEpisodes(View(), featureColumnName: "Label")).Message, "labelColumnName", "SupportLabel");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => clustering.DrawFewShotEpisodes(View(), featureColumnName: "Nothing")).Message, "feature column 'Nothing'");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => clustering.DrawFewShotEpisodes(View(), labelColumnName: "Scalar")).Message, "label column 'Scalar'", "Double");
        Must.Contain(Must.Fail<InvalidOperationException>(() => clustering.DrawFewShotEpisodes(View(), ways: 4)).Message, "3 classes", "'Label'", "2 rows");
        Assert.AreEqual("data", Must.Fail<ArgumentNullException>(() => clustering.DrawFewShotEpisodes(null!)).ParamName);
        Assert.AreEqual("catalog", Must.Fail<ArgumentNullException>(() => ClusteringCatalogExtensions.DrawFewShotEpisodes(null!, View())).ParamName);
    }

    internal static SafetensorsReader OmniglotFile()
    {
        var path = Path.Combine(GoldenFiles.SharedFolder, "data", "omniglot-eval", "omniglot-eval.safetensors");
        if (!File.Exists(path))
        {
            Assert.Inconclusive($"No file '{path}'.");
        }
        return SafetensorsReader.Parse(File.ReadAllBytes(path));
    }
}
