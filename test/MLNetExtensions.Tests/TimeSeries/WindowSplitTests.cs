using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class WindowSplitTests
{
    [TestMethod]
    [DataRow(0, "")]
    [DataRow(4, "")]
    [DataRow(5, "0+0")]
    [DataRow(6, "0+0 1+4")]
    [DataRow(9, "0+0 4+1")]
    [DataRow(10, "0+0 5+0")]
    [DataRow(13, "0+0 5+0 8+2")]
    public void ConsecutiveWindowsTakeEachRowOnce(int rows, string expected)
    {
        var windows = WindowSplit.Consecutive(rows, 5).ToArray();
        Assert.AreEqual(expected, string.Join(' ', windows.Select(window => $"{window.Start}+{window.Taken}")));
        CollectionAssert.AreEqual(Enumerable.Range(0, rows < 5 ? 0 : rows).ToArray(), windows.SelectMany(window => Enumerable.Range(window.Start + window.Taken, 5 - window.Taken)).ToArray());
    }

    [TestMethod]
    public void TrailingWindowsEndAtEachRow()
    {
        Assert.IsEmpty(WindowSplit.Trailing(4, 5));
        CollectionAssert.AreEqual(new[] { (0, 4), (1, 4), (2, 4) }, WindowSplit.Trailing(7, 5).ToArray());
    }

    [TestMethod]
    public void EachSeriesIsCutInTimeOrder()
    {
        var ml = new MLContext(1);
        // 20 rows of one series, 9 of another that cannot be split, 3 of one that is too short.
        var windows = Cut(ml, 5, 2, 0.25, out var warnings, 20, 9, 3);
        CollectionAssert.AreEqual(new[] { 0, 2, 4, 6, 8, 10, 20, 22, 24 }, windows.Training.ToArray());
        CollectionAssert.AreEqual(new[] { 15 }, windows.Validation.ToArray());
        CollectionAssert.AreEqual(new[] { 0..15, 20..29, 29..32 }, windows.TrainingRows.ToArray());
        CollectionAssert.AreEqual(new[] { 15..20, 29..29, 32..32 }, windows.ValidationRows.ToArray());
        Must.Contain(warnings.Single(), "1 of 3 series");
        CollectionAssert.AreEqual(new[] { 0, 1 }, Cut(ml, 5, 1, 0, out _, 6).Training.ToArray());
        CollectionAssert.AreEqual(new[] { 0 }, Cut(ml, 5, int.MaxValue, 0, out _, 20).Training.ToArray());
        foreach (var rows in new[] { 0, 4, 9 })
        {
            Must.Contain(Must.Fail<InvalidOperationException>(() => Cut(ml, 5, 1, 0.25, out _, rows)).Message, $"{rows} rows", "windowSize = 5");
        }
    }

    private static WindowSplit Cut(MLContext ml, int windowSize, int stride, double validationFraction, out IReadOnlyList<string> warnings, params int[] rows)
    {
        var host = ((IHostEnvironment)ml).Register("Test");
        int[] stores = [.. rows.SelectMany((count, i) => Enumerable.Repeat(i, count))];
        var data = new TestView(stores.Length).Add("Values", NumberDataViewType.Single, row => (float)row).Add("Store", TextDataViewType.Instance, row => $"{stores[row]}".AsMemory());
        var series = Series.Read(host, data, new("Values", "Store", null), default);
        WindowSplit? windows = null;
        warnings = Models.Warnings(ml, () => windows = WindowSplit.Cut(host, series, "Values", windowSize, stride, validationFraction));
        return windows!;
    }

    // ---- Scales ----

    [TestMethod]
    public void MissingValuesDoNotCountForAScale()
    {
        double[] complete = [1, 10, 4, 30, 7, 20];
        double[] gaps = [double.NaN, 10, 1, double.NaN, 4, 30, double.NaN, double.NaN, 7, 20];
        var (a, b) = (ColumnScaler.Fit(complete, 2), ColumnScaler.Fit(gaps, 2));
        CollectionAssert.AreEqual(a.Means, b.Means);
        CollectionAssert.AreEqual(a.Deviations, b.Deviations);
        var constant = ColumnScaler.Fit([double.NaN, double.NaN, 3, double.NaN, 3, double.NaN], 2);
        CollectionAssert.AreEqual(new[] { 3.0, 0 }, constant.Means);
        CollectionAssert.AreEqual(new[] { 1.0, 1 }, constant.Deviations);
        var fallen = ColumnScaler.Fit([double.NaN, double.NaN, 3, double.NaN, 3, double.NaN], 2, fallback: a);
        CollectionAssert.AreEqual(new[] { 3, a.Means[1] }, fallen.Means);
        CollectionAssert.AreEqual(new[] { 1, a.Deviations[1] }, fallen.Deviations);
    }
}
