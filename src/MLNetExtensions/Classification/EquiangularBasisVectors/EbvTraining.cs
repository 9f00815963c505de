using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Trains a network towards the vectors of classes, and then fits to rows what scoring needs besides.</summary>
/// <param name="training">The surroundings.</param>
/// <param name="recipe">How to train.</param>
internal sealed class EbvTraining(TrainingHost training, EbvRecipe recipe)
{
    private const int EvaluationBatchSize = 512;

    // The logits to fit the temperature to: more rows of very many classes would not fit into memory, nor change it.
    private const long MostLogits = 1 << 26;

    /// <summary>The mean length of raw embeddings above which training crawls.</summary>
    private const double LongEmbedding = 20;

    /// <summary>Trains. Inference mode must be off.</summary>
    /// <param name="module">The network with its starting weights, which belongs to the model that is returned.</param>
    /// <param name="shape">What fixes it.</param>
    /// <param name="basis">The vectors of the classes and spare ones, [N, d].</param>
    /// <param name="input">How rows are read.</param>
    /// <param name="data">The rows.</param>
    /// <param name="split">Those to train on, and those held out.</param>
    /// <param name="settings">The settings; patience makes the rows held out choose the epoch.</param>
    /// <exception cref="InvalidOperationException">The training diverged, or the checkpoint does not fit or cannot be written; or the user's network fails.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    internal EbvModel Run(EbvModule module, EbvNetworkShape shape, Tensor basis, EbvInput input, ClassifierData data, (int[] Training, int[] HeldOut) split, TrainingSettings settings)
    {
        try
        {
            using var scope = NewDisposeScope();
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var classes = data.Labels.Count;
            var onDevice = basis.to(module.Device);
            var vectors = onDevice.narrow(0, 0, classes);
            var counts = Count(data, split.Training);
            int[] rows = [.. split.Training, .. split.HeldOut];
            var weights = recipe.ClassWeights == ClassWeighting.None ? null : ClassBalance.Weights(counts, recipe.ClassWeights == ClassWeighting.Balanced ? 1 : 0.5);
            var tensors = new Dictionary<string, Tensor>
            {
                [EbvLearner.Input] = RowSource.Fill(rows, [rows.Length, input.Size], ScalarType.Float32, module.Device, hash, (row, memory) => input.Write(data.Features[row], MemoryMarshal.Cast<byte, float>(memory))),
                [EbvLearner.Target] = RowSource.Fill(rows, [rows.Length], ScalarType.Int64, module.Device, hash, (row, memory) => MemoryMarshal.Write(memory, data.ClassOf(row))),
            };
            var isWeighted = data.IsWeighted || weights is not null;
            if (isWeighted)
            {
                tensors[EbvLearner.Weight] = RowSource.Fill(rows, [rows.Length], ScalarType.Float32, module.Device, hash,
                    (row, memory) => MemoryMarshal.Write(memory, data.WeightOf(row) * (float)(weights?[data.ClassOf(row)] ?? 1)));
            }
            var (source, heldOut) = RowSource.Split(split.Training.Length, rows.Length, tensors);
            Hash(hash, basis.narrow(0, 0, classes));
            double[]? priors = recipe.PriorShift ? ClassBalance.LogPriors(counts) : null;
            using var loss = new EbvLoss(vectors, recipe.Temperature, recipe.LabelSmoothing, priors is null ? null : ConstantTensor.Create(priors, [classes], ScalarType.Float32, module.Device));
            var learner = new EbvLearner(module, loss, isWeighted, Augmentation(shape));
            training.Train(settings with
            {
                FullBatchesOnly = true,
                EvaluationBatchSize = EvaluationBatchSize,
                Optimizer = recipe.Optimizer,
                Beta1 = recipe.Momentum,
                Nesterov = recipe.Nesterov,
                WeightDecay = recipe.WeightDecay,
                ClipNorm = recipe.GradientClipNorm,
                Schedule = recipe.Schedule,
                Fingerprint = $"EquiangularBasisVectors {shape} {recipe} {Convert.ToHexString(hash.GetHashAndReset())}",
            }, learner, source, settings.Patience == int.MaxValue ? null : heldOut);
            WarnOfLongEmbeddings(learner.MeanRawNorm);
            using var threads = TorchThreads.Use(settings.NumberOfThreads);
            // A training that was cancelled and returns what it has shall return it.
            return Fit(module, shape, onDevice, source, heldOut, classes, settings.OnCancellation == CancellationBehavior.Throw ? settings.CancellationToken : CancellationToken.None);
        }
        catch (InvalidOperationException e)
        {
            throw training.Host.Process(e);
        }
    }

    private EbvModel Fit(EbvModule module, EbvNetworkShape shape, Tensor basis, RowSource source, RowSource? heldOut, int classes, CancellationToken cancellation)
    {
        using var noGrad = no_grad();
        var vectors = basis.narrow(0, 0, classes);
        using var means = new ClassMeans(classes, shape.Dimension, module.Device);
        Embed(module, source, cancellation, means.Add);
        var directions = means.Directions().to(ScalarType.Float32);
        var temperature = recipe.Temperature;
        double? threshold = null;
        Tensor? own = null;
        // The best epoch may have been chosen by rows that are too few for anything else.
        if (heldOut is not null)
        {
            List<Tensor> byVector = [], byMean = [], logits = [], labels = [];
            var most = Math.Max(EbvRecipe.FewestToCalibrate, MostLogits / classes);
            var isCalibrated = recipe.Calibrate ?? (recipe.LabelSmoothing > 0 && heldOut.Count >= EbvRecipe.FewestToCalibrate);
            long wrong = 0;
            using var table = new ClassTable(new ClassBlock(vectors));
            Embed(module, heldOut, cancellation, (embedding, targets) =>
            {
                byVector.Add(OpenSet.OwnCosines(embedding, targets, vectors).MoveToOuterDisposeScope());
                byMean.Add(OpenSet.OwnCosines(embedding, targets, directions).MoveToOuterDisposeScope());
                if (isCalibrated && labels.Sum(part => part.size(0)) < most)
                {
                    var z = table.Logits(embedding, recipe.Temperature);
                    wrong += z.argmax(1).ne(targets).sum().cpu().item<long>();
                    logits.Add(z.MoveToOuterDisposeScope());
                    labels.Add(targets.MoveToOuterDisposeScope());
                }
            });
            own = stack([cat([.. byVector], 0), cat([.. byMean], 0)], 0);
            if (recipe.UnknownQuantile is { } quantile)
            {
                threshold = OpenSet.Threshold(own[0], quantile);
            }
            // Where all are right, they only tell that any confidence would do.
            if (isCalibrated && (wrong > 0 || recipe.Calibrate == true))
            {
                temperature *= TemperatureCalibration.Fit(cat([.. logits], 0), cat([.. labels], 0));
            }
        }
        var fit = new EbvFit(temperature, means.Offset(vectors), threshold);
        using var channel = training.Host.Start("Train");
        channel.Info(string.Create(CultureInfo.InvariantCulture, $"Temperature {fit.Temperature:G4}; class means are ahead of class vectors by a cosine of {fit.Offset:G4}{(threshold is { } cosine ? $"; rows with a largest cosine below {cosine:G4} are unknown" : "")}."));
        return new(new(module), shape, recipe, new ClassTable(new ClassBlock(vectors)), scoresByBasis: true, basis, directions, own, fit);
    }

    /// <summary>Gives the unit embeddings and classes of rows to <paramref name="take"/>, in the order of the rows; within a dispose scope.</summary>
    internal static void Embed(EbvModule module, RowSource source, CancellationToken cancellation, Action<Tensor, Tensor> take)
        => Evaluate(module, source, cancellation, (features, targets) => take(EbvModule.Normalize(module.Raw(features)), targets));

    /// <summary>The same with the features of the trunk.</summary>
    internal static void Evaluate(EbvModule module, RowSource source, CancellationToken cancellation, Action<Tensor, Tensor> take)
    {
        using var noGrad = no_grad();
        int[] indices = [.. Enumerable.Range(0, source.Count)];
        for (var start = 0; start < indices.Length; start += EvaluationBatchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var batch = source.Take(indices.AsSpan(start, Math.Min(EvaluationBatchSize, indices.Length - start)));
            take(module.Trunk.Forward(batch[EbvLearner.Input], training: false), batch[EbvLearner.Target]);
        }
    }

    private ImageAugmentation? Augmentation(EbvNetworkShape shape)
        => shape.ConvNet is { } image && (recipe.ImageShift > 0 || recipe.ImageFlip) ? new(image, recipe.ImageShift, recipe.ImageFlip) : null;

    private void WarnOfLongEmbeddings(double mean)
    {
        if (mean > LongEmbedding)
        {
            using var channel = training.Host.Start("Train");
            channel.Warning(string.Create(CultureInfo.InvariantCulture, $"The raw embeddings have become long, {mean:G3} in the mean: the longer they are, the less a training step turns them. Clip the gradients (GradientClipNorm), raise WeightDecay or lower the learning rate."));
        }
    }

    private static long[] Count(ClassifierData data, int[] rows)
    {
        var counts = new long[data.Labels.Count];
        foreach (var row in rows)
        {
            counts[data.ClassOf(row)]++;
        }
        return counts;
    }

    private static void Hash(IncrementalHash hash, Tensor vectors)
    {
        var contiguous = vectors.cpu().contiguous();
        hash.AppendData(contiguous.bytes);
        GC.KeepAlive(contiguous);
    }
}
