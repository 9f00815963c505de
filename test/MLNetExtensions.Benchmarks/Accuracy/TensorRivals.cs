using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers.FastTree;
using Microsoft.ML.Trainers.LightGbm;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>What tensor completion is compared with: the mean, the mean with a number for each entity, and ML.NET's trees on one-hot modes with their own defaults. All on the training cells.</summary>
internal static class TensorRivals
{
    private const int Sweeps = 50;

    /// <summary>Predictions of the test cells.</summary>
    public static IEnumerable<(string Name, Func<double[]> Predict)> All(TensorFile file, int seed, int threads)
    {
        yield return ("mean", () => [.. Enumerable.Repeat(Mean(file), file.Test.Length)]);
        yield return ("mean + entity effects", () => Effects(file));
        yield return ("LightGbm, one-hot", () => Trees(ml => ml.Regression.Trainers.LightGbm(new LightGbmRegressionTrainer.Options { NumberOfThreads = threads })));
        yield return ("FastTree, one-hot", () => Trees(ml => ml.Regression.Trainers.FastTree(new FastTreeRegressionTrainer.Options { NumberOfThreads = threads })));

        double[] Trees<TModel>(Func<MLContext, IEstimator<TModel>> trainer)
            where TModel : class, ITransformer
        {
            var ml = new MLContext(seed);
            InputOutputColumnPair[] modes = [.. TensorRow.Modes.Select(mode => new InputOutputColumnPair(mode))];
            var model = ml.Transforms.Categorical.OneHotEncoding(modes).Append(ml.Transforms.Concatenate("Features", TensorRow.Modes)).Append(trainer(ml)).Fit(ml.Data.Cache(TensorRow.View(ml, file, file.Training)));
            return [.. model.Transform(TensorRow.View(ml, file, file.Test)).GetColumn<float>("Score").Select(score => (double)score)];
        }
    }

    private static double Mean(TensorFile file) => file.Training.Average(row => (double)file.Values[row]);

    /// <summary>The mean and a number for each entity of each mode, by least squares with the ridge 1, one mode after the other.</summary>
    private static double[] Effects(TensorFile file)
    {
        var mean = Mean(file);
        double[][] effects = [.. file.Entities.Select(count => new double[count])];
        for (var sweep = 0; sweep < Sweeps; sweep++)
        {
            for (var mode = 0; mode < effects.Length; mode++)
            {
                var (sums, counts) = (new double[effects[mode].Length], new int[effects[mode].Length]);
                foreach (var row in file.Training)
                {
                    var entity = file.Index[row][mode];
                    sums[entity] += file.Values[row] - Predict(row) + effects[mode][entity];
                    counts[entity]++;
                }
                for (var entity = 0; entity < sums.Length; entity++)
                {
                    effects[mode][entity] = sums[entity] / (counts[entity] + 1);
                }
            }
        }
        return [.. file.Test.Select(Predict)];

        double Predict(int row) => mean + file.Index[row].Select((entity, mode) => effects[mode][entity]).Sum();
    }
}

/// <summary>A cell as a row.</summary>
internal sealed class TensorRow
{
    public static readonly string[] Modes = [nameof(First), nameof(Second), nameof(Third)];

    public int First { get; set; }

    public int Second { get; set; }

    public int Third { get; set; }

    public float Label { get; set; }

    public static IDataView View(MLContext ml, TensorFile file, int[] rows) => ml.Data.LoadFromEnumerable(rows.Select(row => new TensorRow
    {
        First = file.Index[row][0],
        Second = file.Index[row][1],
        Third = file.Index[row][2],
        Label = file.Values[row],
    }));
}
