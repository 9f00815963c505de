using Microsoft.ML;

namespace TensorDecomposition;

/// <summary>The field over the first two coordinates, all others fixed.</summary>
/// <param name="X">The places of the first coordinate, in order.</param>
/// <param name="Y">The places of the second coordinate, in order.</param>
/// <param name="Predicted">What the model says [y, x].</param>
/// <param name="Deviations">The standard deviation of the field itself [y, x].</param>
/// <param name="Truth">What is true [y, x], where it is known.</param>
/// <param name="Measured">The rows that lie in the slice.</param>
internal sealed record FieldSlice(double[] X, double[] Y, double[,] Predicted, double[,] Deviations, double[,]? Truth, (double X, double Y, double Value)[] Measured)
{
    private const int Size = 60;

    public static FieldSlice Of(MLContext mlContext, ITransformer model, Measurement[] rows, double[] others, Func<double[], double>? truth)
    {
        var (x, y) = (Places(rows, 0), Places(rows, 1));
        Measurement[] grid = [.. y.SelectMany(second => x.Select(first => new Measurement { Coordinates = [first, second, .. others] }))];
        var scored = ContinuousField.Predict(mlContext, model, ContinuousField.View(mlContext, grid, grid[0].Coordinates.Length));
        return new(x, y, Grid(i => scored[i].Score), Grid(i => scored[i].LatentStdDev), truth is null ? null : Grid(i => truth(grid[i].Coordinates)),
            [.. rows.Where(row => row.Coordinates.AsSpan(2).SequenceEqual(others)).Select(row => (row.Coordinates[0], row.Coordinates[1], (double)row.Value))]);

        static double[,] Grid(Func<int, double> value)
        {
            var values = new double[Size, Size];
            for (var i = 0; i < Size * Size; i++)
            {
                values[i / Size, i % Size] = value(i);
            }
            return values;
        }
    }

    /// <summary>The other coordinates at which most rows lie; of equals the one in the middle.</summary>
    public static double[] MostMeasured(Measurement[] rows)
    {
        var groups = rows.GroupBy(row => string.Join(' ', row.Coordinates.Skip(2).Select(value => value.ToString("R")))).Select(group => (group.First().Coordinates, Count: group.Count())).ToArray();
        var most = groups.Max(group => group.Count);
        var best = groups.Where(group => group.Count == most).OrderBy(group => group.Coordinates[^1]).ToArray();
        return best[best.Length / 2].Coordinates[2..];
    }

    /// <summary>Places from the least to the largest coordinate of a mode.</summary>
    public static double[] Places(Measurement[] rows, int mode, int count = Size)
    {
        var (least, most) = (rows.Min(row => row.Coordinates[mode]), rows.Max(row => row.Coordinates[mode]));
        return [.. Enumerable.Range(0, count).Select(i => least + (most - least) * i / (count - 1))];
    }
}
