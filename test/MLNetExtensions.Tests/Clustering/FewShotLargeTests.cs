using Microsoft.ML;
using MLNetExtensions.Tests.Classification;
using MLNetExtensions.Tests.OwnModules;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Clustering;

/// <summary>What the solver does for large problems only, and the quality of clusters on real data.</summary>
[TestClass]
public sealed class FewShotLargeTests
{
    private const double Lambda = 0.7;

    [TestMethod]
    [DataRow(5, 48)]
    [DataRow(3, 37)]
    [DataRow(11, 7001)]
    public void TheStepOfTheHostIsThatOfTensors(int classes, int rows)
    {
        using var scope = NewDisposeScope();
        const int problems = 3;
        Tensor Table(int seed) => Draw.Normal(seed, ScalarType.Float32, problems, classes, rows);
        Tensor bases = Table(1).mul(5.ToScalar()), neighbors = Table(2).abs();
        var logs = nn.functional.log_softmax(Table(3), 1);
        var assignments = logs.exp();
        var free = Draw.Normal(4, ScalarType.Float32, problems, 1, rows).gt((-1).ToScalar());
        bool[] moving = [true, false, true];
        float[] pull = [(float)Lambda, 0.3f, 2], stay = [0.4f, 0.2f, 0];

        Tensor Each(float[] values) => tensor(values).view(-1, 1, 1);
        var changes = free.logical_and(tensor(moving).view(-1, 1, 1));
        var values = bases.add(neighbors.mul(Each(pull))).add(logs.mul(Each(stay)));
        var expected = where(changes, nn.functional.log_softmax(values, 1), logs);
        var expectedChange = expected.exp().sub(assignments).abs().amax([1, 2]);

        var (newLogs, newAssignments) = (logs.clone(), assignments.clone());
        Assert.IsTrue(SoftmaxStep.CanRun(newLogs));
        var change = SoftmaxStep.Run(new(bases, neighbors, newLogs, newAssignments, free), moving, pull, stay);
        Draw.AssertClose(expected, newLogs, 1e-6);
        Draw.AssertClose(expected.exp(), newAssignments, 1e-6);
        Draw.AssertClose(expectedChange.to(ScalarType.Float64), tensor(change), 1e-6);
        Assert.AreEqual(0, change[1]);
        // What does not change stays as it is, to the last bit.
        Draw.AssertBitEqual(logs.masked_select(changes.logical_not().expand_as(logs)), newLogs.masked_select(changes.logical_not().expand_as(logs)));
        Draw.AssertBitEqual(assignments[1], newAssignments[1]);
    }

    [TestMethod]
    public void SumsOverNeighboursInPartsAreThoseAtOnce()
    {
        using var scope = NewDisposeScope();
        const int problems = 2, classes = 4, rows = 30_000;
        var random = new Random(1);
        List<int> columns = [], starts = [];
        for (var row = 0; row < problems * rows; row++)
        {
            starts.Add(columns.Count);
            // A whole part without neighbours, and here and there a row.
            for (var i = row is > 14_000 and < 40_000 ? 0 : random.Next(5); i > 0; i--)
            {
                columns.Add(row / rows * rows + random.Next(rows));
            }
        }
        using var sums = new NeighborSums(problems * rows, classes, ScalarType.Float32, CPU);
        var (columnTensor, startTensor) = (tensor(columns.ToArray()), tensor(starts.ToArray()));
        var weights = Draw.Normal(1, ScalarType.Float32, columns.Count);
        var assignments = Draw.Normal(2, ScalarType.Float32, problems, classes, rows);
        var products = full_like(assignments, double.NaN);
        sums.Apply(columnTensor, startTensor, weights, assignments, products);
        Draw.AssertBitEqual(sums.Apply(columnTensor, startTensor, weights, assignments).contiguous(), products);
    }

    private static FewShotRows Blobs(int rows, int classes, int labelled)
    {
        using var scope = NewDisposeScope();
        const int dimension = 6;
        var components = Draw.Labels(1, rows, classes);
        var features = Draw.Normal(2, ScalarType.Float32, classes, dimension).mul(2.ToScalar()).index_select(0, components).add(Draw.Normal(3, ScalarType.Float32, rows, dimension));
        var labels = components.data<long>().ToArray();
        return new()
        {
            Features = [.. features.data<float>()],
            Dimension = dimension,
            Starts = [0, rows],
            Labels = [.. labels.Select((label, row) => row % (rows / labelled) == 0 ? (int)label : -1)],
            Classes = [classes],
        };
    }

    /// <summary>So many numbers that the steps go part by part; in double precision by tensors alone.</summary>
    [TestMethod]
    public void ALargeProblemIsSolvedAsInDoublePrecision()
    {
        var rows = Blobs(8000, 70, 800);
        var settings = FewShotSettings.FewShot() with { MaxOuter = 3, Lambda = 2 };
        var single = FewShotSolver.Solve(rows, settings, null, null, CPU, 1, () => { }, null);
        var exact = FewShotSolver.Solve(rows, settings, (double[]?)null, null, CPU, 1, () => { }, null, ScalarType.Float64, null);
        Assert.AreEqual(exact.Objective[0][^1], single.Objective[0][^1], 1e-4 * Math.Abs(exact.Objective[0][^1]));
        var far = single.LogAssignments.Zip(exact.LogAssignments).Count(pair => Math.Abs(Math.Exp(pair.First) - Math.Exp(pair.Second)) > 1e-3);
        // Hard memberships may turn at a tie.
        Assert.IsLessThan(single.LogAssignments.Length / 1000, far);
    }

    [TestMethod]
    public void AnotherOrderOfTheRowsIsTakenBack()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var rows = Blobs(480, 5, 24);
        var settings = FewShotSettings.FewShot();
        int[] order = [.. Enumerable.Range(0, 480)];
        new Random(1).Shuffle(order);
        var (plain, reordered) = (Solve(null), Solve(order));
        for (var i = 0; i < plain.Length; i++)
        {
            Assert.AreEqual(Math.Exp(plain[i]), Math.Exp(reordered[i]), 1e-5);
        }

        float[] Solve(int[]? order)
        {
            using var batch = new ProblemBatch(rows, [0], settings, null, ScalarType.Float32, CPU);
            if (order is not null)
            {
                batch.Reorder(order);
            }
            var graph = AffinityGraph.Build(batch, settings, 1, () => { }, out _);
            var (prototypes, absentCosts, _) = batch.Start(settings, null, 1);
            var results = new ProgramResults(batch, null);
            new GeneralProgram(batch, graph, settings, null, () => { }).Run(prototypes, absentCosts, results);
            var logs = new float[results[0].LogAssignments.Length];
            batch.Restore(results[0].LogAssignments, logs);
            return logs;
        }
    }

    [TestMethod]
    public void DigitsFallIntoTheirClusters()
    {
        var ml = new MLContext(1);
        var (train, test) = Rows.Digits(ml);
        IDataView digits = ml.Data.LoadFromEnumerable(new[] { train, test }.SelectMany(part => ml.Data.CreateEnumerable<Rows.Digit>(part, reuseRowObject: false)));
        digits = ml.Transforms.Conversion.MapValueToKey("Label").Fit(digits).Transform(digits);
        using var model = ml.Clustering.Trainers.TransductiveFewShot(new() { LabelColumnName = null, NumberOfClusters = 10, Seed = 1, NumberOfThreads = 1 }).Fit(digits);
        var metrics = ml.Clustering.EvaluateFewShot(model.Transform(digits));
        Console.WriteLine($"NMI {metrics.NormalizedMutualInformation}, matched {metrics.MatchedAccuracy}");
        Assert.IsGreaterThanOrEqualTo(0.85, metrics.NormalizedMutualInformation);
        Assert.IsGreaterThanOrEqualTo(0.85, metrics.MatchedAccuracy);
    }
}
