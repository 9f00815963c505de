using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// Tells classes apart by the angle to fixed vectors, nearly at right angles to each other, one for each class: from ten classes to a hundred thousand.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this trainer use
/// [EquiangularBasisVectors](xref:Microsoft.ML.MulticlassClassificationCatalogExtensions.EquiangularBasisVectors*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | label | key | made by `MapValueToKey`; rows whose label is missing are not trained on |
/// | features | Single or Double, vector of known size or scalar; for images a vector of Single, Double or Byte | training needs finite values |
/// | example weight, on request | Single or Double | finite and not negative |
/// | `PredictedLabel` | key | the class with the largest score; missing where a feature is not finite, or where the row is of no known class (`UnknownQuantile`) |
/// | `Score`, unless switched off | vector of Single | the probability of each class; NaN where a feature is not finite |
/// | `TopLabels`, `TopScores`, on request | vectors of keys and of Single | the k best classes and their probabilities |
/// | embedding, trunk features, angles, on request | vectors of Single | the unit embedding, the normalised features, the angle to each class in radians |
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Multiclass classification |
/// | Is normalization required? | No, features are scaled inside |
/// | Is caching required? | No, the data is read once |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | Yes |
///
/// ### Training Algorithm Details
/// Equiangular Basis Vectors ([arXiv 2303.11637](https://arxiv.org/abs/2303.11637), CVPR 2023). Each class has a unit vector that is chosen before training and never trained; a network learns
/// to point at the vector of a row's class, by the cross-entropy of the cosines over a temperature. There are as many classes as the key type has; one without rows keeps its vector and is hardly ever predicted.
/// ]]></format>
/// </remarks>
public sealed partial class EquiangularBasisVectorsTrainer : IEstimator<EquiangularBasisVectorsTransformer>
{
    private readonly IHost _host;
    private readonly Options _options;
    private readonly TrainingHost _training;
    private readonly InputColumn<ulong> _label;
    private readonly InputColumn<float> _features;
    private readonly InputColumn<float>? _weight;
    private readonly ImageLayout? _image;
    private readonly FactoryReference? _factory;

    internal EquiangularBasisVectorsTrainer(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        _host = env.Register(nameof(EquiangularBasisVectorsTrainer));
        options = Options.Copy(options);
        CheckOptions(options);
        _options = options;
        if (options.Trunk == EquiangularBasisTrunk.OwnModule)
        {
            Check.NotNull(_host, options.ModuleFactory);
            try
            {
                _factory = FactoryReference.Of(options.ModuleFactory);
            }
            catch (ArgumentException e)
            {
                throw _host.Process(new ArgumentOutOfRangeException("options.ModuleFactory", options.ModuleFactory, e.Message));
            }
        }
        _image = options.Trunk == EquiangularBasisTrunk.ConvNet ? CheckImage(options) : null;
        var forHost = (Options)options.Copy();
        forHost.MaximumNumberOfEpochs = options.MaximumNumberOfEpochs != 0 ? options.MaximumNumberOfEpochs : _image is null ? Defaults.Epochs : Defaults.EpochsOfImages;
        forHost.BatchSize = options.BatchSize != 0 ? options.BatchSize : Defaults.BatchSize;
        _training = new(_host, forHost);
        _label = ClassLabels.Column(options.LabelColumnName);
        _features = EbvInput.Column(options.FeatureColumnName, _image);
        _weight = options.ExampleWeightColumnName is null ? null : new(options.ExampleWeightColumnName, "example weight", InputTypes.Number, InputShapes.Scalar);
    }

    /// <summary>Returns the schema that the trained model will give to data of the given shape.</summary>
    /// <param name="inputSchema">The shape of the data.</param>
    /// <returns>The columns of the input, <c>PredictedLabel</c>, <c>Score</c> unless it is switched off, and those asked for.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(_host, inputSchema);
        _label.Check(_host, inputSchema);
        _features.Check(_host, inputSchema);
        _weight?.Check(_host, inputSchema);
        return SchemaShapes.Append(inputSchema, EbvOutputs.Promise(inputSchema, _label.Name, EbvOutputs.Of(_options)));
    }

    /// <summary>Trains a network.</summary>
    /// <param name="input">The rows, with features and label.</param>
    /// <returns>The trained model.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type, images have another size, or there are no such vectors for as many classes.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are no rows with a label, all have the same, no row can be held out, a feature or a weight is not finite, the training diverged, the checkpoint belongs to another training, the
    /// network of your own failed, or TorchSharp's native library is missing.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public EquiangularBasisVectorsTransformer Fit(IDataView input)
    {
        Check.NotNull(_host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        EbvInput.CheckSize(_host, _features, input.Schema, _image);
        var device = TrainingHost.Device(_host);
        var data = ClassifierData.Read(_host, input, _options.CancellationToken, _features, _label, _weight);
        var classes = data.Labels.Count;
        Check.Option(_host, _options.NumberOfTopClasses <= classes, _options.NumberOfTopClasses, $"Must not be above the number of classes, {classes}");
        WarnOfUnseenClasses(data);
        var recipe = Recipe(classes);
        var split = recipe.Split(data, _training.Seed, _options.Patience is not null);
        var width = data.Features[data.Rows[0]].Length;
        var shape = Shape(width, _options.Dimension ?? EquiangularBasisSettings.DefaultDimension(classes));
        var features = new EbvInput(_options.FeatureColumnName, width, _image, Scaler(data, split.Training));
        var settings = _training.Settings with
        {
            BatchSize = BatchSize(_options.BatchSize, split.Training.Length),
            Patience = _options.Patience ?? int.MaxValue,
            Warmup = Warmup.Default with { Epochs = _options.NumberOfWarmupEpochs },
        };
        // Whatever modes the caller is in.
        using var notInference = inference_mode(false);
        var module = CreateModule(shape, device);
        EbvModel model;
        try
        {
            using var basis = CreateBasis(classes, shape.Dimension, device);
            model = new EbvTraining(_training, recipe).Run(module, shape, basis.Vectors, features, data, split, settings);
        }
        catch
        {
            module.Dispose();
            throw;
        }
        return new(_host, model, features, data.Labels, _options.LabelColumnName, EbvOutputs.Of(_options));
    }

    /// <summary>The rows of a step where the options leave them open, by 0.</summary>
    internal static int BatchSize(int wanted, int rows) => wanted != 0 ? wanted : rows < Defaults.FewRows ? Defaults.SmallBatchSize : Defaults.BatchSize;

    private void CheckOptions(Options options)
    {
        Check.ColumnName(_host, options.LabelColumnName);
        Check.ColumnName(_host, options.FeatureColumnName);
        Check.Option(_host, options.ExampleWeightColumnName is not "", options.ExampleWeightColumnName, "Must be the name of a column, or null");
        Check.Option(_host, Enum.IsDefined(options.Trunk), options.Trunk, "Must be a defined value");
        Check.Option(_host, options.HiddenWidths.Count > 0 && options.HiddenWidths.All(width => width > 0), string.Join(", ", options.HiddenWidths), "Must be one positive number at least", "options.HiddenWidths");
        Check.Option(_host, options.ConvNetWidth > 0, options.ConvNetWidth, "Must be positive");
        Check.Option(_host, options.NumberOfFeatures > 0, options.NumberOfFeatures, "Must be positive");
        Check.Option(_host, options.Scaling is null || Enum.IsDefined(options.Scaling.Value), options.Scaling, "Must be a defined value");
        Check.Option(_host, Enum.IsDefined(options.Basis), options.Basis, "Must be a defined value");
        Check.Option(_host, options.Dimension is null or > 0, options.Dimension, "Must be positive, or null");
        Check.Option(_host, options.NumberOfSpareVectors >= 0, options.NumberOfSpareVectors, "Must not be negative");
        Check.Option(_host, options.BasisSteps is null or >= 0, options.BasisSteps, "Must not be negative");
        Check.Option(_host, options.BasisCacheFolder is not "", options.BasisCacheFolder, "Must be the path of a folder, or null");
        Check.Option(_host, options.Temperature is null || (options.Temperature > 0 && double.IsFinite(options.Temperature.Value)), options.Temperature, "Must be positive and finite, or null");
        Check.Option(_host, options.LabelSmoothing is null or (>= 0 and < 1), options.LabelSmoothing, "Should be within [0, 1), or null");
        Check.Option(_host, Enum.IsDefined(options.ClassWeights), options.ClassWeights, "Must be a defined value");
        Check.Option(_host, Enum.IsDefined(options.Optimizer), options.Optimizer, "Must be a defined value");
        Check.Option(_host, options.Momentum is >= 0 and < 1, options.Momentum, "Should be within [0, 1)");
        Check.Option(_host, options.WeightDecay >= 0 && double.IsFinite(options.WeightDecay), options.WeightDecay, "Must not be negative");
        Check.Option(_host, options.GradientClipNorm >= 0 && double.IsFinite(options.GradientClipNorm), options.GradientClipNorm, "Must not be negative");
        Check.Option(_host, Enum.IsDefined(options.LearningRateSchedule), options.LearningRateSchedule, "Must be a defined value");
        Check.Option(_host, options.NumberOfWarmupEpochs >= 0, options.NumberOfWarmupEpochs, "Must not be negative");
        Check.Option(_host, options.HeldOutFraction is >= 0 and < 1, options.HeldOutFraction, "Should be within [0, 1)");
        Check.Option(_host, options.Patience is null or > 0, options.Patience, "Must be positive, or null");
        Check.Option(_host, options.UnknownQuantile is null or (> 0 and < 1), options.UnknownQuantile, "Must be within (0, 1), or null");
        Check.Option(_host, options.HeldOutFraction > 0 || (options.Patience is null && options.Calibrate != true && options.UnknownQuantile is null), options.HeldOutFraction,
            $"Must not be 0 where {nameof(Options.Patience)}, {nameof(Options.Calibrate)} or {nameof(Options.UnknownQuantile)} needs rows held out");
        Check.Option(_host, options.NumberOfTopClasses >= 0, options.NumberOfTopClasses, "Must not be negative");
        Check.Option(_host, options.EmbeddingColumnName is not "", options.EmbeddingColumnName, "Must be the name of a column, or null");
        Check.Option(_host, options.TrunkFeaturesColumnName is not "", options.TrunkFeaturesColumnName, "Must be the name of a column, or null");
        Check.Option(_host, options.AngleColumnName is not "", options.AngleColumnName, "Must be the name of a column, or null");
        Check.Option(_host, options.BatchSize != 1, options.BatchSize, "Must be above 1, because the network normalises over the rows of a batch");
        if (EbvOutputs.Of(options).Names.GroupBy(name => name).FirstOrDefault(names => names.Count() > 1) is { } twice)
        {
            throw _host.Process(new ArgumentOutOfRangeException("options", twice.Key, "Two output columns must not have the same name"));
        }
    }

    private ImageLayout CheckImage(Options options)
    {
        Check.Option(_host, options.ImageHeight >= ConvShape.SmallestSide, options.ImageHeight, $"Must be at least {ConvShape.SmallestSide} for images");
        Check.Option(_host, options.ImageWidth >= ConvShape.SmallestSide, options.ImageWidth, $"Must be at least {ConvShape.SmallestSide} for images");
        Check.Option(_host, options.ImageChannels > 0, options.ImageChannels, "Must be positive");
        Check.Option(_host, (double)options.ImageHeight * options.ImageWidth * options.ImageChannels <= Array.MaxLength, options.ImageHeight, "Must be of images that fit into memory");
        Check.Option(_host, options.ImageShift >= 0 && options.ImageShift < Math.Min(options.ImageHeight, options.ImageWidth), options.ImageShift, "Must not be negative, and below the size of images");
        return new(options.ImageHeight, options.ImageWidth, options.ImageChannels, options.InterleavedPixels);
    }

    private EbvRecipe Recipe(int classes) => new(
        _options.Temperature ?? (classes > Defaults.ManyClasses ? 1 / (Math.Log(classes) + 4) : Defaults.Temperature),
        _options.LabelSmoothing ?? (_image is null ? Defaults.LabelSmoothing : 0),
        _image is null ? 0 : _options.ImageShift,
        _image is not null && _options.ImageFlip,
        _options.ClassWeights, _options.PriorShift, _options.Optimizer, _options.Momentum, _options.Nesterov, _options.WeightDecay, _options.GradientClipNorm, _options.LearningRateSchedule,
        _options.HeldOutFraction, _options.Calibrate, _options.UnknownQuantile);

    private EbvNetworkShape Shape(int inputs, int dimension)
    {
        switch (_options.Trunk)
        {
            case EquiangularBasisTrunk.ConvNet:
                var conv = new ConvShape
                {
                    Channels = _image!.Channels,
                    Height = _image.Height,
                    Width = _image.Width,
                    StemWidth = _options.ConvNetWidth,
                    MaxPool = _options.MaxPooling ? 2 : 0,
                    Blocks = ConvShape.DefaultBlocks(_options.ConvNetWidth),
                };
                return new(inputs, dimension, null, conv, null, conv.Blocks[^1].Width);
            case EquiangularBasisTrunk.OwnModule:
                return new(inputs, dimension, null, null, _factory, _options.NumberOfFeatures);
            default:
                return new(inputs, dimension, new() { Inputs = inputs, Widths = _options.HiddenWidths }, null, null, _options.HiddenWidths[^1]);
        }
    }

    private ColumnScaler Scaler(ClassifierData data, int[] rows) => (_options.Scaling ?? (_image is null ? FeatureScaling.PerColumn : FeatureScaling.Global)) switch
    {
        FeatureScaling.PerColumn => ColumnScaler.Fit(data.Features, rows),
        FeatureScaling.Global => ColumnScaler.FitGlobal(data.Features, rows),
        _ => ColumnScaler.None(1),
    };

    private EbvModule CreateModule(EbvNetworkShape shape, Device device)
    {
        try
        {
            using var random = new StepRandom(_training.Seed, epoch: 0, step: 0);
            return shape.Create(random, device);
        }
        catch (InvalidOperationException e)
        {
            throw _host.Process(e);
        }
    }

    private EquiangularBasis CreateBasis(int classes, int dimension, Device device)
    {
        using var channel = _host.Start("Train");
        var settings = new EquiangularBasisSettings
        {
            Count = classes + _options.NumberOfSpareVectors,
            Dimension = dimension,
            Generator = _options.Basis,
            Seed = _training.Seed,
            Steps = _options.BasisSteps,
            NumberOfThreads = _options.NumberOfThreads,
            Device = device,
            CacheFolder = _options.BasisCacheFolder,
        };
        try
        {
            settings.Check();
        }
        catch (ArgumentOutOfRangeException e)
        {
            // It depends on the number of classes, which the data tells.
            throw _host.Process(new ArgumentOutOfRangeException($"options.{(e.ParamName == nameof(settings.Dimension) ? nameof(Options.Dimension) : nameof(Options.Basis))}", e.ActualValue, e.Message));
        }
        if (settings.Generator == EquiangularBasisGenerator.Hinge && _options.BasisSteps is { } steps)
        {
            settings = settings with { HingeSteps = steps };
        }
        var basis = EquiangularBasis.Create(settings, channel.Warning, _options.CancellationToken);
        channel.Info(string.Create(CultureInfo.InvariantCulture,
            $"{basis.Count} vectors in {basis.Dimension} dimensions ({basis.Generator}): the largest |cosine| of two is {basis.MaxAbsCosine:G4}, and no set has a smaller one than {basis.LowerBound:G4}."));
        return basis;
    }

    private void WarnOfUnseenClasses(ClassifierData data)
    {
        var seen = new bool[data.Labels.Count];
        foreach (var row in data.Rows)
        {
            seen[data.ClassOf(row)] = true;
        }
        var unseen = seen.Count(isSeen => !isSeen);
        if (unseen > 0)
        {
            using var channel = _host.Start("Train");
            channel.Warning($"{unseen} of the {seen.Length} classes of the label column '{_label.Name}' have no row to train on: they keep their vectors, and nothing is known of them.");
        }
    }
}
