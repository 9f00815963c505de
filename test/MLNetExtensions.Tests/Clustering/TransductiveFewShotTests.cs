using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests.Clustering;

[TestClass]
public sealed class TransductiveFewShotTests
{
    private const float LargestScore = 69.07755f;

    private static TransductiveFewShotTrainer.Options Options(Action<TransductiveFewShotTrainer.Options>? change = null)
    {
        var options = new TransductiveFewShotTrainer.Options { Seed = 3, NumberOfThreads = 1 };
        change?.Invoke(options);
        return options;
    }

    private static TransductiveFewShotTransformer Fit(IDataView data, Action<TransductiveFewShotTrainer.Options>? change = null, MLContext? ml = null)
        => ((IEstimator<TransductiveFewShotTransformer>)(ml ?? new MLContext(1)).Clustering.Trainers.TransductiveFewShot(Options(change))).Fit(data);

    /// <summary>Four classes, of which the first two rows each are labelled.</summary>
    private static readonly FewShotTable s_training = FewShotTable.Draw(1, 0.3, 4, 12);

    private static readonly FewShotTable s_test = FewShotTable.Draw(2, 0.3, 4, 15);

    private static bool IsShown(int row) => row < 8;

    private static TransductiveFewShotTransformer FitFewShot(Action<TransductiveFewShotTrainer.Options>? change = null) => Fit(s_training.View(IsShown), change);

    // ---- Few-shot ----

    [TestMethod]
    public void TellsRowsApartByAFewLabels()
    {
        using var model = FitFewShot();
        var scores = FewShotScores.Of(model, s_test.View());
        scores.AssertComplete();
        Assert.IsGreaterThan(0.95, scores.Accuracy(s_test));

        Assert.IsTrue(model.Converged);
        Assert.IsGreaterThan(0, model.NumberOfIterations);
        Assert.AreEqual(0.5, model.Lambda);
        Assert.IsNull(model.NeighborRecall);
        foreach (var (before, after) in model.Objective.Zip(model.Objective.Skip(1)))
        {
            Assert.IsLessThanOrEqualTo(before + 1e-5 * Math.Max(1, Math.Abs(before)), after);
        }
        Assert.HasCount(4, model.Prototypes);
        Assert.IsTrue(model.Prototypes.All(prototype => prototype.Length == FewShotTable.Size));
        Assert.AreEqual(1, model.ClassProportions.Sum(), 1e-9);
        Assert.AreEqual(0.25, model.ClassProportions[2], 0.05);
        Assert.AreEqual("Features, Label, , ", $"{model.FeatureColumnName}, {model.LabelColumnName}, {model.EpisodeColumnName}, {model.SupportLabelColumnName}");
    }

    [TestMethod]
    public void ATrueLabelInTheScoredViewChangesNothing()
    {
        using var model = FitFewShot();
        var expected = FewShotScores.Of(model, s_test.View());
        var view = s_test.View(_ => true);
        expected.AssertEqual(FewShotScores.Of(model, view));
        Assert.DoesNotContain("Label", view.ColumnsAsked);
        expected.AssertEqual(FewShotScores.Of(model, s_test.View(row => row % 3 == 0)));
        expected.AssertEqual(FewShotScores.Of(model, s_test.View().Add("Label", NumberDataViewType.Single, row => 7f)));
        // Also beside the labels that count.
        using var ofEpisodes = FitFewShot(options => options.SupportLabelColumnName = "Support");
        var episode = s_test.View(IsShown, name: "Support");
        FewShotScores.Of(ofEpisodes, episode).AssertEqual(FewShotScores.Of(ofEpisodes, s_test.Add(s_test.View(IsShown, name: "Support"), "Label", _ => true)));
    }

    [TestMethod]
    public void ARowDependsOnTheOthersOfItsViewAndNotWithPrototypes()
    {
        var noisy = FewShotTable.Draw(5, 0.9, 4, 12);
        using var model = FitFewShot();
        var all = FewShotScores.Of(model, noisy.View());
        var some = FewShotScores.Of(model, noisy.Where(row => row % 2 == 0).View());
        Assert.Throws<AssertFailedException>(() => all.Where(row => row % 2 == 0).AssertEqual(some, 1e-3));
        using var inductive = FitFewShot(options => options.Inference = FewShotInference.Prototype);
        FewShotScores.Of(inductive, noisy.View()).Where(row => row % 2 == 0).AssertEqual(FewShotScores.Of(inductive, noisy.Where(row => row % 2 == 0).View()));
    }

    [TestMethod]
    public void LabelsBeyondTheKeysAreMissing()
    {
        using var model = FitFewShot();
        var beyond = s_training.View().Add("Label", new KeyDataViewType(typeof(uint), 4), row => IsShown(row) ? (uint)s_training.Classes[row] + 1 : 5u, TestView.KeyValues("a", "b", "c", "d"));
        using var same = Fit(beyond);
        FewShotScores.Of(model, s_test.View()).AssertEqual(FewShotScores.Of(same, s_test.View()));
    }

    [TestMethod]
    public void AClassWithoutLabelledRowsIsNeverPredictedAndIsNamed()
    {
        var ml = new MLContext(1);
        TransductiveFewShotTransformer? model = null;
        var warnings = Models.Warnings(ml, () => model = Fit(s_training.View(row => IsShown(row) && s_training.Classes[row] != 1, keys: 5), ml: ml));
        Must.Contain(warnings.Single(), "2 of the 5 classes", "'Label'", "b, e.");
        var scores = FewShotScores.Of(model!, s_test.View());
        scores.AssertComplete();
        Assert.IsTrue(scores.Labels.All(label => label is 1 or 3 or 4));
        Assert.IsTrue(scores.Scores.All(row => row[1] == row[4] && Math.Abs(row[1] - LargestScore) < 1e-4f) && scores.Probabilities.All(row => row[1] == 0 && row[4] == 0));
        Assert.AreEqual(0, model!.Prototypes[1].Length);
        Assert.AreEqual(0, model.ClassProportions[1]);
    }

    // ---- Episodes ----

    private const int Sizes = 3;

    /// <summary>Three episodes of 40, 30 and 20 rows, of 4, 3 and 2 classes, row by row in turns as long as there are any.</summary>
    private static (FewShotTable Table, int[] Episodes) DrawEpisodes()
    {
        var tables = new[] { FewShotTable.Draw(11, 0.4, 4, 10), FewShotTable.Draw(12, 0.4, 3, 10), FewShotTable.Draw(13, 0.4, 2, 10) };
        (int Episode, int Row)[] order = [.. tables.SelectMany((table, episode) => Enumerable.Range(0, table.Count).Select(row => (episode, row))).OrderBy(place => place.row).ThenBy(place => place.episode)];
        return (new([.. order.Select(place => tables[place.Episode].Features[place.Row])], [.. order.Select(place => tables[place.Episode].Classes[place.Row])]), [.. order.Select(place => place.Episode)]);
    }

    [TestMethod]
    public void EpisodesOfDifferentSizesAndClassesAreSolvedByThemselves()
    {
        var (table, episodes) = DrawEpisodes();
        using var model = FitFewShot(options => (options.EpisodeColumnName, options.SupportLabelColumnName) = ("Task", "Support"));
        // The first row of each class of an episode is labelled.
        var isShown = Enumerable.Range(0, table.Count).GroupBy(row => (episodes[row], table.Classes[row])).Select(rows => rows.First()).ToHashSet();
        var all = FewShotScores.Of(model, table.View(isShown.Contains, name: "Support").Add("Task", NumberDataViewType.Int32, row => episodes[row]));
        all.AssertComplete();
        Assert.IsGreaterThan(0.9, all.Accuracy(table));
        for (var episode = 0; episode < Sizes; episode++)
        {
            var classes = 4 - episode;
            int[] rows = [.. Enumerable.Range(0, table.Count).Where(row => episodes[row] == episode)];
            var part = table.Where(row => episodes[row] == episode);
            var alone = FewShotScores.Of(model, part.View(row => isShown.Contains(rows[row]), name: "Support").Add("Task", TextDataViewType.Instance, row => "alone".AsMemory()));
            all.Where(row => episodes[row] == episode).AssertEqual(alone, 1e-5);
            Assert.IsTrue(alone.Labels.All(label => label <= classes) && alone.Probabilities.All(row => row[classes..].All(probability => probability == 0)));
        }
    }

    [TestMethod]
    public void EpisodesAreNamedByKeysTextsOrNumbers()
    {
        var (table, episodes) = DrawEpisodes();
        using var model = FitFewShot(options => options.EpisodeColumnName = "Task");
        var byNumber = FewShotScores.Of(model, table.View().Add("Task", NumberDataViewType.Int32, row => episodes[row] - 1));
        foreach (var view in new[]
        {
            table.View().Add("Task", NumberDataViewType.Int64, row => long.MaxValue - episodes[row]),
            table.View().Add("Task", TextDataViewType.Instance, row => $"task {episodes[row]}".AsMemory()),
            table.View().Add("Task", new KeyDataViewType(typeof(ulong), ulong.MaxValue), row => (ulong)episodes[row]),
            table.View().Add("Task", new KeyDataViewType(typeof(byte), 3), row => (byte)(episodes[row] + 1), TestView.KeyValues("first", "second", "third")),
        })
        {
            byNumber.AssertEqual(FewShotScores.Of(model, view), 1e-5);
        }
        // The labelled rows of Fit serve each of them.
        var second = FewShotScores.Of(FitFewShot(), table.Where(row => episodes[row] == 1).View());
        byNumber.Where(row => episodes[row] == 1).AssertEqual(second, 1e-5);
    }

    [TestMethod]
    public void LabelledRowsOfAnEpisodeKeepTheirLabel()
    {
        using var model = FitFewShot(options => options.SupportLabelColumnName = "Support");
        // The last row of class a says that it is a b.
        var wrong = s_test.Count - 4;
        var view = s_test.View().Add("Support", new KeyDataViewType(typeof(uint), 4), row => IsShown(row) ? (uint)s_test.Classes[row] + 1 : row == wrong ? 2u : 0, TestView.KeyValues("a", "b", "c", "d"));
        var scores = FewShotScores.Of(model, view);
        scores.AssertComplete();
        foreach (var row in Enumerable.Range(0, 8).Append(wrong))
        {
            var label = row == wrong ? 1 : s_test.Classes[row];
            Assert.AreEqual((uint)label + 1, scores.Labels[row]);
            Assert.AreEqual(1, scores.Probabilities[row][label]);
            Assert.AreEqual(0, scores.Scores[row][label]);
            Assert.IsTrue(scores.Scores[row].Where((_, i) => i != label).All(score => Math.Abs(score - LargestScore) < 1e-4));
        }
        Assert.IsGreaterThan(0.95, scores.Accuracy(s_test));
    }

    [TestMethod]
    public void AnEpisodeWithoutALabelIsRefusedByItsName()
    {
        using var model = FitFewShot(options => (options.EpisodeColumnName, options.SupportLabelColumnName) = ("Task", "Support"));
        TestView View(Func<int, bool> isShown) => s_test.View(isShown, name: "Support").Add("Task", TextDataViewType.Instance, row => (row < 20 ? "one" : "two").AsMemory());
        Must.Contain(Must.Fail(() => FewShotScores.Of(model, View(IsShown))).Message, "'two'", "'Task'", "'Support'", "40 rows");
        FewShotScores.Of(model, View(row => IsShown(row % 20))).AssertComplete();
        using var whole = FitFewShot(options => options.SupportLabelColumnName = "Support");
        Must.Contain(Must.Fail(() => FewShotScores.Of(whole, s_test.View(_ => false, name: "Support"))).Message, "The view", "'Support'", "60 rows");
    }

    [TestMethod]
    public void LabelsOfEpisodesBringTheirOwnNamesAndNeedNoneInFit()
    {
        using var model = Fit(s_training.View(), options => (options.LabelColumnName, options.SupportLabelColumnName) = (null, "Support"));
        Assert.IsEmpty(model.Objective);
        Assert.IsEmpty(model.Prototypes);
        Assert.IsEmpty(model.ClassProportions);
        var view = model.Transform(s_test.View(IsShown, name: "Support", keys: 6));
        VBuffer<ReadOnlyMemory<char>> names = default;
        view.Schema["PredictedLabel"].GetKeyValues(ref names);
        Assert.AreEqual("a b c d e f", string.Join(' ', names.DenseValues()));
        view.Schema["Probability"].GetSlotNames(ref names);
        Assert.AreEqual("a b c d e f", string.Join(' ', names.DenseValues()));
        Assert.IsGreaterThan(0.95, FewShotScores.Of(model, s_test.View(IsShown, name: "Support", keys: 6)).Accuracy(s_test));
        var noValues = model.Transform(s_test.View().Add("Support", new KeyDataViewType(typeof(ushort), 4), row => (ushort)(IsShown(row) ? s_test.Classes[row] + 1 : 0)));
        Assert.AreEqual(new KeyDataViewType(typeof(uint), 4), noValues.Schema["PredictedLabel"].Type);
        Assert.IsFalse(noValues.Schema["PredictedLabel"].HasKeyValues());
    }

    [TestMethod]
    public void ManyEpisodesAreSolvedInOneCall()
    {
        var ml = new MLContext(1);
        var classes = FewShotTable.Draw(4, 0.5, 8, 20);
        var episodes = ml.Clustering.DrawFewShotEpisodes(classes.View(_ => true, keys: 8), numberOfEpisodes: 600);
        using var model = Fit(classes.View(_ => true, keys: 8), options => (options.EpisodeColumnName, options.SupportLabelColumnName) = ("Episode", "SupportLabel"));
        var metrics = ml.Clustering.EvaluateFewShot(model.Transform(episodes), episodeColumnName: "Episode", supportLabelColumnName: "SupportLabel");
        Console.WriteLine($"{metrics.Accuracy} +- {metrics.AccuracyInterval}");
        Assert.AreEqual(600, metrics.NumberOfEpisodes);
        Assert.AreEqual(45_000, metrics.NumberOfRows);
        Assert.IsGreaterThan(0.8, metrics.Accuracy);
    }

    [TestMethod]
    [DataRow(1, 0.738)]
    [DataRow(5, 0.822)]
    public void CharactersOfOmniglot(int shots, double accuracy)
    {
        const int Features = 32;
        var ml = new MLContext(1);
        var file = FewShotEpisodesTests.OmniglotFile();
        var (features, ids, split) = (file.ToArray<float>("features"), file.ToDoubles("class_id"), file.ToDoubles("split"));
        var data = new TestView(ids.Length).AddVector("Features", NumberDataViewType.Single, Features, row => features[(row * Features)..((row + 1) * Features)])
            .Add("Label", new KeyDataViewType(typeof(uint), 110), row => split[row] == 1 ? (uint)ids[row] + 1 : 0u);
        using var model = Fit(data, options => (options.BaseMean, options.EpisodeColumnName, options.SupportLabelColumnName) = (file.ToArray<float>("base_mean"), "Episode", "SupportLabel"));
        var scored = model.Transform(ml.Clustering.DrawFewShotEpisodes(data, shots: shots));
        var metrics = ml.Clustering.EvaluateFewShot(scored, episodeColumnName: "Episode", supportLabelColumnName: "SupportLabel");
        Console.WriteLine($"{metrics.Accuracy} +- {metrics.AccuracyInterval}");
        Assert.AreEqual(600, metrics.NumberOfEpisodes);
        Assert.IsGreaterThanOrEqualTo(accuracy, metrics.Accuracy);
    }

    // ---- Clusters ----

    [TestMethod]
    public void FindsClustersWhoseNumbersKeepTheirMeaning()
    {
        var ml = new MLContext(1);
        using var model = Fit(s_training.View(), options => (options.LabelColumnName, options.NumberOfClusters) = (null, 4));
        Assert.AreEqual(1.3, model.Lambda);
        Assert.IsNull(model.LabelColumnName);
        var view = model.Transform(s_test.View(_ => true));
        Assert.AreEqual(new KeyDataViewType(typeof(uint), 4), view.Schema["PredictedLabel"].Type);
        Assert.IsFalse(view.Schema["PredictedLabel"].HasKeyValues());
        Assert.IsFalse(view.Schema["Score"].HasSlotNames());
        Assert.IsGreaterThan(0.9, ml.Clustering.EvaluateFewShot(view).NormalizedMutualInformation);
        // Each class keeps its cluster in any part of the data, whatever else is there.
        var all = FewShotScores.Of(model, s_test.View());
        all.AssertComplete();
        for (var c = 0; c < 4; c++)
        {
            var cluster = all.Where(row => s_test.Classes[row] == c).Labels.GroupBy(label => label).MaxBy(labels => labels.Count())!.Key;
            var others = FewShotScores.Of(model, s_test.Where(row => s_test.Classes[row] >= c).View());
            Assert.AreEqual(cluster, others.Labels[0]);
        }
    }

    [TestMethod]
    public void ClustersComeBehindTheLabelledClasses()
    {
        // The classes c and d have no labels.
        static bool IsKnown(int row) => IsShown(row) && row % 4 < 2;
        using var model = Fit(s_training.View(IsKnown, keys: 2), options => options.NumberOfClusters = 4);
        var view = model.Transform(s_test.View(_ => true, keys: 4));
        VBuffer<ReadOnlyMemory<char>> names = default;
        view.Schema["PredictedLabel"].GetKeyValues(ref names);
        Assert.AreEqual("a,b,Cluster 1,Cluster 2", string.Join(',', names.DenseValues()));
        var scores = FewShotScores.Of(model, s_test.View());
        scores.AssertComplete();
        Assert.IsGreaterThan(0.9, scores.Where(row => s_test.Classes[row] < 2).Accuracy(s_test.Where(row => s_test.Classes[row] < 2)));
        Assert.IsGreaterThan(0.9, new MLContext().Clustering.EvaluateFewShot(view).NormalizedMutualInformation);
        // Without names the clusters are the next keys.
        var numbered = s_training.View().Add("Label", new KeyDataViewType(typeof(byte), 2), row => IsKnown(row) ? (byte)(s_training.Classes[row] + 1) : (byte)0);
        using var withoutNames = Fit(numbered, options => options.NumberOfClusters = 4);
        scores.AssertEqual(FewShotScores.Of(withoutNames, s_test.View()));
        Assert.AreEqual(new KeyDataViewType(typeof(uint), 4), withoutNames.GetOutputSchema(s_test.View().Schema)["PredictedLabel"].Type);
        // As many as there are classes: none is added.
        using var none = Fit(s_training.View(IsShown), options => options.NumberOfClusters = 4);
        FewShotScores.Of(FitFewShot(), s_test.View()).AssertEqual(FewShotScores.Of(none, s_test.View()));
    }

    [TestMethod]
    public void ClustersOfALabelColumnWithoutLabelsAreNamed()
    {
        using var model = Fit(s_training.View(_ => false), options => options.NumberOfClusters = 3);
        VBuffer<ReadOnlyMemory<char>> names = default;
        model.GetOutputSchema(s_test.View().Schema)["PredictedLabel"].GetKeyValues(ref names);
        Assert.AreEqual("Cluster 1,Cluster 2,Cluster 3", string.Join(',', names.DenseValues()));
    }

    [TestMethod]
    public void ImpossibleNumbersOfClustersAreRefused()
    {
        var e = Must.Fail<InvalidOperationException>(() => Fit(s_training.View(_ => false)));
        Must.Contain(e.Message, "'Label'", "48 rows", "NumberOfClusters");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(s_training.View(), options => options.LabelColumnName = null)).Message, "NumberOfClusters");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(s_training.View(IsShown), options => options.NumberOfClusters = 49)).Message, "49 clusters", "48 rows");
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => Fit(s_training.View(IsShown), options => options.NumberOfClusters = 3)).Message, "NumberOfClusters", "4");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(s_training.View(_ => false), options => (options.NumberOfClusters, options.Preset) = (2, FewShotPreset.LaplacianShot))).Message, "LaplacianShot");
        var annotations = new DataViewSchema.Annotations.Builder();
        new KeyVocabulary(2, nameof(Int32), ["5", "6"]).AddTo(annotations);
        var numbers = s_training.View().Add("Label", new KeyDataViewType(typeof(byte), 2), row => (byte)(row % 4 < 2 ? row % 4 + 1 : 0), annotations.ToAnnotations());
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(numbers, options => options.NumberOfClusters = 3)).Message, "'Label'", "Int32");
    }

    [TestMethod]
    public void TheEvaluatorOfMLNetReadsTheOutput()
    {
        var ml = new MLContext(1);
        var table = new FewShotTable([[5, 0.1f], [5, 0.2f], [5, 0.3f], [0.1f, 5], [0.2f, 5], [5, 0]], [0, 0, 0, 1, 1, 1]);
        using var model = Fit(table.View(), options => (options.LabelColumnName, options.NumberOfClusters, options.NumberOfNeighbors) = (null, 2, 1));
        var view = model.Transform(table.View(_ => true, keys: 2));
        var scores = FewShotScores.Of(model, table.View());
        // The last row says that it is a b and lies among the a.
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 1, 1, 0 }, scores.Labels.Select(label => label == scores.Labels[0] ? 0 : 1).ToArray());
        var metrics = ml.Clustering.Evaluate(view, "Label", "Score", "Features");
        Assert.AreEqual(scores.Scores.Average(row => (double)row.Min()), metrics.AverageDistance, 1e-6);
        // Counts of labels and clusters: 3 and 0, 1 and 2. The information, 1/2 ln(3/2) + 1/6 ln(1/2) + 1/3 ln 2, over the entropy of the labels, ln 2.
        Assert.AreEqual((0.5 * Math.Log(1.5) - Math.Log(2) / 6 + Math.Log(2) / 3) / Math.Log(2), metrics.NormalizedMutualInformation, 1e-6);
        // Means (5, 0.15) and (0.15, 5); mean distances 0.1 and 0.05 to them.
        Assert.AreEqual(0.15 / Math.Sqrt(2 * 4.85 * 4.85), metrics.DaviesBouldinIndex, 1e-5);
    }

    // ---- Odd data ----

    [TestMethod]
    public void OneRowIsEnough()
    {
        var one = s_training.Where(row => row == 1);
        using var model = Fit(one.View(_ => true));
        var scores = FewShotScores.Of(model, one.View());
        scores.AssertComplete();
        Assert.AreEqual(2u, scores.Labels.Single());
        using var cluster = Fit(one.View(), options => (options.LabelColumnName, options.NumberOfClusters) = (null, 1));
        Assert.AreEqual(1u, FewShotScores.Of(cluster, one.View()).Labels.Single());
        // One row of a view, and none.
        using var usual = FitFewShot();
        FewShotScores.Of(usual, s_test.Where(row => row == 2).View()).AssertComplete();
        Assert.IsEmpty(FewShotScores.Of(usual, new TestView(0).AddVector("Features", NumberDataViewType.Single, FewShotTable.Size, row => new float[FewShotTable.Size])).Labels);
    }

    [TestMethod]
    [DataRow(FewShotPrototype.Mean)]
    [DataRow(FewShotPrototype.Mode)]
    [DataRow(FewShotPrototype.Medoid)]
    public void IdenticalRowsAreScored(FewShotPrototype prototype)
    {
        foreach (var value in new[] { 0f, 1f })
        {
            var table = new FewShotTable([.. Enumerable.Range(0, 20).Select(_ => new[] { value, value, 2 * value })], [.. Enumerable.Range(0, 20).Select(row => row % 2)]);
            using var model = Fit(table.View(row => row < 4, keys: 2), options => options.Prototype = prototype);
            FewShotScores.Of(model, table.View()).AssertComplete();
            FewShotScores.Of(model.ToInductive(), table.View()).AssertComplete();
            using var clusters = Fit(table.View(), options => (options.LabelColumnName, options.NumberOfClusters, options.Prototype) = (null, 3, prototype));
            FewShotScores.Of(clusters, table.View()).AssertComplete();
        }
    }

    [TestMethod]
    public void MoreNeighborsThanRowsAreAllOfThem()
    {
        using var most = FitFewShot(options => options.NumberOfNeighbors = 67);
        using var more = FitFewShot(options => options.NumberOfNeighbors = 5000);
        // With the 8 labelled rows there are 68.
        FewShotScores.Of(most, s_test.View()).AssertEqual(FewShotScores.Of(more, s_test.View()), 1e-6);
        using var none = FitFewShot(options => options.NumberOfNeighbors = 0);
        using var weightless = FitFewShot(options => options.Lambda = 0);
        FewShotScores.Of(none, s_test.View()).AssertEqual(FewShotScores.Of(weightless, s_test.View()), 1e-5);
    }

    [TestMethod]
    public void RowsThatAreNotFiniteAreNotScoredAndTakeNoPart()
    {
        var ml = new MLContext(1);
        using var model = Fit(s_training.View(IsShown), ml: ml);
        var broken = s_test with { Features = [.. s_test.Features.Select((values, row) => row % 10 == 3 ? [.. values[..^1], row == 3 ? float.PositiveInfinity : float.NaN] : values)] };
        FewShotScores? scores = null;
        Must.Contain(Models.Warnings(ml, () => scores = FewShotScores.Of(model, broken.View())).Distinct().Single(), "6 of 60 rows", "'Features'");
        Assert.IsTrue(scores!.Where(row => row % 10 == 3).Labels.All(label => label == 0));
        Assert.IsTrue(scores.Where(row => row % 10 == 3).Scores.Concat(scores.Where(row => row % 10 == 3).Probabilities).All(values => values.All(float.IsNaN)));
        scores.Where(row => row % 10 != 3).AssertEqual(FewShotScores.Of(model, s_test.Where(row => row % 10 != 3).View()), 1e-6);
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(broken.View(IsShown))).Message, "'Features'", "row 3", "slot 5");
        // Nothing but such rows.
        FewShotScores.Of(model, broken.Where(row => row == 13).View());
    }

    // ---- The choice of lambda ----

    [TestMethod]
    public void LambdaIsTheBestOnEpisodesOfTheLabelledRows()
    {
        var ml = new MLContext(1);
        var table = FewShotTable.Draw(8, 0.8, 6, 10);
        var view = table.View(_ => true, keys: 6);
        var selection = new FewShotLambdaSelection { Candidates = [0, 0.3, 1, 3], NumberOfWays = 3, NumberOfShots = 2, NumberOfQueries = 5, NumberOfEpisodes = 40 };
        var lines = new List<string>();
        using var model = Fit(view, options => (options.SelectLambda, options.SupportLabelColumnName, options.EpisodeColumnName, options.Progress) = (selection, "SupportLabel", "Episode", new Lines(lines.Add)));
        var episodes = ml.Clustering.DrawFewShotEpisodes(view, ways: 3, shots: 2, queries: 5, numberOfEpisodes: 40, seed: 3);
        double[] accuracies = [.. selection.Candidates.Select(lambda =>
        {
            using var one = Fit(view, options => (options.Lambda, options.SupportLabelColumnName, options.EpisodeColumnName) = (lambda, "SupportLabel", "Episode"));
            Assert.AreEqual(lambda, one.Lambda);
            return ml.Clustering.EvaluateFewShot(one.Transform(episodes), episodeColumnName: "Episode", supportLabelColumnName: "SupportLabel").Accuracy;
        })];
        Console.WriteLine(string.Join(", ", accuracies));
        Assert.AreEqual(selection.Candidates[Array.IndexOf(accuracies, accuracies.Max())], model.Lambda);
        Assert.HasCount(4, lines.Where(line => line.StartsWith("Lambda", StringComparison.Ordinal)).ToArray());
        Assert.AreEqual(model.Lambda, ((TransductiveFewShotTransformer)Models.Load(Models.Save(ml, model))).Lambda);
        // Where Fit solves a problem of its own, too.
        using var usual = Fit(view, options => options.SelectLambda = selection);
        Assert.AreEqual(model.Lambda, usual.Lambda);
    }

    [TestMethod]
    public void LambdaIsNotChosenOnTooFewRows()
    {
        var e = Must.Fail<InvalidOperationException>(() => FitFewShot(options => options.SelectLambda = new() { NumberOfWays = 4, NumberOfShots = 2 }));
        Must.Contain(e.Message, "4 classes", "3 rows", "'Label'", "0.");
        Must.Fail<InvalidOperationException>(() => FitFewShot(options => options.SelectLambda = new()));
        using var enough = FitFewShot(options => options.SelectLambda = new() { NumberOfWays = 4, NumberOfEpisodes = 3 });
    }

    // ---- Row by row ----

    [TestMethod]
    public void ToInductiveScoresRowsByThemselves()
    {
        var ml = new MLContext(1);
        using var transductive = ml.Transforms.CopyColumns("Features", "Values").Append(ml.Clustering.Trainers.TransductiveFewShot(Options())).Fit(Renamed(s_training.View(IsShown)));
        var before = FewShotScores.Of(transductive, Renamed(s_test.View()));
        Must.Fail(() => ml.Model.CreatePredictionEngine<Row, Scored>(transductive));
        var inductive = transductive.ToInductive();
        var expected = FewShotScores.Of(inductive, Renamed(s_test.View()));
        expected.AssertComplete();
        Assert.IsGreaterThan(0.95, expected.Accuracy(s_test));
        using var fitted = FitFewShot(options => options.Inference = FewShotInference.Prototype);
        expected.AssertEqual(FewShotScores.Of(fitted, s_test.View()));
        var loaded = Models.Load(Models.Save(ml, inductive));
        expected.AssertEqual(FewShotScores.Of(loaded, Renamed(s_test.View())));
        foreach (var model in new[] { inductive, loaded })
        {
            using var engine = ml.Model.CreatePredictionEngine<Row, Scored>(model, new PredictionEngineOptions { OwnsTransformer = false });
            for (var row = 0; row < s_test.Count; row++)
            {
                var scored = engine.Predict(new() { Values = s_test.Features[row] });
                Assert.AreEqual(expected.Labels[row], scored.PredictedLabel);
                CollectionAssert.AreEqual(expected.Scores[row], scored.Score);
            }
        }
        // The old model stays as it was, and either outlives the other.
        (inductive as IDisposable)!.Dispose();
        before.AssertEqual(FewShotScores.Of(transductive, Renamed(s_test.View())));
        using var again = (IDisposable)transductive.ToInductive();
        transductive.Dispose();
        expected.AssertEqual(FewShotScores.Of((ITransformer)again, Renamed(s_test.View())));
        // An inductive model becomes one too.
        expected.AssertEqual(FewShotScores.Of(fitted.ToInductive(), s_test.View()));

        static IDataView Renamed(IDataView view) => new MLContext().Transforms.CopyColumns("Values", "Features").Append(new MLContext().Transforms.DropColumns("Features")).Fit(view).Transform(view);
    }

    [TestMethod]
    public void OnlyAModelWithPrototypesBecomesInductive()
    {
        var ml = new MLContext(1);
        Assert.Throws<ArgumentNullException>(() => ((ITransformer)null!).ToInductive());
        Must.Contain(Must.Fail<InvalidOperationException>(() => ml.Transforms.CopyColumns("Copy", "Features").Fit(s_test.View()).ToInductive()).Message, nameof(TransductiveFewShotTransformer));
        var twice = ml.Clustering.Trainers.TransductiveFewShot(Options()).Append(ml.Clustering.Trainers.TransductiveFewShot(Options())).Fit(s_training.View(IsShown));
        Must.Fail<InvalidOperationException>(() => twice.ToInductive());
        Must.Contain(Must.Fail<InvalidOperationException>(() => FitFewShot(options => options.SupportLabelColumnName = "Support").ToInductive()).Message, "'Support'");
    }

    [TestMethod]
    [DataRow(FewShotTransform.None, FewShotPrototype.Mean)]
    [DataRow(FewShotTransform.L2, FewShotPrototype.Mode)]
    [DataRow(FewShotTransform.PowerL2, FewShotPrototype.Medoid)]
    [DataRow(FewShotTransform.CenteredL2, FewShotPrototype.ModePoint)]
    public void WithFixedPrototypesAndWithoutNeighborsBothInferencesAgree(FewShotTransform transform, FewShotPrototype prototype)
    {
        void Set(TransductiveFewShotTrainer.Options options)
            => (options.Transform, options.Prototype, options.Lambda, options.ShiftQueries, options.MaximumNumberOfOuterIterations, options.Temperature) = (transform, FewShotPrototype.Fixed, 0, false, 1, 0.5);
        using var fixedModel = FitFewShot(Set);
        FewShotScores.Of(fixedModel, s_test.View()).AssertEqual(FewShotScores.Of(fixedModel.ToInductive(), s_test.View()), 1e-5);
        // The cost is that of the prototypes.
        using var other = FitFewShot(options => (options.Transform, options.Prototype, options.Sigma) = (transform, prototype, 0.8));
        var scores = FewShotScores.Of(other.ToInductive(), s_test.View());
        scores.AssertComplete();
        Assert.IsGreaterThan(0.7, scores.Accuracy(s_test));
    }

    // ---- Cursors, threads, cancellation ----

    [TestMethod]
    public void CursorsAndThreadsShareOneSolution()
    {
        using var model = FitFewShot();
        var data = s_test.View();
        var view = model.Transform(data);
        var expected = Snapshot.Of(view);
        // One to solve, one to read along.
        Assert.AreEqual(2, data.CursorsOpened);
        var snapshots = new Snapshot[2];
        Thread[] threads = [.. snapshots.Select((_, i) => new Thread(() => snapshots[i] = Snapshot.Of(view)))];
        foreach (var thread in threads)
        {
            thread.Start();
        }
        foreach (var thread in threads)
        {
            thread.Join();
        }
        Assert.AreEqual(4, data.CursorsOpened);
        foreach (var snapshot in snapshots)
        {
            Snapshot.AssertEqual(expected, snapshot, tolerance: 0);
        }
        // Both come first to a view that is not solved.
        data = s_test.View();
        view = model.Transform(data);
        threads = [.. snapshots.Select((_, i) => new Thread(() => snapshots[i] = Snapshot.Of(view)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.AreEqual(3, data.CursorsOpened);
        Snapshot.AssertEqual(expected, snapshots[0], tolerance: 0);
        Snapshot.AssertEqual(expected, snapshots[1], tolerance: 0);
    }

    [TestMethod]
    public void FitIsCancelledWithinAStepAndLeavesNothing()
    {
        Tensors.AssertNoneLeft(() =>
        {
            using var source = new CancellationTokenSource();
            var data = s_training.View(IsShown);
            data.OnRow = row =>
            {
                if (row == s_training.Count - 1)
                {
                    source.Cancel();
                }
            };
            var lines = 0;
            Assert.Throws<OperationCanceledException>(() => Fit(data, options => (options.CancellationToken, options.Progress) = (source.Token, new Lines(_ => lines++))));
            Assert.AreEqual(0, lines);
        });
        Tensors.AssertNoneLeft(() =>
        {
            using var source = new CancellationTokenSource();
            var lines = 0;
            Assert.Throws<OperationCanceledException>(() => FitFewShot(options =>
            {
                options.SelectLambda = new() { NumberOfWays = 4, NumberOfEpisodes = 3 };
                options.CancellationToken = source.Token;
                options.Progress = new Lines(_ =>
                {
                    lines++;
                    source.Cancel();
                });
            }));
            Assert.AreEqual(1, lines);
        });
        Tensors.AssertNoneLeft(() => Assert.AreEqual("mine", Must.Innermost(Must.Catch(() => FitFewShot(options => options.Progress = new Lines(_ => throw new NotImplementedException("mine"))))).Message));
    }

    [TestMethod]
    public void ScoringIsCancelledByTheContext()
    {
        var ml = new MLContext(1);
        using var model = Fit(s_training.View(IsShown), ml: ml);
        var view = model.Transform(s_test.View());
        ml.CancelExecution();
        Tensors.AssertNoneLeft(() => Assert.Throws<OperationCanceledException>(() => Snapshot.Of(view)));
    }

    // ---- Options ----

    [TestMethod]
    public void OptionsAreCopied()
    {
        var options = Options(options => (options.BaseMean, options.SelectLambda) = (new float[FewShotTable.Size], new() { NumberOfWays = 4, NumberOfEpisodes = 3, Candidates = new[] { 0.25 } }));
        var trainer = new MLContext(1).Clustering.Trainers.TransductiveFewShot(options);
        using var expected = trainer.Fit(s_training.View(IsShown));
        (options.FeatureColumnName, options.Temperature, options.Seed) = ("Changed", 0.1, 9);
        ((float[])options.BaseMean!)[0] = 100;
        ((double[])options.SelectLambda!.Candidates)[0] = 9;
        options.SelectLambda.NumberOfWays = 99;
        using var actual = trainer.Fit(s_training.View(IsShown));
        Assert.AreEqual(0.25, actual.Lambda);
        FewShotScores.Of(expected, s_test.View()).AssertEqual(FewShotScores.Of(actual, s_test.View()));
    }

    [TestMethod]
    public void ThePlainOverloadHasTheDefaultsOfTheOptions()
    {
        var ml = new MLContext(1);
        using var model = FitFewShot();
        FewShotScores.Of(model, s_test.View()).AssertEqual(FewShotScores.Of(ml.Clustering.Trainers.TransductiveFewShot().Fit(s_training.View(IsShown)), s_test.View()), 1e-5);
        var all = ml.Clustering.Trainers.TransductiveFewShot("Features", null, "Task", numberOfClusters: 2, lambda: 0.75).Fit(s_training.View());
        Assert.AreEqual("0.75, Task, 2", FormattableString.Invariant($"{all.Lambda}, {all.EpisodeColumnName}, {all.Prototypes.Count}"));
        Assert.AreEqual("Support", ml.Clustering.Trainers.TransductiveFewShot(supportLabelColumnName: "Support").Fit(s_training.View(IsShown)).SupportLabelColumnName);
        Must.Fail<ArgumentNullException>(() => ml.Clustering.Trainers.TransductiveFewShot(options: null!));
    }

    [TestMethod]
    public void TheBaseMeanIsThatOfFitUnlessItIsGiven()
    {
        float[] mean = [.. Enumerable.Range(0, FewShotTable.Size).Select(i => (float)s_training.Features.Average(row => (double)row[i]))];
        using var model = FitFewShot();
        using var given = FitFewShot(options => options.BaseMean = mean);
        FewShotScores.Of(model, s_test.View()).AssertEqual(FewShotScores.Of(given, s_test.View()), 1e-6);
        using var other = FitFewShot(options => options.BaseMean = new float[FewShotTable.Size]);
        Assert.Throws<AssertFailedException>(() => FewShotScores.Of(model, s_test.View()).AssertEqual(FewShotScores.Of(other, s_test.View()), 1e-3));
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => FitFewShot(options => options.BaseMean = [1])).Message, "BaseMean", "6");
    }

    [TestMethod]
    public void OptionsOutOfTheirRangeAreRefusedByTheirNames()
    {
        (string Name, Action<TransductiveFewShotTrainer.Options> Set)[] wrong =
        [
            ("FeatureColumnName", options => options.FeatureColumnName = ""),
            ("LabelColumnName", options => options.LabelColumnName = ""),
            ("EpisodeColumnName", options => options.EpisodeColumnName = ""),
            ("SupportLabelColumnName", options => options.SupportLabelColumnName = ""),
            ("SupportLabelColumnName", options => (options.SupportLabelColumnName, options.Inference) = ("Support", FewShotInference.Prototype)),
            ("NumberOfClusters", options => options.NumberOfClusters = 0),
            ("NumberOfClusters", options => (options.SupportLabelColumnName, options.NumberOfClusters) = ("Support", 3)),
            ("Inference", options => options.Inference = (FewShotInference)7),
            ("Preset", options => options.Preset = (FewShotPreset)7),
            ("Transform", options => options.Transform = (FewShotTransform)7),
            ("BaseMean", options => options.BaseMean = [float.NaN]),
            ("Rectify", options => options.Rectify = (FewShotRectification)7),
            ("Prototype", options => options.Prototype = (FewShotPrototype)7),
            ("Membership", options => options.Membership = (FewShotMembership)7),
            ("NumberOfNeighbors", options => options.NumberOfNeighbors = -1),
            ("Kernel", options => options.Kernel = (AffinityKernel)7),
            ("KernelWidth", options => options.KernelWidth = 0),
            ("Symmetrize", options => options.Symmetrize = (GraphSymmetrization)7),
            ("Lambda", options => options.Lambda = -0.1),
            ("Lambda", options => options.Lambda = double.NaN),
            ("Lambda", options => (options.Lambda, options.SelectLambda) = (1, new())),
            ("LabelColumnName", options => (options.LabelColumnName, options.SelectLambda) = (null, new())),
            ("Candidates", options => options.SelectLambda = new() { Candidates = [] }),
            ("Candidates", options => options.SelectLambda = new() { Candidates = [1, -1] }),
            ("NumberOfWays", options => options.SelectLambda = new() { NumberOfWays = 1 }),
            ("NumberOfShots", options => options.SelectLambda = new() { NumberOfShots = 0 }),
            ("NumberOfQueries", options => options.SelectLambda = new() { NumberOfQueries = 0 }),
            ("NumberOfEpisodes", options => options.SelectLambda = new() { NumberOfEpisodes = 0 }),
            ("Temperature", options => options.Temperature = 0),
            ("Stabilize", options => options.Stabilize = (FewShotStabilization)7),
            ("Sigma", options => options.Sigma = double.PositiveInfinity),
            ("MaximumNumberOfInnerIterations", options => options.MaximumNumberOfInnerIterations = 0),
            ("InnerTolerance", options => options.InnerTolerance = -1),
            ("MaximumNumberOfOuterIterations", options => options.MaximumNumberOfOuterIterations = 0),
            ("OuterTolerance", options => options.OuterTolerance = double.NaN),
            ("NumberOfRestarts", options => options.NumberOfRestarts = 0),
            ("NumberOfThreads", options => options.NumberOfThreads = 0),
        ];
        foreach (var (name, set) in wrong)
        {
            Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => new MLContext().Clustering.Trainers.TransductiveFewShot(Options(set))).ParamName!, name);
        }
    }

    // ---- Model files ----

    [TestMethod]
    public void ALoadedModelKnowsWhatFitFound()
    {
        static bool IsKnown(int row) => IsShown(row) && row % 4 < 2;
        using var model = Fit(s_training.View(IsKnown, keys: 3), options => (options.NumberOfClusters, options.EpisodeColumnName, options.Prototype) = (3, "Task", FewShotPrototype.Mode));
        using var loaded = (TransductiveFewShotTransformer)Models.Load(Models.Save(new MLContext(), model));
        Assert.AreEqual(Describe(model), Describe(loaded));

        static string Describe(TransductiveFewShotTransformer model) => string.Join('\n', model.FeatureColumnName, model.LabelColumnName, model.EpisodeColumnName, model.SupportLabelColumnName, model.Inference, model.Lambda,
            string.Join(' ', model.Objective), model.NumberOfIterations, model.Converged, model.NeighborRecall, string.Join(' ', model.ClassProportions),
            string.Join('\n', model.Prototypes.Select(prototype => string.Join(' ', prototype.ToArray()))));
    }

    [TestMethod]
    [DataRow("\"Feature\": \"Features\"", "\"Feature\": \"\"")]
    [DataRow("\"SupportLabel\": null", "\"SupportLabel\": \"Support\"")]
    [DataRow("\"Inference\": \"Transductive\"", "\"Inference\": \"Other\"")]
    [DataRow("\"Dimension\": 6", "\"Dimension\": 5")]
    [DataRow("\"Dimension\": 6", "\"Dimension\": 0")]
    [DataRow("\"LabelledClasses\": 4", "\"LabelledClasses\": 3")]
    [DataRow("\"LabelledClasses\": 4", "\"LabelledClasses\": -1")]
    [DataRow("\"SupportRows\": 8", "\"SupportRows\": 7")]
    [DataRow("\"SupportRows\": 8", "\"SupportRows\": -8")]
    [DataRow("\"Sigma\": null", "\"Sigma\": 0")]
    [DataRow("\"Lambda\": 0.5", "\"Lambda\": -0.5")]
    [DataRow("\"Temperature\": 1", "\"Temperature\": 0")]
    [DataRow("\"NeighborCount\": 2", "\"NeighborCount\": -2")]
    [DataRow("\"Classes\": [\n      0,", "\"Classes\": [\n      1,")]
    [DataRow("\"Classes\": [\n      0,\n      1,\n      2,\n      3", "\"Classes\": [\n      0,\n      1,\n      2,\n      4")]
    public void OptionsOfAFileThatDoNotFitAreRefused(string from, string to)
    {
        var zip = new ModelZip(Models.Save(new MLContext(), FitFewShot()));
        Assert.Contains(from, zip.Options);
        zip.Options = zip.Options.Replace(from, to, StringComparison.Ordinal);
        Tensors.AssertNoneLeft(() =>
        {
            var e = Must.Innermost(Must.Catch(() => Models.Load(zip.ToArray())));
            Assert.IsInstanceOfType<FormatException>(e, e.ToString());
        });
    }

    private sealed class Lines(Action<string> report) : IProgress<string>
    {
        public void Report(string value) => report(value);
    }

    private sealed class Row
    {
        [VectorType(FewShotTable.Size)]
        public float[] Values { get; set; } = [];
    }

    private sealed class Scored
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }
}
