using System.Globalization;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>The rows of a published protocol, in time order: training, then validation, then test.</summary>
internal sealed record SplitRows(int Training, int Validation, int Test)
{
    /// <summary>12, 4 and 4 months of 30 days by the hour; later rows are not used.</summary>
    public static SplitRows EttHourly { get; } = new(8640, 2880, 2880);

    /// <summary>The same months by the quarter of an hour.</summary>
    public static SplitRows EttQuarterHourly { get; } = new(34560, 11520, 11520);

    public const string Ett = "ett";

    /// <param name="text"><c>ett</c>, by the hour or, in files that are as long, by the quarter of an hour; or three parts such as <c>0.7/0.1/0.2</c>: training and test are rounded down, the validation takes the rest.</param>
    /// <param name="rows">The number of rows there are.</param>
    public static SplitRows Parse(string text, int rows)
    {
        if (text == Ett)
        {
            return rows >= EttQuarterHourly.Training + EttQuarterHourly.Validation + EttQuarterHourly.Test ? EttQuarterHourly
                : rows >= EttHourly.Training + EttHourly.Validation + EttHourly.Test ? EttHourly
                : throw new ArgumentException($"The split 'ett' needs 14400 rows, there are {rows}.");
        }
        double[] parts = [.. text.Split('/').Select(part => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : double.NaN)];
        if (parts.Length != 3 || !parts.All(part => part is > 0 and < 1) || Math.Abs(parts.Sum() - 1) > 1e-9)
        {
            throw new ArgumentException($"The split '{text}' is neither 'ett' nor three parts that sum to 1, such as 0.7/0.1/0.2.");
        }
        var (training, test) = ((int)(parts[0] * rows), (int)(parts[2] * rows));
        return new(training, rows - training - test, test);
    }
}
