using MLNetExtensions.Tensors;
using MLNetExtensions.Tests.Golden;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests;

[TestClass]
[TestCategory("Golden")]
public sealed class TensorCompletionGoldenTests
{
    private const double Tolerance = 1e-9;
    private const double ToleranceFloat32 = 1e-5;

    private static readonly (ScalarType Type, double Tolerance)[] s_precisions = [(ScalarType.Float64, Tolerance), (ScalarType.Float32, ToleranceFloat32)];

    private static IEnumerable<object[]> ForwardRows => GoldenFiles.Rows("dain", "forward");

    private static IEnumerable<object[]> StepRows => GoldenFiles.Rows("dain", "steps10");

    private static IEnumerable<object[]> PipelineRows => GoldenFiles.Rows("dain", "pipeline");

    private static IEnumerable<object[]> ModelRows => GoldenFiles.Rows("dain", "alt_models");

    [TestMethod]
    [DynamicData(nameof(ForwardRows))]
    public void Forward(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "dain.forward");
        foreach (var (dtype, tolerance) in s_precisions)
        {
            using var scope = NewDisposeScope();
            using var model = Mlp(golden, "").Create(null, dtype, CPU);
            model.CopyFrom(MlpWeights(golden, model, "", dtype));
            var output = model.Forward(golden.Tensor("index"));
            golden.AssertClose("hidden", output.Features, tolerance);
            golden.AssertClose("pred", output.Prediction, tolerance);
        }
    }

    [TestMethod]
    [DynamicData(nameof(StepRows))]
    public void Steps(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "dain.steps10");
        foreach (var (dtype, tolerance) in s_precisions)
        {
            using var scope = NewDisposeScope();
            using var model = Mlp(golden, "w0.").Create(null, dtype, CPU);
            model.CopyFrom(MlpWeights(golden, model, "w0.", dtype));
            var (index, values) = (golden.Tensor("index"), golden.Tensor("value", dtype));
            var learner = new Watched(new TensorLearner(model))
            {
                AfterEpoch = epoch =>
                {
                    if (epoch == 1)
                    {
                        AssertWeights(golden, model, "w1.", tolerance);
                        AssertGradients(golden, model, "grad1.", tolerance);
                    }
                },
            };
            // One step in an epoch, each with the rows that the file gives.
            var steps = golden.Integer("steps");
            Assert.AreEqual(steps, golden.Shape("batches")[0]);
            var size = (int)golden.Shape("batches")[1];
            double[] batches = golden.Doubles("batches");
            var settings = Optimizer(golden) with
            {
                MaximumNumberOfEpochs = steps,
                BatchSize = size,
                Order = epoch => [.. batches.Skip((epoch - 1) * size).Take(size).Select(row => (int)row)],
            };
            var rows = new RowSource(new Dictionary<string, Tensor> { [TensorLearner.Index] = index, [TensorLearner.Value] = values }, 0, (int)index.size(0));
            TrainingLoop.Run(learner, rows, null, settings);
            golden.AssertValues("loss", [.. learner.Losses], tolerance);
            AssertWeights(golden, model, $"w{steps}.", tolerance);
        }
    }

    [TestMethod]
    [DynamicData(nameof(PipelineRows))]
    public void Pipeline(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "dain.pipeline");
        foreach (var (dtype, tolerance) in s_precisions)
        {
            using var scope = NewDisposeScope();
            var cells = new TensorCells((int)golden.Shape("index")[1], Integers(golden, "index"), golden.Doubles("value"));
            golden.Choose("scaling", ("none", TensorScaling.None));
            var settings = new TensorCompletionSettings
            {
                Sampling = golden.Choose("sampling", ("influence", TensorSampling.Influence)),
                AugmentationRatio = golden.Number("augmentation_ratio"),
                InfluenceLayers = golden.Choose("influence_layers", ("output", InfluenceLayers.Output)),
                ImportanceSign = golden.Choose("importance_sign", ("absolute", ImportanceSign.Absolute), ("positive_only", ImportanceSign.PositiveOnly)),
                KeepBetter = golden.Flag("keep_better"),
                Uniforms = golden.Doubles("u"),
                FillUnseen = false,
            };
            var training = Optimizer(golden) with
            {
                MaximumNumberOfEpochs = golden.Integer("max_epochs"),
                BatchSize = (int)golden.Scalar("batch_size"),
                Patience = golden.Integer("patience"),
            };
            var phase = 0;
            var (train, valid, test) = (Integers(golden, "train_rows"), Integers(golden, "valid_rows"), Integers(golden, "test_rows"));
            using var result = TensorCompletionTraining.Run(cells, train, valid, Mlp(golden, "p1.w0."), settings, training, CPU, dtype, (given, learner, source, validation) =>
            {
                phase++;
                var prefix = $"p{phase}.";
                var tensors = (TensorLearner)learner;
                ParameterSet.Copy(MlpWeights(golden, tensors.Model, prefix + "w0.", dtype), tensors.Model.Parameters);
                var (epochs, count) = (golden.Shape(prefix + "perm")[0], (int)golden.Shape(prefix + "perm")[1]);
                double[] orders = golden.Doubles(prefix + "perm");
                var watched = new Watched(tensors);
                var outcome = TrainingLoop.Run(watched, source, validation, given with { Order = epoch => [.. orders.Skip((epoch - 1) * count).Take(count).Select(row => (int)row)] });
                var checkpoints = (int)golden.Scalar(prefix + "checkpoints");
                Assert.AreEqual(epochs, outcome.Epochs);
                Assert.AreEqual(checkpoints, outcome.BestEpoch);
                golden.AssertValues(prefix + "valid_loss", [.. outcome.History.Select(epoch => epoch.ValidationLoss!.Value)], tolerance);
                golden.AssertValues(prefix + "batch_loss", [.. watched.Losses], tolerance);
                AssertWeights(golden, tensors.Model, prefix + "validated.", tolerance);
                AssertTest(prefix, tensors.Model);
                if (phase == 1)
                {
                    golden.AssertValues("v", [.. watched.Directions.Take(checkpoints).SelectMany(v => v)], tolerance);
                    using var after = tensors.Model.Shape.Create(null, dtype, CPU);
                    after.CopyFrom(tensors.Recorder!.WeightsAfter);
                    AssertWeights(golden, after, "p1.post.", tolerance);
                }
                return outcome;
            });
            Assert.AreEqual(2, phase);
            golden.AssertValues("influence", result.Influence, tolerance);
            var largest = result.Influence.Max();
            golden.AssertValues("importance", [.. result.Influence.Select(value => value / largest)], tolerance);
            foreach (var (mode, importance) in result.EntityImportance.Index())
            {
                golden.AssertValues($"entity_prob{mode}", importance, tolerance);
            }
            golden.AssertValues("new_index", [.. result.AugmentedIndex.Select(entity => (double)entity)], 0);
            golden.AssertValues("new_value", result.AugmentedValues, tolerance);
            AssertTest("p2.", result.Model);

            void AssertTest(string prefix, TensorModel model)
            {
                using var scorer = new TensorScorer(model);
                var scores = scorer.Score([.. test.SelectMany(row => cells[row].ToArray())]);
                golden.AssertValues(prefix + "test_mse", [test.Zip(scores, (row, score) => (score - cells.Values[row]) * (score - cells.Values[row])).Average()], tolerance);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ModelRows))]
    public void Models(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "dain.alt_models");
        var weights = golden.Option("weights") + ".";
        var (model, isAls) = golden.Choose("model", ("cp", (TensorCompletionModel.Cp, false)), ("tucker", (TensorCompletionModel.Tucker, false)), ("costco", (TensorCompletionModel.CoSTCo, false)), ("cp_als", (TensorCompletionModel.Cp, true)));
        if (isAls)
        {
            AssertAls(golden, weights);
            return;
        }
        foreach (var (dtype, tolerance) in s_precisions)
        {
            using var scope = NewDisposeScope();
            using var module = Shape(golden, model, weights).Create(null, dtype, CPU);
            module.CopyFrom(Weights(golden, module, weights, dtype));
            var (index, values) = (golden.Tensor("index"), golden.Tensor("value", dtype));
            var output = module.Forward(index);
            golden.AssertClose("pred", output.Prediction, tolerance);
            golden.AssertClose("feature", module is TuckerTensorModel tucker ? TuckerTensorModel.Kronecker(tucker.Split(output.Features)) : output.Features, tolerance);
            var (train, valid) = (golden.Tensor("train_rows"), golden.Tensor("valid_rows"));
            using var recorder = new InfluenceRecorder(module, (int)train.size(0), InfluenceLayers.Output);
            recorder.BeginValidation();
            // In two parts: they add up.
            foreach (var part in valid.chunk(2))
            {
                var some = module.Forward(index.index_select(0, part));
                recorder.AddValidation(some, some.Prediction.Minus(values.index_select(0, part)));
            }
            golden.AssertClose("v", recorder.Direction!.flatten(), tolerance);
            var seen = module.Forward(index.index_select(0, train));
            recorder.AddTraining(arange(0, train.size(0), 1), seen, seen.Prediction.Minus(values.index_select(0, train)));
            recorder.Keep();
            golden.AssertValues("influence", recorder.Influence, tolerance);
        }
    }

    private static void AssertAls(GoldenCase golden, string weights)
    {
        golden.Choose("scaling", ("none", TensorScaling.None));
        golden.Choose("unseen", ("zero", true));
        golden.Choose("output_activation", ("linear", true));
        golden.Choose("entity_bias", ("false", true));
        var order = (int)golden.Shape("index")[1];
        int[] index = Integers(golden, "index"), train = Integers(golden, "train_rows");
        var cells = new TensorCells(order, index, golden.Doubles("value"));
        int[] entities = [.. Enumerable.Range(0, order).Select(mode => (int)golden.Shape($"{weights}init{mode}")[0])];
        foreach (var threads in new[] { 1, 3 })
        {
            var als = new RidgeAls(cells, train, entities, (int)golden.Shape(weights + "init0")[1], golden.Scalar(weights + "lambda"), numberOfThreads: threads);
            for (var mode = 0; mode < order; mode++)
            {
                als.Put(mode, golden.Doubles($"{weights}init{mode}"));
            }
            int[] sweeps = [.. golden.List("sweeps").Select(int.Parse)];
            for (var sweep = 1; sweep <= sweeps.Max(); sweep++)
            {
                als.Sweep();
                for (var mode = 0; mode < order && sweeps.Contains(sweep); mode++)
                {
                    golden.AssertValues($"{weights}sweep{sweep}.factor{mode}", als.Get(mode), Tolerance);
                }
            }
            golden.AssertValues("pred", [.. Enumerable.Range(0, cells.Count).Select(row => als.Predict(cells[row]))], Tolerance);
            golden.AssertValues("train_rmse", [Math.Sqrt(train.Average(row => Math.Pow(als.Predict(cells[row]) - cells.Values[row], 2)))], Tolerance);
        }
    }

    private static int[] Integers(GoldenCase golden, string name) => [.. golden.Doubles(name).Select(value => (int)value)];

    private static TrainingSettings Optimizer(GoldenCase golden)
    {
        golden.Choose("loss", ("mse", true));
        return new()
        {
            MaximumNumberOfEpochs = 1,
            BatchSize = 1,
            LearningRate = golden.Scalar("lr"),
            Optimizer = golden.Choose("optimizer", ("adam", OptimizerKind.Adam), ("adamw", OptimizerKind.AdamW), ("radam", OptimizerKind.RAdam)),
            Beta1 = golden.Number("beta1"),
            Beta2 = golden.Number("beta2"),
            Epsilon = golden.Number("eps"),
            WeightDecay = golden.Number("weight_decay"),
            NumberOfThreads = 1,
            Seed = 1,
        };
    }

    private static int Count(GoldenCase golden, Func<int, string> name) => Enumerable.Range(0, int.MaxValue).First(i => !golden.Has(name(i)));

    private static TensorCompletionShape Mlp(GoldenCase golden, string prefix)
    {
        golden.Choose("hidden_activation", ("relu", true));
        return new()
        {
            Model = TensorCompletionModel.Mlp,
            Entities = [.. Enumerable.Range(0, Count(golden, mode => $"{prefix}emb{mode}")).Select(mode => (int)golden.Shape($"{prefix}emb{mode}")[0])],
            EmbeddingSize = (int)golden.Shape($"{prefix}emb0")[1],
            HiddenLayers = [.. Enumerable.Range(0, Count(golden, layer => $"{prefix}fc{layer}.weight")).Select(layer => (int)golden.Shape($"{prefix}fc{layer}.weight")[0])],
            UseBias = golden.Choose("entity_bias", ("false", false)),
            NonNegativeOutput = golden.Choose("output_activation", ("linear", false), ("relu", true)),
        };
    }

    private static Dictionary<string, Tensor> MlpWeights(GoldenCase golden, TensorModel model, string prefix, ScalarType dtype)
        => model.Parameters.ToDictionary(parameter => parameter.Key, parameter => parameter.Key == "embeddings"
            ? cat([.. model.Shape.Entities.Select((_, mode) => golden.Tensor($"{prefix}emb{mode}", dtype))], 0)
            : golden.Tensor(prefix + parameter.Key, dtype));

    private static void AssertWeights(GoldenCase golden, TensorModel model, string prefix, double tolerance)
        => AssertParameters(golden, model, prefix, tolerance, parameter => parameter);

    private static void AssertGradients(GoldenCase golden, TensorModel model, string prefix, double tolerance)
        => AssertParameters(golden, model, prefix, tolerance, parameter => parameter.grad!);

    private static void AssertParameters(GoldenCase golden, TensorModel model, string prefix, double tolerance, Func<Tensor, Tensor> choose)
    {
        foreach (var (name, parameter) in model.Parameters)
        {
            var value = choose(parameter);
            if (name != "embeddings")
            {
                golden.AssertClose(prefix + name, value, tolerance);
                continue;
            }
            long start = 0;
            foreach (var (mode, entities) in model.Shape.Entities.Index())
            {
                golden.AssertClose($"{prefix}emb{mode}", value.narrow(0, start, entities), tolerance);
                start += entities;
            }
        }
    }

    private static TensorCompletionShape Shape(GoldenCase golden, TensorCompletionModel model, string weights)
    {
        var order = (int)golden.Shape("index")[1];
        string Table(int mode) => weights + (model == TensorCompletionModel.CoSTCo ? $"embeds.{mode}.weight" : $"factor{mode}");
        return new()
        {
            Model = model,
            Entities = [.. Enumerable.Range(0, order).Select(mode => (int)golden.Shape(Table(mode))[0])],
            EmbeddingSize = (int)golden.Shape(Table(0))[1],
            Ranks = model == TensorCompletionModel.Tucker ? [.. Enumerable.Range(0, order).Select(mode => (int)golden.Shape(Table(mode))[1])] : [],
            Channels = model == TensorCompletionModel.CoSTCo ? (int)golden.Shape(weights + "fc1.weight")[0] : 1,
            UseBias = golden.Flag("entity_bias"),
            NonNegativeOutput = golden.Choose("output_activation", ("linear", false), ("relu", true)),
        };
    }

    private static Dictionary<string, Tensor> Weights(GoldenCase golden, TensorModel model, string weights, ScalarType dtype)
        => model.Parameters.ToDictionary(parameter => parameter.Key, parameter => Weight(golden, model, weights, parameter.Key, dtype).reshape(parameter.Value.shape));

    private static Tensor Weight(GoldenCase golden, TensorModel model, string weights, string name, ScalarType dtype)
    {
        Tensor Modes(Func<int, string> table) => cat([.. Enumerable.Range(0, model.Shape.Order).Select(mode => golden.Tensor(weights + table(mode), dtype))], 0);
        return name switch
        {
            "factors" => Modes(mode => $"factor{mode}"),
            "embeddings" => Modes(mode => $"embeds.{mode}.weight"),
            "bias" => Modes(mode => $"bias{mode}"),
            // Outputs, channels, ranks: the product sees ranks before channels.
            "ranks.weight" => golden.Tensor(weights + "conv2.weight", dtype).squeeze(3).transpose(1, 2).contiguous(),
            _ => golden.Tensor(weights + name.Replace("modes.", "conv1.").Replace("ranks.", "conv2.").Replace("hidden.", "fc1.").Replace("out.", "fc2."), dtype),
        };
    }

    /// <summary>A learner whose steps are looked at.</summary>
    private sealed class Watched(TensorLearner learner) : ILearner
    {
        private int _epoch;
        private bool _isNewEpoch = true;

        internal List<double> Losses { get; } = [];

        /// <summary>v of each epoch.</summary>
        internal List<double[]> Directions { get; } = [];

        /// <summary>Is told the number of each epoch that has ended.</summary>
        internal Action<int>? AfterEpoch { get; init; }

        public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => learner.Parameters;

        public IReadOnlyList<KeyValuePair<string, Tensor>> Records => learner.Records;

        public Tensor Loss(Batch batch, StepRandom random)
        {
            if (_isNewEpoch && learner.Recorder?.Direction is { } direction)
            {
                Directions.Add(direction.to(ScalarType.Float64).data<double>().ToArray());
            }
            _isNewEpoch = false;
            var loss = learner.Loss(batch, random);
            Losses.Add(loss.to(ScalarType.Float64).item<double>());
            return loss;
        }

        public Func<Batch, Tensor> BeginEvaluation()
        {
            _isNewEpoch = true;
            return learner.BeginEvaluation();
        }

        public void BeginEpoch() => learner.BeginEpoch();

        public void EndEpoch(bool isBest)
        {
            learner.EndEpoch(isBest);
            AfterEpoch?.Invoke(++_epoch);
        }
    }
}
