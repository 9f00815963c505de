using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Makes models with more classes out of trained ones, and measures these.</summary>
internal sealed class ClassAddition
{
    private readonly IHost _host;
    private readonly MLContext _context;
    private readonly ITransformer _model;
    private readonly EquiangularBasisVectorsTransformer _classifier;

    /// <exception cref="InvalidOperationException">The model holds no such classifier, or several.</exception>
    internal ClassAddition(MLContext context, ITransformer model)
    {
        _host = ((IHostEnvironment)context).Register(nameof(ClassAddition));
        _context = context;
        _model = model;
        _classifier = TransformerTree.Find<EquiangularBasisVectorsTransformer>(_host, model);
        _classifier.ThrowIfDisposed();
    }

    /// <summary>The model with more classes, which shares all that is the same.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range; a column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">There are no rows of new classes, or those of old ones are there or missing against the mode; a feature is not finite; the training diverged.</exception>
    internal ITransformer Add(IDataView data, AddClassesOptions options)
    {
        Check.Option(_host, Enum.IsDefined(options.Mode), options.Mode, "Must be a defined value");
        Check.Option(_host, options.LabelColumnName is not "", options.LabelColumnName, "Must be the name of a column, or null");
        Check.Option(_host, options.BatchSize != 1, options.BatchSize, "Must be above 1, because the network normalises over the rows of a batch");
        var forHost = (AddClassesOptions)options.Copy();
        forHost.BatchSize = options.BatchSize != 0 ? options.BatchSize : EquiangularBasisVectorsTrainer.Defaults.BatchSize;
        var training = new TrainingHost(_host, forHost);
        using var notInference = inference_mode(false);
        var rows = LabelledRows.Read(_host, _context, _model, _classifier, data, options.LabelColumnName, options.CancellationToken);
        var labels = Extend(rows, options.Mode);
        var labelled = rows.Of(_host, _classifier.FeatureColumnName, labels);
        var added = options.Mode == AddClassesMode.Retrain ? Retrain(labelled, training, options) : Append(labelled, options);
        return TransformerTree.Replace(_model, _classifier, new EquiangularBasisVectorsTransformer(_classifier.Host, added, _classifier.Input, labels, _classifier.LabelColumnName, _classifier.Columns));
    }

    /// <summary>How far the classes have collapsed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">No row is of a known class, or a feature is not finite.</exception>
    internal NeuralCollapse Measure(IDataView data, bool ofTrunkFeatures, string? labelColumnName)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = _classifier.Model;
        var rows = LabelledRows.Read(_host, _context, _model, _classifier, data, labelColumnName, default).Of(_host, _classifier.FeatureColumnName, _classifier.Labels);
        List<Tensor> features = [], labels = [], predicted = [];
        EbvTraining.Evaluate(model.Network, Source(rows), default, (f, targets) =>
        {
            var embedding = EbvModule.Normalize(model.Network.Raw(f));
            predicted.Add(model.Table.Cosines(embedding).argmax(1).MoveToOuterDisposeScope());
            features.Add((ofTrunkFeatures ? f : embedding).MoveToOuterDisposeScope());
            labels.Add(targets.MoveToOuterDisposeScope());
        });
        var vectors = ofTrunkFeatures ? null : cat([.. model.Table.Blocks.Select(block => block.Vectors)], 0);
        return NeuralCollapse.Measure(cat([.. features], 0), cat([.. labels], 0), cat([.. predicted], 0), _classifier.NumberOfClasses, vectors);
    }

    /// <summary>The classes of the model and the new ones, in the order in which rows name them.</summary>
    private ClassLabels Extend(LabelledRows rows, AddClassesMode mode)
    {
        var old = _classifier.Labels;
        var (column, seen, added, indices) = (rows.LabelColumnName, new bool[old.Count], new List<string>(), new HashSet<string>());
        foreach (var name in rows.Names.Values)
        {
            if (name.Length == 0)
            {
                continue;
            }
            var index = old.IndexOf(name);
            if (index >= 0)
            {
                seen[index] = true;
            }
            else if (indices.Add(name))
            {
                added.Add(name);
            }
        }
        if (added.Count == 0)
        {
            throw Check.BadData(_host, $"The label column '{column}' names no class that the model does not have already{(seen.Contains(true) ? "" : ": a mapping to keys before the classifier loses names that it does not know, so give a column that holds them as they are")}.");
        }
        if (mode != AddClassesMode.Retrain && Array.IndexOf(seen, true) is >= 0 and var known)
        {
            throw Check.BadData(_host, $"The label column '{column}' names '{old.NameOf(known)}', which is a class of the model: only rows of new classes are taken, unless the mode is {AddClassesMode.Retrain}.");
        }
        if (mode == AddClassesMode.Retrain && Forgotten(seen) is { } forgotten)
        {
            throw Check.BadData(_host, $"The label column '{column}' does not name '{forgotten}': to train anew takes rows of all classes, else those without rows are forgotten.");
        }
        try
        {
            return old.Extend(added);
        }
        catch (FormatException e)
        {
            throw Check.BadData(_host, $"The label column '{column}' names classes that the model cannot have: {e.Message}");
        }
    }

    /// <summary>A class that had rows in training and has none now.</summary>
    private string? Forgotten(bool[] seen)
    {
        var lengths = Lengths(_classifier.Model.Means);
        for (var i = 0; i < seen.Length; i++)
        {
            if (!seen[i] && lengths[i] > 0)
            {
                return _classifier.Labels.NameOf(i);
            }
        }
        return null;
    }

    /// <summary>Without training.</summary>
    private EbvModel Append(ClassifierData data, AddClassesOptions options)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var threads = TorchThreads.Use(options.NumberOfThreads);
        var old = _classifier.Model;
        var (known, classes) = (_classifier.NumberOfClasses, data.Labels.Count);
        using var gathered = new ClassMeans(classes, old.Shape.Dimension, old.Network.Device);
        var source = Source(data);
        EbvTraining.Embed(old.Network, source, options.CancellationToken, gathered.Add);
        var added = gathered.Directions().to(ScalarType.Float32).narrow(0, known, classes - known).contiguous();
        var means = cat([old.Means, added], 0);
        var isMeans = options.Mode == AddClassesMode.Means;
        var offset = isMeans ? 0 : old.Fit.Offset;
        var (heldOut, threshold) = (old.HeldOut, old.Fit.Threshold);
        if (old.HeldOut is not null)
        {
            List<Tensor> own = [];
            EbvTraining.Embed(old.Network, source, options.CancellationToken, (embedding, targets) => own.Add(OpenSet.OwnCosines(embedding, targets, means).MoveToOuterDisposeScope()));
            var toMeans = cat([.. own], 0);
            using var minus = (-offset).ToScalar();
            heldOut = cat([old.HeldOut, stack([toMeans.add(minus, TensorOps.One), toMeans], 0)], 1);
            if (isMeans)
            {
                heldOut = stack([heldOut[1], heldOut[1]], 0);
            }
            if (old.Recipe.UnknownQuantile is { } quantile)
            {
                threshold = OpenSet.Threshold(heldOut[0], quantile);
            }
        }
        var table = isMeans ? new ClassTable(new ClassBlock(means, Offsets(means, 0))) : old.Table.Append(new(added, Offsets(added, offset)));
        return new(old.ShareNetwork(), old.Shape, old.Recipe, table, !isMeans && old.ScoresByBasis, old.Basis, means, heldOut, old.Fit with { Offset = offset, Threshold = threshold });
    }

    /// <summary>By some epochs on all classes.</summary>
    private EbvModel Retrain(ClassifierData data, TrainingHost training, AddClassesOptions options)
    {
        var old = _classifier.Model;
        var recipe = old.Recipe;
        var split = recipe.Split(data, training.Seed, choosesEpoch: false);
        using var scope = NewDisposeScope();
        var missing = data.Labels.Count - (int)old.Basis.size(0);
        var basis = old.Basis.cpu();
        if (missing > 0)
        {
            using var threads = TorchThreads.Use(options.NumberOfThreads);
            basis = cat([basis, BasisExtension.Make(basis, missing, training.Seed, options.CancellationToken)], 0);
        }
        var settings = training.Settings with
        {
            BatchSize = EquiangularBasisVectorsTrainer.BatchSize(options.BatchSize, split.Training.Length),
            Warmup = Warmup.Default with { Epochs = 0 },
        };
        using var random = new StepRandom(training.Seed, epoch: 0, step: 0);
        var module = old.Shape.Create(random, old.Network.Device);
        try
        {
            module.CopyFrom(old.Network.Weights.ToDictionary());
            return new EbvTraining(training, recipe).Run(module, old.Shape, basis, _classifier.Input, data, split, settings);
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    private RowSource Source(ClassifierData data)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (rows, device) = (data.Rows, _classifier.Model.Network.Device);
        return new(new Dictionary<string, Tensor>
        {
            [EbvLearner.Input] = RowSource.Fill(rows, [rows.Length, _classifier.Input.Size], ScalarType.Float32, device, hash, (row, memory) => _classifier.Input.Write(data.Features[row], MemoryMarshal.Cast<byte, float>(memory))),
            [EbvLearner.Target] = RowSource.Fill(rows, [rows.Length], ScalarType.Int64, device, hash, (row, memory) => MemoryMarshal.Write(memory, data.ClassOf(row))),
        }, 0, rows.Length);
    }

    /// <summary>What is taken from the cosines to means; a class without rows, whose mean is 0, must not win.</summary>
    private static Tensor Offsets(Tensor means, double offset)
    {
        var values = Lengths(means).Select(length => length > 0 ? offset : double.PositiveInfinity).ToArray();
        return ConstantTensor.Create(values, [values.Length], ScalarType.Float32, means.device);
    }

    private static double[] Lengths(Tensor rows)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var lengths = rows.norm(1).to(ScalarType.Float64).cpu().contiguous();
        double[] values = [.. MemoryMarshal.Cast<byte, double>(lengths.bytes)];
        GC.KeepAlive(lengths);
        return values;
    }
}
