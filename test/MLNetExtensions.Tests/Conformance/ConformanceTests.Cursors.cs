using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests;

public sealed partial class ConformanceTests
{
    private const int ManyRows = 600;

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void ValuesDoNotDependOnWhatElseIsActive(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var view = Model(entry).Transform(entry.Data(ManyRows));
        AssertEqualInEveryActivation(view, view);
        // No column at all: the rows are counted.
        Assert.HasCount(ManyRows, Snapshot.Of(view, _ => false).Rows);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void InputColumnsAndIdsPassThrough(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(ManyRows);
        Snapshot.AssertEqual(Snapshot.Of(data), Snapshot.Of(Model(entry).Transform(data)), tolerance: 0);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void TransformOpensNothing(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(20);
        var view = Model(entry).Transform(data);
        Assert.AreEqual(data.GetRowCount(), view.GetRowCount());
        Assert.AreEqual(entry.IsRowScorer && data.CanShuffle, view.CanShuffle);
        Assert.AreEqual(0, data.CursorsOpened);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void OnlyWhatIsNeededIsAskedFor(string name)
    {
        var entry = ConformanceEntries.Find(name);
        foreach (var set in new[] { false, true })
        {
            foreach (var active in Activations(Model(entry).Transform(entry.Data(20)).Schema))
            {
                var data = entry.Data(20);
                var view = Model(entry).Transform(data);
                var asked = view.Schema.Where(active).ToArray();
                foreach (var cursor in set ? view.GetRowCursorSet(asked, 2) : [view.GetRowCursor(asked)])
                {
                    using (cursor)
                    {
                        Snapshot.Of(cursor);
                    }
                }
                // With no output asked for there is nothing to score: the inputs are not read for their own sake.
                var needed = asked.Where(column => !IsOutput(data, column)).Select(column => column.Name).Concat(asked.Any(column => IsOutput(data, column)) ? entry.Inputs : []).Distinct();
                CollectionAssert.AreEquivalent(needed.ToArray(), data.ColumnsAsked.ToArray());
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void CursorsAreClosedUpstream(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(50);
        var view = Model(entry).Transform(data);
        Snapshot.Of(view);
        foreach (var cursor in view.GetRowCursorSet(view.Schema, 3))
        {
            cursor.MoveNext();
            cursor.Dispose();
            cursor.Dispose();
        }
        Assert.AreEqual(data.CursorsOpened, data.CursorsClosed);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void CursorSetsTogetherEqualOneCursor(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext(1);
        foreach (var data in new IDataView[] { entry.Data(ManyRows), ml.Data.Cache(entry.Data(ManyRows)) })
        {
            var view = Model(entry).Transform(data);
            var serial = Snapshot.Of(view);
            foreach (var n in new[] { 1, 2, 7, 0 })
            {
                var cursors = view.GetRowCursorSet(view.Schema, n);
                Assert.IsTrue(entry.IsRowScorer || cursors.Length == 1);
                var rows = new List<SnapshotRow>();
                var batches = new HashSet<long>();
                foreach (var cursor in cursors)
                {
                    using (cursor)
                    {
                        Assert.AreSame(view.Schema, cursor.Schema);
                        var part = Snapshot.Of(cursor).Rows;
                        CollectionAssert.AreEqual(part.Select(row => row.Batch).Order().ToArray(), part.Select(row => row.Batch).ToArray(), "Batch falls.");
                        Assert.IsTrue(part.Select(row => row.Batch).Distinct().All(batches.Add), "Two cursors share a batch.");
                        rows.AddRange(part);
                    }
                }
                Snapshot.AssertEqual(serial, new([.. rows.OrderBy(row => row.Batch)]));
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.RowScorers), typeof(ConformanceEntries))]
    public void AShuffledCursorGivesTheSameRowsInAnotherOrder(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext(1);
        var data = ml.Data.Cache(entry.Data(ManyRows));
        var view = Model(entry).Transform(data);
        Assert.IsTrue(view.CanShuffle);
        var serial = Snapshot.Of(view);
        var shuffled = Snapshot.Of(view, random: new Random(3));
        Assert.IsFalse(serial.Rows.Select(row => row.Id).SequenceEqual(shuffled.Rows.Select(row => row.Id)), "Nothing was shuffled.");
        Snapshot.AssertEqual(Sort(serial), Sort(shuffled));
        Snapshot.AssertEqual(shuffled, Snapshot.Of(view, random: new Random(3)));

        static Snapshot Sort(Snapshot snapshot) => new([.. snapshot.Rows.OrderBy(row => row.Id.High).ThenBy(row => row.Id.Low)]);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.SequenceScorers), typeof(ConformanceEntries))]
    public void ASequenceScorerIsNeverShuffled(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(50);
        var view = Model(entry).Transform(data);
        Assert.IsFalse(view.CanShuffle);
        foreach (var active in Activations(view.Schema))
        {
            Snapshot.AssertEqual(Snapshot.Of(view, active), Snapshot.Of(view, active, new Random(1)));
        }
        using var cursor = view.GetRowCursorSet(view.Schema, 4, new Random(1)).Single();
        Snapshot.AssertEqual(Snapshot.Of(view), Snapshot.Of(cursor));
        Assert.IsFalse(data.GotRandom, "Random was passed on.");
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void ACursorEndsAndIsDisposedQuietly(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var view = Model(entry).Transform(entry.Data(20));
        foreach (var active in Activations(view.Schema))
        {
            var cursor = view.GetRowCursor(view.Schema.Where(active));
            for (var row = 0; row < 20; row++)
            {
                Assert.IsTrue(cursor.MoveNext());
            }
            for (var i = 0; i < 3; i++)
            {
                Assert.IsFalse(cursor.MoveNext());
                Assert.AreEqual(-1, cursor.Position);
            }
            cursor.Dispose();
            cursor.Dispose();
            Assert.IsFalse(cursor.MoveNext());
            var halfRead = view.GetRowCursor(view.Schema.Where(active));
            for (var row = 0; row < 5; row++)
            {
                halfRead.MoveNext();
            }
            halfRead.Dispose();
            Assert.IsFalse(halfRead.MoveNext());
            Assert.AreEqual(-1, halfRead.Position);
            view.GetRowCursor(view.Schema.Where(active)).Dispose();
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void AGetterOfAnInactiveColumnOrAnotherTypeIsRefused(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var view = Model(entry).Transform(entry.Data(20));
        foreach (var column in view.Schema)
        {
            using var without = view.GetRowCursor(view.Schema.Where(other => other.Index != column.Index));
            Assert.IsFalse(without.IsColumnActive(column));
            var e = Must.Fail(() => Snapshot.Cell(without, column));
            Must.Contain(e.Message, column.Name);
            using var with = view.GetRowCursor([column]);
            Assert.IsTrue(with.IsColumnActive(column));
            e = Must.Catch(() => with.GetGetter<Guid>(column));
            if (IsOutput(entry.Data(1), column))
            {
                Must.Contain(Must.Fail(() => with.GetGetter<Guid>(column)).Message, column.Name, "Guid");
                Must.Fail(() => with.GetGetter<long>(column));
                Must.Fail(() => with.GetGetter<VBuffer<long>>(column));
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void AColumnOfAnotherSchemaIsRefused(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var view = Model(entry).Transform(entry.Data(20));
        var other = new TestView(1).Add("Another", NumberDataViewType.Single, row => 0f).Schema;
        Must.Fail(() => view.GetRowCursor([other[0]]));
        Must.Fail(() => view.GetRowCursorSet([other[0]], 2));
        Must.Fail<ArgumentNullException>(() => view.GetRowCursor((IEnumerable<DataViewSchema.Column>)null!));
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void AValueOutsideOfTheRowsIsRefused(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(3);
        var view = Model(entry).Transform(data);
        using var cursor = view.GetRowCursor(view.Schema);
        var cells = view.Schema.Where(column => IsOutput(data, column)).Select(column => Snapshot.Cell(cursor, column)).ToArray();
        foreach (var cell in cells)
        {
            Must.Fail(() => cell());
        }
        while (cursor.MoveNext())
        {
            foreach (var cell in cells)
            {
                Snapshot.AssertSame(cell()!, cell()!, 0, "The second reading of a row");
            }
        }
        foreach (var cell in cells)
        {
            Must.Fail(() => cell());
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void VectorsBelongToTheCaller(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var view = Model(entry).Transform(entry.Data(20));
        foreach (var column in view.Schema.Where(column => column.Type is VectorDataViewType vector && vector.ItemType == NumberDataViewType.Single))
        {
            using var cursor = view.GetRowCursor([column]);
            var get = cursor.GetGetter<VBuffer<float>>(column);
            while (cursor.MoveNext())
            {
                VBuffer<float> first = default;
                VBuffer<float> second = default;
                get(ref first);
                var expected = first.DenseValues().ToArray();
                VBufferEditor.CreateFromBuffer(ref first).Values.Fill(-77);
                get(ref second);
                CollectionAssert.AreEqual(expected, second.DenseValues().ToArray());
                CollectionAssert.DoesNotContain(second.DenseValues().ToArray(), -77f);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void AnyNumberOfRowsIsScored(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var all = Snapshot.Of(Model(entry).Transform(entry.Data(ManyRows)));
        foreach (var rows in new[] { 0, 1, 2, 3, 255, 256, 257, 258 })
        {
            var scored = Snapshot.Of(Model(entry).Transform(entry.Data(rows)));
            Assert.HasCount(rows, scored.Rows);
            if (!entry.LooksAhead)
            {
                Snapshot.AssertEqual(new([.. all.Rows.Take(rows)]), scored);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void MissingValuesAreScoredWithoutFailing(string name)
    {
        var entry = ConformanceEntries.Find(name);
        if (entry.WithNaN is null)
        {
            return;
        }
        var view = Model(entry).Transform(entry.WithNaN(100));
        var rows = Snapshot.Of(view).Rows;
        Assert.HasCount(100, rows);
        // Keys are missing, numbers NaN.
        Assert.IsTrue(entry.Outputs.Any(output => rows.Any(row => row.Values[view.Schema[output].Index] switch
        {
            float.NaN or double.NaN or 0u => true,
            float[] vector => vector.All(float.IsNaN),
            double[] vector => vector.All(double.IsNaN),
            _ => false,
        })));
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void EightThreadsShareATransformer(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var model = Model(entry);
        var shared = model.Transform(entry.Data(ManyRows));
        var expected = Snapshot.Of(shared);
        var errors = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        var threads = Enumerable.Range(0, 8).Select(i => new Thread(() =>
        {
            try
            {
                Snapshot.AssertEqual(expected, Snapshot.Of(i % 2 == 0 ? shared : model.Transform(entry.Data(ManyRows))), tolerance: 0);
            }
            catch (Exception e)
            {
                errors.Enqueue(e);
            }
        })).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }
        foreach (var thread in threads)
        {
            thread.Join();
        }
        Assert.IsEmpty(errors, string.Join('\n', errors));
    }
}
