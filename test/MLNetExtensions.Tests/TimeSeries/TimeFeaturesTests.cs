using MLNetExtensions.Tests.Golden;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class TimeFeaturesTests
{
    private const TimeFeatures Daily = TimeFeatures.Weekday | TimeFeatures.DayOfMonth | TimeFeatures.DayOfYear;

    private static float[] Marks(DateTime time, TimeFeatures features, TimeEmbedding embedding = TimeEmbedding.Linear)
    {
        var marks = new TimeMarks("Time", features, embedding);
        var values = new float[marks.Count];
        marks.Write(TimeMarks.ToSeconds(time), values);
        return values;
    }

    [TestMethod]
    [TestCategory("Golden")]
    [DynamicData(nameof(Cases))]
    public void TheMarksAreThoseOfTheGoldenFiles(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "timesnet.tasks");
        if (!golden.Choose("task", ("metric", true), ("forecast", false), ("imputation", false), ("anomaly", false), ("classification", false)))
        {
            return;
        }
        DateTime[] dates = [.. golden.Doubles("dates_unix").Select(seconds => DateTime.UnixEpoch.AddSeconds(seconds))];
        foreach (var frequency in golden.List("frequencies"))
        {
            var features = golden.Choose("frequencies", frequency,
                ("s", TimeFeatures.Second | TimeFeatures.Minute | TimeFeatures.Hour | Daily),
                ("t", TimeFeatures.Minute | TimeFeatures.Hour | Daily),
                ("h", TimeFeatures.Hour | Daily),
                ("d", Daily),
                ("w", TimeFeatures.DayOfMonth | TimeFeatures.Week),
                ("m", TimeFeatures.Month));
            golden.AssertValues($"timefeat_{frequency}", [.. dates.SelectMany(date => Marks(date, features)).Select(mark => (double)mark)], 1e-7);
        }
    }

    public static IEnumerable<object[]> Cases => GoldenFiles.Rows("timesnet", "tasks");

    [TestMethod]
    public void EveryFeatureReachesBothEndsOfItsScale()
    {
        // 2020 has 366 days and 53 weeks; its first week begins on a Monday of 2019. 2018 begins on a Monday.
        var (first, last) = (new DateTime(2018, 1, 1), new DateTime(2020, 12, 31, 23, 59, 59));
        foreach (var feature in Enum.GetValues<TimeFeatures>().Where(feature => feature != TimeFeatures.None))
        {
            var end = feature == TimeFeatures.Weekday ? last.AddDays(3) : last;
            CollectionAssert.AreEqual(new[] { -0.5f, 0.5f }, new[] { Marks(first, feature)[0], Marks(end, feature)[0] }, $"{feature}");
        }
    }

    [TestMethod]
    public void TheFixedEmbeddingGetsTheRowsOfItsTables()
    {
        CollectionAssert.AreEqual(new float[] { 12, 31, 6, 23 }, Marks(new(2023, 12, 31, 23, 59, 59), TimeMarks.FixedFeatures, TimeEmbedding.Fixed));
        CollectionAssert.AreEqual(new float[] { 1, 1, 0, 0 }, Marks(new(2024, 1, 1), TimeMarks.FixedFeatures, TimeEmbedding.Fixed));
    }

    [TestMethod]
    public void SecondsKeepEveryTime()
    {
        foreach (var time in new[] { DateTime.MinValue, DateTime.MaxValue, new(2024, 2, 29, 12, 34, 56, 789), new(1, 1, 1, 0, 0, 1), DateTime.UnixEpoch })
        {
            CollectionAssert.AreEqual(new[] { (float)(time.Second / 59.0 - 0.5), (float)(time.Minute / 59.0 - 0.5), (float)(time.Hour / 23.0 - 0.5) }, Marks(time, TimeFeatures.Second | TimeFeatures.Minute | TimeFeatures.Hour), $"{time:O}");
        }
        // Times beyond the calendar, where a forecast may go on to, stay at its end.
        var month = new float[1];
        foreach (var (seconds, expected) in new[] { (1e30, 0.5f), (-1e30, -0.5f) })
        {
            new TimeMarks("Time", TimeFeatures.Month, TimeEmbedding.Linear).Write(seconds, month);
            Assert.AreEqual(expected, month[0]);
        }
    }

    [TestMethod]
    public void OnlyFeaturesThatTheEmbeddingTakesAreValid()
    {
        Assert.IsTrue(TimeMarks.AreValid(TimeFeatures.Second | TimeFeatures.Month, TimeEmbedding.Linear));
        Assert.IsTrue(TimeMarks.AreValid(TimeMarks.FixedFeatures, TimeEmbedding.Fixed));
        Assert.IsFalse(TimeMarks.AreValid(TimeFeatures.None, TimeEmbedding.Linear));
        Assert.IsFalse(TimeMarks.AreValid((TimeFeatures)256, TimeEmbedding.Linear));
        Assert.IsFalse(TimeMarks.AreValid(TimeFeatures.Hour, TimeEmbedding.Fixed));
        Assert.IsFalse(TimeMarks.AreValid(TimeFeatures.Hour, (TimeEmbedding)7));
    }
}
