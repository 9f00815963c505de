using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>
/// Learns the value of a cell from its keys, such as user, item and hour, and fills the cells that no row tells: any number of modes, four kinds of models, and augmentation by the influence of the
/// known cells.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this trainer use
/// [NeuralTensorCompletion](xref:Microsoft.ML.RegressionCatalogExtensions.NeuralTensorCompletion*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | label | Single | rows whose label is NaN are not trained on |
/// | modes, 2 at least | key, integer or text | rows without a key in one of them are not trained on |
/// | example weight, on request | Single or Double | finite and not negative |
/// | `Score` | Single | the value of the cell; for a key that the training did not have as `UnseenKeys` says |
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Regression, tensor completion, recommendation in a context |
/// | Is normalization required? | No, the label is scaled inside |
/// | Is caching required? | No, the data is read once |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | Yes |
///
/// ### Training Algorithm Details
/// DAIN, influence-guided data augmentation for neural tensor completion ([arXiv 2108.10248](https://arxiv.org/abs/2108.10248), CIKM 2021): a first training finds how much each known cell
/// lowers or raises the validation error; new cells are drawn by the influence of their entities and get values from the first model; a second model is trained on all of them, and kept where its
/// validation error is smaller. CP is fitted by ridge regression, mode by mode.
/// ]]></format>
/// </remarks>
public sealed partial class NeuralTensorCompletionTrainer : IEstimator<NeuralTensorCompletionTransformer>
{
    private const int FewestModes = 2;

    private readonly IHost _host;
    private readonly Options _options;
    private readonly TrainingHost _training;
    private readonly InputColumn<double> _label;
    private readonly InputColumn<float>? _weight;

    internal NeuralTensorCompletionTrainer(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        _host = env.Register(nameof(NeuralTensorCompletionTrainer));
        options = Options.Copy(options);
        CheckOptions(options);
        _options = options;
        var forHost = (Options)options.Copy();
        forHost.MaximumNumberOfEpochs = options.MaximumNumberOfEpochs != 0 ? options.MaximumNumberOfEpochs : Defaults.Epochs;
        forHost.BatchSize = options.BatchSize != 0 ? options.BatchSize : Defaults.LargestBatch;
        _training = new(_host, forHost);
        _label = TensorData.LabelColumn(options.LabelColumnName);
        _weight = options.ExampleWeightColumnName is null ? null : new(options.ExampleWeightColumnName, "example weight", InputTypes.Number, InputShapes.Scalar);
    }

    private bool IsCp => _options.BaseModel == TensorCompletionModel.Cp;

    /// <summary>Returns the schema that the trained model will give to data of the given shape.</summary>
    /// <param name="inputSchema">The shape of the data.</param>
    /// <returns>The columns of the input and <c>Score</c>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(_host, inputSchema);
        foreach (var name in _options.ModeColumnNames)
        {
            new ModeColumn(name, new EntityCollector()).Check(_host, inputSchema);
        }
        _label.Check(_host, inputSchema);
        _weight?.Check(_host, inputSchema);
        return SchemaShapes.Append(inputSchema, ScoreColumns.Promise(NumberDataViewType.Single));
    }

    /// <summary>Trains a model.</summary>
    /// <param name="input">The known cells: rows with a key in every mode, and a label.</param>
    /// <returns>The trained model.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are no rows with label and keys, or too few; a label is infinite; a weight is not finite or negative; the training diverged; the checkpoint belongs to another training; or TorchSharp's
    /// native library is missing.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public NeuralTensorCompletionTransformer Fit(IDataView input)
    {
        Check.NotNull(_host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        return Train(input, null);
    }

    /// <summary>Trains a model with cells of your own to validate on.</summary>
    /// <param name="trainData">The known cells to train on.</param>
    /// <param name="validationData">The known cells that choose the best epoch and define the influence of the others, in the same columns.</param>
    /// <returns>The trained model.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are no rows with label and keys; a label is infinite; a weight is not finite or negative; the training diverged; the checkpoint belongs to another training; or TorchSharp's native
    /// library is missing.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public NeuralTensorCompletionTransformer Fit(IDataView trainData, IDataView validationData)
    {
        Check.NotNull(_host, trainData);
        Check.NotNull(_host, validationData);
        GetOutputSchema(SchemaShapes.Of(trainData.Schema));
        GetOutputSchema(SchemaShapes.Of(validationData.Schema));
        return Train(trainData, validationData);
    }

    private NeuralTensorCompletionTransformer Train(IDataView training, IDataView? validation)
    {
        var device = TrainingHost.Device(_host);
        var data = TensorData.Read(_host, training, validation, _options.ModeColumnNames, _label, _weight, _options.ValidationFraction, _training.Seed, _options.CancellationToken);
        var scaler = data.FitScaler(Scaling);
        using var channel = _host.Start("Train");
        // Whatever modes the caller is in.
        using var notInference = inference_mode(false);
        var trainings = 0;
        TensorCompletionResult result;
        try
        {
            result = TensorCompletionTraining.Run(data.Cells(scaler), data.Training, data.Validation, Shape(data.Entities), Settings(channel, scaler, data.Validation.Length > 0), LoopSettings(channel, data.Training.Length), device, learn: (settings, learner, source, heldOut) =>
            {
                channel.Info(trainings++ == 0 ? $"First training, on {source.Count} cells." : $"Second training, on {source.Count} cells, {source.Count - data.Training.Length} of them new.");
                return _training.Train(settings, learner, source, heldOut);
            });
        }
        catch (InvalidOperationException e)
        {
            throw _host.Process(e);
        }
        try
        {
            if (result.ValidationLoss is { } loss)
            {
                channel.Info(string.Create(CultureInfo.InvariantCulture, $"The root mean squared validation error is {Math.Sqrt(loss) * scaler.Deviations[0]:G5}, in the units of the label."));
            }
            return new(_host, new TensorCompletion(result, data, scaler, _options.KeepCellInfluences), _options.LabelColumnName, _options.ModeColumnNames, _options.UnseenKeys);
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    private TensorScaling Scaling => _options.Scaling ?? (IsCp || _options.NonNegativeOutput ? TensorScaling.Deviation : TensorScaling.ZScore);

    private int EmbeddingSize => _options.EmbeddingSize ?? _options.BaseModel switch
    {
        TensorCompletionModel.Tucker => Defaults.TuckerRank,
        _ => Defaults.EmbeddingSize,
    };

    private TensorCompletionShape Shape(IReadOnlyList<int> entities) => new()
    {
        Model = _options.BaseModel,
        Entities = entities,
        EmbeddingSize = EmbeddingSize,
        HiddenLayers = _options.HiddenLayers,
        Ranks = _options.BaseModel == TensorCompletionModel.Tucker ? _options.TuckerRanks ?? [.. entities.Select(count => Math.Min(count, EmbeddingSize))] : [],
        Channels = _options.CoSTCoChannels,
        UseBias = _options.UseBias && !IsCp,
        NonNegativeOutput = _options.NonNegativeOutput,
        EmbeddingInitStd = _options.EmbeddingInitStd ?? (_options.BaseModel == TensorCompletionModel.Mlp ? 0.03 : 0.1),
    };

    private TensorCompletionSettings Settings(IChannel channel, ColumnScaler scaler, bool hasValidation) => new()
    {
        Sampling = _options.Sampling,
        AugmentationRatio = _options.AugmentationRatio,
        InfluenceLayers = _options.InfluenceLayers,
        ImportanceSign = _options.ImportanceSign,
        SkipObservedCells = _options.SkipObservedCells,
        UniformMix = _options.UniformMix,
        ClampValues = _options.ClampValues,
        AugmentedWeight = _options.AugmentedWeight,
        ValuePredictor = _options.ValuePredictor,
        KeepBetter = _options.KeepBetter,
        TrainsInBFloat16 = _options.TrainInBFloat16,
        Als = Als(hasValidation),
        Center = scaler.Means[0] / scaler.Deviations[0],
        Log = text => channel.Info(text),
    };

    private AlsSettings Als(bool hasValidation)
    {
        var settings = new AlsSettings { Ridges = _options.CpRidges };
        var rank = IsCp ? _options.EmbeddingSize : null;
        settings = settings with { Ranks = _options.CpRanks ?? (rank is not null || !hasValidation ? [rank ?? Defaults.CpRank] : settings.Ranks) };
        return IsCp
            ? settings with { Sweeps = _options.MaximumNumberOfEpochs != 0 ? _options.MaximumNumberOfEpochs : settings.Sweeps, Patience = _options.Patience ?? settings.Patience }
            : settings;
    }

    private TrainingSettings LoopSettings(IChannel channel, int cells) => _training.Settings with
    {
        BatchSize = _options.BatchSize != 0 ? _options.BatchSize : Math.Min(Defaults.LargestBatch, Math.Max(Defaults.SmallestBatch, cells / Defaults.BatchesPerEpoch)),
        EvaluationBatchSize = Defaults.EvaluationBatch,
        WeightDecay = _options.WeightDecay,
        Patience = _options.Patience ?? Defaults.Patience,
        Report = _training.Report(channel),
    };

    private void CheckOptions(Options options)
    {
        Check.ColumnName(_host, options.LabelColumnName);
        Check.Option(_host, options.ModeColumnNames.Count >= FewestModes && options.ModeColumnNames.All(name => !string.IsNullOrEmpty(name)) && options.ModeColumnNames.Distinct().Count() == options.ModeColumnNames.Count,
            string.Join(", ", options.ModeColumnNames), $"Must name {FewestModes} columns at least, each once", "options.ModeColumnNames");
        Check.Option(_host, !options.ModeColumnNames.Contains(options.LabelColumnName), options.LabelColumnName, "Must not be one of the mode columns");
        Check.Option(_host, options.ExampleWeightColumnName is not "", options.ExampleWeightColumnName, "Must be the name of a column, or null");
        Check.Option(_host, Enum.IsDefined(options.BaseModel), options.BaseModel, "Must be a defined value");
        Check.Option(_host, options.MaximumNumberOfEpochs >= 0, options.MaximumNumberOfEpochs, "Must not be negative");
        Check.Option(_host, options.BatchSize >= 0, options.BatchSize, "Must not be negative");
        CheckShape(options);
        Check.Option(_host, options.Scaling is null || Enum.IsDefined(options.Scaling.Value), options.Scaling, "Must be a defined value");
        Check.Option(_host, !options.NonNegativeOutput || (options.BaseModel != TensorCompletionModel.Cp && options.Scaling != TensorScaling.ZScore), options.NonNegativeOutput,
            $"Must be false with {nameof(TensorCompletionModel.Cp)} and with {nameof(TensorScaling.ZScore)}");
        Check.Option(_host, options.WeightDecay >= 0 && double.IsFinite(options.WeightDecay), options.WeightDecay, "Must not be negative");
        Check.Option(_host, options.ValidationFraction is >= 0 and < 1, options.ValidationFraction, "Should be within [0, 1)");
        Check.Option(_host, options.Patience is null or > 0, options.Patience, "Must be positive, or null");
        Check.Option(_host, Enum.IsDefined(options.Sampling), options.Sampling, "Must be a defined value");
        Check.Option(_host, options.AugmentationRatio is >= 0 and <= Defaults.LargestRatio, options.AugmentationRatio, $"Should be within [0, {Defaults.LargestRatio}]");
        Check.Option(_host, Enum.IsDefined(options.InfluenceLayers), options.InfluenceLayers, "Must be a defined value");
        Check.Option(_host, Enum.IsDefined(options.ImportanceSign), options.ImportanceSign, "Must be a defined value");
        Check.Option(_host, options.UniformMix is >= 0 and <= 1, options.UniformMix, "Should be within [0, 1]");
        Check.Option(_host, options.AugmentedWeight > 0 && float.IsFinite((float)options.AugmentedWeight), options.AugmentedWeight, "Must be positive and finite");
        Check.Option(_host, Enum.IsDefined(options.ValuePredictor), options.ValuePredictor, "Must be a defined value");
        Check.Option(_host, Enum.IsDefined(options.UnseenKeys), options.UnseenKeys, "Must be a defined value");
    }

    private void CheckShape(Options options)
    {
        static string Text<T>(IReadOnlyList<T> values) => string.Join(", ", values.Select(value => string.Create(CultureInfo.InvariantCulture, $"{value}")));
        Check.Option(_host, options.EmbeddingSize is null or > 0, options.EmbeddingSize, "Must be positive, or null");
        Check.Option(_host, options.HiddenLayers.Count > 0 && options.HiddenLayers.All(width => width > 0), Text(options.HiddenLayers), "Must be one positive number at least", "options.HiddenLayers");
        if (options.TuckerRanks is { } tucker)
        {
            Check.Option(_host, tucker.Count == options.ModeColumnNames.Count && tucker.All(rank => rank > 0), Text(tucker), "Must be a positive number for each mode", "options.TuckerRanks");
        }
        if (options.BaseModel == TensorCompletionModel.Tucker)
        {
            var ranks = options.TuckerRanks ?? [.. options.ModeColumnNames.Select(_ => options.EmbeddingSize ?? Defaults.TuckerRank)];
            Check.Option(_host, ranks.Aggregate(1.0, (product, rank) => product * rank) <= TensorCompletionShape.LargestCore, Text(ranks),
                string.Create(CultureInfo.InvariantCulture, $"Must have a product of at most {TensorCompletionShape.LargestCore:N0}"), options.TuckerRanks is null ? "options.EmbeddingSize" : "options.TuckerRanks");
        }
        if (options.CpRanks is { } ranksOfCp)
        {
            Check.Option(_host, ranksOfCp.Count > 0 && ranksOfCp.All(rank => rank > 0), Text(ranksOfCp), "Must be one positive number at least, or null", "options.CpRanks");
        }
        Check.Option(_host, options.CpRidges.Count > 0 && options.CpRidges.All(ridge => ridge > 0 && double.IsFinite(ridge)), Text(options.CpRidges), "Must be one positive number at least", "options.CpRidges");
        Check.Option(_host, options.CoSTCoChannels > 0, options.CoSTCoChannels, "Must be positive");
        Check.Option(_host, options.EmbeddingInitStd is null || (options.EmbeddingInitStd >= 0 && double.IsFinite(options.EmbeddingInitStd.Value)), options.EmbeddingInitStd, "Must not be negative, or null");
    }
}
