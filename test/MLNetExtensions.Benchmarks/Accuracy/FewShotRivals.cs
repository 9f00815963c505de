using System.Numerics.Tensors;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>One episode, as methods that know nothing of views take it.</summary>
/// <param name="Features">The features of each row.</param>
/// <param name="Labels">The class of each row, counted from 0 in ascending order of the keys; -1 = asked.</param>
/// <param name="Classes">The number of classes.</param>
internal sealed record FewShotProblem(double[][] Features, int[] Labels, int Classes)
{
    public IEnumerable<int> Support => Enumerable.Range(0, Labels.Length).Where(row => Labels[row] >= 0);

    public IEnumerable<int> Queries => Enumerable.Range(0, Labels.Length).Where(row => Labels[row] < 0);

    public FewShotProblem With(double[][] features) => this with { Features = features };

    /// <summary>The mean of the rows of each class.</summary>
    public double[][] Prototypes(int[] classes) => [.. Enumerable.Range(0, Classes).Select(k => Mean([.. Enumerable.Range(0, classes.Length).Where(row => classes[row] == k).Select(row => Features[row])]))];

    public static double[] Mean(double[][] rows) => [.. Enumerable.Range(0, rows[0].Length).Select(i => rows.Average(row => row[i]))];
}

/// <summary>Other methods for few-shot episodes, each one episode at a time. They give the class of every row.</summary>
internal static class FewShotRivals
{
    public const double SpreadingGamma = 10;

    private const double SmallestNorm = 1e-12;
    private const int MostSweeps = 300;

    // As scikit-learn's LabelSpreading has them.
    private const int MostSpreadings = 30;
    private const double SpreadingTolerance = 1e-3;

    public static FewShotProblem Normalize(FewShotProblem problem)
        => problem.With([.. problem.Features.Select(row =>
        {
            var norm = Math.Max(SmallestNorm, TensorPrimitives.Norm(row));
            return row.Select(value => value / norm).ToArray();
        })]);

    public static FewShotProblem Centre(FewShotProblem problem, double[] mean) => problem.With([.. problem.Features.Select(row => row.Zip(mean, (value, middle) => value - middle).ToArray())]);

    /// <summary>Moves the mean of the queries to that of the support.</summary>
    public static FewShotProblem Shift(FewShotProblem problem)
    {
        var support = FewShotProblem.Mean([.. problem.Support.Select(row => problem.Features[row])]);
        var queries = FewShotProblem.Mean([.. problem.Queries.Select(row => problem.Features[row])]);
        return problem.With([.. problem.Features.Select((row, i) => problem.Labels[i] >= 0 ? row : row.Select((value, j) => value + support[j] - queries[j]).ToArray())]);
    }

    /// <summary>The class of the nearest mean of support rows.</summary>
    public static int[] NearestPrototype(FewShotProblem problem) => Nearest(problem, problem.Prototypes(problem.Labels));

    /// <summary>K-means from the means of the support rows on, over all rows.</summary>
    public static int[] KMeans(FewShotProblem problem)
    {
        var classes = NearestPrototype(problem);
        for (var sweep = 0; sweep < MostSweeps; sweep++)
        {
            if (classes.Distinct().Count() < problem.Classes)
            {
                break;
            }
            var next = Nearest(problem, problem.Prototypes(classes));
            if (next.AsSpan().SequenceEqual(classes))
            {
                break;
            }
            classes = next;
        }
        return classes;
    }

    /// <summary>Label spreading (Zhou et al., 2004) over all pairs of rows, with the stopping rule of scikit-learn.</summary>
    public static int[] LabelSpreading(FewShotProblem problem, double alpha)
    {
        var rows = problem.Features.Length;
        var weights = new double[rows][];
        for (var i = 0; i < rows; i++)
        {
            weights[i] = [.. problem.Features.Select((other, j) => i == j ? 0 : Math.Exp(-SpreadingGamma * SquaredDistance(problem.Features[i], other)))];
        }
        double[] roots = [.. weights.Select(row => Math.Sqrt(TensorPrimitives.Sum<double>(row)))];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < rows; j++)
            {
                weights[i][j] = roots[i] * roots[j] > 0 ? alpha * weights[i][j] / (roots[i] * roots[j]) : 0;
            }
        }
        // A row for each class.
        double[][] given = [.. Enumerable.Range(0, problem.Classes).Select(k => problem.Labels.Select(label => label == k ? 1 - alpha : 0).ToArray())];
        double[][] spread = [.. Enumerable.Range(0, problem.Classes).Select(k => problem.Labels.Select(label => label == k ? 1.0 : 0).ToArray())];
        for (var i = 0; i < MostSpreadings; i++)
        {
            var before = spread;
            spread = [.. before.Select((ofClass, k) => given[k].Select((value, row) => value + TensorPrimitives.Dot<double>(weights[row], ofClass)).ToArray())];
            if (spread.Zip(before).Sum(pair => pair.First.Zip(pair.Second, (now, was) => Math.Abs(now - was)).Sum()) < SpreadingTolerance)
            {
                break;
            }
        }
        return [.. Enumerable.Range(0, rows).Select(row => Enumerable.Range(0, problem.Classes).MaxBy(k => spread[k][row]))];
    }

    /// <summary>What a method says of each row of a view of episodes; the columns Label, PredictedLabel, Episode and SupportLabel.</summary>
    public static IDataView Score(MLContext ml, IDataView episodes, Func<FewShotProblem, int[]> method)
    {
        uint[] support = [.. episodes.GetColumn<uint>("SupportLabel")];
        uint[] numbers = [.. episodes.GetColumn<uint>("Episode")];
        double[][] features = [.. episodes.GetColumn<float[]>("Features").Select(row => row.Select(value => (double)value).ToArray())];
        uint[] predicted = [.. Enumerable.Range(0, numbers.Length).GroupBy(row => numbers[row]).SelectMany(episode =>
        {
            int[] rows = [.. episode];
            uint[] keys = [.. rows.Select(row => support[row]).Where(key => key > 0).Distinct().Order()];
            var classes = method(new([.. rows.Select(row => features[row])], [.. rows.Select(row => Array.IndexOf(keys, support[row]))], keys.Length));
            return classes.Select(index => keys[index]);
        })];
        var schema = SchemaDefinition.Create(typeof(Row));
        var key = new KeyDataViewType(typeof(uint), ((KeyDataViewType)episodes.Schema["Label"].Type).Count);
        schema[nameof(Row.Label)].ColumnType = schema[nameof(Row.PredictedLabel)].ColumnType = schema[nameof(Row.SupportLabel)].ColumnType = key;
        schema[nameof(Row.Episode)].ColumnType = new KeyDataViewType(typeof(uint), numbers.Max());
        // Views of objects have keys from 0; one below is missing.
        Row[] rows = [.. episodes.GetColumn<uint>("Label").Select((label, row) => new Row { Label = label - 1, PredictedLabel = predicted[row] - 1, SupportLabel = unchecked(support[row] - 1), Episode = numbers[row] - 1 })];
        return ml.Data.LoadFromEnumerable(rows, schema);
    }

    private static int[] Nearest(FewShotProblem problem, double[][] prototypes)
        => [.. problem.Features.Select(row => Enumerable.Range(0, prototypes.Length).MinBy(k => SquaredDistance(row, prototypes[k])))];

    private static double SquaredDistance(double[] a, double[] b)
    {
        var distance = TensorPrimitives.Distance<double>(a, b);
        return distance * distance;
    }

    private sealed class Row
    {
        public uint Label { get; set; }

        public uint PredictedLabel { get; set; }

        public uint SupportLabel { get; set; }

        public uint Episode { get; set; }
    }
}
