using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>What is chosen on held-out training rows.</summary>
/// <param name="LabelSmoothing">The part of each target that is spread over all classes.</param>
/// <param name="Scaling">How the columns are scaled.</param>
internal sealed record ClassifierSettings(double LabelSmoothing, FeatureScaling Scaling)
{
    public override string ToString() => $"smoothing {LabelSmoothing}, scale {Scaling}";
}

/// <summary>What a classifier says of rows: the class and how sure it is.</summary>
internal sealed record Predictions(int[] Classes, double[] Confidence)
{
    public double Accuracy(LabelledRows rows) => 100 * Classes.Zip(rows.Classes).Average(pair => pair.First == pair.Second ? 1.0 : 0);

    /// <summary>The chance that a row of these is surer than one of the others.</summary>
    public double Auroc(Predictions others)
        => Confidence.Average(own => others.Confidence.Average(other => own > other ? 1 : own == other ? 0.5 : 0));
}

/// <summary>Trains on rows and says of others what they are.</summary>
internal delegate Predictions[] Classifier(ClassificationSet set, LabelledRows training, ClassifierSettings settings, int seed, int threads, params LabelledRows[] tests);

/// <summary>The recipe of both heads.</summary>
internal static class ClassifierRun
{
    private const int SmallSet = 2000;
    private const int ScoreBatch = 256;
    private const int Shift = 2;
    private const double Smoothing = 0.1;

    public static int Epochs(ClassificationSet set) => set.Side is null || set.Training.Count < SmallSet ? 40 : 20;

    public static int BatchSize(ClassificationSet set) => set.Training.Count < SmallSet ? 64 : 128;

    public static string Recipe(ClassificationSet set)
        => $"{Epochs(set)} epochs, batches of {BatchSize(set)}{(set.Side is null ? "" : $", shift {Shift}{(set.MayFlip ? ", flip" : "")}")}";

    /// <summary>What is tried, the recommended settings first; of images there is one alone.</summary>
    /// <param name="set">The set.</param>
    /// <param name="imageSmoothing">The label smoothing of images.</param>
    public static IEnumerable<ClassifierSettings> Candidates(ClassificationSet set, double imageSmoothing)
    {
        if (set.Side is not null)
        {
            return [new(imageSmoothing, FeatureScaling.Global)];
        }
        FeatureScaling[] scalings = set.HasOneUnit ? [FeatureScaling.Global, FeatureScaling.PerColumn] : [FeatureScaling.PerColumn];
        return scalings.SelectMany(scaling => new[] { Smoothing, 0 }, (scaling, smoothing) => new ClassifierSettings(smoothing, scaling));
    }

    /// <summary>Equiangular basis vectors, through the public trainer; the confidence is the largest cosine.</summary>
    public static Predictions[] Ebv(ClassificationSet set, LabelledRows training, ClassifierSettings settings, int seed, int threads, params LabelledRows[] tests)
    {
        const string Angle = "Angle";
        var ml = new MLContext(seed);
        var options = EbvOptions(set, settings, seed, threads);
        options.AngleColumnName = Angle;
        using var model = ml.MulticlassClassification.Trainers.EquiangularBasisVectors(options).Fit(training.View(ml));
        return [.. tests.Select(rows =>
        {
            var scored = model.Transform(rows.View(ml));
            return new Predictions(
                [.. scored.GetColumn<uint>("PredictedLabel").Select(key => (int)key - 1)],
                [.. scored.GetColumn<float[]>(Angle).Select(angles => Math.Cos(angles.Min()))]);
        })];
    }

    /// <summary>The recipe as options of the trainer.</summary>
    public static EquiangularBasisVectorsTrainer.Options EbvOptions(ClassificationSet set, ClassifierSettings settings, int seed, int threads)
    {
        var options = new EquiangularBasisVectorsTrainer.Options
        {
            Scaling = settings.Scaling,
            LabelSmoothing = settings.LabelSmoothing,
            MaximumNumberOfEpochs = Epochs(set),
            BatchSize = BatchSize(set),
            // All rows train, as for the other head; the predicted classes do not depend on it.
            Calibrate = false,
            Seed = seed,
            NumberOfThreads = threads,
            Progress = new ForecastRun.LastElapsed(),
        };
        if (set.Side is { } side)
        {
            options.Trunk = EquiangularBasisTrunk.ConvNet;
            (options.ImageHeight, options.ImageWidth, options.ImageShift, options.ImageFlip) = (side, side, Shift, set.MayFlip);
        }
        return options;
    }

    /// <summary>An ordinary linear layer on the same trunk, trained by the same loop.</summary>
    public static Predictions[] Softmax(ClassificationSet set, LabelledRows training, ClassifierSettings settings, int seed, int threads, params LabelledRows[] tests)
    {
        using var random = new StepRandom(seed, 0, 0);
        using var module = new EbvModule(Trunk(set, training, random.Generator), set.Classes, random.Generator, ScalarType.Float32);
        using var smoothing = settings.LabelSmoothing.ToScalar();
        var learner = new SoftmaxLearner(module, settings.LabelSmoothing, Augmentation(set));
        return Run(set, training, settings, seed, threads, learner, x => module.Raw(module.Trunk.Forward(x, training: false)).softmax(1), tests);
    }

    private static Predictions[] Run(ClassificationSet set, LabelledRows training, ClassifierSettings settings, int seed, int threads, ILearner learner, Func<Tensor, Tensor> score, LabelledRows[] tests)
    {
        using var number = TorchThreads.Use(threads);
        using var scope = NewDisposeScope();
        var (mean, deviation) = Scale(training, settings);
        var source = new RowSource(new Dictionary<string, Tensor>
        {
            [RowSource.Input] = Input(training),
            [RowSource.Target] = tensor(training.Classes.Select(label => (long)label).ToArray()),
        }, 0, training.Count);
        TrainingLoop.Run(learner, source, null, new()
        {
            MaximumNumberOfEpochs = Epochs(set),
            BatchSize = BatchSize(set),
            FullBatchesOnly = true,
            LearningRate = 0.3,
            Schedule = LearningRateSchedule.WarmupCosine,
            Optimizer = OptimizerKind.Sgd,
            WeightDecay = 5e-4,
            ClipNorm = 1,
            NumberOfThreads = threads,
            Seed = seed,
            Report = progress => Console.Error.WriteLine(progress),
        });
        return [.. tests.Select(Predict)];

        Tensor Input(LabelledRows rows)
            => tensor(rows.Features.SelectMany(row => row).ToArray(), [rows.Count, rows.Features[0].Length]).sub(mean).div(deviation);

        Predictions Predict(LabelledRows rows)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var input = Input(rows);
            var scores = cat([.. Enumerable.Range(0, (rows.Count + ScoreBatch - 1) / ScoreBatch)
                .Select(i => score(input.narrow(0, i * ScoreBatch, Math.Min(ScoreBatch, rows.Count - i * ScoreBatch))))], 0);
            var (best, classes) = scores.to(ScalarType.Float64).max(1);
            return new([.. classes.data<long>().ToArray().Select(label => (int)label)], best.data<double>().ToArray());
        }
    }

    private static (Tensor Mean, Tensor Deviation) Scale(LabelledRows rows, ClassifierSettings settings)
    {
        var width = rows.Features[0].Length;
        double[] values = [.. rows.Features.SelectMany(row => row).Select(value => (double)value)];
        var scaler = ColumnScaler.Fit(values, settings.Scaling == FeatureScaling.Global ? 1 : width);
        return (tensor(scaler.Means, dtype: ScalarType.Float32), tensor(scaler.Deviations, dtype: ScalarType.Float32));
    }

    private static ITrunk Trunk(ClassificationSet set, LabelledRows training, Generator generator)
        => set.Side is null
            ? new MlpTrunk(new() { Inputs = training.Features[0].Length }, generator, ScalarType.Float32, CPU)
            : new ConvTrunk(Shape(set.Side.Value), generator, ScalarType.Float32, CPU);

    private static ImageAugmentation? Augmentation(ClassificationSet set) => set.Side is { } side ? new(Shape(side), Shift, set.MayFlip) : null;

    private static ConvShape Shape(int side) => new() { Channels = 1, Height = side, Width = side, Blocks = ConvShape.DefaultBlocks(16) };

    private sealed class SoftmaxLearner(EbvModule module, double labelSmoothing, ImageAugmentation? augmentation) : ILearner
    {
        public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => module.Parameters;

        public IReadOnlyList<KeyValuePair<string, Tensor>> Buffers => module.Buffers;

        public Tensor Loss(Batch batch, StepRandom random)
            => Loss(module.Trunk.Forward(augmentation?.Apply(batch[RowSource.Input], random) ?? batch[RowSource.Input], training: true, random), batch);

        public Func<Batch, Tensor> BeginEvaluation() => batch => Loss(module.Trunk.Forward(batch[RowSource.Input], training: false), batch);

        private Tensor Loss(Tensor features, Batch batch)
            => nn.functional.cross_entropy(module.Raw(features), batch[RowSource.Target], label_smoothing: labelSmoothing);
    }
}
