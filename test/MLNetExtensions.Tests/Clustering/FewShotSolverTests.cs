using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Clustering;

/// <summary>What must hold of the solutions of any problem.</summary>
[TestClass]
public sealed class FewShotSolverTests
{
    private const int Dimension = 6;
    private const double Rounding = 1e-12;

    private static readonly Dictionary<string, FewShotSettings> s_programs = new()
    {
        ["Mean"] = FewShotSettings.FewShot(),
        ["Mode"] = FewShotSettings.FewShot() with { Prototype = FewShotPrototype.Mode },
        ["ModePoint"] = FewShotSettings.FewShot() with { Prototype = FewShotPrototype.ModePoint },
        ["ModeByproduct"] = FewShotSettings.FewShot() with { Prototype = FewShotPrototype.ModeByproduct },
        ["Medoid"] = FewShotSettings.FewShot() with { Prototype = FewShotPrototype.Medoid },
        ["Fixed"] = FewShotSettings.FewShot() with { Prototype = FewShotPrototype.Fixed },
        ["soft"] = FewShotSettings.FewShot() with { Membership = FewShotMembership.Soft, Lambda = 3, Stabilize = FewShotStabilization.DiagonalShift },
        ["free labels"] = FewShotSettings.FewShot() with { EnforceLabels = false, Lambda = 2 },
        ["rectified"] = FewShotSettings.FewShot() with { Rectify = FewShotRectification.Normalized },
        ["LaplacianShot"] = FewShotSettings.FewShot(FewShotPreset.LaplacianShot),
        ["SLK-Means"] = FewShotSettings.FewShot(FewShotPreset.SlkPublished),
        ["SLK-MS"] = FewShotSettings.FewShot(FewShotPreset.SlkPublished) with { Prototype = FewShotPrototype.Mode },
        ["K-modes"] = FewShotSettings.FewShot(FewShotPreset.SlkPublished) with { Prototype = FewShotPrototype.Mode, UseGraph = false },
    };

    private static IEnumerable<object[]> ProgramNames => s_programs.Keys.Select(name => new object[] { name });

    /// <summary>Random problems with random options under which the objective must fall, 350 for each kind of prototype.</summary>
    [TestMethod]
    [DataRow(FewShotPrototype.Mean)]
    [DataRow(FewShotPrototype.Mode)]
    [DataRow(FewShotPrototype.ModePoint)]
    [DataRow(FewShotPrototype.Medoid)]
    [DataRow(FewShotPrototype.Fixed)]
    public void ObjectiveNeverRises(FewShotPrototype prototype)
    {
        for (var set = 0; set < 7; set++)
        {
            var random = new Random(100 * (int)prototype + set);
            var rows = Draw(random, problems: 50, labelled: set % 4 != 0, random.Next(2, 6));
            var settings = Random(random) with { Prototype = prototype, Membership = FewShotMembership.Soft, MaxOuter = 6, MaxInner = 6 };
            var trace = new FewShotTrace(rows.Count);
            Solve(rows, settings, trace, Seeds(random, rows));
            for (var b = 0; b < rows.Count; b++)
            {
                var objective = trace.Objective[b];
                // Rows in the place of other prototypes may cost more, once.
                var rise = prototype is FewShotPrototype.ModePoint or FewShotPrototype.Medoid ? FirstUpdate(trace, b) : -1;
                for (var i = 1; i < objective.Count; i++)
                {
                    Assert.IsTrue(i == rise || objective[i] - objective[i - 1] <= Rounding * Math.Max(1, Math.Abs(objective[i])), $"set {set}, problem {b}, step {i}: {objective[i - 1]} -> {objective[i]}, {settings}");
                }
            }
        }

        // The first update follows the steps before: the first place where the objective of the start's costs is another.
        static int FirstUpdate(FewShotTrace trace, int b) => trace.FirstSteps[b] + 1;
    }

    /// <summary>Identity 1 with damping, the two-step function without, rows that sum to 1, labels that stay: thousands of problems, every step.</summary>
    [TestMethod]
    [DataRow(FewShotStabilization.None)]
    [DataRow(FewShotStabilization.Damping)]
    [DataRow(FewShotStabilization.DiagonalShift)]
    public void StepsObeyTheirIdentities(FewShotStabilization stabilize)
    {
        var (known, all) = (0, 0);
        for (var set = 0; set < 10; set++)
        {
            var random = new Random(1000 + set);
            var rows = Draw(random, problems: 50, labelled: set % 3 != 0, random.Next(2, 6));
            var settings = Random(random) with { Prototype = FewShotPrototype.Fixed, Stabilize = stabilize, MaxInner = 8 };
            var trace = new FewShotTrace(rows.Count);
            var solution = Solve(rows, settings, trace, Seeds(random, rows));
            for (var b = 0; b < rows.Count; b++)
            {
                var classes = rows.Classes[b];
                var labels = rows.Labels[rows.Starts[b]..rows.Starts[b + 1]];
                var steps = new FewShotSteps(trace, b, labels, classes, settings);
                var last = double.PositiveInfinity;
                for (var step = 0; step <= steps.Count; step++)
                {
                    var message = $"set {set}, problem {b}, step {step}";
                    AssertRows(trace.Assignments[b][step], labels, classes, message);
                    var objective = steps.Objective(step);
                    Assert.AreEqual(objective, trace.Objective[b][step], Rounding * Math.Max(1, Math.Abs(objective)), message);
                    if (step == steps.Count)
                    {
                        continue;
                    }
                    known += steps.IsKnown(step) ? 1 : 0;
                    all++;
                    Assert.AreEqual(steps.IsKnown(step) ? steps.Fall(step) : objective - steps.Objective(step + 1), objective - steps.Objective(step + 1), 1e-11 * Math.Max(1, Math.Abs(objective)), message);
                    var twoStep = steps.TwoStep(step);
                    Assert.IsTrue(stabilize == FewShotStabilization.Damping || twoStep <= last + Rounding * Math.Max(1, Math.Abs(twoStep)), message);
                    last = twoStep;
                }
                AssertRows([.. solution.LogAssignments[(int)solution.Offsets[b]..(int)solution.Offsets[b + 1]].Select(value => Math.Exp(value))], labels, classes, $"set {set}, problem {b}", 1e-5);
            }
        }
        Assert.IsGreaterThan(0.95 * all, known);
    }

    [TestMethod]
    [DynamicData(nameof(ProgramNames))]
    public void ABatchGivesWhatSingleProblemsGive(string name)
    {
        var settings = s_programs[name];
        var random = new Random(5);
        var rows = Draw(random, problems: 25, labelled: true);
        var together = Solve(rows, settings, type: ScalarType.Float32);
        for (var b = 0; b < rows.Count; b++)
        {
            var alone = Solve(Single(rows, b, null), settings, type: ScalarType.Float32);
            CollectionAssert.AreEqual(alone.LogAssignments, together.LogAssignments[(int)together.Offsets[b]..(int)together.Offsets[b + 1]], $"{name}, problem {b}");
            CollectionAssert.AreEqual(alone.Prototypes[0], together.Prototypes[b], $"{name}, problem {b}");
            CollectionAssert.AreEqual(alone.Objective[0], together.Objective[b], $"{name}, problem {b}");
            Assert.AreEqual(alone.Iterations[0], together.Iterations[b]);
        }
    }

    [TestMethod]
    [DynamicData(nameof(ProgramNames))]
    public void TheOrderOfRowsDoesNotMatter(string name)
    {
        if (name == "ModeByproduct")
        {
            return; // Labelled rows are all as certain: the first becomes the prototype.
        }
        // Hard weights make ties: each of two rows is as near to both as the other.
        var settings = name is "ModePoint" or "Medoid" ? s_programs[name] with { Membership = FewShotMembership.Soft } : s_programs[name];
        var random = new Random(6);
        var rows = Draw(random, problems: 12, labelled: true);
        for (var b = 0; b < rows.Count; b++)
        {
            int[] order = [.. Enumerable.Range(0, rows.Size(b))];
            random.Shuffle(order);
            var plain = Solve(Single(rows, b, null), settings);
            var shuffled = Solve(Single(rows, b, order), settings);
            for (var i = 0; i < order.Length; i++)
            {
                for (var k = 0; k < rows.Classes[b]; k++)
                {
                    Assert.AreEqual(
                        Math.Exp(plain.LogAssignments[order[i] * rows.Classes[b] + k]), Math.Exp(shuffled.LogAssignments[i * rows.Classes[b] + k]), 1e-6, $"{name}, problem {b}, row {i}");
                }
            }
        }
    }

    [TestMethod]
    public void WithoutAGraphFixedPrototypesGiveTheNearestOne()
    {
        var rows = Draw(new Random(7), problems: 200, labelled: true);
        foreach (var preset in new[] { FewShotPreset.General, FewShotPreset.LaplacianShot })
        {
            var settings = FewShotSettings.FewShot(preset) with { Prototype = FewShotPrototype.Fixed, Lambda = 0, ShiftQueries = false, Rectify = FewShotRectification.None, Transform = FewShotTransform.None };
            var solution = Solve(rows, settings);
            for (var b = 0; b < rows.Count; b++)
            {
                var means = Means(rows, b, rows.Labels[rows.Starts[b]..rows.Starts[b + 1]]);
                for (var row = 0; row < rows.Size(b); row++)
                {
                    var label = rows.Labels[rows.Starts[b] + row];
                    Assert.AreEqual(label >= 0 ? label : Nearest(rows, b, row, means), Best(solution, rows, b, row));
                }
            }
        }
    }

    [TestMethod]
    public void WithoutAGraphHardMeansAreKMeans()
    {
        var random = new Random(8);
        var rows = Draw(random, problems: 200, labelled: false);
        var seeds = Seeds(random, rows);
        foreach (var settings in new[]
        {
            FewShotSettings.Clustering() with { Prototype = FewShotPrototype.Mean, Lambda = 0, Transform = FewShotTransform.None },
            FewShotSettings.Clustering(FewShotPreset.SlkPublished) with { UseGraph = false, Lambda = 0, Transform = FewShotTransform.None, OuterTolerance = 0, SoftMeansFromRound = int.MaxValue },
        })
        {
            var solution = Solve(rows, settings with { OuterTolerance = 0 }, null, seeds);
            for (var b = 0; b < rows.Count; b++)
            {
                var (means, labels) = KMeans(rows, b, [.. seeds.Prototypes[b].Chunk(Dimension)], out var lost);
                if (lost)
                {
                    // Programs differ in what becomes of a cluster without rows.
                    continue;
                }
                for (var row = 0; row < rows.Size(b); row++)
                {
                    Assert.AreEqual(labels[row], Best(solution, rows, b, row), $"{settings.Preset}, problem {b}");
                }
                for (var i = 0; i < means.Length * Dimension; i++)
                {
                    Assert.AreEqual(means[i / Dimension][i % Dimension], solution.Prototypes[b][i], 1e-5);
                }
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ProgramNames))]
    public void SmallestProblems(string name)
    {
        var settings = s_programs[name];
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            foreach (var neighbors in new[] { 0, 1, 2, 50 })
            {
                // One labelled row; one labelled and one query; identical rows; a class without a row; a problem without rows.
                float[] same = [1, 2, 3, 4, 5, 6];
                var rows = new FewShotRows
                {
                    Features = [.. Enumerable.Repeat(same, 1 + 2 + 7 + 4).SelectMany(row => row)],
                    Dimension = Dimension,
                    Starts = [0, 1, 3, 10, 14, 14],
                    Labels = [0, 0, -1, 0, 1, -1, -1, -1, -1, -1, 2, 0, -1, -1],
                    Classes = [1, 1, 2, 3, 2],
                };
                var solution = Solve(rows, settings with { NeighborCount = neighbors }, type: type);
                for (var b = 0; b < rows.Count; b++)
                {
                    Assert.AreEqual(rows.Size(b) * rows.Classes[b], solution.Offsets[b + 1] - solution.Offsets[b]);
                    AssertRows(
                        [.. solution.LogAssignments[(int)solution.Offsets[b]..(int)solution.Offsets[b + 1]].Select(value => Math.Exp(value))],
                        rows.Labels[rows.Starts[b]..rows.Starts[b + 1]], rows.Classes[b], $"{name}, {type}, k = {neighbors}, problem {b}", 1e-5);
                }
                // The class without a labelled row.
                for (var row = 0; row < 4; row++)
                {
                    Assert.AreEqual(FewShotSolution.LowestLog, solution.LogAssignments[solution.Offsets[3] + row * 3 + 1]);
                }
                Assert.IsTrue(float.IsNaN(solution.Prototypes[3][Dimension]));
            }
        }
    }

    [TestMethod]
    public void OneRowAlone()
    {
        var rows = new FewShotRows { Features = [1, 2, 3, 4, 5, 6], Dimension = Dimension, Starts = [0, 1], Labels = [-1], Classes = [3], Clusters = 3 };
        foreach (var settings in new[] { FewShotSettings.Clustering(), FewShotSettings.Clustering(FewShotPreset.SlkPublished) })
        {
            foreach (var prototype in Enum.GetValues<FewShotPrototype>())
            {
                var solution = Solve(rows, settings with { Prototype = prototype });
                AssertRows([.. solution.LogAssignments.Select(value => Math.Exp(value))], rows.Labels, 3, prototype.ToString(), 1e-5);
                Assert.IsTrue(solution.Prototypes[0].All(float.IsFinite));
            }
        }
    }

    [TestMethod]
    public void FurtherClustersContinueFromLabelledPrototypes()
    {
        var random = new Random(9);
        // Three separate clouds, of which one has labelled rows.
        var features = new List<float>();
        var labels = new List<int>();
        for (var row = 0; row < 60; row++)
        {
            for (var i = 0; i < Dimension; i++)
            {
                features.Add((i == row % 3 ? 5 : 0) + 0.1f * random.NextSingle());
            }
            labels.Add(row is 1 or 4 ? 0 : -1);
        }
        var rows = new FewShotRows { Features = [.. features], Dimension = Dimension, Starts = [0, 60], Labels = [.. labels], Classes = [3], Clusters = 2 };
        var solution = Solve(rows, FewShotSettings.FewShot() with { Restarts = 3, ShiftQueries = false });
        var found = Enumerable.Range(0, 60).GroupBy(row => row % 3, row => Best(solution, rows, 0, row)).Select(group => group.Distinct().Single()).ToArray();
        Assert.AreEqual(0, found[1]);
        CollectionAssert.AreEquivalent(new[] { 0, 1, 2 }, found);
    }

    [TestMethod]
    public void SymmetrizationsOfTheGraph()
    {
        var rows = Draw(new Random(10), problems: 30, labelled: true);
        var settings = FewShotSettings.FewShot() with { Prototype = FewShotPrototype.Fixed, NeighborCount = 3, Kernel = AffinityKernel.Gaussian, KernelWidth = 0.7 };
        double[][,] Graphs(GraphSymmetrization symmetrize)
        {
            var trace = new FewShotTrace(rows.Count);
            Solve(rows, settings with { Symmetrize = symmetrize }, trace);
            return trace.Graph;
        }
        var directed = Graphs(GraphSymmetrization.None);
        var (mean, max, min) = (Graphs(GraphSymmetrization.Mean), Graphs(GraphSymmetrization.Max), Graphs(GraphSymmetrization.Min));
        for (var b = 0; b < rows.Count; b++)
        {
            for (var p = 0; p < rows.Size(b); p++)
            {
                Assert.AreEqual(Math.Min(3, rows.Size(b) - 1), Enumerable.Range(0, rows.Size(b)).Count(q => directed[b][p, q] > 0));
                for (var q = 0; q < rows.Size(b); q++)
                {
                    var (there, back) = (directed[b][p, q], directed[b][q, p]);
                    Assert.AreEqual((there + back) / 2, mean[b][p, q], Rounding);
                    Assert.AreEqual(Math.Max(there, back), max[b][p, q], Rounding);
                    Assert.AreEqual(Math.Min(there, back), min[b][p, q], Rounding);
                }
            }
        }
    }

    [TestMethod]
    public void ChecksAreAsked()
    {
        var rows = Draw(new Random(11), problems: 5, labelled: true);
        var left = 12;
        Assert.ThrowsExactly<OperationCanceledException>(() => FewShotSolver.Solve(rows, FewShotSettings.FewShot(), null, null, CPU, 0, () =>
        {
            if (--left == 0)
            {
                throw new OperationCanceledException();
            }
        }, null));
    }

    private static FewShotSolution Solve(FewShotRows rows, FewShotSettings settings, FewShotTrace? trace = null, FewShotSeeds? seeds = null, ScalarType type = ScalarType.Float64)
    {
        // With more, products of matrices are divided among threads as the size of the batch makes it, which rounds differently.
        using var threads = TorchThreads.Use(1);
        return FewShotSolver.Solve(rows, settings, null, seeds, CPU, 3, () => { }, null, type, trace);
    }

    private static FewShotSettings Random(Random random) => FewShotSettings.FewShot() with
    {
        Transform = (FewShotTransform)random.Next(4),
        ShiftQueries = random.Next(2) == 0,
        NeighborCount = random.Next(6),
        Kernel = (AffinityKernel)random.Next(2),
        Symmetrize = (GraphSymmetrization)random.Next(1, 4),
        Lambda = 10 * random.NextDouble() * random.NextDouble(),
        Temperature = Math.Pow(10, -1.5 * random.NextDouble()),
        Stabilize = (FewShotStabilization)random.Next(1, 3),
        InnerTolerance = 1e-12,
        OuterTolerance = 0,
    };

    /// <summary>Problems of 4 to 30 rows and 2 to 5 classes; each class has labelled rows, or none has.</summary>
    private static FewShotRows Draw(Random random, int problems, bool labelled, int? ways = null)
    {
        var features = new List<double>();
        var starts = new List<int> { 0 };
        var labels = new List<int>();
        var classes = new List<int>();
        for (var b = 0; b < problems; b++)
        {
            var k = ways ?? random.Next(2, 6);
            var size = random.Next(2 * k, 31);
            for (var row = 0; row < size; row++)
            {
                var own = random.Next(k);
                labels.Add(!labelled ? -1 : row < k ? row : random.Next(8) == 0 ? own : -1);
                for (var i = 0; i < Dimension; i++)
                {
                    features.Add((i == own ? 1 : 0) + random.NextDouble());
                }
            }
            starts.Add(labels.Count);
            classes.Add(k);
        }
        return new()
        {
            Features = [.. features.Select(value => (float)value)],
            Exact = [.. features.Select(value => (double)(float)value)],
            Dimension = Dimension,
            Starts = [.. starts],
            Labels = [.. labels],
            Classes = [.. classes],
        };
    }

    /// <summary>For each problem as many of its rows as it has classes.</summary>
    private static FewShotSeeds Seeds(Random random, FewShotRows rows)
    {
        var seeds = new double[rows.Count][];
        for (var b = 0; b < rows.Count; b++)
        {
            int[] order = [.. Enumerable.Range(0, rows.Size(b))];
            random.Shuffle(order);
            seeds[b] = [.. order.Take(rows.Classes[b]).SelectMany(row => Row(rows, b, row))];
        }
        return new(seeds);
    }

    /// <summary>A problem of its own, its rows in the given order.</summary>
    private static FewShotRows Single(FewShotRows rows, int b, int[]? order)
    {
        order ??= [.. Enumerable.Range(0, rows.Size(b))];
        double[] features = [.. order.SelectMany(row => Row(rows, b, row))];
        return new()
        {
            Features = Array.ConvertAll(features, value => (float)value),
            Exact = features,
            Dimension = Dimension,
            Starts = [0, order.Length],
            Labels = [.. order.Select(row => rows.Labels[rows.Starts[b] + row])],
            Classes = [rows.Classes[b]],
            Clusters = rows.Clusters,
        };
    }

    private static double[] Row(FewShotRows rows, int b, int row)
        => [.. rows.Features.AsSpan((rows.Starts[b] + row) * Dimension, Dimension).ToArray().Select(value => (double)value)];

    private static void AssertRows(double[] assignments, int[] labels, int classes, string message, double tolerance = 1e-12)
    {
        for (var row = 0; row < labels.Length; row++)
        {
            var own = assignments.AsSpan(row * classes, classes).ToArray();
            Assert.AreEqual(1, own.Sum(), tolerance, message);
            Assert.IsTrue(own.All(value => value is >= 0 and <= 1.000001), message);
            if (labels[row] >= 0)
            {
                Assert.IsTrue(own[labels[row]] == 1, message);
            }
        }
    }

    private static int Best(FewShotSolution solution, FewShotRows rows, int b, int row)
    {
        var own = solution.LogAssignments.AsSpan((int)solution.Offsets[b] + row * rows.Classes[b], rows.Classes[b]).ToArray();
        return Array.IndexOf(own, own.Max());
    }

    private static double[][] Means(FewShotRows rows, int b, int[] labels)
        => [.. Enumerable.Range(0, rows.Classes[b]).Select(k =>
        {
            var own = Enumerable.Range(0, labels.Length).Where(row => labels[row] == k).Select(row => Row(rows, b, row)).ToArray();
            return Enumerable.Range(0, Dimension).Select(i => own.Average(row => row[i])).ToArray();
        })];

    private static int Nearest(FewShotRows rows, int b, int row, double[][] means)
    {
        double[] distances = [.. means.Select(mean => mean.Zip(Row(rows, b, row), (a, x) => (a - x) * (a - x)).Sum())];
        return Array.IndexOf(distances, distances.Min());
    }

    /// <summary>Lloyd's algorithm.</summary>
    private static (double[][] Means, int[] Labels) KMeans(FewShotRows rows, int b, double[][] means, out bool lost)
    {
        int[] labels = [];
        while (true)
        {
            int[] next = [.. Enumerable.Range(0, rows.Size(b)).Select(row => Nearest(rows, b, row, means))];
            lost = next.Distinct().Count() < means.Length;
            if (lost || next.SequenceEqual(labels))
            {
                return (means, next);
            }
            (labels, means) = (next, Means(rows, b, next));
        }
    }
}
