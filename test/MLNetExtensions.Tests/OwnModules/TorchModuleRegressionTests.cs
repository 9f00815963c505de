using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Torch;
using TorchSharp;
using static MLNetExtensions.Tests.OwnModules.Rows;

namespace MLNetExtensions.Tests.OwnModules;

[TestClass]
public sealed class TorchModuleRegressionTests
{
    private static TorchModuleRegressionTrainer.Options Options(TorchModuleFactory? factory = null, Action<TorchModuleRegressionTrainer.Options>? change = null)
    {
        var options = new TorchModuleRegressionTrainer.Options { ModuleFactory = factory ?? new Perceptron(), MaximumNumberOfEpochs = 5, LearningRate = 0.01, Seed = 3, NumberOfThreads = 1 };
        change?.Invoke(options);
        return options;
    }

    [TestMethod]
    public void LearnsWhatALineCannot()
    {
        var ml = new MLContext(1);
        var train = ml.Data.LoadFromEnumerable(Points(1500));
        var test = ml.Data.LoadFromEnumerable(Points(500, seed: 2));
        var messages = new List<string>();
        ml.Log += (_, e) => messages.Add(e.Message);
        using var model = ml.Regression.Trainers.TorchModule(Options(new Perceptron { Width = 64 }, o => o.MaximumNumberOfEpochs = 60)).Fit(train);
        var line = ml.Transforms.NormalizeMeanVariance("Features").Append(ml.Regression.Trainers.Sdca()).Fit(train);
        var metrics = ml.Regression.Evaluate(model.Transform(test));
        var baseline = ml.Regression.Evaluate(line.Transform(test));
        Console.WriteLine($"{metrics.RootMeanSquaredError} {baseline.RootMeanSquaredError}");
        Assert.IsLessThan(baseline.RootMeanSquaredError / 4, metrics.RootMeanSquaredError);
        Assert.IsTrue(messages.Any(message => message.Contains("Epoch 1/60: training loss")));
    }

    [TestMethod]
    [DataRow(RegressionLoss.SquaredError)]
    [DataRow(RegressionLoss.AbsoluteError)]
    [DataRow(RegressionLoss.Huber)]
    public void LossesLearnVectors(RegressionLoss loss)
    {
        var ml = new MLContext(1);
        var train = ml.Data.LoadFromEnumerable(Points(800));
        using var model = ml.Regression.Trainers.TorchModule(Options(change: o =>
        {
            o.LabelColumnName = "Targets";
            o.Loss = loss;
            o.MaximumNumberOfEpochs = 40;
            o.LearningRateSchedule = LearningRateSchedule.Cosine;
            o.Optimizer = OptimizerKind.AdamW;
            o.WeightDecay = 1e-3;
            o.GradientClipNorm = 1;
        })).Fit(train);
        var scored = model.Transform(ml.Data.LoadFromEnumerable(Points(300, seed: 2)));
        var rows = ml.Data.CreateEnumerable<ScoredVector>(scored, false).Zip(Points(300, seed: 2)).ToArray();
        Assert.IsTrue(scored.Schema["Score"].Type is VectorDataViewType { Size: 2 });
        for (var i = 0; i < 2; i++)
        {
            var mean = rows.Average(row => row.Second.Targets[i]);
            var error = rows.Average(row => Math.Abs(row.First.Score[i] - row.Second.Targets[i]));
            var naive = rows.Average(row => Math.Abs(mean - row.Second.Targets[i]));
            Assert.IsLessThan(naive / 2, error, $"{i}");
        }
        ReadOnlyMemory<char> kind = default;
        scored.Schema["Score"].Annotations.GetValue("ScoreColumnKind", ref kind);
        Assert.AreEqual("MultiOutputRegression", kind.ToString());
    }

    [TestMethod]
    public void ALossOfOnesOwnIsWhatIsMinimised()
    {
        var ml = new MLContext(1);
        var train = ml.Data.LoadFromEnumerable(Points(600));
        // The mean of the asymmetric error is least at the nine-tenths quantile.
        using var model = ml.Regression.Trainers.TorchModule(Options(change: o =>
        {
            o.CustomLoss = (output, label) => torch.maximum(label.sub(output).mul(torch.tensor(0.9f)), output.sub(label).mul(torch.tensor(0.1f))).mean();
            o.MaximumNumberOfEpochs = 40;
        })).Fit(train);
        var scores = Flat(model.Transform(train), "Score");
        var below = Points(600).Select((point, i) => point.Label <= scores[i] ? 1.0 : 0).Average();
        Assert.IsGreaterThan(0.8, below);
    }

    [TestMethod]
    public void SavedModelsScoreTheSame()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(300));
        foreach (var factory in new TorchModuleFactory[] { new Perceptron { Width = 7, DropoutRate = 0.2 }, new Normalised() })
        {
            using var model = ml.Regression.Trainers.TorchModule(Options(factory)).Fit(data);
            using var loaded = (IDisposable)Reload(ml, model, data.Schema);
            CollectionAssert.AreEqual(Flat(model.Transform(data), "Score"), Flat(((ITransformer)loaded).Transform(data), "Score"));
            // Once more from what was loaded.
            using var again = (IDisposable)Reload(ml, (ITransformer)loaded);
            CollectionAssert.AreEqual(Flat(model.Transform(data), "Score"), Flat(((ITransformer)again).Transform(data), "Score"));
        }
    }

    [TestMethod]
    public void NormalisationOverTheBatchIsSavedAndRestoredWithTheBestEpoch()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(400));
        using var model = ml.Regression.Trainers.TorchModule(Options(new Normalised(), o => o.MaximumNumberOfEpochs = 30)).Fit(data);
        var state = model.Module.state_dict();
        Assert.IsTrue(state.Keys.Any(name => name.EndsWith("running_mean", StringComparison.Ordinal)));
        var metrics = ml.Regression.Evaluate(model.Transform(data));
        Assert.IsGreaterThan(0.5, metrics.RSquared);
        Assert.IsFalse(model.Module.training);
    }

    [TestMethod]
    public void APredictionEngineAndThreadsScoreTheSame()
    {
        var ml = new MLContext(1);
        var points = Points(700);
        var data = ml.Data.LoadFromEnumerable(points);
        using var model = ml.Regression.Trainers.TorchModule(Options()).Fit(data);
        var scores = Flat(model.Transform(data), "Score");
        var engine = ml.Model.CreatePredictionEngine<Point, Scored>(model, new PredictionEngineOptions { OwnsTransformer = false });
        for (var i = 0; i < points.Length; i++)
        {
            Assert.AreEqual(scores[i], engine.Predict(points[i]).Score, 1e-3f);
        }
        var all = new float[8][];
        var threads = Enumerable.Range(0, 8).Select(i => new Thread(() => all[i] = Flat(model.Transform(data), "Score"))).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }
        foreach (var thread in threads)
        {
            thread.Join();
        }
        foreach (var other in all)
        {
            CollectionAssert.AreEqual(scores, other);
        }
    }

    [TestMethod]
    public void TheSameSeedGivesTheSameWeights()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(200));
        float[] Fit(int seed, MLContext? context = null)
        {
            using var model = (context ?? ml).Regression.Trainers.TorchModule(Options(new Perceptron { DropoutRate = 0.3 }, o => o.Seed = seed)).Fit(data);
            return Flat(model.Transform(data), "Score");
        }
        var first = Fit(5);
        using (torch.rand(3))
        {
            CollectionAssert.AreEqual(first, Fit(5, new MLContext(9)));
        }
        CollectionAssert.AreNotEqual(first, Fit(6));
        // Fitting an estimator again repeats the result; the seed is drawn when it is made.
        var estimator = ml.Regression.Trainers.TorchModule(Options(change: o => o.Seed = null));
        using var one = estimator.Fit(data);
        using var two = estimator.Fit(data);
        CollectionAssert.AreEqual(Flat(one.Transform(data), "Score"), Flat(two.Transform(data), "Score"));
    }

    [TestMethod]
    public void TheGeneratorOfTheProcessIsLeftAsItWas()
    {
        static byte[] State()
        {
            using var state = torch.random.get_rng_state();
            return state.bytes.ToArray();
        }
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(100));
        var (before, threads) = (State(), torch.get_num_threads());
        using var model = ml.Regression.Trainers.TorchModule(Options(new Perceptron { DropoutRate = 0.3 })).Fit(data);
        using var loaded = (IDisposable)Reload(ml, model);
        Flat(((ITransformer)loaded).Transform(data), "Score");
        CollectionAssert.AreEqual(before, State());
        Assert.AreEqual(threads, torch.get_num_threads());
    }

    [TestMethod]
    public void ATrainingCanBeCancelled()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(200));
        LeavesNoTensors(4, () =>
        {
            using var source = new CancellationTokenSource();
            var epochs = 0;
            Assert.ThrowsExactly<OperationCanceledException>(() => ml.Regression.Trainers.TorchModule(Options(change: o =>
            {
                o.MaximumNumberOfEpochs = 1000;
                o.Patience = 1000;
                o.CancellationToken = source.Token;
                o.Progress = new Told(progress =>
                {
                    epochs = progress.Epoch;
                    source.Cancel();
                });
            })).Fit(data));
            Assert.AreEqual(1, epochs);
        });
        using var again = new CancellationTokenSource();
        using var best = ml.Regression.Trainers.TorchModule(Options(change: o =>
        {
            o.MaximumNumberOfEpochs = 1000;
            o.OnCancellation = CancellationBehavior.ReturnBest;
            o.CancellationToken = again.Token;
            o.Progress = new Told(progress =>
            {
                if (progress.Epoch == 3)
                {
                    again.Cancel();
                }
            });
        })).Fit(data);
        Assert.IsTrue(Flat(best.Transform(data), "Score").All(float.IsFinite));
    }

    [TestMethod]
    public void AnInterruptedTrainingResumes()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(200));
        foreach (var factory in new TorchModuleFactory[] { new Perceptron { DropoutRate = 0.3 }, new Normalised() })
        {
            using var whole = ml.Regression.Trainers.TorchModule(Options(factory, o => o.MaximumNumberOfEpochs = 6)).Fit(data);
            var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
            using var source = new CancellationTokenSource();
            Assert.ThrowsExactly<OperationCanceledException>(() => ml.Regression.Trainers.TorchModule(Options(factory, o =>
            {
                o.MaximumNumberOfEpochs = 6;
                o.CheckpointPath = path;
                o.CancellationToken = source.Token;
                o.Progress = new Told(progress =>
                {
                    if (progress.Epoch == 3)
                    {
                        source.Cancel();
                    }
                });
            })).Fit(data));
            Assert.IsTrue(File.Exists(path));
            // Another network is not what the checkpoint is of.
            Throws<InvalidOperationException>(() => ml.Regression.Trainers.TorchModule(Options(new Perceptron { Width = 5 }, o =>
            {
                o.MaximumNumberOfEpochs = 6;
                o.CheckpointPath = path;
            })).Fit(data));
            var epochs = new List<int>();
            using var resumed = ml.Regression.Trainers.TorchModule(Options(factory, o =>
            {
                o.MaximumNumberOfEpochs = 6;
                o.CheckpointPath = path;
                o.Progress = new Told(progress => epochs.Add(progress.Epoch));
            })).Fit(data);
            CollectionAssert.AreEqual(new[] { 4, 5, 6 }, epochs);
            CollectionAssert.AreEqual(Flat(whole.Transform(data), "Score"), Flat(resumed.Transform(data), "Score"));
            Assert.IsFalse(File.Exists(path));
        }
    }

    [TestMethod]
    public void TrainingStopsWhenValidationNoLongerImproves()
    {
        var ml = new MLContext(1);
        var random = new Random(1);
        // Noise alone: there is nothing to learn but the noise.
        var points = Enumerable.Range(0, 120).Select(_ => new Point { Features = [.. Enumerable.Range(0, 4).Select(_ => (float)random.NextDouble())], Label = (float)random.NextDouble() });
        var history = new List<TrainingProgress>();
        using var model = ml.Regression.Trainers.TorchModule(Options(new Perceptron { Width = 64 }, o =>
        {
            o.MaximumNumberOfEpochs = 500;
            o.Patience = 4;
            o.ValidationFraction = 0.25;
            o.Progress = new Told(history.Add);
        })).Fit(ml.Data.LoadFromEnumerable(points));
        Assert.IsLessThan(500, history.Count);
        Assert.AreEqual(history.Count - 4, history[^1].BestEpoch);
    }

    [TestMethod]
    public void NoTensorsAreLeft()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(300));
        foreach (var (factory, parameters) in new (TorchModuleFactory, int)[] { (new Perceptron { DropoutRate = 0.1 }, 4), (new Normalised(), 9) })
        {
            using (ml.Regression.Trainers.TorchModule(Options(factory)).Fit(data))
            {
                // Constants that stay.
            }
            // Once to train, once to load.
            LeavesNoTensors(2 * parameters, () =>
            {
                using var model = ml.Regression.Trainers.TorchModule(Options(factory)).Fit(data);
                Flat(model.Transform(data), "Score");
                using var loaded = (IDisposable)Reload(ml, model);
                Flat(((ITransformer)loaded).Transform(data), "Score");
            });
        }
    }

    [TestMethod]
    public void ANetworkOutlivesTheScopeAndTheModeOfItsUser()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(100));
        TorchModuleRegressionTransformer model;
        using (torch.NewDisposeScope())
        using (torch.inference_mode())
        {
            model = ml.Regression.Trainers.TorchModule(Options(new Normalised())).Fit(data);
        }
        using (model)
        {
            Assert.IsTrue(Flat(model.Transform(data), "Score").All(float.IsFinite));
        }
    }

    [TestMethod]
    public void EvaluatorsReadTheScores()
    {
        var ml = new MLContext(1);
        var data = ml.Data.Cache(ml.Data.LoadFromEnumerable(Points(300)));
        var estimator = ml.Regression.Trainers.TorchModule(Options(change: o => o.MaximumNumberOfEpochs = 40));
        var folds = ml.Regression.CrossValidate(data, estimator, numberOfFolds: 3);
        Assert.IsTrue(folds.All(fold => fold.Metrics.RSquared > 0.3));
        using var model = estimator.Fit(data);
        var importance = ml.Regression.PermutationFeatureImportance(model, data);
        Assert.HasCount(4, importance);
        // The fourth feature plays no part.
        Assert.IsLessThan(importance[3].RSquared.Mean - 0.2, importance[0].RSquared.Mean);
        foreach (var fold in folds)
        {
            ((IDisposable)fold.Model).Dispose();
        }
    }

    [TestMethod]
    public void MissingLabelsAreSkippedAndMissingFeaturesScoreNaN()
    {
        var ml = new MLContext(1);
        var warnings = new List<string>();
        ml.Log += (_, e) =>
        {
            if (e.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
            {
                warnings.Add(e.Message);
            }
        };
        var points = Points(100);
        var whole = points.Select(point => new Point { Features = point.Features, Label = point.Label }).ToArray();
        foreach (var i in new[] { 3, 50, 99 })
        {
            points[i].Label = float.NaN;
        }
        // A row without a label is not looked at otherwise.
        points[50].Features[0] = float.NaN;
        using var model = ml.Regression.Trainers.TorchModule(Options()).Fit(ml.Data.LoadFromEnumerable(points));
        Assert.AreEqual(1, warnings.Count(warning => warning.Contains("3 of 100 rows are not trained on")));
        using var without = ml.Regression.Trainers.TorchModule(Options()).Fit(ml.Data.LoadFromEnumerable(points.Where(point => !float.IsNaN(point.Label))));
        var data = ml.Data.LoadFromEnumerable(points);
        var scores = Flat(model.Transform(data), "Score");
        CollectionAssert.AreEqual(scores, Flat(without.Transform(data), "Score"));
        Assert.IsTrue(scores.Select((score, i) => float.IsNaN(score) == (i == 50)).All(holds => holds));
    }

    [TestMethod]
    public void BadDataIsNamed()
    {
        var ml = new MLContext(1);
        var points = Points(50);
        points[7].Features[2] = float.NaN;
        Throws<InvalidOperationException>(() => ml.Regression.Trainers.TorchModule(Options()).Fit(ml.Data.LoadFromEnumerable(points)), "'Features'", "NaN", "row 7", "slot 2");
        points = Points(50);
        points[9].Label = float.PositiveInfinity;
        Throws<InvalidOperationException>(() => ml.Regression.Trainers.TorchModule(Options()).Fit(ml.Data.LoadFromEnumerable(points)), "'Label'", "row 9");
        points = [.. Points(20).Select(point => new Point { Features = point.Features, Label = float.NaN })];
        Throws<InvalidOperationException>(() => ml.Regression.Trainers.TorchModule(Options()).Fit(ml.Data.LoadFromEnumerable(points)), "'Label'", "all 20 rows");
        Throws<InvalidOperationException>(() => ml.Regression.Trainers.TorchModule(Options()).Fit(ml.Data.LoadFromEnumerable(Array.Empty<Point>())), "no rows");
        Throws<InvalidOperationException>(() => ml.Regression.Trainers.TorchModule(Options()).Fit(ml.Data.LoadFromEnumerable(Points(1))), "none is left");
        var good = ml.Data.LoadFromEnumerable(Points(50));
        Throws<ArgumentOutOfRangeException>(() => ml.Regression.Trainers.TorchModule(Options(change: o => o.LabelColumnName = "Class")).Fit(good), "label", "'Class'", "Single", "String");
        Throws<ArgumentOutOfRangeException>(() => ml.Regression.Trainers.TorchModule(Options(change: o => o.FeatureColumnName = "Class")).Fit(good), "feature", "'Class'", "String");
        Throws<ArgumentOutOfRangeException>(() => ml.Regression.Trainers.TorchModule(Options(change: o => o.FeatureColumnName = "Nothing")).Fit(good), "feature", "'Nothing'");
        using var model = ml.Regression.Trainers.TorchModule(Options()).Fit(good);
        Throws<ArgumentOutOfRangeException>(() => model.Transform(ml.Transforms.CopyColumns("Features", "Targets").Fit(good).Transform(good)), "'Features'", "Vector<Single, 4>", "Vector<Single, 2>");
        model.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => model.Transform(good));
    }

    [TestMethod]
    public void BadOptionsAreNamed()
    {
        var ml = new MLContext(1);
        void Bad(Action<TorchModuleRegressionTrainer.Options> change, string name)
            => Assert.AreEqual($"options.{name}", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Regression.Trainers.TorchModule(Options(change: change))).ParamName);
        Bad(o => o.BatchSize = 0, "BatchSize");
        Bad(o => o.ValidationFraction = 1, "ValidationFraction");
        Bad(o => o.Patience = 0, "Patience");
        Bad(o => o.WeightDecay = -1, "WeightDecay");
        Bad(o => o.GradientClipNorm = double.NaN, "GradientClipNorm");
        Bad(o => o.HuberDelta = 0, "HuberDelta");
        Bad(o => o.Loss = (RegressionLoss)9, "Loss");
        Bad(o => o.Optimizer = (OptimizerKind)9, "Optimizer");
        Bad(o => o.LearningRateSchedule = (LearningRateSchedule)9, "LearningRateSchedule");
        Bad(o => o.LabelColumnName = "", "LabelColumnName");
        Bad(o => o.FeatureColumnName = "", "FeatureColumnName");
        Bad(o => o.ModuleFactory = new Unmarked(), "ModuleFactory");
        Bad(o => o.ModuleFactory = new WithArguments(3), "ModuleFactory");
        Bad(o => o.ModuleFactory = new WithDelegate(), "ModuleFactory");
        Assert.ThrowsExactly<ArgumentNullException>(() => ml.Regression.Trainers.TorchModule((TorchModuleFactory)null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => ml.Regression.Trainers.TorchModule((TorchModuleRegressionTrainer.Options)null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => ((RegressionCatalog.RegressionTrainers)null!).TorchModule(new Perceptron()));
    }

    [TestMethod]
    [DataRow("null", "returned null")]
    [DataRow("throws", "no such network")]
    [DataRow("no parameters", "no parameters")]
    [DataRow("wrong width", "gave Float32 [32, 2]", "expected Float32 [32, 1]")]
    [DataRow("wrong input", "failed on a batch of the shape [32, 4]")]
    [DataRow("one dimension", "gave Float32 [32]")]
    [DataRow("double", "failed on a batch")]
    [DataRow("random scores", "scores must not depend")]
    public void NetworksThatMisbehaveAreNamed(string how, params string[] parts)
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(100));
        LeavesNoTensors(how is "null" or "throws" or "no parameters" ? 0 : 2, () => Throws<InvalidOperationException>(() => ml.Regression.Trainers.TorchModule(Options(new Misfit { How = how })).Fit(data), ["'test misfit'", .. parts]));
    }

    [TestMethod]
    public void LossesThatMisbehaveAreNamed()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(100));
        void Bad(Func<torch.Tensor, torch.Tensor, torch.Tensor> loss, string message)
            => Throws<InvalidOperationException>(() => ml.Regression.Trainers.TorchModule(Options(change: o => o.CustomLoss = loss)).Fit(data), message);
        Bad((output, label) => null!, "The loss is null");
        Bad((output, label) => output.sub(label), "single number");
        Bad((output, label) => label.sub(label).mean(), "does not depend on the parameters");
        Bad((output, label) => torch.mm(output, label), "The loss failed");
        Bad((output, label) => throw new InvalidCastException("mine"), "mine");
    }

    [TestMethod]
    public void AScalarDoubleFeatureAndNoValidation()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Enumerable.Range(0, 65).Select(i => new { X = i / 10.0, Label = 3f * i }));
        using var model = ml.Regression.Trainers.TorchModule(Options(change: o =>
        {
            o.FeatureColumnName = "X";
            o.ValidationFraction = 0;
            o.MaximumNumberOfEpochs = 50;
        })).Fit(data);
        Assert.IsGreaterThan(0.95, ml.Regression.Evaluate(model.Transform(data)).RSquared);
    }
}
