using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests.Clustering;

/// <summary>Rows around the centres of their classes, which are named a, b, c …</summary>
internal sealed record FewShotTable(float[][] Features, int[] Classes)
{
    internal const int Size = 6;

    internal int Count => Classes.Length;

    /// <summary>Rows of one class after the other, in turns; class i is always around the same centre.</summary>
    internal static FewShotTable Draw(int seed, double noise, int classes, int each)
    {
        var centres = new Random(77);
        var random = new Random(seed);
        double[][] means = [.. Enumerable.Range(0, classes).Select(_ => Vector(centres, 1))];
        int[] ofRows = [.. Enumerable.Range(0, classes * each).Select(row => row % classes)];
        return new([.. ofRows.Select(c => means[c].Zip(Vector(random, noise), (mean, deviation) => (float)(mean + deviation)).ToArray())], ofRows);
    }

    internal FewShotTable Where(Func<int, bool> rows)
    {
        int[] kept = [.. Enumerable.Range(0, Count).Where(rows)];
        return new([.. kept.Select(row => Features[row])], [.. kept.Select(row => Classes[row])]);
    }

    /// <summary>The features alone.</summary>
    internal TestView View() => new TestView(Count).AddVector("Features", NumberDataViewType.Single, Features[0].Length, row => Features[row]);

    /// <summary>The features, and the class where it is told.</summary>
    internal TestView View(Func<int, bool> isLabelled, int keys = 4, string name = "Label") => Add(View(), name, isLabelled, keys);

    internal TestView Add(TestView view, string name, Func<int, bool> isLabelled, int keys = 4)
        => view.Add(name, new KeyDataViewType(typeof(uint), keys), row => isLabelled(row) ? (uint)Classes[row] + 1 : 0, TestView.KeyValues([.. Enumerable.Range(0, keys).Select(key => $"{(char)('a' + key)}")]));

    private static double[] Vector(Random random, double deviation)
        => [.. Enumerable.Range(0, Size).Select(_ => deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))];
}

/// <summary>What a model makes of rows.</summary>
internal sealed record FewShotScores(uint[] Labels, float[][] Scores, float[][] Probabilities)
{
    internal static FewShotScores Of(ITransformer model, IDataView data)
    {
        var view = model.Transform(data);
        return new([.. view.GetColumn<uint>("PredictedLabel")], [.. view.GetColumn<float[]>("Score")], [.. view.GetColumn<float[]>("Probability")]);
    }

    internal FewShotScores Where(Func<int, bool> rows)
    {
        int[] kept = [.. Enumerable.Range(0, Labels.Length).Where(rows)];
        return new([.. kept.Select(row => Labels[row])], [.. kept.Select(row => Scores[row])], [.. kept.Select(row => Probabilities[row])]);
    }

    internal double Accuracy(FewShotTable table) => Labels.Zip(table.Classes).Average(pair => pair.First == pair.Second + 1 ? 1.0 : 0);

    internal void AssertEqual(FewShotScores actual, double tolerance = 0)
    {
        Assert.HasCount(Labels.Length, actual.Labels);
        for (var row = 0; row < Labels.Length; row++)
        {
            Assert.AreEqual(Labels[row], actual.Labels[row], $"Row {row}");
            for (var i = 0; i < Scores[row].Length; i++)
            {
                Assert.AreEqual(Probabilities[row][i], actual.Probabilities[row][i], tolerance, $"Row {row}, probability {i}");
                Assert.AreEqual(Scores[row][i], actual.Scores[row][i], 100 * tolerance, $"Row {row}, score {i}");
            }
        }
    }

    /// <summary>Every row has a label, finite scores of which the smallest is the label's, and probabilities that sum to 1.</summary>
    internal void AssertComplete()
    {
        for (var row = 0; row < Labels.Length; row++)
        {
            Assert.AreNotEqual(0u, Labels[row], $"Row {row}");
            Assert.IsTrue(Scores[row].All(score => float.IsFinite(score) && score >= 0), $"Row {row}: {string.Join(", ", Scores[row])}");
            Assert.AreEqual(Scores[row].Min(), Scores[row][Labels[row] - 1], $"Row {row}");
            Assert.AreEqual(1, Probabilities[row].Sum(probability => (double)probability), 1e-5, $"Row {row}");
            foreach (var (probability, score) in Probabilities[row].Zip(Scores[row]))
            {
                Assert.AreEqual(-Math.Log(Math.Max(probability, 1e-30)), score, 1e-3, $"Row {row}");
            }
        }
    }
}
