using System.Globalization;
using System.Xml.Linq;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests.Clustering;

[TestClass]
public sealed class FewShotEvaluatorTests
{
    // Two episodes of two and three rows that count; a support row, and a row without a label.
    private static readonly uint[] s_labels = [1, 1, 2, 1, 2, 2, 0];
    private static readonly uint[] s_predicted = [1, 1, 1, 1, 2, 0, 1];
    private static readonly uint[] s_support = [1, 0, 0, 0, 0, 0, 0];
    private static readonly string[] s_episodes = ["a", "a", "a", "b", "b", "b", "b"];

    private static TestView View(string[]? labelValues = null, string[]? predictedValues = null) => new TestView(s_labels.Length)
        .Add("Label", new KeyDataViewType(typeof(uint), 2), row => s_labels[row], Values(labelValues))
        .Add("PredictedLabel", new KeyDataViewType(typeof(uint), predictedValues?.Length ?? 2), row => s_predicted[row], Values(predictedValues))
        .Add("SupportLabel", new KeyDataViewType(typeof(uint), 2), row => s_support[row])
        .Add("Episode", TextDataViewType.Instance, row => s_episodes[row].AsMemory())
        .Add("Number", NumberDataViewType.Single, row => (float)row);

    private static DataViewSchema.Annotations? Values(string[]? values)
    {
        if (values is null)
        {
            return null;
        }
        var builder = new DataViewSchema.Annotations.Builder();
        new KeyVocabulary((ulong)values.Length, nameof(String), values).AddTo(builder);
        return builder.ToAnnotations();
    }

    [TestMethod]
    public void EpisodesCountAlike()
    {
        var metrics = new MLContext().Clustering.EvaluateFewShot(View(), episodeColumnName: "Episode", supportLabelColumnName: "SupportLabel");
        // Right: 1 of 2, then 2 of 3.
        Assert.AreEqual((1 / 2.0 + 2 / 3.0) / 2, metrics.Accuracy, 1e-12);
        Assert.AreEqual(1.96 * (2 / 3.0 - 1 / 2.0) / 2 / Math.Sqrt(2), metrics.AccuracyInterval, 1e-12);
        // Of the first, the only cluster tells nothing of the classes 1, 2. Of the second, clusters 1, 2, none: H(classes | clusters) = 0.
        var (entropy, clusters) = (-(Math.Log(1 / 3.0) + 2 * Math.Log(2 / 3.0)) / 3, Math.Log(3));
        Assert.AreEqual((0 + entropy / ((entropy + clusters) / 2)) / 2, metrics.NormalizedMutualInformation, 1e-12);
        Assert.AreEqual((1 / 2.0 + 2 / 3.0) / 2, metrics.MatchedAccuracy, 1e-12);
        Assert.AreEqual((2, 5L, 1L, 2L), (metrics.NumberOfEpisodes, metrics.NumberOfRows, metrics.NumberOfUnassignedRows, metrics.NumberOfSkippedRows));
    }

    [TestMethod]
    public void WithoutEpisodesAllRowsAreOne()
    {
        var metrics = new MLContext().Clustering.EvaluateFewShot(View());
        Assert.AreEqual(4 / 6.0, metrics.Accuracy, 1e-12);
        Assert.IsTrue(double.IsNaN(metrics.AccuracyInterval));
        Assert.AreEqual((1, 6L, 1L), (metrics.NumberOfEpisodes, metrics.NumberOfRows, metrics.NumberOfSkippedRows));
    }

    [TestMethod]
    public void KeysMatchByTheirValues()
    {
        var clustering = new MLContext().Clustering;
        // Predicted: north, south; true: south, north. So 1 is right where 2 is true.
        Assert.AreEqual(1 / 6.0, clustering.EvaluateFewShot(View(["south", "north"], ["north", "south"])).Accuracy, 1e-12);
        Assert.AreEqual(4 / 6.0, clustering.EvaluateFewShot(View(["south", "north"], ["south", "north", "Cluster 1"])).Accuracy, 1e-12);
        // Numbers, where one has no values.
        Assert.AreEqual(4 / 6.0, clustering.EvaluateFewShot(View(["south", "north"])).Accuracy, 1e-12);
        // The names of clusters do not count where clusters are matched.
        Assert.AreEqual(4 / 6.0, clustering.EvaluateFewShot(View(["south", "north"], ["north", "south"])).MatchedAccuracy, 1e-12);
    }

    [TestMethod]
    public void InformationByHand()
    {
        // The same partition under other numbers; nothing in common; each alone.
        Assert.AreEqual(1, Table((0, 5), (0, 5), (1, 3), (2, 4)).NormalizedMutualInformation(), 1e-12);
        Assert.AreEqual(0, Table((0, 0), (0, 1), (1, 0), (1, 1)).NormalizedMutualInformation(), 1e-12);
        Assert.AreEqual(1, Table((0, 0), (0, 0)).NormalizedMutualInformation());
        Assert.AreEqual(0, Table((0, 0), (1, 0)).NormalizedMutualInformation());
        // Classes 0 0 1, clusters 0 1 1: H = ln 3 - (2/3) ln 2 for both, together ln 3.
        var entropy = Math.Log(3) - 2 / 3.0 * Math.Log(2);
        Assert.AreEqual((2 * entropy - Math.Log(3)) / entropy, Table((0, 0), (0, 1), (1, 1)).NormalizedMutualInformation(), 1e-12);
    }

    [TestMethod]
    public void ClustersBeyondTheClassesAreWrong()
    {
        Assert.AreEqual(3 / 4.0, Table((0, 0), (0, 0), (0, 1), (1, 2)).MatchedAccuracy());
        Assert.AreEqual(2 / 4.0, Table((0, 0), (0, 0), (1, 0), (2, 0)).MatchedAccuracy());
        Assert.AreEqual(1 / 4.0, Table((0, null), (0, null), (0, null), (1, 3)).MatchedAccuracy());
    }

    [TestMethod]
    public void TheBestAssignmentIsThatOfAllPermutations()
    {
        var random = new Random(1);
        for (var trial = 0; trial < 300; trial++)
        {
            var size = 1 + trial % 6;
            var costs = new long[size, size];
            for (var i = 0; i < size * size; i++)
            {
                // Small numbers make ties.
                costs[i / size, i % size] = random.Next(-9, trial % 2 == 0 ? 3 : 1000);
            }
            var columns = Assignment.Minimize(costs);
            CollectionAssert.AreEquivalent(Enumerable.Range(0, size).ToArray(), columns);
            Assert.AreEqual(Permutations(size).Min(permutation => Cost(costs, permutation)), Cost(costs, columns), $"Trial {trial}");
        }

        static long Cost(long[,] costs, IEnumerable<int> columns) => columns.Index().Sum(item => costs[item.Index, item.Item]);

        static IEnumerable<IEnumerable<int>> Permutations(int size)
            => size == 0 ? [[]] : Permutations(size - 1).SelectMany(rest => Enumerable.Range(0, size).Select(place => rest.Take(place).Append(size - 1).Concat(rest.Skip(place)).ToArray()));
    }

    [TestMethod]
    public void AMatchingOfManyClusters()
    {
        // Cluster i is class (7 i + 3) mod 200, with some rows of others.
        const int Count = 200;
        var rows = Enumerable.Range(0, Count).SelectMany(i => Enumerable.Range(0, 5).Select(j => (Class: (ulong)(7 * i + 3 + (j == 4 ? i : 0)) % Count, Cluster: (ulong?)i))).ToArray();
        var right = rows.Count(row => row.Class == (7 * row.Cluster + 3) % Count);
        Assert.AreEqual((double)right / rows.Length, new CountTable(rows).MatchedAccuracy(), 1e-12);
    }

    [TestMethod]
    public void TheTextsAreTheSameInEveryCulture()
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            var metrics = new MLContext().Clustering.EvaluateFewShot(View(), episodeColumnName: "Episode");
            var (text, html) = (metrics.ToString(), metrics.ToHtml());
            Must.Contain(text, "accuracy 0.6667", "over 2 episodes", "over 6 rows", "1 of them without", "1 rows skipped");
            Must.Contain(XElement.Parse(html).Value, "matched accuracy", "2 episodes");
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("tr-TR");
            Assert.AreEqual(text, metrics.ToString());
            Assert.AreEqual(html, metrics.ToHtml());
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [TestMethod]
    public void ColumnsThatDoNotFitAreNamed()
    {
        var clustering = new MLContext().Clustering;
        Refuse(() => clustering.EvaluateFewShot(View(), "Number"), "label column 'Number'", "Single");
        Refuse(() => clustering.EvaluateFewShot(View(), predictedLabelColumnName: "Nothing"), "predicted label column 'Nothing'");
        Refuse(() => clustering.EvaluateFewShot(View(), episodeColumnName: "Number"), "episode column 'Number'", "Single");
        Refuse(() => clustering.EvaluateFewShot(View(), supportLabelColumnName: "Number"), "support label column 'Number'");
        Refuse(() => clustering.EvaluateFewShot(View(), episodeColumnName: ""), "episodeColumnName");
        var nothing = new TestView(2).Add("Label", new KeyDataViewType(typeof(uint), 2), row => 0u).Add("PredictedLabel", new KeyDataViewType(typeof(uint), 2), row => 1u);
        Must.Contain(Must.Fail<InvalidOperationException>(() => clustering.EvaluateFewShot(nothing)).Message, "None of the 2 rows", "'Label'");
        Assert.AreEqual("data", Must.Fail<ArgumentNullException>(() => clustering.EvaluateFewShot(null!)).ParamName);
        Assert.AreEqual("catalog", Must.Fail<ArgumentNullException>(() => ClusteringCatalogExtensions.EvaluateFewShot(null!, View())).ParamName);
    }

    private static CountTable Table(params (ulong, ulong?)[] rows) => new(rows);

    private static void Refuse(Action action, params string[] parts) => Must.Contain(Must.Fail<ArgumentOutOfRangeException>(action).Message, parts);
}
