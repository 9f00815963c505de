namespace MLNetExtensions.Tests.Clustering;

/// <summary>The steps of one problem as they were taken down, and what must hold of them, computed from the formulas.</summary>
internal sealed class FewShotSteps(FewShotTrace trace, int problem, int[] labels, int classes, FewShotSettings settings)
{
    private const double Vanished = 1e-300;
    private const double Tiny = 1e-30;

    private readonly List<double[]> _assignments = trace.Assignments[problem];
    private readonly double[] _costs = trace.Costs[problem]!;

    internal int Count => _assignments.Count - 1;

    /// <summary>V of the assignments before and after a step.</summary>
    internal double TwoStep(int step)
    {
        var (before, after) = (_assignments[step], _assignments[step + 1]);
        var sum = settings.Temperature * (Entropy(before) + Entropy(after));
        var neighbors = Neighbors(after);
        for (var i = 0; i < before.Length; i++)
        {
            sum += _costs[i] * (before[i] + after[i]) - settings.Lambda * before[i] * neighbors[i];
        }
        return sum;
    }

    /// <summary>J with the costs of the start.</summary>
    internal double Objective(int step)
    {
        var s = _assignments[step];
        var sum = settings.Temperature * Entropy(s);
        var neighbors = Neighbors(s);
        for (var i = 0; i < s.Length; i++)
        {
            sum += s[i] * (_costs[i] - settings.Lambda / 2 * neighbors[i]);
        }
        return sum;
    }

    /// <summary>By how much a step must lower J: identity 1, with damping.</summary>
    internal double Fall(int step)
    {
        var (before, after) = (_assignments[step], _assignments[step + 1]);
        var damping = trace.Damping[problem];
        double[] difference = [.. after.Zip(before, (a, b) => a - b)];
        var neighbors = Neighbors(difference);
        var sum = 0.0;
        for (var i = 0; i < before.Length; i++)
        {
            sum += settings.Lambda / 2 * difference[i] * neighbors[i];
            if (labels[i / classes] < 0)
            {
                sum += (settings.Temperature + damping) * Divergence(before[i], after[i]) + damping * Divergence(after[i], before[i]);
            }
        }
        return sum;
    }

    /// <summary>Whether the logarithms of all assignments that count are known: not of those that vanished in a step.</summary>
    internal bool IsKnown(int step) => _assignments[step].Zip(_assignments[step + 1]).All(pair => Math.Min(pair.First, pair.Second) > Vanished || Math.Max(pair.First, pair.Second) < Tiny || pair.First == pair.Second);

    private static double Divergence(double s, double t) => s > 0 ? s * (Math.Log(s) - Math.Log(Math.Max(t, double.Epsilon))) : 0;

    private double Entropy(double[] s)
    {
        var sum = 0.0;
        for (var i = 0; i < s.Length; i++)
        {
            sum += labels[i / classes] < 0 && s[i] > 0 ? s[i] * Math.Log(s[i]) : 0;
        }
        return sum;
    }

    private double[] Neighbors(double[] s)
    {
        var graph = trace.Graph[problem];
        var rows = graph.GetLength(0);
        var result = new double[s.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < rows; column++)
            {
                var weight = graph[row, column] + (row == column ? trace.DiagonalShift[problem] : 0);
                if (weight != 0)
                {
                    for (var k = 0; k < classes; k++)
                    {
                        result[row * classes + k] += weight * s[column * classes + k];
                    }
                }
            }
        }
        return result;
    }
}
