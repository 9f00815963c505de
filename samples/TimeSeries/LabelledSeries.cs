using Microsoft.ML;
using Microsoft.ML.Data;
using Samples;

namespace TimeSeries;

/// <summary>A series and what it is.</summary>
internal sealed class LabelledSeries
{
    /// <summary>All channels of the first step, then those of the second …; series are of different lengths.</summary>
    public float[] Features { get; set; } = [];

    public string Class { get; set; } = "";

    /// <summary>Reads a file with the columns series, t, label and one for each channel: one row per time step.</summary>
    /// <param name="ml">The context to load with.</param>
    /// <param name="path">A CSV file with a header, compressed if its name ends with .gz.</param>
    /// <returns>The series in the order in which they begin, and the number of channels.</returns>
    /// <exception cref="InvalidDataException">The file is no such table.</exception>
    public static (LabelledSeries[] Series, int Channels) Load(MLContext ml, string path)
    {
        string[] expected = ["series", "t", "label"];
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no file '{path}'.");
        }
        var source = new TextSource(path);
        string[] header;
        using (var reader = source.OpenTextReader(0))
        {
            header = (reader.ReadLine() ?? "").Split(',');
        }
        if (header.Length <= expected.Length || !header.AsSpan(0, expected.Length).SequenceEqual(expected))
        {
            throw new InvalidDataException($"'{path}' must begin with the columns {string.Join(", ", expected)} and have one more for each channel.");
        }
        var loader = ml.Data.CreateTextLoader(new TextLoader.Options
        {
            Columns =
            [
                new(nameof(Step.Series), DataKind.String, 0),
                new(nameof(Step.Time), DataKind.Double, 1),
                new(nameof(Step.Label), DataKind.String, 2),
                new(nameof(Step.Channels), DataKind.Single, [new TextLoader.Range(expected.Length, header.Length - 1) { ForceVector = true }]),
            ],
            Separators = [','],
            HasHeader = true,
            AllowQuoting = true,
            // A gap must not pass for a zero.
            MissingRealsAsNaNs = true,
        });
        var steps = ml.Data.CreateEnumerable<Step>(loader.Load(source), reuseRowObject: false);
        LabelledSeries[] all = [.. steps.GroupBy(step => step.Series).Select(series => new LabelledSeries
        {
            Class = series.First().Label,
            Features = [.. series.OrderBy(step => step.Time).SelectMany(step => step.Channels)],
        })];
        return all.Length > 0 ? (all, header.Length - expected.Length) : throw new InvalidDataException($"'{path}' has a header and no rows.");
    }

    private sealed class Step
    {
        public string Series { get; set; } = "";

        public double Time { get; set; }

        public string Label { get; set; } = "";

        public float[] Channels { get; set; } = [];
    }
}
