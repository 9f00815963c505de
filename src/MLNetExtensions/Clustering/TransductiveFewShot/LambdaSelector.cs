using System.Globalization;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Chooses λ on episodes drawn from labelled rows: all episodes of a value are solved together.</summary>
internal sealed class LambdaSelector(IHost host, FewShotLambdaSelection selection, string labelColumnName, RowBuffer<float> features, int seed)
{
    /// <param name="rowsOfClasses">The labelled rows of each class.</param>
    /// <param name="settings">How episodes are solved, whatever λ it holds.</param>
    /// <param name="baseMean">The base mean.</param>
    /// <param name="device">Where.</param>
    /// <param name="check">Throws to cancel.</param>
    /// <param name="report">Is told the accuracy of each value.</param>
    /// <exception cref="InvalidOperationException">Too few classes have enough rows.</exception>
    internal double Select(IEnumerable<int[]> rowsOfClasses, FewShotSettings settings, float[] baseMean, Device device, Action check, Action<string> report)
    {
        var (rows, asked) = Draw([.. rowsOfClasses.Where(rows => rows.Length > selection.NumberOfShots)]);
        var best = (Lambda: double.NaN, Accuracy: double.NegativeInfinity);
        foreach (var lambda in selection.Candidates)
        {
            using var scope = NewDisposeScope();
            var solution = FewShotSolver.Solve(rows, settings with { Lambda = lambda }, baseMean, seeds: null, device, (ulong)seed, check, report: null);
            var accuracy = Accuracy(rows, asked, solution.LogAssignments);
            report(string.Create(CultureInfo.InvariantCulture, $"Lambda {lambda:G4}: {accuracy:P2} of the rows of {selection.NumberOfEpisodes} episodes are told rightly."));
            if (accuracy > best.Accuracy)
            {
                best = (lambda, accuracy);
            }
        }
        return best.Lambda;
    }

    /// <returns>The episodes, and for each row the class that it is to be told as; -1 where its label is shown.</returns>
    private (FewShotRows Rows, int[] Asked) Draw(int[][] classes)
    {
        var (ways, shots) = (selection.NumberOfWays, selection.NumberOfShots);
        if (classes.Length < ways)
        {
            throw Check.BadData(host, $"Lambda cannot be chosen: episodes of {ways} classes with {shots} labelled rows each, and one more to tell, need {ways} classes of {shots + 1L} rows; the label column '{labelColumnName}' has {classes.Length}.");
        }
        var episodes = new FewShotEpisode[selection.NumberOfEpisodes];
        for (var i = 0; i < episodes.Length; i++)
        {
            episodes[i] = FewShotSampler.Draw(classes, ways, shots, selection.NumberOfQueries, seed, i);
        }
        var asked = new List<int>();
        var problems = new FewShotProblems(features[0].Length, episodes.Sum(episode => episode.Support.Concat(episode.Queries).Sum(rows => (long)rows.Length)));
        foreach (var episode in episodes)
        {
            for (var way = 0; way < ways; way++)
            {
                foreach (var row in episode.Support[way])
                {
                    problems.Add(features[row], way);
                    asked.Add(-1);
                }
                foreach (var row in episode.Queries[way])
                {
                    problems.Add(features[row], -1);
                    asked.Add(way);
                }
            }
            problems.End(ways);
        }
        return (problems.ToRows(), [.. asked]);
    }

    /// <summary>The mean over the episodes.</summary>
    private double Accuracy(FewShotRows rows, int[] asked, float[] logs)
    {
        var ways = selection.NumberOfWays;
        double sum = 0;
        for (var episode = 0; episode < rows.Classes.Length; episode++)
        {
            var (right, all) = (0, 0);
            for (var row = rows.Starts[episode]; row < rows.Starts[episode + 1]; row++)
            {
                if (asked[row] >= 0)
                {
                    all++;
                    right += System.Numerics.Tensors.TensorPrimitives.IndexOfMax<float>(logs.AsSpan(row * ways, ways)) == asked[row] ? 1 : 0;
                }
            }
            sum += (double)right / all;
        }
        return sum / rows.Classes.Length;
    }
}
