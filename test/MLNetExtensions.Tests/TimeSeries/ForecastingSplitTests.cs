using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class ForecastingSplitTests
{
    private readonly MLContext _ml = new(1);

    private static float[] Values(IDataView view) => [.. view.GetColumn<float[]>("Series").Select(row => row[0])];

    // Group a: 0 1 2 … 9; group b: 100 101 … 104; every third row is of b while it lasts.
    private IDataView Mixed()
    {
        var rows = new List<ForecastRow>();
        for (int a = 0, b = 0; a < 10 || b < 5;)
        {
            rows.Add(rows.Count % 3 == 2 && b < 5 ? new() { Group = "b", Series = [100 + b++] } : new() { Group = "a", Series = [a++] });
        }
        return ForecastView.Create(_ml, rows, 1, [0]);
    }

    [TestMethod]
    public void OneSeriesIsCutOnce()
    {
        var data = ForecastView.Training(_ml, [.. Enumerable.Range(0, 10).Select(i => (float)i)]);
        var split = _ml.Forecasting.TrainTestSplit(data, 0.25, 3);
        // 2.5 rows are rounded to 2.
        CollectionAssert.AreEqual(new float[] { 0, 1, 2, 3, 4, 5, 6, 7 }, Values(split.TrainSet));
        CollectionAssert.AreEqual(new float[] { 5, 6, 7, 8, 9 }, Values(split.TestSet));
    }

    [TestMethod]
    public void GroupsAreCutEachByItself()
    {
        var split = _ml.Forecasting.TrainTestSplit(Mixed(), 0.3, 2, "Group");
        // Of a 3 rows are for the test, of b 1.5, rounded to 2. The order stays.
        CollectionAssert.AreEqual(new float[] { 0, 1, 100, 2, 3, 101, 4, 5, 102, 6 }, Values(split.TrainSet));
        CollectionAssert.AreEqual(new float[] { 101, 5, 102, 6, 7, 103, 8, 9, 104 }, Values(split.TestSet));
    }

    [TestMethod]
    public void KeysAreGroupsAsTextIs()
    {
        var data = Mixed();
        var keyed = _ml.Transforms.Conversion.MapValueToKey("Group").Fit(data).Transform(data);
        var (text, keys) = (_ml.Forecasting.TrainTestSplit(data, 0.3, 2, "Group"), _ml.Forecasting.TrainTestSplit(keyed, 0.3, 2, "Group"));
        CollectionAssert.AreEqual(Values(text.TrainSet), Values(keys.TrainSet));
        CollectionAssert.AreEqual(Values(text.TestSet), Values(keys.TestSet));
    }

    [TestMethod]
    public void PartsKeepIdsAndAreReadInOrder()
    {
        var data = Mixed();
        var test = _ml.Forecasting.TrainTestSplit(data, 0.3, 2, "Group").TestSet;
        Assert.AreSame(data.Schema, test.Schema);
        Assert.IsFalse(test.CanShuffle);
        Assert.AreEqual(9, test.GetRowCount());
        var all = new Dictionary<float, DataViewRowId>();
        Read(data.GetRowCursor(data.Schema), (value, id, _) => all.Add(value, id));
        var positions = new List<long>();
        Read(test.GetRowCursor(test.Schema, new Random(1)), (value, id, position) =>
        {
            Assert.AreEqual(all[value], id);
            positions.Add(position);
        });
        CollectionAssert.AreEqual(Enumerable.Range(0, 9).Select(i => (long)i).ToArray(), positions);
        Assert.HasCount(1, test.GetRowCursorSet(test.Schema, 4));
        using var cursor = test.GetRowCursor([test.Schema["Series"]]);
        Assert.AreEqual(-1, cursor.Position);
        Assert.IsFalse(cursor.IsColumnActive(test.Schema["Group"]));
        var getter = cursor.GetGetter<VBuffer<float>>(test.Schema["Series"]);
        while (cursor.MoveNext())
        {
        }
        Assert.IsFalse(cursor.MoveNext());
        Assert.AreEqual(-1, cursor.Position);
        VBuffer<float> value = default;
        Assert.ThrowsExactly<InvalidOperationException>(() => getter(ref value));
    }

    private static void Read(DataViewRowCursor cursor, Action<float, DataViewRowId, long> row)
    {
        using (cursor)
        {
            var getId = cursor.GetIdGetter();
            var getValue = cursor.GetGetter<VBuffer<float>>(cursor.Schema["Series"]);
            VBuffer<float> value = default;
            DataViewRowId id = default;
            while (cursor.MoveNext())
            {
                getId(ref id);
                getValue(ref value);
                row(value.GetValues()[0], id, cursor.Position);
            }
        }
    }

    [TestMethod]
    public void WhatDoesNotFitIsNamed()
    {
        var data = Mixed();
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.Forecasting.TrainTestSplit(data, 1, 2));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.Forecasting.TrainTestSplit(data, 0.3, 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.Forecasting.TrainTestSplit(data, 0.3, 2, ""));
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.Forecasting.TrainTestSplit(data, 0.3, 2, "Series")).Message, "group column 'Series'");
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => _ml.Forecasting.TrainTestSplit(data, 0.3, 4, "Group")).Message, "Group 'b' has 5 rows");
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => _ml.Forecasting.TrainTestSplit(data, 0.3, 40)).Message, "The data has 15 rows");
        Assert.ThrowsExactly<InvalidOperationException>(() => _ml.Forecasting.TrainTestSplit(_ml.Data.SkipRows(data, 100), 0.3, 2, "Group"));
    }
}
