using System.Globalization;
using MLNetExtensions.Tests.Golden;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Clustering;

[TestClass]
[TestCategory("Golden")]
public sealed class FewShotGoldenTests
{
    private const double Tolerance = 1e-9;
    private const double ToleranceFloat32 = 1e-5;

    /// <summary>Predictions in Single are compared where the two best classes are further apart.</summary>
    private const double Undecided = 1e-4;

    private static IEnumerable<object[]> LaplacianShotRows => GoldenFiles.Rows("fewshot", "lshot");

    private static IEnumerable<object[]> PublishedRows => GoldenFiles.Rows("fewshot", "slk_code");

    private static IEnumerable<object[]> GeneralRows => GoldenFiles.Rows("fewshot", "general");

    private static IEnumerable<object[]> ClusterRows => GoldenFiles.Rows("fewshot", "cluster");

    [TestMethod]
    [DynamicData(nameof(LaplacianShotRows))]
    public void LaplacianShot(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "fewshot.lshot");
        var rows = Episode(golden, out var support);
        var plain = WithGraph(golden, FewShotSettings.FewShot(FewShotPreset.LaplacianShot)) with
        {
            Lambda = golden.Number("lambda"),
            Temperature = golden.Number("temperature"),
            MaxInner = golden.Integer("max_steps"),
            InnerTolerance = golden.Number("tolerance"),
        };
        foreach (var run in golden.List("runs"))
        {
            var settings = plain with
            {
                Rectify = golden.Choose(run + ".rectify", ("none", FewShotRectification.None), ("published", FewShotRectification.Published), ("normalised", FewShotRectification.Normalized)),
                ShiftQueries = golden.Flag(run + ".shift_queries"),
            };
            var exact = Solve(rows, settings, golden.Doubles("base_mean"), null, ScalarType.Float64);
            var features = exact.Trace.Features[0].AsSpan();
            golden.AssertValues(run + "_query", features[(support * rows.Dimension)..].ToArray(), Tolerance);
            golden.AssertValues("support", features[..(support * rows.Dimension)].ToArray(), Tolerance);
            golden.AssertValues(run + "_prototypes", exact.Trace.FinalPrototypes[0], Tolerance);
            golden.AssertValues(run + "_unary", Queries(exact.Trace.Costs[0]!), Tolerance);
            golden.AssertValues(run + "_W", [.. Dense(exact.Trace.Graph[0], support)], Tolerance);
            golden.AssertValues(run + "_Y", [.. exact.Trace.Assignments[0].SelectMany(Queries)], Tolerance);
            golden.AssertValues(run + "_E", [.. exact.Trace.StepEnergy[0]], Tolerance);
            AssertPredictions(golden, run, exact.Trace.FinalAssignments[0].AsSpan(support * rows.Classes[0]).ToArray(), rows.Classes[0]);
            AssertSingle(exact, Solve(rows, settings, golden.Doubles("base_mean"), null, ScalarType.Float32));
        }

        double[] Queries(double[] values) => values[(support * rows.Classes[0])..];
    }

    [TestMethod]
    [DynamicData(nameof(PublishedRows))]
    public void PublishedFewShotProgram(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "fewshot.slk_code");
        var rows = Episode(golden, out var support);
        foreach (var run in golden.List("runs"))
        {
            var settings = Published(golden, run, FewShotSettings.FewShot(FewShotPreset.SlkPublished)) with
            {
                EnforceLabels = golden.Choose("enforce_labels", ("start", false)),
                ShiftQueries = golden.Flag("shift_queries"),
            };
            var exact = Solve(rows, settings, golden.Doubles("base_mean"), null, ScalarType.Float64);
            golden.AssertValues("X", exact.Trace.Features[0], Tolerance);
            golden.AssertValues("W", [.. Dense(exact.Trace.Graph[0], 0)], Tolerance);
            golden.AssertValues("sigma", [exact.Trace.Sigma[0]], Tolerance);
            golden.AssertValues(run + "_C", [.. exact.Trace.Prototypes[0].SelectMany(values => values)], Tolerance);
            golden.AssertValues(run + "_Z", [.. exact.Trace.RoundAssignments[0].SelectMany(values => values)], Tolerance);
            golden.AssertValues(run + "_E", [.. exact.Trace.RoundEnergy[0]], Tolerance);
            golden.AssertValues(run + "_C_final", exact.Trace.FinalPrototypes[0], Tolerance);
            golden.AssertValues(run + "_lambda", [golden.Number(run + ".lambda")], Tolerance);
            AssertPredictions(golden, run, exact.Trace.FinalAssignments[0].AsSpan(support * rows.Classes[0]).ToArray(), rows.Classes[0]);
            AssertSingle(exact, Solve(rows, settings, golden.Doubles("base_mean"), null, ScalarType.Float32));
        }
    }

    [TestMethod]
    [DynamicData(nameof(GeneralRows))]
    public void GeneralForm(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "fewshot.general");
        var labels = Integers(golden, "labels");
        var classes = (int)golden.Shape("C0")[0];
        var rows = Rows(golden.Doubles("X"), (int)golden.Shape("X")[1], labels, classes);
        var seeds = new FewShotSeeds([golden.Doubles("C0")]);
        var stabilize = golden.Choose("stabilize", ("damping", FewShotStabilization.Damping), ("none", FewShotStabilization.None));
        golden.Choose("early_stop", ("false", false));
        var plain = WithGraph(golden, FewShotSettings.FewShot()) with
        {
            ShiftQueries = false,
            EnforceLabels = golden.Choose("enforce_labels", ("always", true)),
            Stabilize = stabilize,
            Lambda = golden.Number("lambda"),
            Temperature = golden.Number("temperature"),
            SigmaDivisor = golden.Integer("sigma_divisor"),
            SigmaFromAffinity = golden.Choose("sigma_weights", ("affinity", true), ("binary", false)),
            MeanShiftTolerance = golden.Number("mean_shift_tolerance"),
            MeanShiftMax = golden.Integer("mean_shift_max"),
            // No early stop.
            MaxOuter = golden.Integer("outer"),
            MaxInner = golden.Integer("inner"),
            OuterTolerance = -1,
            InnerTolerance = 0,
        };
        var queries = labels.Select((label, row) => (label, row)).Where(pair => pair.label < 0).Select(pair => pair.row).ToArray();
        foreach (var run in golden.List("runs"))
        {
            var settings = plain with
            {
                Prototype = golden.Choose(
                    run + ".prototype", ("mean", FewShotPrototype.Mean), ("mode", FewShotPrototype.Mode), ("mode_point", FewShotPrototype.ModePoint), ("medoid", FewShotPrototype.Medoid)),
                Membership = golden.Choose(run + ".membership", ("soft", FewShotMembership.Soft), ("hard", FewShotMembership.Hard)),
            };
            var exact = Solve(rows, settings, null, seeds, ScalarType.Float64);
            var trace = exact.Trace;
            golden.AssertValues("W", [.. Dense(trace.Graph[0], 0)], Tolerance);
            golden.AssertValues("dmax", [trace.LargestDegree[0]], Tolerance);
            golden.AssertValues("sigma", [trace.Sigma[0]], Tolerance);
            if (stabilize == FewShotStabilization.Damping)
            {
                golden.AssertValues("mu", [trace.Damping[0]], Tolerance);
            }
            golden.AssertValues(run + "_S", [.. trace.Assignments[0].SelectMany(values => values)], Tolerance);
            golden.AssertValues(run + "_J", [.. trace.Objective[0]], Tolerance);
            golden.AssertValues(run + "_C", [.. trace.Prototypes[0].SelectMany(values => values)], Tolerance);
            AssertPredictions(golden, run, [.. queries.SelectMany(row => trace.FinalAssignments[0].Skip(row * classes).Take(classes))], classes);
            AssertSingle(exact, Solve(rows, settings, null, seeds, ScalarType.Float32));
        }
        var directed = Solve(rows, plain with { Prototype = FewShotPrototype.Fixed, Symmetrize = GraphSymmetrization.None }, null, seeds, ScalarType.Float64).Trace;
        golden.AssertValues("W_directed", [.. Dense(directed.Graph[0], 0)], Tolerance);
        foreach (var run in golden.List("fixed_runs"))
        {
            golden.Choose(run + ".unary", ("squared_distance", true));
            var settings = plain with
            {
                Prototype = golden.Choose(run + ".prototype", ("none", FewShotPrototype.Fixed)),
                Stabilize = golden.Choose(run + ".stabilize", ("none", FewShotStabilization.None), ("shift", FewShotStabilization.DiagonalShift)),
                MaxInner = golden.Integer("fixed_steps"),
            };
            var exact = Solve(rows, settings, null, seeds, ScalarType.Float64);
            var trace = exact.Trace;
            if (settings.Stabilize == FewShotStabilization.DiagonalShift)
            {
                golden.AssertValues("delta", [trace.DiagonalShift[0]], Tolerance);
            }
            golden.AssertValues(run + "_S", [.. trace.Assignments[0].SelectMany(values => values)], Tolerance);
            golden.AssertValues(run + "_J", [.. trace.Objective[0]], Tolerance);
            var steps = new FewShotSteps(trace, 0, labels, classes, settings);
            golden.AssertValues(run + "_V", [.. Enumerable.Range(0, settings.MaxInner).Select(steps.TwoStep)], Tolerance);
            AssertSingle(exact, Solve(rows, settings, null, seeds, ScalarType.Float32));
        }
    }

    [TestMethod]
    [DynamicData(nameof(ClusterRows))]
    public void PublishedClusteringProgram(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "fewshot.cluster");
        var dimension = (int)golden.Shape("X")[1];
        var classes = (int)golden.Shape("C0")[0];
        var labels = new int[(int)golden.Shape("X")[0]];
        Array.Fill(labels, -1);
        var rows = Rows(golden.Doubles("X"), dimension, labels, classes);
        AssertSource(golden, labels.Length, dimension);
        foreach (var run in golden.List("runs"))
        {
            var settings = Published(golden, run, FewShotSettings.Clustering(FewShotPreset.SlkPublished)) with { Transform = FewShotTransform.None };
            var exact = Solve(rows, settings, null, new([golden.Doubles("C0")]), ScalarType.Float64);
            var trace = exact.Trace;
            golden.AssertValues("sigma", [trace.Sigma[0]], Tolerance);
            AssertNeighbors(golden, trace.Graph[0], settings.Symmetrize);
            golden.AssertValues(run + "_Cs", [.. trace.Prototypes[0].SelectMany(values => values)], Tolerance);
            golden.AssertValues(run + "_E", [.. trace.RoundEnergy[0]], Tolerance);
            golden.AssertValues(run + "_Z", trace.FinalAssignments[0], Tolerance);
            golden.AssertValues(run + "_C", trace.FinalPrototypes[0], Tolerance);
            golden.AssertValues(run + "_trivial", [0], Tolerance);
            var found = Best(trace.FinalAssignments[0], classes);
            CollectionAssert.AreEqual(Integers(golden, run + "_label"), found);
            var truth = Integers(golden, "label");
            var table = new CountTable([.. truth.Zip(found, (label, cluster) => ((ulong)label, (ulong?)(ulong)cluster))]);
            golden.AssertValues(run + "_nmi", [table.NormalizedMutualInformation()], Tolerance);
            golden.AssertValues(run + "_acc", [table.MatchedAccuracy()], Tolerance);
            if (golden.Has(run + "_mode_index"))
            {
                var x = golden.Doubles("X");
                golden.AssertValues(run + "_C", [.. Integers(golden, run + "_mode_index").SelectMany(row => x.AsSpan(row * dimension, dimension).ToArray())], Tolerance);
            }
            AssertSingle(exact, Solve(rows, settings, null, new([golden.Doubles("C0")]), ScalarType.Float32));
        }
        foreach (var run in golden.List("lost_cluster_runs"))
        {
            var settings = Published(golden, run, FewShotSettings.Clustering(FewShotPreset.SlkPublished)) with { Transform = FewShotTransform.None };
            var trace = Solve(rows, settings, null, new([golden.Doubles(run + "_C0")]), ScalarType.Float64).Trace;
            CollectionAssert.AreEqual(Integers(golden, run + "_label"), Best(trace.FinalAssignments[0], classes));
        }
    }

    private static FewShotSettings WithGraph(GoldenCase golden, FewShotSettings settings)
    {
        var kernel = golden.Choose("affinity", ("binary", AffinityKernel.Binary), ("gaussian", AffinityKernel.Gaussian));
        return settings with
        {
            Transform = golden.Choose(
                "transform", ("none", FewShotTransform.None), ("un", FewShotTransform.None), ("l2n", FewShotTransform.L2), ("cl2n", FewShotTransform.CenteredL2), ("pl2n", FewShotTransform.PowerL2)),
            NeighborCount = golden.Integer("neighbours"),
            Kernel = kernel,
            KernelWidth = kernel == AffinityKernel.Gaussian ? golden.Number("affinity_sigma") : null,
            Symmetrize = golden.Choose(
                "symmetrize", ("none", GraphSymmetrization.None), ("mean", GraphSymmetrization.Mean), ("max", GraphSymmetrization.Max), ("min", GraphSymmetrization.Min)),
        };
    }

    private static FewShotSettings Published(GoldenCase golden, string run, FewShotSettings settings) => WithGraph(golden, settings) with
    {
        Temperature = golden.Number("temperature"),
        SigmaDivisor = golden.Integer("sigma_divisor"),
        MaxInner = golden.Integer("max_inner"),
        InnerTolerance = golden.Number("inner_tolerance"),
        MaxOuter = golden.Integer("max_outer"),
        OuterTolerance = golden.Number("outer_tolerance"),
        SoftMeansFromRound = settings.SoftMeansFromRound == int.MaxValue ? int.MaxValue : golden.Integer("soft_means_from_round"),
        Prototype = golden.Choose(run + ".prototype", ("mean", FewShotPrototype.Mean), ("mode", FewShotPrototype.Mode), ("mode_byproduct", FewShotPrototype.ModeByproduct)),
        Lambda = golden.Number(run + ".lambda"),
        UseGraph = golden.Flag(run + ".laplacian"),
    };

    /// <summary>The rows of an episode, support first.</summary>
    private static FewShotRows Episode(GoldenCase golden, out int support)
    {
        support = (int)golden.Shape("support_raw")[0];
        var ways = Integers(golden, "query_label").Max() + 1;
        var labels = new int[support + (int)golden.Shape("query_raw")[0]];
        Array.Fill(labels, -1);
        for (var row = 0; row < support; row++)
        {
            labels[row] = row * ways / support;
        }
        return Rows([.. golden.Doubles("support_raw"), .. golden.Doubles("query_raw")], (int)golden.Shape("support_raw")[1], labels, ways);
    }

    private static FewShotRows Rows(double[] features, int dimension, int[] labels, int classes) => new()
    {
        Features = Array.ConvertAll(features, value => (float)value),
        Exact = features,
        Dimension = dimension,
        Starts = [0, labels.Length],
        Labels = labels,
        Classes = [classes],
    };

    private static (FewShotSolution Solution, FewShotTrace Trace) Solve(FewShotRows rows, FewShotSettings settings, double[]? baseMean, FewShotSeeds? seeds, ScalarType type)
    {
        var trace = new FewShotTrace(1);
        return (FewShotSolver.Solve(rows, settings, baseMean, seeds, CPU, 0, () => { }, null, type, trace), trace);
    }

    /// <summary>In Single the prototypes of the end are the same, and so are predictions that are no matter of rounding.</summary>
    private static void AssertSingle((FewShotSolution Solution, FewShotTrace Trace) exact, (FewShotSolution Solution, FewShotTrace Trace) single)
    {
        // A stop may come a step earlier or later: compared are the numbers that do not depend on it.
        var costs = exact.Trace.Costs[0];
        for (var i = 0; i < costs?.Length; i++)
        {
            Assert.AreEqual(costs[i], single.Trace.Costs[0]![i], ToleranceFloat32 * Math.Max(1, Math.Abs(costs[i])));
        }
        Assert.AreEqual(exact.Trace.Sigma[0], single.Trace.Sigma[0], ToleranceFloat32);
        if (exact.Trace.Assignments[0].Count > 1)
        {
            var (first, second) = (exact.Trace.Assignments[0][1], single.Trace.Assignments[0][1]);
            for (var i = 0; i < first.Length; i++)
            {
                Assert.AreEqual(first[i], second[i], ToleranceFloat32);
            }
        }
        var classes = (int)(exact.Solution.LogAssignments.Length / (exact.Trace.Features[0].Length / (exact.Solution.Shift[0].Length)));
        var rows = exact.Solution.LogAssignments.Length / classes;
        for (var row = 0; row < rows; row++)
        {
            double[] values = [.. exact.Trace.FinalAssignments[0].AsSpan(row * classes, classes).ToArray().OrderDescending()];
            if (values[0] - values[1] > Undecided)
            {
                Assert.AreEqual(
                    Best(exact.Trace.FinalAssignments[0], classes)[row], Best(single.Trace.FinalAssignments[0], classes)[row], $"row {row}");
            }
        }
    }

    private static void AssertPredictions(GoldenCase golden, string run, double[] queryAssignments, int classes)
    {
        var found = Best(queryAssignments, classes);
        CollectionAssert.AreEqual(Integers(golden, run + "_pred"), found);
        if (golden.Has(run + "_accuracy"))
        {
            golden.AssertValues(run + "_accuracy", [found.Zip(Integers(golden, "query_label"), (a, b) => a == b ? 1.0 : 0).Average()], Tolerance);
        }
    }

    /// <summary>The rows are those of the source, transformed.</summary>
    private static void AssertSource(GoldenCase golden, int count, int dimension)
    {
        var source = golden.Option("source");
        var index = Integers(golden, "row_index");
        var (values, columns) = GoldenFiles.ReadTable(source, index.Max() + 1, (_, name) => name is not ("label" or "split"));
        Assert.AreEqual(dimension, columns);
        var raw = index.SelectMany(row => values.AsSpan(row * columns, columns).ToArray()).ToArray();
        var (classes, _) = GoldenFiles.ReadTable(source, index.Max() + 1, (_, name) => name == "label");
        var labelsOfSource = golden.List("source_labels");
        golden.AssertValues("label", [.. index.Select(row => (double)Array.IndexOf(labelsOfSource, classes[row].ToString(CultureInfo.InvariantCulture)))], Tolerance);
        var labels = new int[count];
        Array.Fill(labels, -1);
        var settings = WithGraph(golden, FewShotSettings.Clustering(FewShotPreset.SlkPublished)) with { MaxOuter = 1, MaxInner = 1 };
        var transformed = Solve(Rows(raw, dimension, labels, 1), settings with { Prototype = FewShotPrototype.Mean }, null, new([new double[dimension]]), ScalarType.Float64).Trace.Features[0];
        golden.AssertValues("X", transformed, Tolerance);
    }

    private static void AssertNeighbors(GoldenCase golden, double[,] graph, GraphSymmetrization symmetrize)
    {
        if (symmetrize != GraphSymmetrization.None)
        {
            return;
        }
        var k = (int)golden.Shape("neighbours")[1];
        var neighbors = Integers(golden, "neighbours");
        for (var row = 0; row < graph.GetLength(0); row++)
        {
            int[] found = [.. Enumerable.Range(0, graph.GetLength(1)).Where(column => graph[row, column] > 0)];
            CollectionAssert.AreEqual(neighbors.AsSpan(row * k, k).ToArray().Order().ToArray(), found);
        }
    }

    private static IEnumerable<double> Dense(double[,] graph, int from)
    {
        for (var row = from; row < graph.GetLength(0); row++)
        {
            for (var column = from; column < graph.GetLength(1); column++)
            {
                yield return graph[row, column];
            }
        }
    }

    private static int[] Best(double[] assignments, int classes)
        => [.. assignments.Chunk(classes).Select(row => Array.IndexOf(row, row.Max()))];

    private static int[] Integers(GoldenCase golden, string name) => Array.ConvertAll(golden.Doubles(name), value => (int)value);
}
