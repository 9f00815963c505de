using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.Tensors;

/// <summary>
/// Learns a function of several continuous coordinates, such as place and time, as a sum of products of functions of one coordinate each, and how sure it is of every value.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this trainer use
/// [FunctionalBayesianTucker](xref:Microsoft.ML.RegressionCatalogExtensions.FunctionalBayesianTucker*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | label | Single | rows whose label is NaN are not trained on |
/// | features | Single or Double, vector of known size, at least 2 | one coordinate for each mode; training needs finite values, and two distinct ones at least in each mode |
/// | `Score` | Single | the posterior mean; NaN where a coordinate is not finite |
/// | `ScoreStdDev` | Single | the standard deviation of the label, noise included; positive |
/// | `LatentStdDev` | Single | the standard deviation of the function, without noise; positive |
/// | lower and upper bound, on request | Single | the label lies between them with the probability `ConfidenceLevel` |
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Regression with uncertainty, tensor completion |
/// | Is normalization required? | No, coordinates and label are scaled inside |
/// | Is caching required? | No, the data is read once |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | Yes |
///
/// ### Training Algorithm Details
/// Functional Bayesian Tucker decomposition ([arXiv 2311.04829](https://arxiv.org/abs/2311.04829), ICLR 2024). Each mode has a few functions with Gaussian process priors (Matérn), which are
/// written as chains of states: the cost is linear in the rows and in the distinct coordinates. The posterior is found by variational inference. Far outside of the training range scores go to the
/// mean of the training labels.
/// ]]></format>
/// </remarks>
public sealed partial class FunctionalBayesianTuckerTrainer : IEstimator<FunctionalBayesianTuckerTransformer>
{
    private readonly IHost _host;
    private readonly Options _options;
    private readonly int _seed;
    private readonly InputColumn<double> _label;
    private readonly InputColumn<double> _features;

    internal FunctionalBayesianTuckerTrainer(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        _host = env.Register(nameof(FunctionalBayesianTuckerTrainer));
        options = options.Copy();
        CheckOptions(options);
        _options = options;
        _seed = options.Seed ?? _host.Rand.Next();
        _label = FunctionalTuckerData.LabelColumn(options.LabelColumnName);
        _features = FunctionalTuckerData.FeatureColumn(options.FeatureColumnName);
    }

    /// <summary>Returns the schema that the trained model will give to data of the given shape.</summary>
    /// <param name="inputSchema">The shape of the data.</param>
    /// <returns>The columns of the input, <c>Score</c>, <c>ScoreStdDev</c>, <c>LatentStdDev</c> and the bounds if asked for.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(_host, inputSchema);
        _label.Check(_host, inputSchema);
        _features.Check(_host, inputSchema);
        return SchemaShapes.Append(inputSchema, FunctionalTuckerOutputs.Of(_options).Promise());
    }

    /// <summary>Learns the functions.</summary>
    /// <param name="input">The rows, with coordinates and label.</param>
    /// <returns>The trained model.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type, there are fewer than two modes, or an option does not fit their number.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are no rows with a label, a coordinate or a label is not finite, a mode has one distinct coordinate only, or fewer than its rank.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public FunctionalBayesianTuckerTransformer Fit(IDataView input)
    {
        Check.NotNull(_host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        var modes = FunctionalTuckerData.CountModes(_host, _features, input.Schema);
        var shape = Shape(modes);
        var data = FunctionalTuckerData.Read(_host, input, _features, _label, _options.CancellationToken);
        var scaling = FunctionalTuckerScaling.Fit(_host, data);
        var coordinates = scaling.Coordinates(data);
        data.CheckRanks(_host, shape.Ranks, coordinates);
        using var channel = _host.Start("Train");
        var posterior = FunctionalTuckerInference.Fit(coordinates, scaling.Targets(data), shape, Settings(channel, scaling));
        var model = new FunctionalBayesianTuckerTransformer(_host, posterior, scaling, SavedTuckerSettings.Of(_options), FunctionalTuckerOutputs.Of(_options), _options.FeatureColumnName, _options.LabelColumnName);
        channel.Info(model.Summary);
        return model;
    }

    private FunctionalTuckerModelShape Shape(int modes)
    {
        Check.Option(_host, _options.Ranks is null || _options.Ranks.Count == modes, _options.Ranks?.Count, $"Must tell a rank for each of the {modes} modes", "options.Ranks");
        int[] ranks = _options.Ranks is null ? [.. Enumerable.Repeat(_options.Rank, modes)] : [.. _options.Ranks];
        Check.Option(_host, _options.Form == TuckerForm.Cp || ranks.Aggregate(1L, (product, rank) => Math.Min(int.MaxValue, product * rank)) <= Defaults.MostCoreElements, string.Join(", ", ranks),
            $"Must have a product of at most {Defaults.MostCoreElements}, the elements of the core", _options.Ranks is null ? "options.Rank" : "options.Ranks");
        return new()
        {
            Form = _options.Form,
            Ranks = ranks,
            Smoothness = _options.Smoothness,
            LengthScales = PerMode(_options.LengthScales, modes, Defaults.LengthScale, "options.LengthScales"),
            Variances = PerMode(_options.Variances, modes, Defaults.Variance, "options.Variances"),
        };
    }

    private double[] PerMode(IReadOnlyList<double>? values, int modes, double otherwise, string name)
    {
        values ??= [otherwise];
        Check.Option(_host, values.Count == 1 || values.Count == modes, values.Count, $"Must be one for each of the {modes} modes, or one for all", name);
        return values.Count == modes ? [.. values] : [.. Enumerable.Repeat(values[0], modes)];
    }

    private FunctionalTuckerSettings Settings(IChannel channel, FunctionalTuckerScaling scaling) => SavedTuckerSettings.Of(_options).Settings(_host, _options.CancellationToken) with
    {
        Restarts = _options.NumberOfRestarts,
        RestartSweeps = _options.NumberOfRestartIterations,
        LengthScaleGrid = _options.SelectLengthScales ? [.. _options.LengthScaleGrid.Distinct().Order()] : null,
        LearnVariances = _options.SelectVariances,
        SelectionSweeps = _options.NumberOfSelectionIterations,
        Threads = _options.NumberOfThreads ?? 1,
        Seed = _seed,
        Report = progress =>
        {
            var told = new TuckerTrainingProgress(progress, scaling);
            channel.Info(told.ToString());
            _options.Progress?.Report(told);
        },
    };

    private void CheckOptions(Options options)
    {
        static bool IsScale(double value) => value is >= Defaults.LeastScale and <= Defaults.MostScale;
        static bool IsDamping(double value) => value is >= 0 and < 1;
        var scale = string.Create(CultureInfo.InvariantCulture, $"within [{Defaults.LeastScale}, {Defaults.MostScale}]");
        Check.ColumnName(_host, options.LabelColumnName);
        Check.ColumnName(_host, options.FeatureColumnName);
        Check.Option(_host, Enum.IsDefined(options.Form), options.Form, "Must be a defined value");
        Check.Option(_host, options.Rank > 0, options.Rank, "Must be positive");
        if (options.Ranks is { } ranks)
        {
            Check.Option(_host, ranks.Count > 1 && ranks.All(rank => rank > 0), string.Join(", ", ranks), "Must be positive numbers, one for each of two modes at least", "options.Ranks");
            Check.Option(_host, options.Form == TuckerForm.Tucker || ranks.Distinct().Count() == 1, string.Join(", ", ranks), $"Must all be the same for {TuckerForm.Cp}", "options.Ranks");
        }
        Check.Option(_host, Enum.IsDefined(options.Smoothness), options.Smoothness, "Must be a defined value");
        Check.Option(_host, options.LengthScales is null || (options.LengthScales.Count > 0 && options.LengthScales.All(IsScale)), Join(options.LengthScales), $"Must be numbers {scale}, or null", "options.LengthScales");
        Check.Option(_host, options.Variances is null || (options.Variances.Count > 0 && options.Variances.All(IsScale)), Join(options.Variances), $"Must be numbers {scale}, or null", "options.Variances");
        Check.Option(_host, options.LengthScaleGrid.Count > 0 && options.LengthScaleGrid.All(IsScale), Join(options.LengthScaleGrid), $"Must be numbers {scale}", "options.LengthScaleGrid");
        Check.Option(_host, options.NumberOfSelectionIterations > 0, options.NumberOfSelectionIterations, "Must be positive");
        Check.Option(_host, options.NoisePriorShape > 0 && double.IsFinite(options.NoisePriorShape), options.NoisePriorShape, "Must be positive and finite");
        Check.Option(_host, options.NoisePriorRate > 0 && double.IsFinite(options.NoisePriorRate), options.NoisePriorRate, "Must be positive and finite");
        Check.Option(_host, IsDamping(options.FunctionDamping), options.FunctionDamping, "Should be within [0, 1)");
        Check.Option(_host, IsDamping(options.CoreDamping), options.CoreDamping, "Should be within [0, 1)");
        Check.Option(_host, IsDamping(options.NoiseDamping), options.NoiseDamping, "Should be within [0, 1)");
        var isDamped = options.FunctionDamping > 0 || options.CoreDamping > 0 || options.NoiseDamping > 0;
        Check.Option(_host, !options.SelectLengthScales || !isDamped, options.SelectLengthScales, "Must be false with damping, under which there is no bound to select by");
        Check.Option(_host, !options.SelectVariances || !isDamped, options.SelectVariances, "Must be false with damping, under which there is no bound to select by");
        Check.Option(_host, options.NumberOfRestarts > 0, options.NumberOfRestarts, "Must be positive");
        Check.Option(_host, options.NumberOfRestartIterations > 0, options.NumberOfRestartIterations, "Must be positive");
        Check.Option(_host, options.MaximumNumberOfIterations > 0, options.MaximumNumberOfIterations, "Must be positive");
        Check.Option(_host, options.Tolerance >= 0 && double.IsFinite(options.Tolerance), options.Tolerance, "Must not be negative");
        Check.Option(_host, options.NumberOfThreads is null or > 0, options.NumberOfThreads, "Must be positive, or null");
        Check.Option(_host, options.ConfidenceLevel is > 0 and < 1, options.ConfidenceLevel, "Should be within (0, 1)");
        FunctionalTuckerOutputs.Of(options).CheckNames(_host);

        static string? Join(IReadOnlyList<double>? values) => values is null ? null : string.Join(", ", values.Select(value => value.ToString("R", CultureInfo.InvariantCulture)));
    }
}
