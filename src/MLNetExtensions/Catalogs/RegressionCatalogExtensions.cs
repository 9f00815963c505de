using MLNetExtensions;
using MLNetExtensions.Tensors;
using MLNetExtensions.Torch;

namespace Microsoft.ML;

/// <summary>Trainers for <see cref="MLContext.Regression"/>, and what goes with them.</summary>
public static class RegressionCatalogExtensions
{
    /// <summary>Creates a <see cref="TorchModuleRegressionTrainer"/>: trains a TorchSharp module of your own to predict a number, or a vector of numbers.</summary>
    /// <param name="catalog">The trainers of the regression catalog.</param>
    /// <param name="moduleFactory">Makes the network; its class is marked with <see cref="TorchModuleFactoryAttribute"/>.</param>
    /// <param name="labelColumnName">The label column: Single, scalar or a vector of known size.</param>
    /// <param name="featureColumnName">The feature column: Single or Double, a vector of known size or a scalar.</param>
    /// <param name="maximumNumberOfEpochs">The most epochs to train; training ends sooner when the validation loss stops falling. Positive.</param>
    /// <param name="learningRate">The learning rate. Positive.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="moduleFactory"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty, a number is out of its range, or the factory is not marked.</exception>
    public static TorchModuleRegressionTrainer TorchModule(this RegressionCatalog.RegressionTrainers catalog, TorchModuleFactory moduleFactory,
        string labelColumnName = TorchModuleOptions.Defaults.LabelColumnName, string featureColumnName = TorchModuleOptions.Defaults.FeatureColumnName,
        int maximumNumberOfEpochs = TorchModuleOptions.Defaults.MaximumNumberOfEpochs, double learningRate = TorchModuleOptions.Defaults.LearningRate)
        => new(Check.Environment(catalog), new TorchModuleRegressionTrainer.Options
        {
            ModuleFactory = moduleFactory,
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            MaximumNumberOfEpochs = maximumNumberOfEpochs,
            LearningRate = learningRate,
        });

    /// <summary>Creates a <see cref="TorchModuleRegressionTrainer"/> with all its options.</summary>
    /// <param name="catalog">The trainers of the regression catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/>, <paramref name="options"/> or its factory is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static TorchModuleRegressionTrainer TorchModule(this RegressionCatalog.RegressionTrainers catalog, TorchModuleRegressionTrainer.Options options)
        => new(Check.Environment(catalog), options);

    /// <summary>
    /// Creates a <see cref="FunctionalBayesianTuckerTrainer"/>: learns a function of several continuous coordinates, such as place and time, by sums of products of functions of one coordinate each,
    /// and how sure it is of every value.
    /// </summary>
    /// <param name="catalog">The trainers of the regression catalog.</param>
    /// <param name="labelColumnName">The label column: Single.</param>
    /// <param name="featureColumnName">The feature column: Single or Double, a vector of known size with a coordinate for each mode, at least 2.</param>
    /// <param name="rank">The number of functions of each mode. Positive.</param>
    /// <param name="form">How the functions of the modes make up the value.</param>
    /// <param name="smoothness">How smooth the functions are.</param>
    /// <param name="lengthScale">The distance over which functions change, as a part of the training range of their mode. Within [1e-6, 1e6].</param>
    /// <param name="selectLengthScales">Whether the length scale of each mode is chosen instead, which takes as long as several trainings.</param>
    /// <param name="maximumNumberOfIterations">The most iterations. Positive.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty, or a number is out of its range.</exception>
    public static FunctionalBayesianTuckerTrainer FunctionalBayesianTucker(this RegressionCatalog.RegressionTrainers catalog,
        string labelColumnName = FunctionalBayesianTuckerTrainer.Defaults.LabelColumnName, string featureColumnName = FunctionalBayesianTuckerTrainer.Defaults.FeatureColumnName,
        int rank = FunctionalBayesianTuckerTrainer.Defaults.Rank, TuckerForm form = TuckerForm.Cp, MaternSmoothness smoothness = MaternSmoothness.Matern32,
        double lengthScale = FunctionalBayesianTuckerTrainer.Defaults.LengthScale, bool selectLengthScales = false,
        int maximumNumberOfIterations = FunctionalBayesianTuckerTrainer.Defaults.MaximumNumberOfIterations)
        => new(Check.Environment(catalog), new FunctionalBayesianTuckerTrainer.Options
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            Rank = rank,
            Form = form,
            Smoothness = smoothness,
            LengthScales = [lengthScale],
            SelectLengthScales = selectLengthScales,
            MaximumNumberOfIterations = maximumNumberOfIterations,
        });

    /// <summary>Creates a <see cref="FunctionalBayesianTuckerTrainer"/> with all its options.</summary>
    /// <param name="catalog">The trainers of the regression catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static FunctionalBayesianTuckerTrainer FunctionalBayesianTucker(this RegressionCatalog.RegressionTrainers catalog, FunctionalBayesianTuckerTrainer.Options options)
        => new(Check.Environment(catalog), options);

    /// <summary>
    /// Measures predictions that say how sure they are: besides the errors of the scores the log-likelihood and the continuous ranked probability score of the normal distributions that score and
    /// standard deviation tell, and how many labels lie within their bounds. Of any regression that has such columns; rows stream by.
    /// </summary>
    /// <param name="catalog">The regression catalog.</param>
    /// <param name="data">Scored data.</param>
    /// <param name="labelColumnName">The label column: Single or Double. Rows where a value is missing or infinite are left out and counted.</param>
    /// <param name="scoreColumnName">The column of the means: Single or Double.</param>
    /// <param name="standardDeviationColumnName">The column of the standard deviations of the label, noise included: Single or Double, positive.</param>
    /// <param name="lowerColumnName">The column of lower bounds: Single or Double. Null: the bounds follow from the standard deviations.</param>
    /// <param name="upperColumnName">The column of upper bounds; given with <paramref name="lowerColumnName"/>.</param>
    /// <param name="confidenceLevel">The part of the labels that bounds which follow from the standard deviations should hold; bound columns state their own. Within (0, 1).</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="data"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type, one bound is given alone, or <paramref name="confidenceLevel"/> is out of its range.</exception>
    /// <exception cref="InvalidOperationException">No row can be evaluated, or a standard deviation is not positive.</exception>
    public static ProbabilisticRegressionMetrics EvaluateProbabilistic(this RegressionCatalog catalog, IDataView data, string labelColumnName = FunctionalBayesianTuckerTrainer.Defaults.LabelColumnName,
        string scoreColumnName = ScoreColumns.Score, string standardDeviationColumnName = FunctionalTuckerOutputs.ScoreDeviation, string? lowerColumnName = null, string? upperColumnName = null,
        double confidenceLevel = FunctionalBayesianTuckerTrainer.Defaults.ConfidenceLevel)
        => ProbabilisticEvaluator.Evaluate(Check.Environment(catalog), data, new(labelColumnName, scoreColumnName, standardDeviationColumnName, lowerColumnName, upperColumnName), confidenceLevel);

    /// <summary>
    /// Creates a <see cref="NeuralTensorCompletionTrainer"/>: learns the value of a cell from its keys, such as user, item and hour, and fills the cells that are not known.
    /// </summary>
    /// <param name="catalog">The trainers of the regression catalog.</param>
    /// <param name="labelColumnName">The label column, Single: the value of a cell; NaN where it is not known.</param>
    /// <param name="modeColumnNames">The mode columns, two at least: keys, integers or text.</param>
    /// <param name="baseModel">How the value of a cell is computed out of its keys.</param>
    /// <param name="sampling">How the cells are drawn that augment the tensor for a second training.</param>
    /// <param name="augmentationRatio">The number of new cells for each training cell. Within [0, 1000]; 0 = no second training.</param>
    /// <param name="maximumNumberOfEpochs">The most epochs of a training, which ends sooner when the validation error stops falling. Not negative; 0: 100, or 60 sweeps of <see cref="TensorCompletionModel.Cp"/>.</param>
    /// <param name="unseenKeys">What a row scores whose key is missing or unknown.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="modeColumnNames"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty, there are fewer than two modes, or a number is out of its range.</exception>
    public static NeuralTensorCompletionTrainer NeuralTensorCompletion(this RegressionCatalog.RegressionTrainers catalog, string labelColumnName, IReadOnlyList<string> modeColumnNames,
        TensorCompletionModel baseModel = TensorCompletionModel.Mlp, TensorSampling sampling = TensorSampling.Influence, double augmentationRatio = NeuralTensorCompletionTrainer.Defaults.AugmentationRatio,
        int maximumNumberOfEpochs = 0, UnseenKeys unseenKeys = UnseenKeys.Mean)
    {
        var env = Check.Environment(catalog);
        Check.NotNull(env, modeColumnNames);
        return new(env, new NeuralTensorCompletionTrainer.Options
        {
            LabelColumnName = labelColumnName,
            ModeColumnNames = modeColumnNames,
            BaseModel = baseModel,
            Sampling = sampling,
            AugmentationRatio = augmentationRatio,
            MaximumNumberOfEpochs = maximumNumberOfEpochs,
            UnseenKeys = unseenKeys,
        });
    }

    /// <summary>Creates a <see cref="NeuralTensorCompletionTrainer"/> with all its options.</summary>
    /// <param name="catalog">The trainers of the regression catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static NeuralTensorCompletionTrainer NeuralTensorCompletion(this RegressionCatalog.RegressionTrainers catalog, NeuralTensorCompletionTrainer.Options options)
        => new(Check.Environment(catalog), options);
}
