using MLNetExtensions.Tensors;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests;

[TestClass]
public sealed class TensorCompletionTrainingTests
{
    private static readonly TrainingSettings s_training = new() { MaximumNumberOfEpochs = 6, BatchSize = 16, LearningRate = 0.01, Patience = 4, NumberOfThreads = 1, Seed = 3 };

    private static readonly TensorCompletionModel[] s_models = Enum.GetValues<TensorCompletionModel>();

    private static IEnumerable<object[]> Layers
        => from model in s_models where model != TensorCompletionModel.Cp from layers in Enum.GetValues<InfluenceLayers>() from isNonNegative in new[] { false, true } select new object[] { model, layers, isNonNegative };

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void TheInfluenceIsTheProductOfGradients(TensorCompletionModel model, InfluenceLayers layers, bool isNonNegative)
    {
        using var scope = NewDisposeScope();
        var cells = Cells(40, [3, 4, 2], isWeighted: true);
        var shape = Shape(model, [3, 4, 2]) with { NonNegativeOutput = isNonNegative };
        int[] train = [.. Enumerable.Range(0, 30)], valid = [.. Enumerable.Range(30, 10)];
        using var random = new StepRandom(3, 0, 0);
        using var start = shape.Create(random, ScalarType.Float64, CPU);
        // One step in the one epoch: the weights are those of the start.
        var settings = new TensorCompletionSettings { InfluenceLayers = layers, Sampling = TensorSampling.None };
        using var result = TensorCompletionTraining.Run(cells, train, valid, shape, settings, s_training with { MaximumNumberOfEpochs = 1, BatchSize = 64, EvaluationBatchSize = 7 }, CPU, ScalarType.Float64, (given, learner, source, validation) =>
        {
            Raise(((TensorLearner)learner).Model);
            return TrainingLoop.Run(learner, source, validation, given);
        });
        Raise(start);
        string[] names = layers == InfluenceLayers.All ? [.. start.Parameters.Select(parameter => parameter.Key)] : model == TensorCompletionModel.Tucker ? ["core"] : ["out.weight"];
        names = layers == InfluenceLayers.OutputWithBias ? [.. names, "offset"] : names;
        var mean = valid.Average(row => (double)cells.WeightOf(row));
        var sums = Gradients(valid[0]).Select(tensor => zeros_like(tensor)).ToArray();
        foreach (var row in valid)
        {
            foreach (var (sum, gradient) in sums.Zip(Gradients(row)))
            {
                sum.add_(gradient.Times(cells.WeightOf(row) / mean), TensorOps.One);
            }
        }
        double[] expected = [.. train.Select(row => Gradients(row).Zip(sums, (gradient, sum) => gradient.Times(sum).sum().item<double>()).Sum() / 4 * cells.WeightOf(row))];
        var largest = expected.Max(Math.Abs);
        Assert.IsGreaterThan(0, largest);
        for (var i = 0; i < train.Length; i++)
        {
            Assert.AreEqual(expected[i] / largest, result.Influence[i] / largest, layers == InfluenceLayers.All ? 1e-7 : 1e-12, $"cell {i}");
        }

        // Some predictions are above 0 then.
        static void Raise(TensorModel module)
        {
            using var noGrad = no_grad();
            module.Parameters.Single(parameter => parameter.Key == "offset").Value.fill_(TensorOps.One);
        }

        Tensor[] Gradients(int row)
        {
            foreach (var (_, parameter) in start.Parameters)
            {
                parameter.grad = null;
            }
            var residual = start.Forward(Index(cells, row)).Prediction.Minus(tensor(cells.Values[row]));
            residual.Times(residual).sum().backward();
            return [.. names.Select(name => start.Parameters.Single(parameter => parameter.Key == name).Value).Select(parameter => parameter.grad ?? zeros_like(parameter))];
        }
    }

    [TestMethod]
    [DataRow(InfluenceLayers.Output)]
    [DataRow(InfluenceLayers.OutputWithBias)]
    [DataRow(InfluenceLayers.All)]
    public void TheInfluenceOfLeastSquaresIsTheProductOfGradients(InfluenceLayers layers)
    {
        using var scope = NewDisposeScope();
        int[] entities = [3, 4, 2];
        var cells = Cells(40, entities, isWeighted: true);
        int[] train = [.. Enumerable.Range(0, 30)], valid = [.. Enumerable.Range(30, 10)];
        var settings = new AlsSettings { Ranks = [5], Ridges = [0.1], Starts = 1, Sweeps = 1 };
        var fit = CpFit.Best(cells, train, valid, entities, settings, layers, s_training);
        using var random = new StepRandom(s_training.Seed, 0, 0);
        var als = new RidgeAls(cells, train, entities, 5, 0.1);
        als.Start(random.Generator);
        var expected = new double[train.Length];
        using var model = Shape(TensorCompletionModel.Cp, entities, size: 5).Create(null, ScalarType.Float64, CPU);
        for (var checkpoint = 0; checkpoint < 2; checkpoint++)
        {
            foreach (var (mode, table) in model.Embeddings.Index())
            {
                using var noGrad = no_grad();
                table.copy_(tensor(als.Get(mode)).view(table.shape));
            }
            var sums = Features(valid[0]).Select(tensor => zeros_like(tensor)).ToArray();
            foreach (var row in valid)
            {
                foreach (var (sum, feature) in sums.Zip(Features(row)))
                {
                    sum.add_(feature.Times(cells.WeightOf(row)), TensorOps.One);
                }
            }
            foreach (var (i, row) in train.Index())
            {
                expected[i] += Features(row).Zip(sums, (feature, sum) => feature.Times(sum).sum().item<double>()).Sum() * cells.WeightOf(row);
            }
            als.Sweep();
        }
        var largest = expected.Max(Math.Abs);
        for (var i = 0; i < train.Length; i++)
        {
            Assert.AreEqual(expected[i] / largest, fit.Influence[i] / largest, 1e-12);
        }

        // Half the gradients of the squared error.
        Tensor[] Features(int row)
        {
            var factors = model.Parameters[0].Value;
            factors.grad = null;
            var output = model.Forward(Index(cells, row));
            var residual = output.Prediction.Minus(tensor(cells.Values[row]));
            if (layers == InfluenceLayers.All)
            {
                residual.Times(residual).sum().backward();
                return [factors.grad!.Times(0.5)];
            }
            var features = output.Features.detach().Times(residual.detach());
            return layers == InfluenceLayers.Output ? [features] : [features, residual.detach()];
        }
    }

    [TestMethod]
    public void TheFirstEpochMayBeTheBest()
    {
        var cells = Cells(60, [5, 4], isWeighted: false);
        // Steps as large as this one never lower the error again.
        using var result = Run(cells, Shape(TensorCompletionModel.Mlp, [5, 4]), new(), s_training with { LearningRate = 100 });
        Assert.AreEqual(1, result.Phase1[^1].BestEpoch);
        Assert.HasCount(1 + s_training.Patience, result.Phase1);
        Assert.IsTrue(result.Influence.All(double.IsFinite));
        Assert.IsTrue(result.Influence.Any(value => value != 0));
        Assert.HasCount(24, result.AugmentedValues);
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void EveryModelTrainsOnEveryTensor(TensorCompletionModel model, int[] entities, double ratio)
    {
        // The first entity of the first mode has no cell.
        var cells = Cells(120, [entities[0] - 1, .. entities.AsSpan(1)], isWeighted: false);
        for (var i = 0; i < cells.Index.Length; i += entities.Length)
        {
            cells.Index[i]++;
        }
        using var result = Run(cells, Shape(model, entities), new() { AugmentationRatio = ratio, KeepBetter = false }, s_training);
        Assert.HasCount((int)(96 * ratio), result.AugmentedValues);
        Assert.HasCount(96, result.Influence);
        Assert.AreEqual(ratio == 0, result.KeptPhase1);
        Assert.AreEqual(ratio == 0, result.Phase2.Count == 0);
        Assert.AreEqual(0, result.EntityImportance[0][0]);
        foreach (var (mode, importance) in result.EntityImportance.Index())
        {
            Assert.HasCount(entities[mode], importance);
            Assert.AreEqual(1, importance.Sum(), 1e-12);
        }
        for (var i = 0; i < result.AugmentedIndex.Length; i += entities.Length)
        {
            Assert.AreNotEqual(0, result.AugmentedIndex[i]);
        }
        Assert.IsTrue(result.AugmentedValues.All(double.IsFinite));
        // An entity without cells, one that is unknown, and their neighbours in the batch.
        using var scorer = new TensorScorer(result.Model);
        int[] known = new int[entities.Length], empty = [0, .. known.AsSpan(1)], unknown = [TensorScorer.Unseen, .. known.AsSpan(1)], nothing = [.. known.Select(_ => TensorScorer.Unseen)];
        known[0] = 1;
        double[] alone = [.. new[] { known, empty, unknown, nothing }.Select(cell => scorer.Score(cell).Single())];
        var together = scorer.Score([.. known, .. empty, .. unknown, .. nothing]);
        for (var i = 0; i < alone.Length; i++)
        {
            Assert.IsTrue(double.IsFinite(alone[i]));
            Assert.AreEqual(alone[i], together[i], 1e-5);
        }
        Assert.AreEqual(alone[1], alone[2], 1e-5, "both have the mean embedding");
        if (ratio > 0)
        {
            Assert.AreEqual(result.ValidationLoss!.Value, result.Phase2.Min(epoch => epoch.ValidationLoss!.Value));
        }
    }

    private static IEnumerable<object[]> Cases
        => from model in s_models from entities in new[] { new[] { 6, 5 }, [5, 4, 3], [4, 3, 2, 3] } from ratio in new[] { 0, 0.5, 1.5 } select new object[] { model, entities, ratio };

    [TestMethod]
    [DataRow(TensorCompletionModel.Mlp)]
    [DataRow(TensorCompletionModel.Cp)]
    public void TheSameSeedGivesTheSameBits(TensorCompletionModel model)
    {
        var cells = Cells(100, [5, 4, 3], isWeighted: true);
        using var first = Run(cells, Shape(model, [5, 4, 3]), new(), s_training);
        using var again = Run(cells, Shape(model, [5, 4, 3]), new(), s_training);
        using var other = Run(cells, Shape(model, [5, 4, 3]), new(), s_training with { Seed = 4 });
        AssertEqual(first, again);
        CollectionAssert.AreNotEqual(first.AugmentedIndex, other.AugmentedIndex);
    }

    [TestMethod]
    [DataRow(InfluenceLayers.Output, 1, 2)]
    [DataRow(InfluenceLayers.All, 1, 4)]
    [DataRow(InfluenceLayers.Output, 2, 3)]
    public void AResumedTrainingEqualsAnUninterruptedOne(InfluenceLayers layers, int phase, int epoch)
    {
        var cells = Cells(100, [5, 4, 3], isWeighted: true);
        var shape = Shape(TensorCompletionModel.Mlp, [5, 4, 3]);
        var settings = new TensorCompletionSettings { InfluenceLayers = layers, KeepBetter = false };
        var training = s_training with { Patience = 10 };
        using var expected = Run(cells, shape, settings, training);
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var path = Path.Combine(folder.FullName, "checkpoint");
            using var cancellation = new CancellationTokenSource();
            var finished = 0;
            Assert.ThrowsExactly<OperationCanceledException>(() => Run(cells, shape, settings, training with
            {
                CheckpointPath = path,
                CancellationToken = cancellation.Token,
                Report = _ =>
                {
                    if (++finished == (phase - 1) * training.MaximumNumberOfEpochs + epoch)
                    {
                        cancellation.Cancel();
                    }
                },
            }));
            var made = 0;
            using var resumed = Run(cells, shape, settings, training with { CheckpointPath = path, Report = _ => made++ });
            Assert.AreEqual(2 * training.MaximumNumberOfEpochs - finished, made);
            AssertEqual(expected, resumed);
            Assert.IsEmpty(folder.GetFiles());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [TestMethod]
    public void LeavesNoTensors()
    {
        var cells = Cells(100, [5, 4, 3], isWeighted: true);
        foreach (var model in s_models)
        {
            foreach (var layers in Enum.GetValues<InfluenceLayers>())
            {
                MLNetExtensions.Tests.Tensors.AssertNoneLeft(() => Run(cells, Shape(model, [5, 4, 3]), new() { InfluenceLayers = layers }, s_training with { MaximumNumberOfEpochs = 2 }).Dispose());
            }
        }
        MLNetExtensions.Tests.Tensors.AssertNoneLeft(() => Assert.ThrowsExactly<OperationCanceledException>(() => Run(cells, Shape(TensorCompletionModel.Mlp, [5, 4, 3]), new(), s_training with { CancellationToken = new(true) })));
        MLNetExtensions.Tests.Tensors.AssertNoneLeft(() => Assert.ThrowsExactly<InvalidOperationException>(() => Run(cells, Shape(TensorCompletionModel.Mlp, [5, 4, 3]), new(), s_training with { LearningRate = double.MaxValue, Patience = 100, MaximumNumberOfEpochs = 1 })));
    }

    [TestMethod]
    [DataRow(TensorCompletionModel.Mlp)]
    [DataRow(TensorCompletionModel.Cp)]
    public void ACancelledTrainingReturnsTheBest(TensorCompletionModel model)
    {
        var cells = Cells(100, [5, 4, 3], isWeighted: false);
        foreach (var (epochs, isInFirst) in new[] { (3, true), (8, false) })
        {
            using var cancellation = new CancellationTokenSource();
            var finished = 0;
            using var result = Run(cells, Shape(model, [5, 4, 3]), new() { Als = new() { Ranks = [3], Ridges = [0.1], Starts = 1, Sweeps = 6, Patience = 100 } }, s_training with
            {
                Patience = 100,
                CancellationToken = cancellation.Token,
                OnCancellation = CancellationBehavior.ReturnBest,
                Report = _ =>
                {
                    if (++finished == epochs)
                    {
                        cancellation.Cancel();
                    }
                },
            });
            Assert.IsTrue(result.Cancelled);
            Assert.AreEqual(epochs, result.Phase1.Count + result.Phase2.Count);
            Assert.AreEqual(isInFirst, result.AugmentedValues.Length == 0);
            using var scorer = new TensorScorer(result.Model);
            Assert.IsTrue(scorer.Score(cells.Index).All(double.IsFinite));
        }
    }

    [TestMethod]
    public void WithoutValidationCellsCountByNumber()
    {
        var cells = Cells(50, [5, 4], isWeighted: false);
        var said = "";
        int[] rows = [.. Enumerable.Range(0, cells.Count)];
        foreach (var model in s_models)
        {
            using var result = TensorCompletionTraining.Run(cells, rows, [], Shape(model, [5, 4]), new() { Log = text => said += text }, s_training, CPU);
            Assert.IsNull(result.ValidationLoss);
            Assert.IsFalse(result.KeptPhase1, "nothing says that the second is not better");
            Must.Contain(said, "their number counts instead");
            for (var entity = 0; entity < 5; entity++)
            {
                Assert.AreEqual(rows.Count(row => cells[row][0] == entity) / 50.0, result.EntityImportance[0][entity], 1e-12);
            }
        }
    }

    [TestMethod]
    public void TheSecondModelIsKeptOnlyIfBetter()
    {
        var cells = Cells(100, [5, 4, 3], isWeighted: false);
        foreach (var seed in Enumerable.Range(0, 8))
        {
            using var result = Run(cells, Shape(TensorCompletionModel.Mlp, [5, 4, 3]), new(), s_training with { Seed = seed });
            double first = result.Phase1.Min(epoch => epoch.ValidationLoss!.Value), second = result.Phase2.Min(epoch => epoch.ValidationLoss!.Value);
            Assert.AreEqual(Math.Min(first, second), result.ValidationLoss);
            Assert.AreEqual(second >= first, result.KeptPhase1);
        }
    }

    [TestMethod]
    [DataRow(TensorSampling.Influence)]
    [DataRow(TensorSampling.Frequency)]
    [DataRow(TensorSampling.Uniform)]
    [DataRow(TensorSampling.Duplicate)]
    [DataRow(TensorSampling.None)]
    public void SamplesAsAsked(TensorSampling sampling)
    {
        var cells = Cells(200, [5, 4], isWeighted: false);
        // All but a few in the first entity.
        for (var cell = 20; cell < 200; cell++)
        {
            cells.Index[2 * cell] = 0;
        }
        using var result = Run(cells, Shape(TensorCompletionModel.Mlp, [5, 4]), new() { Sampling = sampling, AugmentationRatio = 10 }, s_training with { MaximumNumberOfEpochs = 2 });
        Assert.HasCount(sampling == TensorSampling.None ? 0 : 1600, result.AugmentedValues);
        Assert.HasCount(160, result.Influence, "the importances are there whatever the sampling");
        if (sampling == TensorSampling.None)
        {
            return;
        }
        var share = Enumerable.Range(0, 1600).Count(cell => result.AugmentedIndex[2 * cell] == 0) / 1600.0;
        var expected = sampling switch
        {
            TensorSampling.Uniform => 0.2,
            TensorSampling.Influence => result.EntityImportance[0][0],
            _ => Enumerable.Range(40, 160).Count(row => cells[row][0] == 0) / 160.0,
        };
        Assert.AreEqual(expected, share, 0.05);
        if (sampling == TensorSampling.Duplicate)
        {
            for (var cell = 0; cell < 1600; cell++)
            {
                var (index, value) = (result.AugmentedIndex[(2 * cell)..(2 * cell + 2)], result.AugmentedValues[cell]);
                Assert.IsTrue(Enumerable.Range(40, 160).Any(row => cells[row].SequenceEqual(index) && cells.Values[row] == value));
            }
        }
    }

    [TestMethod]
    public void OptionsOfNewCells()
    {
        var cells = Cells(60, [5, 4, 30], isWeighted: false);
        int[] train = [.. Enumerable.Range(12, 48)];
        var shape = Shape(TensorCompletionModel.Mlp, [5, 4, 30]);
        using var plain = Run(cells, shape, new() { AugmentationRatio = 20 }, s_training);
        using var skipping = Run(cells, shape, new() { AugmentationRatio = 20, SkipObservedCells = true }, s_training);
        Assert.IsGreaterThan(0, Observed(plain));
        Assert.IsLessThan(Observed(plain) / 4, Observed(skipping), "at most ten tries");

        using var clamped = Run(cells, shape, new() { AugmentationRatio = 20, ClampValues = true }, s_training with { LearningRate = 0.05 });
        Assert.AreEqual(train.Min(row => cells.Values[row]), clamped.AugmentedValues.Min(), 0.5);
        Assert.IsGreaterThanOrEqualTo(train.Min(row => cells.Values[row]), clamped.AugmentedValues.Min());
        Assert.IsLessThanOrEqualTo(train.Max(row => cells.Values[row]), clamped.AugmentedValues.Max());

        // An entity without cells is reached by mixing alone, and all of it by mixing wholly.
        using var mixed = Run(cells, Shape(TensorCompletionModel.Mlp, [5, 4, 60]), new() { AugmentationRatio = 20, UniformMix = 1 }, s_training);
        Assert.AreEqual(0.5, Enumerable.Range(0, mixed.AugmentedValues.Length).Count(cell => mixed.AugmentedIndex[3 * cell + 2] >= 30) / (double)mixed.AugmentedValues.Length, 0.06);

        // New cells of weight 0 change nothing.
        using var weightless = Run(cells, shape, new() { AugmentedWeight = 0, KeepBetter = false }, s_training with { BatchSize = 1000 });
        using var weighty = Run(cells, shape, new() { AugmentedWeight = 1, KeepBetter = false }, s_training with { BatchSize = 1000 });
        Assert.AreEqual(Loss(weightless), weightless.Phase2[0].TrainingLoss, 1e-5);
        Assert.AreNotEqual(Loss(weighty), weighty.Phase2[0].TrainingLoss, 1e-5);

        int Observed(TensorCompletionResult result)
            => Enumerable.Range(0, result.AugmentedValues.Length).Count(cell => train.Any(row => cells[row].SequenceEqual(result.AugmentedIndex.AsSpan(3 * cell, 3))));

        // Of the second model before its first step, on the training cells alone.
        double Loss(TensorCompletionResult result)
        {
            using var random = new StepRandom((int)StepRandom.Derive(s_training.Seed, -1, 2), 0, 0);
            using var model = shape.Create(random, ScalarType.Float32, CPU);
            using var scorer = new TensorScorer(model);
            return train.Average(row => Math.Pow(scorer.Score(cells[row]).Single() - cells.Values[row], 2));
        }
    }

    [TestMethod]
    public void ValuesByCp()
    {
        // A product of two vectors, less 3: CP finds it, once the 3 is added again.
        var random = new Random(1);
        double[] a = [.. Enumerable.Range(0, 8).Select(_ => 1 + random.NextDouble())], b = [.. Enumerable.Range(0, 8).Select(_ => 1 + random.NextDouble())];
        int[][] index = [.. Enumerable.Range(0, 64).Select(i => new[] { i / 8, i % 8 }).OrderBy(_ => random.Next())];
        var cells = new TensorCells(2, [.. index.SelectMany(cell => cell)], [.. index.Select(cell => a[cell[0]] * b[cell[1]] - 3)]);
        var settings = new TensorCompletionSettings { ValuePredictor = ValuePredictor.Cp, Center = 3, Als = new() { Ranks = [1, 2], Ridges = [1, 1e-6] } };
        using var result = Run(cells, Shape(TensorCompletionModel.Mlp, [8, 8]), settings, s_training with { MaximumNumberOfEpochs = 2 });
        for (var cell = 0; cell < result.AugmentedValues.Length; cell++)
        {
            Assert.AreEqual(a[result.AugmentedIndex[2 * cell]] * b[result.AugmentedIndex[2 * cell + 1]] - 3, result.AugmentedValues[cell], 1e-3);
        }
    }

    [TestMethod]
    public void LeastSquaresChooseRankAndRidge()
    {
        var random = new Random(1);
        double[][] factors = [.. Enumerable.Range(0, 30).Select(_ => new[] { random.NextDouble(), random.NextDouble() - 0.5 })];
        int[] index = [.. Enumerable.Range(0, 300).SelectMany(_ => new[] { random.Next(10), 10 + random.Next(10), 20 + random.Next(10) })];
        double[] values = [.. index.Chunk(3).Select(cell => Enumerable.Range(0, 2).Sum(r => cell.Aggregate(1.0, (product, entity) => product * factors[entity][r])))];
        var cells = new TensorCells(3, [.. index.Select(entity => entity % 10)], values);
        var settings = new TensorCompletionSettings { Als = new() { Ranks = [1, 2], Ridges = [10, 1e-4] } };
        using var result = Run(cells, Shape(TensorCompletionModel.Cp, [10, 10, 10]), settings, s_training);
        Assert.AreEqual(2, result.Model.Shape.EmbeddingSize);
        Assert.IsFalse(result.Model.Shape.UseBias);
        Assert.IsLessThan(1e-4, result.ValidationLoss!.Value);
        // A larger rank is not tried once one is no better.
        var tried = 0;
        using var stopped = Run(cells, Shape(TensorCompletionModel.Cp, [10, 10, 10]), settings with { Sampling = TensorSampling.None, Als = settings.Als with { Ranks = [2, 1, 3], Starts = 1, Sweeps = 10, Patience = 10 } }, s_training with { Report = _ => tried++ });
        Assert.AreEqual(2, stopped.Model.Shape.EmbeddingSize);
        Assert.AreEqual(2 * 2 * 10, tried);
        // Several threads, the same numbers.
        using var threaded = Run(cells, Shape(TensorCompletionModel.Cp, [10, 10, 10]), settings, s_training with { NumberOfThreads = 3 });
        AssertEqual(result, threaded);
    }

    [TestMethod]
    [DataRow(TensorCompletionModel.Mlp)]
    [DataRow(TensorCompletionModel.CoSTCo)]
    public void TrainsInBFloat16(TensorCompletionModel model)
    {
        var cells = Cells(200, [5, 4, 3], isWeighted: false);
        using var expected = Run(cells, Shape(model, [5, 4, 3]), new() { Sampling = TensorSampling.None }, s_training);
        using var result = Run(cells, Shape(model, [5, 4, 3]), new() { Sampling = TensorSampling.None, TrainsInBFloat16 = true }, s_training);
        Assert.IsTrue(result.Model.Parameters.All(parameter => parameter.Value.dtype == ScalarType.Float32));
        Assert.AreNotEqual(expected.ValidationLoss, result.ValidationLoss);
        Assert.AreEqual(expected.ValidationLoss!.Value, result.ValidationLoss!.Value, 0.05 * expected.ValidationLoss.Value);
        Assert.IsGreaterThan(0.98, Correlation(expected.Influence, result.Influence));
        Assert.IsFalse(result.Model.UsesBFloat16, "scores are in float32");
    }

    [TestMethod]
    public void DrawsByImportance()
    {
        double[][] importance = [[0, 0.25, 0, 0.75, 0], [0.5, 0.5]];
        var random = new Random(1);
        var index = CellSampler.Draw(importance, 10_000, random.NextDouble);
        Assert.AreEqual(0.75, Enumerable.Range(0, 10_000).Count(cell => index[2 * cell] == 3) / 1e4, 0.02);
        Assert.AreEqual(0.25, Enumerable.Range(0, 10_000).Count(cell => index[2 * cell] == 1) / 1e4, 0.02);
        Assert.AreEqual(0.5, Enumerable.Range(0, 10_000).Count(cell => index[2 * cell + 1] == 1) / 1e4, 0.02);
        Assert.AreEqual(0.375, Enumerable.Range(0, 10_000).Count(cell => index[2 * cell] == 3 && index[2 * cell + 1] == 1) / 1e4, 0.02, "the modes are independent");
        // A step that is met belongs to the next entity, and the last one has no end.
        CollectionAssert.AreEqual(new[] { 1, 0, 3, 0, 3, 0 }, CellSampler.Draw(importance, 3, Next(0, 0.25, Math.BitDecrement(1.0), 0, 0, 0)));
    }

    [TestMethod]
    public void ImportancesOfBothSigns()
    {
        var cells = new TensorCells(2, [0, 0, 1, 1, 2, 0], [0, 0, 0]);
        int[] rows = [0, 1, 2];
        CollectionAssert.AreEqual(new[] { 0.5, 0.25, 0.25 }, EntityImportance.ByInfluence(cells, rows, [3, 2], [2, -1, 1], ImportanceSign.Absolute)![0]);
        CollectionAssert.AreEqual(new[] { 2 / 3.0, 0, 1 / 3.0 }, EntityImportance.ByInfluence(cells, rows, [3, 2], [2, -1, 1], ImportanceSign.PositiveOnly)![0]);
        Assert.IsNull(EntityImportance.ByInfluence(cells, rows, [3, 2], [0, 0, 0], ImportanceSign.Absolute));
        Assert.IsNull(EntityImportance.ByInfluence(cells, rows, [3, 2], [-1, 0, 0], ImportanceSign.PositiveOnly));
        Assert.IsNull(EntityImportance.ByInfluence(cells, rows, [3, 2], [1, double.NaN, 0], ImportanceSign.Absolute));
        CollectionAssert.AreEqual(new[] { 2 / 3.0, 1 / 3.0 }, EntityImportance.ByCount(cells, rows, [3, 2])[1]);
    }

    [TestMethod]
    public void TheNumberOfWeightsIsKnownBefore()
    {
        foreach (var model in s_models)
        {
            foreach (var useBias in new[] { false, true })
            {
                var shape = Shape(model, [5, 4, 3]) with { UseBias = useBias };
                using var module = shape.Create(null, ScalarType.Float32, CPU);
                Assert.AreEqual(module.Parameters.Sum(parameter => parameter.Value.NumberOfElements), shape.ParameterCount, model.ToString());
                CollectionAssert.AreEqual(new[] { 5L, 4, 3 }, module.Embeddings.Select(table => table.size(0)).ToArray());
                Assert.HasCount(useBias ? 3 : 0, module.Biases);
            }
        }
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Shape(TensorCompletionModel.Tucker, [5, 4, 3]) with { Ranks = [101, 100, 100] } is var shape ? shape.Create(null, ScalarType.Float32, CPU) : null);
    }

    private static TensorCompletionResult Run(TensorCells cells, TensorCompletionShape shape, TensorCompletionSettings settings, TrainingSettings training)
        => TensorCompletionTraining.Run(cells, [.. Enumerable.Range(cells.Count / 5, cells.Count - cells.Count / 5)], [.. Enumerable.Range(0, cells.Count / 5)], shape, settings, training, CPU);

    private static TensorCompletionShape Shape(TensorCompletionModel model, int[] entities, int size = 4) => new()
    {
        Model = model,
        Entities = entities,
        EmbeddingSize = size,
        HiddenLayers = [8],
        Ranks = model == TensorCompletionModel.Tucker ? [.. entities.Select((_, mode) => 2 + mode % 2)] : [],
        Channels = 5,
        UseBias = model != TensorCompletionModel.Cp,
        EmbeddingInitStd = 0.5,
    };

    private static TensorCells Cells(int count, int[] entities, bool isWeighted)
    {
        var random = new Random(7);
        int[] index = [.. Enumerable.Range(0, count).SelectMany(_ => entities.Select(n => random.Next(n)).ToArray())];
        double[] values = [.. index.Chunk(entities.Length).Select(cell => cell.Select((entity, mode) => Math.Sin(3 * entity + mode)).Sum() + random.NextDouble())];
        return new(entities.Length, index, values, isWeighted ? [.. values.Select(_ => (float)(0.5 + random.NextDouble()))] : null);
    }

    private static Tensor Index(TensorCells cells, int row) => tensor(cells[row].ToArray().Select(entity => (long)entity).ToArray()).view(1, -1);

    private static double Correlation(double[] a, double[] b)
    {
        double meanA = a.Average(), meanB = b.Average();
        return a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum() / Math.Sqrt(a.Sum(x => (x - meanA) * (x - meanA)) * b.Sum(y => (y - meanB) * (y - meanB)));
    }

    private static Func<double> Next(params double[] numbers)
    {
        var i = 0;
        return () => numbers[i++];
    }

    private static void AssertEqual(TensorCompletionResult expected, TensorCompletionResult actual)
    {
        using var scope = NewDisposeScope();
        CollectionAssert.AreEqual(expected.Influence, actual.Influence);
        CollectionAssert.AreEqual(expected.AugmentedIndex, actual.AugmentedIndex);
        CollectionAssert.AreEqual(expected.AugmentedValues, actual.AugmentedValues);
        Assert.AreEqual(expected.ValidationLoss, actual.ValidationLoss);
        foreach (var (one, other) in expected.Model.Parameters.Zip(actual.Model.Parameters))
        {
            Assert.IsTrue(one.Value.eq(other.Value).all().item<bool>(), one.Key);
        }
    }
}
