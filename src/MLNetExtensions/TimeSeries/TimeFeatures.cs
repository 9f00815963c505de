using System.Globalization;
using System.Numerics;

namespace MLNetExtensions.TimeSeries;

/// <summary>What a network is told of the time of a row.</summary>
[Flags]
public enum TimeFeatures
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The second of the minute.</summary>
    Second = 1,

    /// <summary>The minute of the hour.</summary>
    Minute = 2,

    /// <summary>The hour of the day.</summary>
    Hour = 4,

    /// <summary>The day of the week.</summary>
    Weekday = 8,

    /// <summary>The day of the month.</summary>
    DayOfMonth = 16,

    /// <summary>The day of the year.</summary>
    DayOfYear = 32,

    /// <summary>The week of the year, by ISO 8601.</summary>
    Week = 64,

    /// <summary>The month of the year.</summary>
    Month = 128,
}

/// <summary>Which features of the time a network gets, and as what numbers: its marks.</summary>
/// <param name="ColumnName">The time column.</param>
/// <param name="Features">The features.</param>
/// <param name="Embedding">How they enter the network.</param>
internal sealed record TimeMarks(string ColumnName, TimeFeatures Features, TimeEmbedding Embedding)
{
    /// <summary>The features that <see cref="TimeEmbedding.Fixed"/> has tables for.</summary>
    internal const TimeFeatures FixedFeatures = TimeFeatures.Hour | TimeFeatures.Weekday | TimeFeatures.DayOfMonth | TimeFeatures.Month;

    private const TimeFeatures All = (TimeFeatures)255;

    /// <summary>The number of marks.</summary>
    internal int Count => BitOperations.PopCount((uint)Features);

    /// <summary>Whether there are such features, and the embedding takes them.</summary>
    internal static bool AreValid(TimeFeatures features, TimeEmbedding embedding)
        => features != TimeFeatures.None && (features & ~All) == 0 && (embedding == TimeEmbedding.Linear || embedding == TimeEmbedding.Fixed && features == FixedFeatures);

    /// <summary>A time as a series keeps it: in seconds, exact but for fractions of a microsecond.</summary>
    internal static double ToSeconds(DateTime time) => (double)(time.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond;

    /// <summary>The marks of a time.</summary>
    internal void Write(double seconds, Span<float> marks)
    {
        var time = ToTime(seconds);
        if (Embedding == TimeEmbedding.Fixed)
        {
            WriteNumbers(time, marks);
        }
        else
        {
            WriteScaled(time, Features, marks);
        }
    }

    /// <summary>The features, from that of the shortest time to that of the longest, each scaled to [-0.5, 0.5].</summary>
    internal static void WriteScaled(DateTime time, TimeFeatures features, Span<float> marks)
    {
        var count = 0;
        for (var feature = TimeFeatures.Second; feature <= TimeFeatures.Month; feature = (TimeFeatures)((int)feature << 1))
        {
            if (features.HasFlag(feature))
            {
                marks[count++] = (float)(Scaled(time, feature) - 0.5);
            }
        }
    }

    /// <summary>The rows of the tables of <see cref="TimeEmbedding.Fixed"/>: month and day from 1, weekday from 0, which is Monday, hour from 0.</summary>
    internal static void WriteNumbers(DateTime time, Span<float> marks)
    {
        marks[0] = time.Month;
        marks[1] = time.Day;
        marks[2] = Weekday(time);
        marks[3] = time.Hour;
    }

    private static double Scaled(DateTime time, TimeFeatures feature) => feature switch
    {
        TimeFeatures.Second => time.Second / 59.0,
        TimeFeatures.Minute => time.Minute / 59.0,
        TimeFeatures.Hour => time.Hour / 23.0,
        TimeFeatures.Weekday => Weekday(time) / 6.0,
        TimeFeatures.DayOfMonth => (time.Day - 1) / 30.0,
        TimeFeatures.DayOfYear => (time.DayOfYear - 1) / 365.0,
        TimeFeatures.Week => (ISOWeek.GetWeekOfYear(time) - 1) / 52.0,
        TimeFeatures.Month => (time.Month - 1) / 11.0,
        _ => throw new ArgumentOutOfRangeException(nameof(feature), feature, null),
    };

    private static int Weekday(DateTime time) => ((int)time.DayOfWeek + 6) % 7;

    // Times that a forecast goes on to may lie beyond the calendar: they stay at its end.
    private static DateTime ToTime(double seconds)
    {
        var ticks = Math.Round(seconds * TimeSpan.TicksPerSecond) + DateTime.UnixEpoch.Ticks;
        return ticks <= 0 ? DateTime.MinValue : ticks >= DateTime.MaxValue.Ticks ? DateTime.MaxValue : new((long)ticks);
    }
}
