using System.CommandLine;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>From an IDataView to a series in memory.</summary>
internal static class ReaderBench
{
    private const int Channels = 7;

    public static Command Command()
    {
        var rows = new Option<int>("--rows") { Description = "The number of rows.", DefaultValueFactory = _ => 1_000_000 };
        var repeats = new Option<int>("--repeats") { Description = "The number of passes whose median counts.", DefaultValueFactory = _ => 5 };
        var command = new Command("reader", "Reads a cached view of seven channels into memory.") { rows, repeats };
        command.SetAction(arguments => Run(arguments.GetValue(rows), arguments.GetValue(repeats)));
        return command;
    }

    private static void Run(int rows, int repeats)
    {
        var ml = new MLContext();
        var host = ((IHostEnvironment)ml).Register(nameof(ReaderBench));
        var view = ml.Data.Cache(ml.Data.LoadFromEnumerable(Rows(rows)));
        // The column as a forecaster reads it, and without a conversion.
        var series = Series.SeriesColumn(nameof(Row.Singles));
        var singles = new InputColumn<float>(nameof(Row.Singles), "series", InputTypes.Single, InputShapes.Vector);
        var doubles = Series.SeriesColumn(nameof(Row.Doubles));
        Console.Error.WriteLine($"filling the cache with {rows:N0} rows");
        Read(series);
        Read(doubles);

        var times = Timing.Medians(repeats, 1, () => Iterate(view), () => Read(series), () => Read(singles), () => Read(doubles));
        string[] names = ["cursor of ML.NET alone", "Single, read as Double (a forecaster's series)", "Single, read as Single", "Double, read as Double"];
        foreach (var (name, time) in names.Zip(times))
        {
            Console.WriteLine($"{name,-46} {time} {rows / time.Wall / 1e6,7:F2} M rows/s");
        }
        Console.WriteLine($"reader rows_per_second={rows / times[1].Wall:F0} single={rows / times[2].Wall:F0} double={rows / times[3].Wall:F0} cursor={rows / times[0].Wall:F0}");

        void Read(InputColumn column) => DataReader.Read(host, view, default, column);
    }

    private static void Iterate(IDataView view)
    {
        var column = view.Schema[nameof(Row.Singles)];
        using var cursor = view.GetRowCursor([column]);
        var getter = cursor.GetGetter<VBuffer<float>>(column);
        VBuffer<float> value = default;
        while (cursor.MoveNext())
        {
            getter(ref value);
        }
    }

    private static IEnumerable<Row> Rows(int count)
    {
        var row = new Row();
        for (var i = 0; i < count; i++)
        {
            for (var c = 0; c < Channels; c++)
            {
                row.Singles[c] = i + c;
                row.Doubles[c] = i + c;
            }
            yield return row;
        }
    }

    private sealed class Row
    {
        [VectorType(Channels)]
        public float[] Singles { get; } = new float[Channels];

        [VectorType(Channels)]
        public double[] Doubles { get; } = new double[Channels];
    }
}
