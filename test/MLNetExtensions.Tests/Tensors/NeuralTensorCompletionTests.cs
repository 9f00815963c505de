using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;

namespace MLNetExtensions.Tests;

[TestClass]
public sealed class NeuralTensorCompletionTests
{
    private static readonly string[] s_modes = ["User", "Item", "Hour"];

    private static readonly string[] s_users = ["ann", "bob", "eve", "joe", "kim", "lea"];

    private static readonly string[] s_items = ["apple", "fig", "pear", "plum", "quince"];

    /// <summary>A cell with names: what most tests train on.</summary>
    private sealed class Cell
    {
        public string User { get; set; } = "";

        public string Item { get; set; } = "";

        public int Hour { get; set; }

        public float Label { get; set; }
    }

    private sealed class Scored
    {
        public float Score { get; set; }
    }

    // Additive and a product, so that each base has something to find.
    private static float Value(int user, int item, int hour) => user + 0.5f * item - hour / 4f + user * item / 5f;

    /// <summary>All cells of 6 users, 5 items and 4 hours but a third.</summary>
    private static Cell[] Cells(Func<int, float, float>? label = null)
    {
        var cells = new List<Cell>();
        for (var i = 0; i < s_users.Length * s_items.Length * 4; i++)
        {
            var (user, item, hour) = (i % 6, i / 6 % 5, i / 30);
            if ((user + item + hour) % 3 != 1)
            {
                var value = Value(user, item, hour);
                cells.Add(new() { User = s_users[user], Item = s_items[item], Hour = hour, Label = label?.Invoke(i, value) ?? value });
            }
        }
        return [.. cells];
    }

    private static NeuralTensorCompletionTrainer.Options Options(TensorCompletionModel model = TensorCompletionModel.Cp) => new()
    {
        ModeColumnNames = s_modes,
        BaseModel = model,
        EmbeddingSize = 3,
        HiddenLayers = [8, 8],
        CoSTCoChannels = 4,
        LearningRate = 0.02,
        MaximumNumberOfEpochs = 12,
        Seed = 3,
        NumberOfThreads = 1,
    };

    private static NeuralTensorCompletionTransformer Fit(NeuralTensorCompletionTrainer.Options options, IEnumerable<Cell>? cells = null, MLContext? ml = null)
    {
        ml ??= new MLContext(1);
        return ml.Regression.Trainers.NeuralTensorCompletion(options).Fit(ml.Data.LoadFromEnumerable(cells ?? Cells()));
    }

    private static float[] Scores(ITransformer model, IDataView data) => [.. model.Transform(data).GetColumn<float>("Score")];

    private static float[] Scores(ITransformer model, params IEnumerable<Cell> cells) => Scores(model, new MLContext().Data.LoadFromEnumerable(cells));

    [TestMethod]
    [DataRow(TensorCompletionModel.Mlp)]
    [DataRow(TensorCompletionModel.Cp)]
    [DataRow(TensorCompletionModel.Tucker)]
    [DataRow(TensorCompletionModel.CoSTCo)]
    public void EveryBaseLearnsCellsThatNoRowTells(TensorCompletionModel model)
    {
        var ml = new MLContext(1);
        var options = Options(model);
        options.MaximumNumberOfEpochs = 40;
        options.LearningRate = 0.03;
        var cells = Cells();
        using var trained = Fit(options, cells, ml);
        Cell[] all = [.. from user in Enumerable.Range(0, 6) from item in Enumerable.Range(0, 5) from hour in Enumerable.Range(0, 4) select new Cell { User = s_users[user], Item = s_items[item], Hour = hour, Label = Value(user, item, hour) }];
        var known = cells.Select(cell => (cell.User, cell.Item, cell.Hour)).ToHashSet();
        var metrics = ml.Regression.Evaluate(trained.Transform(ml.Data.LoadFromEnumerable(all.Where(cell => !known.Contains((cell.User, cell.Item, cell.Hour))))));
        Assert.IsGreaterThan(0.8, metrics.RSquared);
        Assert.AreEqual(model, trained.BaseModel);
        CollectionAssert.AreEqual(new[] { 6, 5, 4 }, trained.NumberOfEntities.ToArray());
        Assert.IsGreaterThan(0, trained.ValidationRootMeanSquaredError!.Value);
        var loaded = Models.Load(Models.Save(ml, trained));
        CollectionAssert.AreEqual(Scores(trained, all), Scores(loaded, all));
        (loaded as IDisposable)!.Dispose();
    }

    [TestMethod]
    public void KeysIntegersAndTextTellTheSameCells()
    {
        var ml = new MLContext(1);
        var cells = Cells();
        TestView View(Func<TestView, TestView> modes) => modes(new TestView(cells.Length).Add("Label", NumberDataViewType.Single, row => cells[row].Label));
        int User(int row) => Array.IndexOf(s_users, cells[row].User);
        TestView[] views =
        [
            View(view => view.Add("User", TextDataViewType.Instance, row => cells[row].User.AsMemory()).Add("Item", TextDataViewType.Instance, row => cells[row].Item.AsMemory())),
            View(view => view.Add("User", new KeyDataViewType(typeof(uint), 6), row => (uint)User(row) + 1, TestView.KeyValues(s_users)).Add("Item", TextDataViewType.Instance, row => cells[row].Item.AsMemory())),
            View(view => view.Add("User", NumberDataViewType.SByte, row => (sbyte)(User(row) - 3)).Add("Item", new KeyDataViewType(typeof(byte), 5), row => (byte)(Array.IndexOf(s_items, cells[row].Item) + 1))),
            View(view => view.Add("User", NumberDataViewType.Byte, row => (byte)User(row)).Add("Item", NumberDataViewType.Int64, row => long.MinValue + Array.IndexOf(s_items, cells[row].Item))),
            View(view => view.Add("User", NumberDataViewType.UInt32, row => (uint)User(row)).Add("Item", NumberDataViewType.Int16, row => (short)Array.IndexOf(s_items, cells[row].Item))),
        ];
        float[]? expected = null;
        foreach (var view in views)
        {
            var options = Options();
            options.ModeColumnNames = ["User", "Item"];
            using var model = ml.Regression.Trainers.NeuralTensorCompletion(options).Fit(view);
            var scores = Scores(model, view);
            // The entities are numbered in the same order everywhere.
            expected ??= scores;
            CollectionAssert.AreEqual(expected, scores);
            using var loaded = (NeuralTensorCompletionTransformer)Models.Load(Models.Save(ml, model));
            CollectionAssert.AreEqual(scores, Scores(loaded, view));
        }
    }

    [TestMethod]
    public void NamesMatchWhateverTheVocabularyAndTheType()
    {
        var ml = new MLContext(1);
        var cells = Cells();
        var keys = ml.Transforms.Conversion.MapValueToKey("User").Append(ml.Transforms.Conversion.MapValueToKey("Hour"));
        var training = ml.Data.LoadFromEnumerable(cells);
        var options = Options();
        using var model = ml.Regression.Trainers.NeuralTensorCompletion(options).Fit(keys.Fit(training).Transform(training));
        using var loaded = (NeuralTensorCompletionTransformer)Models.Load(Models.Save(ml, model));
        var data = ml.Data.LoadFromEnumerable(cells.Reverse());
        var expected = Scores(model, training).Reverse().ToArray();
        // A vocabulary in another order, text, and integers.
        foreach (var view in new[] { keys.Fit(data).Transform(data), data })
        {
            CollectionAssert.AreEqual(expected, Scores(model, view));
            CollectionAssert.AreEqual(expected, Scores(loaded, view));
        }
        // Keys without values are taken by their numbers, as in the training.
        var byNumber = new TestView(cells.Length)
            .Add("User", new KeyDataViewType(typeof(uint), 6), row => (uint)Array.IndexOf([.. cells.Select(cell => cell.User).Distinct()], cells[row].User) + 1)
            .Add("Item", TextDataViewType.Instance, row => cells[row].Item.AsMemory())
            .Add("Hour", NumberDataViewType.Int64, row => (long)cells[row].Hour);
        CollectionAssert.AreEqual(Scores(model, training), Scores(loaded, byNumber));
    }

    [TestMethod]
    [DataRow(TensorCompletionModel.Mlp)]
    [DataRow(TensorCompletionModel.Cp)]
    public void UnseenAndMissingKeysScoreAsTheMeanOrNaN(TensorCompletionModel model)
    {
        var cells = Cells();
        Cell[] asked = [new() { User = "ann", Item = "fig", Hour = 1 }, new() { User = "zoe", Item = "fig", Hour = 1 }, new() { User = "", Item = "fig", Hour = 1 }, new() { User = "ann", Item = "nut", Hour = 9 }];
        foreach (var policy in Enum.GetValues<UnseenKeys>())
        {
            var options = Options(model);
            options.UnseenKeys = policy;
            var ml = new MLContext(1);
            using var trained = Fit(options, cells, ml);
            var scores = Scores(trained, asked);
            Assert.IsTrue(float.IsFinite(scores[0]));
            Assert.AreEqual(policy, trained.UnseenKeys);
            foreach (var score in scores[1..])
            {
                Assert.AreEqual(policy == UnseenKeys.Mean, float.IsFinite(score));
            }
            var warnings = Models.Warnings(ml, () => Scores(trained, ml.Data.LoadFromEnumerable(asked)));
            Must.Contain(string.Join('\n', warnings), "User: 2", "Item: 1", "Hour: 1");
            if (policy == UnseenKeys.Mean)
            {
                Assert.AreEqual(scores[1], scores[2]);
            }
            if (policy == UnseenKeys.Mean && model == TensorCompletionModel.Cp)
            {
                // CP is linear in the factors of a mode: the mean factor scores the mean.
                Assert.AreEqual(Scores(trained, s_users.Select(user => new Cell { User = user, Item = "fig", Hour = 1 })).Average(), scores[1], 1e-4);
            }
        }
    }

    [TestMethod]
    public void AnEntityOfValidationCellsOnlyIsUnseen()
    {
        var ml = new MLContext(1);
        var options = Options(TensorCompletionModel.Mlp);
        options.UnseenKeys = UnseenKeys.NaN;
        var cells = Cells();
        Cell[] validation = [.. cells.Where((_, i) => i % 5 == 0), new() { User = "aaa", Item = "fig", Hour = 1, Label = 2 }];
        using var model = ml.Regression.Trainers.NeuralTensorCompletion(options).Fit(ml.Data.LoadFromEnumerable(cells.Where((_, i) => i % 5 != 0)), ml.Data.LoadFromEnumerable(validation));
        Assert.AreEqual(6, model.NumberOfEntities[0]);
        var scores = Scores(model, validation);
        Assert.IsTrue(float.IsNaN(scores[^1]) && scores[..^1].All(float.IsFinite));
        CollectionAssert.DoesNotContain(model.GetEntityImportance("User").GetColumn<string>("User").ToArray(), "aaa");
        using var loaded = (NeuralTensorCompletionTransformer)Models.Load(Models.Save(ml, model));
        CollectionAssert.AreEqual(scores, Scores(loaded, validation));
    }

    [TestMethod]
    public void RowsWithoutALabelAreSkippedAndInfiniteOnesRefused()
    {
        var ml = new MLContext(1);
        var cells = Cells((i, value) => i % 6 == 0 ? float.NaN : value);
        var warnings = Models.Warnings(ml, () =>
        {
            using var model = Fit(Options(), cells, ml);
            // All of the first user.
            Assert.AreEqual(5, model.NumberOfEntities[0]);
            CollectionAssert.DoesNotContain(model.GetEmbeddings("User").GetColumn<string>("User").ToArray(), "ann");
            CollectionAssert.AreEqual(cells.Index().Where(cell => !float.IsNaN(cell.Item.Label)).Select(cell => (long)cell.Index).Intersect(model.GetCellInfluences().GetColumn<long>("Row")).ToArray(), model.GetCellInfluences().GetColumn<long>("Row").ToArray());
        });
        Must.Contain(string.Join('\n', warnings), "13 of 80 rows", "Label");
        cells[7].Label = float.NegativeInfinity;
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Options(), cells)).Message, "Label", "row 7");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Options(), Cells((_, _) => float.NaN))).Message, "Label", "80");
        var withoutKeys = Cells();
        foreach (var cell in withoutKeys)
        {
            cell.Item = "";
        }
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Options(), withoutKeys)).Message, "key");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Fit(Options(), [Cells()[0]])).Message, "1 rows");
    }

    [TestMethod]
    [DataRow(TensorCompletionModel.Mlp)]
    [DataRow(TensorCompletionModel.Cp)]
    [DataRow(TensorCompletionModel.Tucker)]
    public void OddTensorsAreTrained(TensorCompletionModel model)
    {
        // A mode with one entity, all values the same, and every cell twice.
        Cell[] one = Cells();
        foreach (var cell in one)
        {
            cell.Hour = 7;
        }
        using (var trained = Fit(Options(model), one))
        {
            Assert.AreEqual(1, trained.NumberOfEntities[2]);
            Assert.IsTrue(Scores(trained, one).All(float.IsFinite));
            Assert.AreEqual(1, trained.GetEntityImportance("Hour").GetColumn<double>("Importance").Single(), 1e-9);
        }
        var same = Cells((_, _) => 4);
        using (var trained = Fit(Options(model), same))
        {
            Assert.IsTrue(Scores(trained, same).All(score => Math.Abs(score - 4) < 0.5));
            Assert.AreEqual(1, trained.GetEntityImportance("User").GetColumn<double>("Importance").Sum(), 1e-9);
        }
        using (var trained = Fit(Options(model), Cells().Concat(Cells()).Concat(Cells((_, value) => value + 1))))
        {
            Assert.AreEqual(240 - 48, trained.GetCellInfluences().GetColumn<long>("Row").Count());
        }
    }

    [TestMethod]
    public void WithoutValidationAllEpochsAreTrainedAndCellsCount()
    {
        var options = Options(TensorCompletionModel.Mlp);
        options.ValidationFraction = 0;
        options.MaximumNumberOfEpochs = 3;
        var epochs = new List<int>();
        options.Progress = new ImmediateProgress(progress => epochs.Add(progress.Epoch));
        using var model = Fit(options);
        CollectionAssert.AreEqual(new[] { 1, 2, 3, 1, 2, 3 }, epochs);
        Assert.IsNull(model.ValidationRootMeanSquaredError);
        Assert.IsTrue(model.IsAugmented);
        Assert.IsTrue(model.GetCellInfluences().GetColumn<double>("Influence").All(influence => influence == 0));
        var importance = model.GetEntityImportance("Item");
        CollectionAssert.AreEqual(importance.GetColumn<long>("Cells").Select(cells => cells / 80.0).ToArray(), importance.GetColumn<double>("Importance").ToArray());
    }

    [TestMethod]
    public void RatioZeroAndNoSamplingAreOneTraining()
    {
        var scores = new List<float[]>();
        foreach (var configure in new Action<NeuralTensorCompletionTrainer.Options>[] { options => options.AugmentationRatio = 0, options => options.Sampling = TensorSampling.None })
        {
            var options = Options(TensorCompletionModel.Mlp);
            configure(options);
            var epochs = new List<int>();
            options.Progress = new ImmediateProgress(progress => epochs.Add(progress.Epoch));
            using var model = Fit(options);
            Assert.AreEqual(1, epochs.Count(epoch => epoch == 1));
            Assert.IsFalse(model.IsAugmented);
            scores.Add(Scores(model, Cells()));
        }
        CollectionAssert.AreEqual(scores[0], scores[1]);
        var dain = Options(TensorCompletionModel.Mlp);
        dain.KeepBetter = false;
        using var augmented = Fit(dain);
        Assert.IsTrue(augmented.IsAugmented);
        CollectionAssert.AreNotEqual(scores[0], Scores(augmented, Cells()));
    }

    [TestMethod]
    public void MemoryFollowsTheEntitiesUsed()
    {
        var ml = new MLContext(1);
        var cells = Cells();
        ulong Key(int row) => 5_000_000_000_000_000_000 + 1_000_000_000_000 * (ulong)Array.IndexOf(s_users, cells[row].User);
        TestView View(DataViewSchema.Annotations? values) => new TestView(cells.Length)
            .Add("User", new KeyDataViewType(typeof(ulong), ulong.MaxValue), Key)
            .Add("Item", new KeyDataViewType(typeof(uint), values is null ? int.MaxValue : 1_000_000), row => 999_000 + (uint)Array.IndexOf(s_items, cells[row].Item), values)
            .Add("Label", NumberDataViewType.Single, row => cells[row].Label);
        var options = Options(TensorCompletionModel.Mlp);
        options.ModeColumnNames = ["User", "Item"];
        string[] names = [.. Enumerable.Range(0, 1_000_000).Select(i => $"n{i}")];
        foreach (var values in new[] { null, TestView.KeyValues(names) })
        {
            using var model = ml.Regression.Trainers.NeuralTensorCompletion(options).Fit(View(values));
            CollectionAssert.AreEqual(new[] { 6, 5 }, model.NumberOfEntities.ToArray());
            Assert.IsLessThan(20_000, Models.Save(ml, model).Length);
            CollectionAssert.Contains(model.GetEmbeddings("User").GetColumn<string>("User").ToArray(), "5000000000000000000");
            CollectionAssert.Contains(model.GetEmbeddings("Item").GetColumn<string>("Item").ToArray(), values is null ? "999000" : "n998999");
        }
    }

    [TestMethod]
    public void WeightsCountAndAreChecked()
    {
        var cells = Cells();
        TestView View(Func<int, float> weight) => new TestView(cells.Length)
            .Add("User", TextDataViewType.Instance, row => cells[row].User.AsMemory())
            .Add("Item", TextDataViewType.Instance, row => cells[row].Item.AsMemory())
            .Add("Hour", NumberDataViewType.Int32, row => cells[row].Hour)
            .Add("Weight", NumberDataViewType.Single, weight)
            .Add("Label", NumberDataViewType.Single, row => cells[row].Label + (row % 4 == 0 ? 50 : 0));
        NeuralTensorCompletionTransformer Train(Func<int, float> weight)
        {
            var options = Options();
            options.ExampleWeightColumnName = "Weight";
            return new MLContext(1).Regression.Trainers.NeuralTensorCompletion(options).Fit(View(weight));
        }
        using var without = Train(row => row % 4 == 0 ? 0 : 1);
        Assert.IsLessThan(1, Scores(without, cells).Zip(cells, (score, cell) => Math.Abs(score - cell.Label)).Average());
        Assert.AreEqual(48, without.GetCellInfluences().GetColumn<long>("Row").Count());
        Must.Contain(Must.Fail<InvalidOperationException>(() => Train(row => row == 3 ? -1 : 1)).Message, "Weight", "row 3");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Train(row => row == 3 ? float.NaN : 1)).Message, "Weight", "row 3");
        Must.Contain(Must.Fail<InvalidOperationException>(() => Train(row => 0)).Message, "Weight");
    }

    [TestMethod]
    public void SeedsRepeatAndDiffer()
    {
        var options = Options(TensorCompletionModel.Mlp);
        float[] Run(int seed)
        {
            options.Seed = seed;
            using var model = Fit(options);
            return Scores(model, Cells());
        }
        var first = Run(1);
        CollectionAssert.AreEqual(first, Run(1));
        CollectionAssert.AreNotEqual(first, Run(2));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void AnInterruptedTrainingGoesOnFromItsCheckpoint(int phase)
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var options = Options(TensorCompletionModel.Mlp);
        options.MaximumNumberOfEpochs = 4;
        options.KeepBetter = false;
        using var whole = Fit(options);
        options.CheckpointPath = path;
        using var source = new CancellationTokenSource();
        options.CancellationToken = source.Token;
        var phases = 0;
        options.Progress = new ImmediateProgress(progress =>
        {
            phases += progress.Epoch == 1 ? 1 : 0;
            if (phases == phase && progress.Epoch == 2)
            {
                source.Cancel();
            }
        });
        Assert.Throws<OperationCanceledException>(() => Fit(options));
        Assert.IsTrue(File.Exists(path));
        options.CancellationToken = default;
        options.Progress = null;
        using var resumed = Fit(options);
        CollectionAssert.AreEqual(Scores(whole, Cells()), Scores(resumed, Cells()));
        CollectionAssert.AreEqual(whole.GetCellInfluences().GetColumn<double>("Influence").ToArray(), resumed.GetCellInfluences().GetColumn<double>("Influence").ToArray());
        Assert.IsEmpty(Directory.GetFiles(Path.GetTempPath(), Path.GetFileName(path) + "*"));
    }

    [TestMethod]
    public void CpReportsSweepsAndCanBeCancelled()
    {
        using var source = new CancellationTokenSource();
        var options = Options();
        options.CancellationToken = source.Token;
        var sweeps = 0;
        options.Progress = new ImmediateProgress(progress =>
        {
            sweeps++;
            source.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => Fit(options));
        Assert.AreEqual(1, sweeps);
    }

    [TestMethod]
    public void ImportancesInfluencesAndEmbeddingsAreNamedByKeys()
    {
        var ml = new MLContext(1);
        using var model = Fit(Options(TensorCompletionModel.Mlp), ml: ml);
        using var loaded = (NeuralTensorCompletionTransformer)Models.Load(Models.Save(ml, model));
        using var chain = new EstimatorChain<ITransformer>().Append(ml.Regression.Trainers.NeuralTensorCompletion(Options(TensorCompletionModel.Mlp))).Fit(ml.Data.LoadFromEnumerable(Cells()));
        foreach (var one in new ITransformer[] { model, loaded, chain })
        {
            var importance = one.GetEntityImportance("User");
            CollectionAssert.AreEqual(s_users, importance.GetColumn<string>("User").ToArray());
            var influences = one.GetCellInfluences();
            var cells = influences.GetColumn<string>("User").Zip(influences.GetColumn<double>("Influence")).ToArray();
            Assert.HasCount(64, cells);
            var sum = cells.Sum(cell => Math.Abs(cell.Second));
            foreach (var (user, share, count) in importance.GetColumn<string>("User").Zip(importance.GetColumn<double>("Importance"), importance.GetColumn<long>("Cells")))
            {
                Assert.AreEqual(cells.Where(cell => cell.First == user).Sum(cell => Math.Abs(cell.Second)) / sum, share, 1e-9);
                Assert.AreEqual(cells.Count(cell => cell.First == user), count);
            }
            // A row tells its cell.
            var data = Cells();
            foreach (var (row, item) in influences.GetColumn<long>("Row").Zip(influences.GetColumn<string>("Item")))
            {
                Assert.AreEqual(data[row].Item, item);
            }
            var embeddings = one.GetEmbeddings("Hour");
            CollectionAssert.AreEqual(new[] { "0", "1", "2", "3" }, embeddings.GetColumn<string>("Hour").ToArray());
            Assert.AreEqual(3, ((VectorDataViewType)embeddings.Schema["Embedding"].Type).Size);
            Assert.AreEqual(4, embeddings.GetColumn<float>("Bias").Count());
        }
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => model.GetEntityImportance("Day")).Message, "User, Item, Hour");
        Must.Fail<InvalidOperationException>(() => ml.Transforms.CopyColumns("A", "User").Fit(ml.Data.LoadFromEnumerable(Cells())).GetCellInfluences());
        var options = Options();
        options.KeepCellInfluences = false;
        using var lean = Fit(options);
        Must.Contain(Must.Fail<InvalidOperationException>(() => lean.GetCellInfluences()).Message, "KeepCellInfluences");
        Assert.IsNull(lean.GetEmbeddings("User").Schema.GetColumnOrNull("Bias"));
    }

    [TestMethod]
    public void RecommendationsAreTheBestCells()
    {
        var ml = new MLContext(1);
        using var model = Fit(Options(), ml: ml);
        var given = new Dictionary<string, string> { ["User"] = "eve", ["Hour"] = "2" };
        var best = model.Recommend(ml, given, top: 3, excluded: ["plum", "nut"]);
        string[] items = [.. s_items.Where(item => item != "plum")];
        var expected = Scores(model, items.Select(item => new Cell { User = "eve", Item = item, Hour = 2 })).Zip(items).OrderByDescending(pair => pair.First).Take(3).ToArray();
        CollectionAssert.AreEqual(expected.Select(pair => pair.Second).ToArray(), best.Select(one => one.Key).ToArray());
        CollectionAssert.AreEqual(expected.Select(pair => pair.First).ToArray(), best.Select(one => one.Score).ToArray());
        Assert.HasCount(5, model.Recommend(ml, given));
        Must.Fail<ArgumentOutOfRangeException>(() => model.Recommend(ml, new Dictionary<string, string> { ["User"] = "eve" }));
        Must.Fail<ArgumentOutOfRangeException>(() => model.Recommend(ml, given, top: 0));
        Must.Fail<ArgumentOutOfRangeException>(() => model.Recommend(ml, new Dictionary<string, string> { ["User"] = "eve", ["Day"] = "1" }));
    }

    [TestMethod]
    public void RowsAreRecommendedInBatchesWithoutWhatIsExcluded()
    {
        var ml = new MLContext(1);
        var options = Options();
        options.UnseenKeys = UnseenKeys.NaN;
        using var model = Fit(options, ml: ml);
        var given = ml.Data.LoadFromEnumerable(new[] { new Cell { User = "ann", Hour = 1 }, new Cell { User = "zoe", Hour = 1 }, new Cell { User = "bob", Hour = 3 } });
        var queries = ml.Transforms.SelectColumns("User", "Hour").Fit(given).Transform(given);
        var excluded = ml.Data.LoadFromEnumerable(new[] { new Cell { User = "ann", Item = "fig", Hour = 1 }, new Cell { User = "ann", Item = "plum", Hour = 2 }, new Cell { User = "bob", Item = "nut", Hour = 3 } });
        var found = model.RecommendRows(ml, queries, "Item", top: 4, excluded);
        var rows = found.GetColumn<long>("Row").Zip(found.GetColumn<int>("Rank"), found.GetColumn<string>("User")).ToArray();
        CollectionAssert.AreEqual(new[] { (0L, 1, "ann"), (0, 2, "ann"), (0, 3, "ann"), (0, 4, "ann"), (2, 1, "bob"), (2, 2, "bob"), (2, 3, "bob"), (2, 4, "bob") }, rows);
        var names = found.GetColumn<string>("Item").ToArray();
        CollectionAssert.DoesNotContain(names[..4], "fig");
        CollectionAssert.AreEqual(model.Recommend(ml, new Dictionary<string, string> { ["User"] = "bob", ["Hour"] = "3" }, top: 4).Select(one => one.Key).ToArray(), names[4..]);
        var scores = found.GetColumn<float>("Score").ToArray();
        CollectionAssert.AreEqual(scores[..4].OrderDescending().ToArray(), scores[..4]);
        Must.Fail<ArgumentOutOfRangeException>(() => model.RecommendRows(ml, queries, "Day"));
        Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => model.RecommendRows(ml, queries, "User")).Message, "Item");
    }

    [TestMethod]
    public void CrossValidationAndChainsTakeTheTrainer()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Cells());
        var pipeline = ml.Transforms.Conversion.MapValueToKey("User").Append(ml.Transforms.Conversion.MapValueToKey("Item")).Append(ml.Regression.Trainers.NeuralTensorCompletion("Label", s_modes, TensorCompletionModel.Cp, maximumNumberOfEpochs: 10));
        var folds = ml.Regression.CrossValidate(data, pipeline, numberOfFolds: 3);
        Assert.IsTrue(folds.All(fold => fold.Metrics.RSquared > 0.5));
        using var model = pipeline.Fit(data);
        using var engine = ml.Model.CreatePredictionEngine<Cell, Scored>(model, new PredictionEngineOptions { OwnsTransformer = false });
        var scores = Scores(model, data);
        foreach (var (row, cell) in Cells().Index())
        {
            Assert.AreEqual(scores[row], engine.Predict(cell).Score, 1e-5);
        }
        // Names do, whatever the chain maps.
        Assert.HasCount(2, model.Recommend(ml, new Dictionary<string, string> { ["Item"] = "fig", ["Hour"] = "2" }, top: 2));
    }

    [TestMethod]
    public void OptionsAreChecked()
    {
        var ml = new MLContext(1);
        (string Name, Action<NeuralTensorCompletionTrainer.Options> Spoil)[] wrong =
        [
            ("LabelColumnName", options => options.LabelColumnName = ""),
            ("LabelColumnName", options => options.LabelColumnName = "Hour"),
            ("ModeColumnNames", options => options.ModeColumnNames = ["User"]),
            ("ModeColumnNames", options => options.ModeColumnNames = ["User", "User"]),
            ("ModeColumnNames", options => options.ModeColumnNames = ["User", ""]),
            ("ExampleWeightColumnName", options => options.ExampleWeightColumnName = ""),
            ("BaseModel", options => options.BaseModel = (TensorCompletionModel)9),
            ("EmbeddingSize", options => options.EmbeddingSize = 0),
            ("HiddenLayers", options => options.HiddenLayers = []),
            ("HiddenLayers", options => options.HiddenLayers = [3, 0]),
            ("TuckerRanks", options => options.TuckerRanks = [2, 2]),
            ("TuckerRanks", options => (options.BaseModel, options.TuckerRanks) = (TensorCompletionModel.Tucker, [101, 100, 100])),
            ("EmbeddingSize", options => (options.BaseModel, options.EmbeddingSize) = (TensorCompletionModel.Tucker, 101)),
            ("CpRanks", options => options.CpRanks = [0]),
            ("CpRidges", options => options.CpRidges = []),
            ("CpRidges", options => options.CpRidges = [double.NaN]),
            ("CoSTCoChannels", options => options.CoSTCoChannels = 0),
            ("EmbeddingInitStd", options => options.EmbeddingInitStd = -1),
            ("Scaling", options => options.Scaling = (TensorScaling)7),
            ("NonNegativeOutput", options => options.NonNegativeOutput = true),
            ("NonNegativeOutput", options => (options.BaseModel, options.NonNegativeOutput, options.Scaling) = (TensorCompletionModel.Mlp, true, TensorScaling.ZScore)),
            ("MaximumNumberOfEpochs", options => options.MaximumNumberOfEpochs = -1),
            ("BatchSize", options => options.BatchSize = -1),
            ("LearningRate", options => options.LearningRate = 0),
            ("WeightDecay", options => options.WeightDecay = -1),
            ("ValidationFraction", options => options.ValidationFraction = 1),
            ("Patience", options => options.Patience = 0),
            ("Sampling", options => options.Sampling = (TensorSampling)9),
            ("AugmentationRatio", options => options.AugmentationRatio = double.NaN),
            ("InfluenceLayers", options => options.InfluenceLayers = (InfluenceLayers)9),
            ("ImportanceSign", options => options.ImportanceSign = (ImportanceSign)9),
            ("UniformMix", options => options.UniformMix = 1.1),
            ("AugmentedWeight", options => options.AugmentedWeight = 0),
            ("ValuePredictor", options => options.ValuePredictor = (ValuePredictor)9),
            ("UnseenKeys", options => options.UnseenKeys = (UnseenKeys)9),
        ];
        foreach (var (name, spoil) in wrong)
        {
            var options = Options();
            spoil(options);
            Must.Contain(Must.Fail<ArgumentOutOfRangeException>(() => ml.Regression.Trainers.NeuralTensorCompletion(options)).ParamName!, name);
        }
        Must.Fail<ArgumentNullException>(() => ml.Regression.Trainers.NeuralTensorCompletion("Label", null!));
        Must.Fail<ArgumentNullException>(() => ml.Regression.Trainers.NeuralTensorCompletion(null!));
    }

    [TestMethod]
    public void NonNegativeScoresAndEveryOtherOption()
    {
        var options = Options(TensorCompletionModel.Mlp);
        options.NonNegativeOutput = true;
        options.SkipObservedCells = true;
        options.UniformMix = 0.2;
        options.ClampValues = true;
        options.AugmentedWeight = 0.5;
        options.ValuePredictor = ValuePredictor.Cp;
        options.InfluenceLayers = InfluenceLayers.All;
        options.ImportanceSign = ImportanceSign.PositiveOnly;
        options.WeightDecay = 1e-4;
        options.TrainInBFloat16 = true;
        options.KeepBetter = false;
        using var model = Fit(options);
        Assert.IsTrue(Scores(model, Cells()).All(score => score >= 0));
        foreach (var sampling in Enum.GetValues<TensorSampling>())
        {
            var other = Options(TensorCompletionModel.Tucker);
            other.Sampling = sampling;
            other.TuckerRanks = [2, 3, 1];
            other.KeepBetter = false;
            using var tucker = Fit(other);
            Assert.AreEqual(sampling != TensorSampling.None, tucker.IsAugmented);
        }
    }

    [TestMethod]
    public void ADamagedModelFileIsRefused()
    {
        var ml = new MLContext(1);
        using var model = Fit(Options(TensorCompletionModel.Mlp), ml: ml);
        var file = Models.Save(ml, model);
        foreach (var (from, to) in new[]
        {
            ("\"Hour\"", "\"hour\""), ("\"EmbeddingSize\": 3", "\"EmbeddingSize\": 4"), ("\"EmbeddingSize\": 3", "\"EmbeddingSize\": 2000000000"), ("\"Mlp\"", "\"Cp\""), ("\"Mlp\"", "\"Tucker\""),
            ("\"Deviation\": ", "\"Deviation\": -"), ("\"InfluenceCells\": 64", "\"InfluenceCells\": 63"), ("\"InfluenceCells\": 64", "\"InfluenceCells\": null"), ("\"LabelColumnName\": \"Label\"", "\"LabelColumnName\": \"\""),
        })
        {
            var zip = new ModelZip(file);
            Assert.Contains(from, zip.Options);
            zip.Options = zip.Options.Replace(from, to, StringComparison.Ordinal);
            Tensors.AssertNoneLeft(() => Assert.IsInstanceOfType<FormatException>(Must.Innermost(Must.Catch(() => Models.Load(zip.ToArray()))), to));
        }
    }
}
