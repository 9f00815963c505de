using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Torch;

[TestClass]
public sealed class TrainingLoopTests
{
    private static readonly TrainingSettings s_toy = new()
    {
        MaximumNumberOfEpochs = 6,
        BatchSize = 16,
        EvaluationBatchSize = 7,
        LearningRate = 0.01,
        Schedule = LearningRateSchedule.Cosine,
        Optimizer = OptimizerKind.RAdam,
        WeightDecay = 0.001,
        ClipNorm = 0.5,
        NumberOfThreads = 1,
        Seed = 5,
    };

    // Two steps an epoch, each of which adds about 1 to the weight.
    private static readonly TrainingSettings s_scripted = new()
    {
        MaximumNumberOfEpochs = 10,
        BatchSize = 1,
        EvaluationBatchSize = 2,
        LearningRate = 1,
        NumberOfThreads = 1,
        Seed = 0,
    };

    public required TestContext TestContext { get; set; }

    [TestMethod]
    public void Learns()
    {
        var (outcome, _) = TrainToy(s_toy with { MaximumNumberOfEpochs = 100, Optimizer = OptimizerKind.AdamW, Schedule = LearningRateSchedule.Constant });
        Assert.AreEqual(100, outcome.Epochs);
        Assert.IsFalse(outcome.Cancelled);
        Assert.IsLessThan(0.5 * outcome.History[0].TrainingLoss, outcome.History[^1].TrainingLoss);
    }

    [TestMethod]
    public void EveryEpochTakesEverySampleOnceInAnotherOrder()
    {
        using var learner = new ToyLearner(1);
        var samples = new ToyLearner.Samples(50) { Records = true };
        TrainingLoop.Run(learner, samples, null, s_toy with { MaximumNumberOfEpochs = 2 });
        int[] sizes = [16, 16, 16, 2];
        CollectionAssert.AreEqual(sizes.Concat(sizes).ToArray(), samples.Taken.Select(batch => batch.Length).ToArray());
        int[] first = [.. samples.Taken.Take(4).SelectMany(batch => batch)];
        int[] second = [.. samples.Taken.Skip(4).SelectMany(batch => batch)];
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 50).ToArray(), first);
        CollectionAssert.AreEquivalent(first, second);
        CollectionAssert.AreNotEqual(first, second);
    }

    [TestMethod]
    [DataRow(50, new[] { 16, 16, 16 })]
    [DataRow(48, new[] { 16, 16, 16 })]
    [DataRow(5, new[] { 5 })]
    public void FullBatchesOnlyLeavesOutTheRest(int count, int[] sizes)
    {
        using var learner = new ToyLearner(1);
        var samples = new ToyLearner.Samples(count) { Records = true };
        TrainingLoop.Run(learner, samples, null, s_toy with { MaximumNumberOfEpochs = 8, FullBatchesOnly = true });
        CollectionAssert.AreEqual(Enumerable.Repeat(sizes, 8).SelectMany(epoch => epoch).ToArray(), samples.Taken.Select(batch => batch.Length).ToArray());
        CollectionAssert.AreEquivalent(Enumerable.Range(0, count).ToArray(), samples.Taken.SelectMany(batch => batch).Distinct().ToArray(), "every epoch leaves out others");
        Assert.HasCount(sizes.Sum(), samples.Taken.Take(sizes.Length).SelectMany(batch => batch).Distinct());
    }

    [TestMethod]
    public void TheRateMayChangeFromStepToStep()
    {
        using var learner = new ScriptedLearner();
        // The buffer counts steps and the weight adds up rates: only the weight is looked at.
        var outcome = TrainingLoop.Run(learner, learner, null, s_scripted with { MaximumNumberOfEpochs = 4, Optimizer = OptimizerKind.Sgd, Beta1 = 0, Schedule = LearningRateSchedule.WarmupCosine, Warmup = new(2, 0.2) });
        double[] rates = [0.2, 0.4, 0.6, 0.8, 1, 0.5 + Math.Sqrt(0.125), 0.5, 0.5 - Math.Sqrt(0.125)];
        using var scope = NewDisposeScope();
        Assert.AreEqual(rates.Sum(), learner.Parameters[0].Value.item<double>(), 1e-12);
        CollectionAssert.AreEqual(new[] { 0.2, 0.6, 1, 0.5 }, outcome.History.Select(epoch => Math.Round(epoch.LearningRate, 12)).ToArray());
    }

    [TestMethod]
    public void TheSameSeedGivesTheSameWeights()
    {
        var (_, weights) = TrainToy(s_toy, hasValidation: false);
        CollectionAssert.AreEqual(weights, TrainToy(s_toy, hasValidation: false).Weights);
        CollectionAssert.AreNotEqual(weights, TrainToy(s_toy with { Seed = 6 }, hasValidation: false).Weights);
    }

    [TestMethod]
    public void TrainingsAtOnceEqualTrainingsInTurn()
    {
        var serial = Enumerable.Range(0, 8).Select(seed => TrainToy(s_toy with { Seed = seed })).ToArray();
        for (int pair = 0; pair < 8; pair += 2)
        {
            var parallel = new (TrainingOutcome Outcome, float[] Weights)[2];
            Thread[] threads = [.. new[] { 0, 1 }.Select(i => new Thread(() => parallel[i] = TrainToy(s_toy with { Seed = pair + i })))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            for (int i = 0; i < 2; i++)
            {
                CollectionAssert.AreEqual(Losses(serial[pair + i].Outcome), Losses(parallel[i].Outcome));
                CollectionAssert.AreEqual(serial[pair + i].Weights, parallel[i].Weights);
            }
        }
    }

    [TestMethod]
    public void ValidationIsTheMeanOverSamples()
    {
        using var learner = new ToyLearner(1);
        var validation = new ToyLearner.Samples(23, 1000);
        var settings = s_toy with { MaximumNumberOfEpochs = 1 };
        var inBatches = TrainingLoop.Run(learner, new ToyLearner.Samples(50), validation, settings).History[0].ValidationLoss!.Value;
        using var scope = NewDisposeScope();
        double whole = learner.BeginEvaluation()(validation.Take([.. Enumerable.Range(0, 23)])).item<float>();
        Assert.AreEqual(whole, inBatches, 1e-6);
    }

    [TestMethod]
    // The best epoch is the last of the equal ones, and its weights are back in the end.
    [DataRow(new[] { 3.0, 2, 2, 2.5, 2.6, 1 }, 5, 3)]
    [DataRow(new[] { 1.0, 2, 1, 2, 1, 2, 2, 0 }, 7, 5)]
    [DataRow(new[] { 3.0, 2, double.NaN, 1 }, 3, 2)]
    [DataRow(new[] { 3.0, 2, double.PositiveInfinity, 1 }, 3, 2)]
    [DataRow(new[] { 9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0 }, 10, 10)]
    public void StopsEarlyAndKeepsTheBest(double[] validationLosses, int epochs, int best)
    {
        using var learner = new ScriptedLearner(validationLosses);
        var warnings = new List<string>();
        var reports = new List<TrainingProgress>();
        var outcome = TrainingLoop.Run(learner, learner, learner, s_scripted with { Patience = 2, Warn = warnings.Add, Report = reports.Add });
        Assert.AreEqual(epochs, outcome.Epochs);
        Assert.AreEqual(best, outcome.BestEpoch);
        Assert.AreEqual(2 * epochs, learner.Steps);
        Assert.AreEqual(2 * best, learner.Weight);
        CollectionAssert.AreEqual(validationLosses.Take(epochs).ToArray(), reports.Select(report => report.ValidationLoss!.Value).ToArray());
        CollectionAssert.AreEqual(reports, outcome.History.ToList());
        Assert.HasCount(double.IsFinite(validationLosses[epochs - 1]) ? 0 : 1, warnings);
    }

    [TestMethod]
    [DataRow(new[] { 3.0, 2, 1, 1.5 }, 4, 3)] // at the end, by the number of epochs
    [DataRow(new[] { 1.0, 2, 1, 3 }, 3, 1)] // of equal ones the first
    [DataRow(new[] { 2.0, 1, 4, 5, 0 }, 4, 2)]
    public void ValidatesBeforeTheEpoch(double[] validationLosses, int epochs, int best)
    {
        using var learner = new ScriptedLearner(validationLosses);
        var outcome = TrainingLoop.Run(learner, learner, learner, s_scripted with { MaximumNumberOfEpochs = 4, Patience = 2, ValidatesFirst = true });
        Assert.AreEqual(epochs, outcome.Epochs);
        Assert.AreEqual(best, outcome.BestEpoch);
        CollectionAssert.AreEqual(validationLosses.Take(epochs).ToArray(), outcome.History.Select(epoch => epoch.ValidationLoss!.Value).ToArray());
        Assert.AreEqual(2 * (best - 1), learner.Weight, "the weights before the epoch");
        CollectionAssert.AreEqual(Enumerable.Range(1, epochs).Select(epoch => validationLosses.Take(epoch).Min() == validationLosses[epoch - 1] && validationLosses.Take(epoch - 1).All(loss => loss > validationLosses[epoch - 1])).ToArray(), learner.Best.ToArray());
    }

    [TestMethod]
    public void ADivergingValidationBeforeAnEpoch()
    {
        using var learner = new ScriptedLearner(2, 1, double.NaN);
        string? warning = null;
        var outcome = TrainingLoop.Run(learner, learner, learner, s_scripted with { ValidatesFirst = true, Warn = text => warning = text });
        Assert.AreEqual(2, outcome.BestEpoch);
        Assert.AreEqual(2, learner.Weight);
        Must.Contain(warning!, "before epoch 3");
        using var hopeless = new ScriptedLearner(double.NaN);
        Assert.ThrowsExactly<InvalidOperationException>(() => TrainingLoop.Run(hopeless, hopeless, hopeless, s_scripted with { ValidatesFirst = true }));
    }

    [TestMethod]
    public void TheOrderMayBeGiven()
    {
        using var learner = new ToyLearner(1);
        var samples = new ToyLearner.Samples(5) { Records = true };
        TrainingLoop.Run(learner, samples, null, s_toy with { MaximumNumberOfEpochs = 2, BatchSize = 2, Order = epoch => epoch == 1 ? [4, 0, 2] : [1, 1, 3, 0] });
        CollectionAssert.AreEqual(new[] { 4, 0, 2, 1, 1, 3, 0 }, samples.Taken.SelectMany(batch => batch).ToArray());
        CollectionAssert.AreEqual(new[] { 2, 1, 2, 2 }, samples.Taken.Select(batch => batch.Length).ToArray());
    }

    [TestMethod]
    public void WithoutValidationTheLastWeightsStay()
    {
        using var learner = new ScriptedLearner();
        var outcome = TrainingLoop.Run(learner, learner, null, s_scripted with { Patience = 1 });
        Assert.AreEqual(10, outcome.BestEpoch);
        Assert.AreEqual(20, learner.Weight);
        Assert.IsNull(outcome.History[^1].ValidationLoss);
    }

    [TestMethod]
    public void ADivergingTrainingKeepsWhatWasGood()
    {
        var warnings = new List<string>();
        using var learner = new ScriptedLearner(3, 2, 2.5, 1) { TrainingLoss = step => step == 8 ? double.NaN : 1 };
        var outcome = TrainingLoop.Run(learner, learner, learner, s_scripted with { Warn = warnings.Add });
        Assert.AreEqual(3, outcome.Epochs);
        Assert.AreEqual(2, outcome.BestEpoch);
        Assert.AreEqual(4, learner.Weight);
        StringAssert.Contains(warnings.Single(), "NaN in epoch 4, step 2");
    }

    [TestMethod]
    public void ADivergingTrainingWithNothingGoodThrows()
    {
        using var first = new ScriptedLearner(1) { TrainingLoss = step => step == 2 ? double.PositiveInfinity : 1 };
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => TrainingLoop.Run(first, first, first, s_scripted));
        StringAssert.Contains(error.Message, "epoch 1, step 2");
        StringAssert.Contains(error.Message, "Lower the learning rate");
        using var second = new ScriptedLearner { TrainingLoss = step => step == 6 ? double.NaN : 1 };
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => TrainingLoop.Run(second, second, null, s_scripted)).Message, "epoch 3, step 2");
        using var third = new ScriptedLearner(double.NaN);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => TrainingLoop.Run(third, third, third, s_scripted)).Message, "after epoch 1");
    }

    [TestMethod]
    [DataRow(CancellationBehavior.Throw, false)]
    [DataRow(CancellationBehavior.Throw, true)]
    [DataRow(CancellationBehavior.ReturnBest, false)]
    [DataRow(CancellationBehavior.ReturnBest, true)]
    public void ACancelledTrainingEndsBeforeTheNextStep(CancellationBehavior behavior, bool byHost)
    {
        using var source = new CancellationTokenSource();
        using var learner = new ScriptedLearner(3, 2, 2.5)
        {
            TrainingLoss = step =>
            {
                if (step == 7)
                {
                    var other = new Thread(source.Cancel);
                    other.Start();
                    other.Join();
                }
                return 1;
            },
        };
        var settings = s_scripted with { OnCancellation = behavior };
        settings = byHost ? settings with { ThrowIfHostCancelled = source.Token.ThrowIfCancellationRequested } : settings with { CancellationToken = source.Token };
        long tensors = Tensor.TotalCount;
        if (behavior == CancellationBehavior.Throw)
        {
            Assert.ThrowsExactly<OperationCanceledException>(() => TrainingLoop.Run(learner, learner, learner, settings));
            Assert.AreEqual(7, learner.Weight, "the weights as they stand");
        }
        else
        {
            var outcome = TrainingLoop.Run(learner, learner, learner, settings);
            Assert.IsTrue(outcome.Cancelled);
            Assert.AreEqual(2, outcome.BestEpoch);
            Assert.AreEqual(3, outcome.Epochs);
            Assert.AreEqual(4, learner.Weight);
        }
        Assert.AreEqual(7, learner.Steps);
        Assert.AreEqual(tensors, Tensor.TotalCount);
    }

    [TestMethod]
    public void CancelledFromReport()
    {
        using var source = new CancellationTokenSource();
        using var learner = new ScriptedLearner(3, 2, 1);
        var outcome = TrainingLoop.Run(learner, learner, learner, s_scripted with
        {
            OnCancellation = CancellationBehavior.ReturnBest,
            CancellationToken = source.Token,
            Report = progress =>
            {
                if (progress.Epoch == 2)
                {
                    source.Cancel();
                }
            },
        });
        Assert.AreEqual(4, learner.Steps);
        Assert.AreEqual(4, learner.Weight);
        Assert.AreEqual(2, outcome.BestEpoch);
    }

    [TestMethod]
    public void CancelledBeforeAnEpochEnds()
    {
        using var learner = new ScriptedLearner();
        var outcome = TrainingLoop.Run(learner, learner, learner, s_scripted with { OnCancellation = CancellationBehavior.ReturnBest, CancellationToken = new(true) });
        Assert.IsTrue(outcome.Cancelled);
        Assert.AreEqual(0, outcome.BestEpoch);
        Assert.AreEqual(0, learner.Steps);
    }

    [TestMethod]
    public void RunsWithGradientsWhateverTheCallersModesAndLeavesNoTrace()
    {
        using var caller = TorchThreads.Use(2);
        using var learner = new ToyLearner(1);
        int during = 0;
        learner.OnStep = _ => during = get_num_threads();
        var state = random.get_rng_state();
        long tensors = Tensor.TotalCount;
        using (no_grad())
        {
            TrainingLoop.Run(learner, new ToyLearner.Samples(50), new ToyLearner.Samples(20), s_toy);
            Assert.IsFalse(is_grad_enabled());
        }
        using (inference_mode())
        {
            TrainingLoop.Run(learner, new ToyLearner.Samples(50), new ToyLearner.Samples(20), s_toy);
            Assert.IsTrue(is_inference_mode_enabled());
        }
        Assert.AreEqual(tensors, Tensor.TotalCount);
        Assert.AreEqual(1, during);
        Assert.AreEqual(2, get_num_threads());
        CollectionAssert.AreEqual(state.bytes.ToArray(), random.get_rng_state().bytes.ToArray());
        Assert.IsTrue(learner.Parameters.All(parameter => parameter.Value.grad is null && parameter.Value.requires_grad));
    }

    [TestMethod]
    public void AFailingLearnerLeavesNoTensors()
    {
        using var learner = new ToyLearner(1) { OnStep = step => _ = step < 5 ? 0 : throw new TimeoutException() };
        long tensors = Tensor.TotalCount;
        Assert.ThrowsExactly<TimeoutException>(() => TrainingLoop.Run(learner, new ToyLearner.Samples(50), new ToyLearner.Samples(20), s_toy));
        Assert.AreEqual(tensors, Tensor.TotalCount);
    }

    [TestMethod]
    public void NoSamplesAreRefused()
    {
        using var learner = new ToyLearner(1);
        Assert.ThrowsExactly<InvalidOperationException>(() => TrainingLoop.Run(learner, new ToyLearner.Samples(0), null, s_toy));
        Assert.ThrowsExactly<InvalidOperationException>(() => TrainingLoop.Run(learner, new ToyLearner.Samples(1), new ToyLearner.Samples(0), s_toy));
    }

    [TestMethod]
    public void AResumedGradientDescentEqualsAnUninterruptedOne()
    {
        var settings = s_toy with { Optimizer = OptimizerKind.Sgd, Schedule = LearningRateSchedule.WarmupCosine, Warmup = new(3, 0.1), FullBatchesOnly = true };
        var (whole, weights) = TrainToy(settings);
        settings = settings with { CheckpointPath = CheckpointPath() };
        using var source = new CancellationTokenSource();
        Assert.ThrowsExactly<OperationCanceledException>(() => TrainToy(settings with { CancellationToken = source.Token }, onStep: step => Cancel(step, 3 * 2 + 2, source)));
        foreach (var other in new[] { settings with { Warmup = new(2, 0.1) }, settings with { FullBatchesOnly = false }, settings with { Optimizer = OptimizerKind.RAdam } })
        {
            Assert.ThrowsExactly<InvalidOperationException>(() => TrainToy(other));
        }
        int steps = 0;
        var (resumed, resumedWeights) = TrainToy(settings, onStep: step => steps = step, initialSeed: 99);
        Assert.AreEqual(3 * 4, steps);
        CollectionAssert.AreEqual(weights, resumedWeights);
        CollectionAssert.AreEqual(Losses(whole), Losses(resumed));
    }

    [TestMethod]
    [DataRow(1, true)]
    [DataRow(3, true)]
    [DataRow(5, true)]
    [DataRow(3, false)]
    public void AResumedTrainingEqualsAnUninterruptedOne(int epoch, bool hasValidation)
    {
        var (whole, weights) = TrainToy(s_toy, hasValidation);
        Assert.AreEqual(hasValidation ? 3 : 6, whole.BestEpoch, "found before, in and after the interrupted epoch");
        var path = CheckpointPath();
        using var source = new CancellationTokenSource();
        var settings = s_toy with { CheckpointPath = path, Fingerprint = "toy" };
        // In the second step of the next epoch
        Assert.ThrowsExactly<OperationCanceledException>(() => TrainToy(settings with { CancellationToken = source.Token }, hasValidation, step => Cancel(step, 4 * epoch + 2, source)));
        Assert.IsTrue(File.Exists(path));
        int steps = 0;
        // Another start: all that matters comes from the file.
        var (resumed, resumedWeights) = TrainToy(settings, hasValidation, step => steps = step, initialSeed: 99);
        Assert.AreEqual(4 * (6 - epoch), steps);
        CollectionAssert.AreEqual(weights, resumedWeights);
        Assert.AreEqual(whole.BestEpoch, resumed.BestEpoch);
        CollectionAssert.AreEqual(Losses(whole), Losses(resumed));
        Assert.IsFalse(File.Exists(path), "a complete training needs no checkpoint");
        Assert.IsEmpty(Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [TestMethod]
    public void ReturnBestKeepsTheCheckpoint()
    {
        var path = CheckpointPath();
        using var source = new CancellationTokenSource();
        var settings = s_toy with { CheckpointPath = path };
        var (outcome, _) = TrainToy(settings with { CancellationToken = source.Token, OnCancellation = CancellationBehavior.ReturnBest }, true, step => Cancel(step, 10, source));
        Assert.IsTrue(outcome.Cancelled);
        Assert.AreEqual(2, outcome.Epochs);
        CollectionAssert.AreEqual(TrainToy(s_toy).Weights, TrainToy(settings).Weights);
    }

    [TestMethod]
    public void ACheckpointOfAnotherTrainingIsRefused()
    {
        var path = CheckpointPath();
        var settings = s_toy with { CheckpointPath = path, Fingerprint = "a" };
        Interrupt(settings);
        foreach (var other in new[] { settings with { Fingerprint = "b" }, settings with { Seed = 6 }, settings with { LearningRate = 0.02 } })
        {
            StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => TrainToy(other)).Message, "Delete the file");
        }
        Assert.ThrowsExactly<InvalidOperationException>(() => TrainToy(settings, hasValidation: false));
        TrainToy(settings);
    }

    [TestMethod]
    public void ACheckpointThatCannotBeWrittenIsNamed()
    {
        var path = CheckpointPath();
        // Neither a file nor one beside it can be there.
        Directory.CreateDirectory(path + ".part");
        Must.Contain(Assert.ThrowsExactly<InvalidOperationException>(() => TrainToy(s_toy with { CheckpointPath = path })).Message, path, "cannot be written");
        Must.Contain(Assert.ThrowsExactly<InvalidOperationException>(() => TrainToy(s_toy with { CheckpointPath = Path.Combine(path, "nowhere") })).Message, path, "cannot be written");
    }

    [TestMethod]
    [DataRow(double.NaN)]
    [DataRow(double.PositiveInfinity)]
    public void WeightsThatTheLastStepSpoilsAreNoModel(double rate)
    {
        // One step, whose loss is of the weights before it.
        using var learner = new ScriptedLearner();
        var settings = s_toy with { MaximumNumberOfEpochs = 1, BatchSize = 2, Optimizer = OptimizerKind.Sgd, Schedule = LearningRateSchedule.Constant, LearningRate = rate };
        Must.Contain(Assert.ThrowsExactly<InvalidOperationException>(() => TrainingLoop.Run(learner, learner, null, settings)).Message, "diverged", "'count'");
    }

    [TestMethod]
    public void ADamagedCheckpointIsRefusedAndChangesNothing()
    {
        var path = CheckpointPath();
        var settings = s_toy with { CheckpointPath = path };
        Interrupt(settings);
        var good = File.ReadAllBytes(path);
        using var learner = new ToyLearner(3);
        var weights = learner.Weights();
        foreach (int length in new[] { 0, 1, 31, 32, 40, good.Length / 2, good.Length - 1 })
        {
            Refuse(good[..length]);
        }
        for (int i = 0; i < good.Length; i += 97)
        {
            var bad = (byte[])good.Clone();
            bad[i] ^= 4;
            Refuse(bad);
        }

        void Refuse(byte[] bytes)
        {
            File.WriteAllBytes(path, bytes);
            var error = Assert.ThrowsExactly<InvalidOperationException>(() => TrainingLoop.Run(learner, new ToyLearner.Samples(50), new ToyLearner.Samples(20, 1000), settings));
            StringAssert.Contains(error.Message, "damaged");
            CollectionAssert.AreEqual(weights, learner.Weights());
        }
    }

    [TestMethod]
    public void TrainsAModuleWithBuffers()
    {
        using var learner = new ModuleLearner();
        var outcome = TrainingLoop.Run(learner, new ToyLearner.Samples(50), new ToyLearner.Samples(20, 1000), s_toy with { LearningRate = 0.05, Optimizer = OptimizerKind.Adam });
        Assert.AreEqual(6, outcome.Epochs);
        using var scope = NewDisposeScope();
        Assert.AreEqual(4 * outcome.BestEpoch, learner.Buffers.Single(buffer => buffer.Key.EndsWith("num_batches_tracked")).Value.item<long>());
        Assert.IsLessThan(outcome.History[0].TrainingLoss, outcome.History[^1].TrainingLoss);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void MemoryStaysFlat()
    {
        using var learner = new ToyLearner(1);
        long early = 0, late = 0;
        learner.OnStep = step =>
        {
            if (step == 5_000)
            {
                early = Environment.WorkingSet;
            }
            if (step == 20_000)
            {
                late = Environment.WorkingSet;
            }
        };
        TrainingLoop.Run(learner, new ToyLearner.Samples(100), new ToyLearner.Samples(20), s_toy with { BatchSize = 10, MaximumNumberOfEpochs = 2_000 });
        TestContext.WriteLine($"{early >> 20} MiB at a quarter, {late >> 20} MiB at the end");
        Assert.IsLessThan(16L << 20, late - early);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void GarbageCollectionsDoNoHarm()
    {
        var settings = s_toy with { BatchSize = 10, MaximumNumberOfEpochs = 4_000, Schedule = LearningRateSchedule.Constant, LearningRate = 0.001 };
        var quiet = TrainToy(settings);
        int collections = GC.CollectionCount(0);
        bool done = false;
        var allocator = new Thread(() =>
        {
            var kept = new Queue<byte[]>();
            for (int i = 0; !Volatile.Read(ref done); i++)
            {
                kept.Enqueue(new byte[1000 + i % 100_000]);
                if (kept.Count > 200)
                {
                    kept.Dequeue();
                }
                if (i % 2_000 == 0)
                {
                    GC.Collect(0);
                    GC.WaitForPendingFinalizers();
                }
            }
        });
        allocator.Start();
        (TrainingOutcome Outcome, float[] Weights) stressed;
        try
        {
            stressed = TrainToy(settings);
        }
        finally
        {
            Volatile.Write(ref done, true);
            allocator.Join();
        }
        TestContext.WriteLine($"{GC.CollectionCount(0) - collections} collections");
        CollectionAssert.AreEqual(Losses(quiet.Outcome), Losses(stressed.Outcome));
        CollectionAssert.AreEqual(quiet.Weights, stressed.Weights);
    }

    private static (TrainingOutcome Outcome, float[] Weights) TrainToy(TrainingSettings settings, bool hasValidation = true, Action<int>? onStep = null, int initialSeed = 1)
    {
        using var learner = new ToyLearner(initialSeed) { OnStep = onStep };
        var outcome = TrainingLoop.Run(learner, new ToyLearner.Samples(50), hasValidation ? new ToyLearner.Samples(20, 1000) : null, settings);
        return (outcome, learner.Weights());
    }

    private static void Interrupt(TrainingSettings settings)
    {
        using var source = new CancellationTokenSource();
        Assert.ThrowsExactly<OperationCanceledException>(() => TrainToy(settings with { CancellationToken = source.Token }, true, step => Cancel(step, 10, source)));
        Assert.IsTrue(File.Exists(settings.CheckpointPath));
    }

    private static void Cancel(int step, int at, CancellationTokenSource source)
    {
        if (step == at)
        {
            source.Cancel();
        }
    }

    private static (double, double?, double)[] Losses(TrainingOutcome outcome)
        => [.. outcome.History.Select(progress => (progress.TrainingLoss, progress.ValidationLoss, progress.LearningRate))];

    private string CheckpointPath()
        => Path.Combine(Directory.CreateDirectory(Path.Combine(TestContext.TestRunDirectory!, Guid.NewGuid().ToString("N"))).FullName, "training.checkpoint");

    private sealed class ModuleLearner : ILearner, IDisposable
    {
        private readonly nn.Module<Tensor, Tensor> _module = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 1));

        public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => [.. _module.named_parameters().Select(item => KeyValuePair.Create(item.name, (Tensor)item.parameter))];

        public IReadOnlyList<KeyValuePair<string, Tensor>> Buffers => [.. _module.named_buffers().Select(item => KeyValuePair.Create(item.name, item.buffer))];

        public Tensor Loss(Batch batch, StepRandom random)
        {
            _module.train();
            return Loss(batch);
        }

        public Func<Batch, Tensor> BeginEvaluation()
        {
            _module.eval();
            return Loss;
        }

        public void Dispose() => _module.Dispose();

        private Tensor Loss(Batch batch)
        {
            var error = _module.call(batch["input"]).Minus(batch["target"]);
            return error.Times(error).mean();
        }
    }
}
