using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests;

/// <summary>The scoring bases, through small transformers.</summary>
[TestClass]
public sealed class ScoringTests
{
    private static readonly InputColumn s_value = new InputColumn<float>("Value", "value", InputTypes.Number, InputShapes.Scalar);

    private static TestView Values(int rows, bool knowsItsRows = true) => new TestView(rows) { CanShuffle = true, KnowsItsRows = knowsItsRows }
        .Add("Value", NumberDataViewType.Single, row => (float)(row * row % 17))
        .Add("Note", TextDataViewType.Instance, row => $"row {row}".AsMemory())
        .AddVector("Vector", NumberDataViewType.Int32, 3, row => new[] { row, 0, 1 }, row => row % 2 == 0)
        .AddVector("Bag", TextDataViewType.Instance, 0, row => Enumerable.Range(0, row % 4).Select(i => $"{i}".AsMemory()).ToArray());

    // ---- Sequences ----

    [TestMethod]
    [DataRow(nameof(SequenceReach.Past))]
    [DataRow(nameof(SequenceReach.View))]
    [DataRow(nameof(SequenceReach.SharedView))]
    public void ASequenceIsScoredOverItsReach(string reach)
    {
        foreach (var rows in new[] { 0, 1, 2, 300 })
        {
            var transformer = new MeanTransformer(new MLContext(1), Enum.Parse<SequenceReach>(reach));
            var data = Values(rows, knowsItsRows: rows % 2 == 0);
            var view = transformer.Transform(data);
            var scores = Snapshot.Of(view).Rows.Select(row => (float)row.Values[data.Schema.Count]!).ToArray();
            var values = Enumerable.Range(0, rows).Select(row => (double)(row * row % 17)).ToArray();
            for (var row = 0; row < rows; row++)
            {
                Assert.AreEqual(values[row] - (reach == nameof(SequenceReach.Past) ? values.Take(row + 1) : values).Average(), scores[row], 1e-4);
            }
            // What is passed through is that of the data, ids included.
            Snapshot.AssertEqual(Snapshot.Of(data), Snapshot.Of(view), tolerance: 0);
        }
    }

    [TestMethod]
    [DataRow(nameof(SequenceReach.View))]
    [DataRow(nameof(SequenceReach.SharedView))]
    public void EveryActivationOfAViewScorerGivesTheSame(string reach)
    {
        var transformer = new MeanTransformer(new MLContext(1), Enum.Parse<SequenceReach>(reach));
        var view = transformer.Transform(Values(60));
        var all = Snapshot.Of(view);
        foreach (var one in view.Schema)
        {
            Snapshot.AssertEqual(all, Snapshot.Of(view, column => column.Index == one.Index));
            Snapshot.AssertEqual(all, Snapshot.Of(view, column => column.Index % 2 == one.Index % 2, new Random(1)));
        }
    }

    [TestMethod]
    public void AViewIsScoredByEveryCursorOrOnceForAll()
    {
        foreach (var (reach, expected) in new[] { (SequenceReach.View, 3), (SequenceReach.SharedView, 1) })
        {
            var transformer = new MeanTransformer(new MLContext(1), reach);
            var data = Values(50);
            var view = transformer.Transform(data);
            for (var i = 0; i < 3; i++)
            {
                Snapshot.Of(view);
            }
            Assert.AreEqual(expected, transformer.Scorers);
            Assert.AreEqual(expected, transformer.DisposedScorers);
            // With none of our columns there is nothing to score.
            Snapshot.Of(view, column => column.Index < data.Schema.Count);
            Snapshot.Of(view, _ => false);
            Assert.AreEqual(expected, transformer.Scorers);
            Assert.AreEqual(data.CursorsOpened, data.CursorsClosed);
        }
    }

    [TestMethod]
    public void ASharedViewIsScoredOnceByManyThreads()
    {
        var transformer = new MeanTransformer(new MLContext(1), SequenceReach.SharedView);
        var view = transformer.Transform(Values(500));
        var snapshots = new Snapshot[8];
        var threads = snapshots.Select((_, i) => new Thread(() => snapshots[i] = Snapshot.Of(view))).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }
        foreach (var thread in threads)
        {
            thread.Join();
        }
        Assert.AreEqual(1, transformer.Scorers);
        foreach (var snapshot in snapshots)
        {
            Snapshot.AssertEqual(snapshots[0], snapshot, tolerance: 0);
        }
    }

    [TestMethod]
    [DataRow(nameof(SequenceReach.View))]
    [DataRow(nameof(SequenceReach.SharedView))]
    public void AViewThatGivesOtherRowsTheSecondTimeIsRefused(string reach)
    {
        var transformer = new MeanTransformer(new MLContext(1), Enum.Parse<SequenceReach>(reach));
        TestView Changing(Func<int, int, long> id, Func<int, int>? rows = null) => new TestView(50) { Id = id, RowsOfCursor = rows ?? (_ => 50) }.Add("Value", NumberDataViewType.Single, row => (float)row);
        foreach (var (data, row) in new[]
        {
            (Changing((row, cursor) => cursor == 1 && row >= 20 ? row + 1000 : row), 20),
            (Changing((row, cursor) => cursor == 1 ? row ^ 1 : row), 0),
            (Changing((row, _) => row, cursor => cursor == 1 ? 51 : 50), 50),
            (Changing((row, _) => row, cursor => cursor == 1 ? 30 : 50), 30),
            (Changing((row, _) => row, cursor => cursor == 1 ? 0 : 50), 0),
        })
        {
            var e = Must.Fail<InvalidOperationException>(() =>
            {
                var view = transformer.Transform(data);
                using var cursor = view.GetRowCursor(view.Schema);
                while (cursor.MoveNext())
                {
                }
            });
            Must.Contain(e.Message, $"row {row}", nameof(MeanTransformer));
        }
    }

    // ---- Reading ahead ----

    [TestMethod]
    public void BatchesGrowFromOneRowTo256()
    {
        var sizes = new List<int>();
        var data = Values(1000);
        var view = new ProbeTransformer(new MLContext(1), [s_value], batch => sizes.Add(batch.Count)).Transform(data);
        Snapshot.Of(view);
        CollectionAssert.AreEqual(new[] { 1, 2, 4, 8, 16, 32, 64, 128, 256, 256, 233 }, sizes);
    }

    [TestMethod]
    public void NoRowIsReadAheadOfTheFirst()
    {
        var seen = new List<int>();
        var data = Values(10);
        data.OnRow = seen.Add;
        var view = new ProbeTransformer(new MLContext(1), [s_value], _ => { }).Transform(data);
        using var cursor = view.GetRowCursor(view.Schema);
        Assert.IsEmpty(seen);
        cursor.MoveNext();
        CollectionAssert.AreEqual(new[] { 0 }, seen);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(254)]
    [DataRow(255)]
    [DataRow(256)]
    [DataRow(257)]
    [DataRow(258)]
    [DataRow(511)]
    [DataRow(512)]
    [DataRow(1000)]
    public void PositionsIdsAndColumnsFitWhateverTheNumberOfRows(int rows)
    {
        var data = Values(rows);
        var sum = 0L;
        var view = new ProbeTransformer(new MLContext(1), [s_value], batch => sum += batch.Count).Transform(data);
        // Snapshots check the positions.
        Snapshot.AssertEqual(Snapshot.Of(data), Snapshot.Of(view), tolerance: 0);
        Assert.AreEqual(rows, sum);
        var shuffled = Snapshot.Of(view, random: new Random(5));
        Snapshot.AssertEqual(Snapshot.Of(data, random: new Random(5)), shuffled, tolerance: 0);
    }

    [TestMethod]
    public void GettersMayBeFetchedLateAndReadOutOfStep()
    {
        var data = Values(40);
        var view = new ProbeTransformer(new MLContext(1), [s_value], _ => { }).Transform(data);
        using var cursor = view.GetRowCursor(view.Schema);
        for (var i = 0; i < 6; i++)
        {
            cursor.MoveNext();
        }
        var note = Snapshot.Cell(cursor, view.Schema["Note"]);
        var inBatch = Snapshot.Cell(cursor, view.Schema["InBatch"]);
        Assert.AreEqual("row 5", note());
        Assert.AreEqual(2, inBatch());
        for (var i = 0; i < 10; i++)
        {
            cursor.MoveNext();
        }
        Assert.AreEqual(0, inBatch());
        Assert.AreEqual("row 15", note());
        Assert.AreEqual(15, cursor.Position);
    }

    [TestMethod]
    public void AColumnThatCannotBeCopiedMakesEveryBatchOneRow()
    {
        var sizes = new List<int>();
        var data = Values(20).Add("Handle", HandleType.Instance, row => new HandleType.Handle(row));
        var view = new ProbeTransformer(new MLContext(1), [s_value], batch => sizes.Add(batch.Count)).Transform(data);
        Snapshot.AssertEqual(Snapshot.Of(data), Snapshot.Of(view), tolerance: 0);
        CollectionAssert.AreEqual(Enumerable.Repeat(1, 20).ToArray(), sizes);
        sizes.Clear();
        // Not active, it is no hindrance.
        Snapshot.Of(view, column => column.Name != "Handle");
        CollectionAssert.AreEqual(new[] { 1, 2, 4, 8, 5 }, sizes);
        using var cursor = view.GetRowCursorSet(view.Schema, 2)[1];
        Assert.IsTrue(cursor.MoveNext());
        Assert.IsTrue(cursor.MoveNext());
        Assert.AreEqual(new HandleType.Handle(17), Snapshot.Cell(cursor, view.Schema["Handle"])());
    }

    [TestMethod]
    public void WithoutAnOutputAskedForNoScorerIsMade()
    {
        var scored = false;
        var view = new ProbeTransformer(new MLContext(1), [s_value], _ => scored = true).Transform(Values(20));
        Snapshot.Of(view, column => column.Name != "InBatch");
        Assert.IsFalse(scored);
    }

    // ---- Inputs ----

    [TestMethod]
    public void NumbersAreReadAsSingleAndDouble()
    {
        var data = new TestView(5)
            .Add("Single", NumberDataViewType.Single, row => row / 3f)
            .Add("Double", NumberDataViewType.Double, row => row / 3.0)
            .Add("Boolean", BooleanDataViewType.Instance, row => row % 2 == 1)
            .AddVector("Singles", NumberDataViewType.Single, 3, row => new[] { 0, row / 3f, float.NaN }, row => row % 2 == 0)
            .AddVector("Doubles", NumberDataViewType.Double, 3, row => new[] { 0, row / 3.0, double.NegativeInfinity }, row => row % 2 == 0)
            .AddVector("Booleans", BooleanDataViewType.Instance, 3, row => new[] { false, true, row == 2 }, row => row % 2 == 0);
        Check<float>(data, "Single", row => [row / 3f]);
        Check<double>(data, "Single", row => [row / 3f]);
        Check<float>(data, "Double", row => [(float)(row / 3.0)]);
        Check<double>(data, "Double", row => [row / 3.0]);
        Check<float>(data, "Boolean", row => [row % 2]);
        Check<double>(data, "Boolean", row => [row % 2]);
        Check<float>(data, "Singles", row => [0, row / 3f, float.NaN]);
        Check<double>(data, "Singles", row => [0, row / 3f, double.NaN]);
        Check<float>(data, "Doubles", row => [0, (float)(row / 3.0), float.NegativeInfinity]);
        Check<double>(data, "Doubles", row => [0, row / 3.0, double.NegativeInfinity]);
        Check<float>(data, "Booleans", row => [0, 1, row == 2 ? 1 : 0]);
        Check<double>(data, "Booleans", row => [0, 1, row == 2 ? 1 : 0]);
    }

    [TestMethod]
    public void KeysOfEverySizeAreRead()
    {
        var data = new TestView(5)
            .Add("Byte", new KeyDataViewType(typeof(byte), 4), row => (byte)row)
            .Add("UInt16", new KeyDataViewType(typeof(ushort), 4), row => (ushort)row)
            .Add("UInt32", new KeyDataViewType(typeof(uint), 4), row => (uint)row)
            .Add("UInt64", new KeyDataViewType(typeof(ulong), 4), row => (ulong)row)
            .AddVector("Keys", new KeyDataViewType(typeof(uint), 4), 3, row => new[] { 0u, (uint)row, 4u }, row => row % 2 == 0);
        foreach (var name in new[] { "Byte", "UInt16", "UInt32", "UInt64" })
        {
            Check<ulong>(data, name, row => [(ulong)row]);
        }
        Check<ulong>(data, "Keys", row => [0, (ulong)row, 4]);
    }

    [TestMethod]
    public void TextAndDatesAreRead()
    {
        var data = new TestView(5)
            .Add("Text", TextDataViewType.Instance, row => $"ü{row}".AsMemory())
            .AddVector("Texts", TextDataViewType.Instance, 2, row => new[] { "".AsMemory(), $"{row}".AsMemory() })
            .Add("Date", DateTimeDataViewType.Instance, row => new DateTime(2024, 2, 28).AddDays(row));
        Check<string>(data, "Text", row => [$"ü{row}"]);
        Check<string>(data, "Texts", row => ["", $"{row}"]);
        Check<DateTime>(data, "Date", row => [new DateTime(2024, 2, 28).AddDays(row)]);
    }

    [TestMethod]
    public void VectorsOfTheirOwnLengthsAreRead()
    {
        var data = new TestView(300).AddVector("Bag", NumberDataViewType.Double, 0, row => Enumerable.Range(0, row % 5).Select(i => i == 1 ? 0 : row + i / 10.0).ToArray(), row => row % 2 == 0);
        Check<double>(data, "Bag", row => [.. Enumerable.Range(0, row % 5).Select(i => i == 1 ? 0 : row + i / 10.0)]);
        Check<float>(data, "Bag", row => [.. Enumerable.Range(0, row % 5).Select(i => i == 1 ? 0 : (float)(row + i / 10.0))]);
    }

    // By the reader of trainings and by both ways of scoring.
    private static void Check<T>(TestView data, string name, Func<int, T[]> expected)
    {
        var host = ((Microsoft.ML.Runtime.IHostEnvironment)new MLContext(1)).Register("Test");
        var column = new InputColumn<T>(name, "test", (InputTypes)63, InputShapes.Fixed | InputShapes.VariableVector);
        column.Check(host, SchemaShape.Create(data.Schema));
        var read = (RowBuffer<T>)DataReader.Read(host, data, default, column)[0];
        Assert.AreEqual(data.GetRowCount(), read.Count);
        for (var row = 0; row < read.Count; row++)
        {
            CollectionAssert.AreEqual(expected(row), read[row].ToArray());
        }
        CollectionAssert.AreEqual(Enumerable.Range(0, read.Count).SelectMany(expected).ToArray(), read.Values.ToArray());
        var at = 0;
        var transformer = new ProbeTransformer(new MLContext(1), [column], batch =>
        {
            for (var row = 0; row < batch.Count; row++)
            {
                CollectionAssert.AreEqual(expected(at++), batch.Input<T>(0)[row].ToArray());
            }
        });
        Snapshot.Of(transformer.Transform(data));
        Assert.AreEqual(read.Count, at);
        at = 0;
        var mapper = ((ITransformer)transformer).GetRowToRowMapper(data.Schema);
        using var cursor = data.GetRowCursor(data.Schema);
        using var row1 = mapper.GetRow(cursor, mapper.OutputSchema);
        var cell = Snapshot.Cell(row1, row1.Schema["InBatch"]);
        while (cursor.MoveNext())
        {
            cell();
            cell();
        }
        Assert.AreEqual(read.Count, at);
    }

    [TestMethod]
    public void TheReaderCountsRowsThatAreNotKnown()
    {
        Assert.AreEqual(7, DataReader.CountRows(Values(7)));
        var unknown = Values(7, knowsItsRows: false);
        Assert.AreEqual(7, DataReader.CountRows(unknown));
        Assert.IsEmpty(unknown.ColumnsAsked);
    }

    [TestMethod]
    public void TheReaderStopsWhenItIsCancelled()
    {
        using var source = new CancellationTokenSource();
        var host = ((Microsoft.ML.Runtime.IHostEnvironment)new MLContext(1)).Register("Test");
        var data = Values(20_000);
        var seen = 0;
        data.OnRow = row =>
        {
            seen = row;
            if (row == 5000)
            {
                source.Cancel();
            }
        };
        Assert.Throws<OperationCanceledException>(() => DataReader.Read(host, data, source.Token, s_value));
        Assert.IsLessThan(10_000, seen);
        Assert.AreEqual(1, data.CursorsClosed);
    }

    [TestMethod]
    public void TypesThatAreNotAskedForAreRefusedByColumnRoleAndType()
    {
        var host = ((Microsoft.ML.Runtime.IHostEnvironment)new MLContext(1)).Register("Test");
        var schema = Values(1).Schema;
        foreach (var (column, expected, got) in new (InputColumn, string, string)[]
        {
            (new InputColumn<float>("Note", "feature", InputTypes.Number, InputShapes.Fixed), "Single or Double or Vector<Single> or Vector<Double>", "String"),
            (new InputColumn<float>("Value", "feature", InputTypes.Single, InputShapes.Vector, 3), "Vector<Single, 3>", "Single"),
            (new InputColumn<string>("Bag", "name", InputTypes.Text, InputShapes.Fixed), "Text or Vector<Text>", "VarVector<String>"),
            (new InputColumn<ulong>("Value", "group", InputTypes.Key, InputShapes.Scalar), "Key", "Single"),
            (new InputColumn<DateTime>("Value", "time", InputTypes.DateTime, InputShapes.Scalar), "DateTime", "Single"),
        })
        {
            foreach (var e in new[] { Must.Fail<ArgumentOutOfRangeException>(() => column.Find(host, schema)), Must.Fail<ArgumentOutOfRangeException>(() => column.Check(host, SchemaShape.Create(schema))) })
            {
                Assert.AreEqual("inputSchema", e.ParamName);
                Must.Contain(e.Message, column.Role, column.Name, $"expected {expected}", got);
            }
        }
    }

    // ---- With ML.NET ----

    private static TestView Labelled(int rows) => new TestView(rows) { CanShuffle = true }
        .AddVector("Features", NumberDataViewType.Single, 3, row => new float[] { row % 7, row * row % 11, row % 2 }, annotations: TestView.SlotNames("a", "b", "c"))
        .Add("Label", NumberDataViewType.Single, row => row % 7 + 2f * (row * row % 11));

    [TestMethod]
    public void TheImportanceOfFeaturesIsFoundByPermutation()
    {
        var ml = new MLContext(1);
        var data = Labelled(300);
        var model = new LinearMapEstimator(ml).Fit(data);
        var importance = ml.Regression.PermutationFeatureImportance(model, model.Transform(data), permutationCount: 2);
        Assert.HasCount(3, importance);
        // The second feature has the greatest spread and weight, the last hardly any.
        Assert.IsGreaterThan(importance[0].MeanSquaredError.Mean, importance[1].MeanSquaredError.Mean);
        Assert.IsGreaterThan(importance[2].MeanSquaredError.Mean, importance[0].MeanSquaredError.Mean);
    }

    [TestMethod]
    public void RegressionIsEvaluatedAndCrossValidated()
    {
        var ml = new MLContext(1);
        var data = Labelled(200);
        var view = new LinearMapEstimator(ml).Fit(data).Transform(data);
        var errors = view.GetColumn<float>("Score").Zip(view.GetColumn<float>("Label"), (score, label) => (double)(score - label)).ToArray();
        Assert.AreEqual(errors.Average(error => error * error), ml.Regression.Evaluate(view).MeanSquaredError, 1e-4);
        var folds = ml.Regression.CrossValidate(ml.Data.Cache(data), new LinearMapEstimator(ml), 3);
        Assert.HasCount(3, folds);
        Assert.IsTrue(folds.All(fold => double.IsFinite(fold.Metrics.MeanSquaredError)));
    }

    [TestMethod]
    public void TheSeamNamesWhatIsMissing()
    {
        Seam.Check();
        var assembly = typeof(ITransformer).Assembly;
        Assert.IsNull(Seam.FindMisfit(assembly, [("Microsoft.ML.ModelSaveContext", ["Writer"])]));
        Must.Contain(Seam.FindMisfit(assembly, [("Microsoft.ML.ModelSaveContext", ["Writer", "Pencil"])])!, "'Microsoft.ML.ModelSaveContext.Pencil' is missing", "5.0.1", "Microsoft.ML.Core");
        Must.Contain(Seam.FindMisfit(assembly, [("Microsoft.ML.NoSuchType", [])])!, "'Microsoft.ML.NoSuchType' is missing");
    }
}
