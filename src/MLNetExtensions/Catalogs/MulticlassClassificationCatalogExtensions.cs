using MLNetExtensions;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;

namespace Microsoft.ML;

/// <summary>Trainers for <see cref="MLContext.MulticlassClassification"/>.</summary>
public static class MulticlassClassificationCatalogExtensions
{
    /// <summary>Creates a <see cref="TorchModuleMulticlassTrainer"/>: trains a TorchSharp module of your own to tell classes apart.</summary>
    /// <param name="catalog">The trainers of the multiclass catalog.</param>
    /// <param name="moduleFactory">Makes the network; its class is marked with <see cref="TorchModuleFactoryAttribute"/>.</param>
    /// <param name="labelColumnName">The label column: a key.</param>
    /// <param name="featureColumnName">The feature column: Single or Double, a vector of known size or a scalar.</param>
    /// <param name="maximumNumberOfEpochs">The most epochs to train; training ends sooner when the validation loss stops falling. Positive.</param>
    /// <param name="learningRate">The learning rate. Positive.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="moduleFactory"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty, a number is out of its range, or the factory is not marked.</exception>
    public static TorchModuleMulticlassTrainer TorchModule(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, TorchModuleFactory moduleFactory,
        string labelColumnName = TorchModuleOptions.Defaults.LabelColumnName, string featureColumnName = TorchModuleOptions.Defaults.FeatureColumnName,
        int maximumNumberOfEpochs = TorchModuleOptions.Defaults.MaximumNumberOfEpochs, double learningRate = TorchModuleOptions.Defaults.LearningRate)
        => new(Check.Environment(catalog), new TorchModuleMulticlassTrainer.Options
        {
            ModuleFactory = moduleFactory,
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            MaximumNumberOfEpochs = maximumNumberOfEpochs,
            LearningRate = learningRate,
        });

    /// <summary>Creates a <see cref="TorchModuleMulticlassTrainer"/> with all its options.</summary>
    /// <param name="catalog">The trainers of the multiclass catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/>, <paramref name="options"/> or its factory is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static TorchModuleMulticlassTrainer TorchModule(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, TorchModuleMulticlassTrainer.Options options)
        => new(Check.Environment(catalog), options);

    /// <summary>Creates a <see cref="TimesNetClassificationTrainer"/>: tells classes of series apart by their variations within and between periods.</summary>
    /// <param name="catalog">The trainers of the multiclass catalog.</param>
    /// <param name="labelColumnName">The label column: a key.</param>
    /// <param name="featureColumnName">The column with a series in each row, time-major: a vector of Single or Double, of known size or of variable length.</param>
    /// <param name="numberOfChannels">The number of channels of a series. Positive.</param>
    /// <param name="maximumNumberOfEpochs">The most epochs to train; training ends sooner when the validation loss stops falling. Positive.</param>
    /// <param name="learningRate">The learning rate. Positive.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty or a number is out of its range.</exception>
    public static TimesNetClassificationTrainer TimesNet(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = TimesNetClassificationTrainer.Defaults.LabelColumnName, string featureColumnName = TimesNetClassificationTrainer.Defaults.FeatureColumnName,
        int numberOfChannels = TimesNetClassificationTrainer.Defaults.NumberOfChannels, int maximumNumberOfEpochs = TimesNetClassificationTrainer.Defaults.MaximumNumberOfEpochs,
        double learningRate = TimesNetClassificationTrainer.Defaults.LearningRate)
        => new(Check.Environment(catalog), new TimesNetClassificationTrainer.Options
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            NumberOfChannels = numberOfChannels,
            MaximumNumberOfEpochs = maximumNumberOfEpochs,
            LearningRate = learningRate,
        });

    /// <summary>Creates a <see cref="TimesNetClassificationTrainer"/> with all its options.</summary>
    /// <param name="catalog">The trainers of the multiclass catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static TimesNetClassificationTrainer TimesNet(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, TimesNetClassificationTrainer.Options options)
        => new(Check.Environment(catalog), options);

    /// <summary>Creates an <see cref="EquiangularBasisVectorsTrainer"/>: tells classes apart by the angle to fixed vectors, from ten classes to a hundred thousand.</summary>
    /// <param name="catalog">The trainers of the multiclass catalog.</param>
    /// <param name="labelColumnName">The label column: a key.</param>
    /// <param name="featureColumnName">The feature column: Single or Double, a vector of known size or a scalar.</param>
    /// <param name="exampleWeightColumnName">The column of weights of the rows, Single or Double. Null: all weigh 1.</param>
    /// <param name="maximumNumberOfEpochs">The epochs to train. 0: 40. Not negative.</param>
    /// <param name="learningRate">The highest learning rate. Positive.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty or a number is out of its range.</exception>
    public static EquiangularBasisVectorsTrainer EquiangularBasisVectors(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = EquiangularBasisVectorsTrainer.Defaults.LabelColumnName, string featureColumnName = EquiangularBasisVectorsTrainer.Defaults.FeatureColumnName,
        string? exampleWeightColumnName = null, int maximumNumberOfEpochs = 0, double learningRate = EquiangularBasisVectorsTrainer.Defaults.LearningRate)
        => new(Check.Environment(catalog), new EquiangularBasisVectorsTrainer.Options
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            ExampleWeightColumnName = exampleWeightColumnName,
            MaximumNumberOfEpochs = maximumNumberOfEpochs,
            LearningRate = learningRate,
        });

    /// <summary>Creates an <see cref="EquiangularBasisVectorsTrainer"/> with all its options: networks for images and of your own, open sets, classes of very different sizes.</summary>
    /// <param name="catalog">The trainers of the multiclass catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/>, <paramref name="options"/> or a factory that it needs is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static EquiangularBasisVectorsTrainer EquiangularBasisVectors(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, EquiangularBasisVectorsTrainer.Options options)
        => new(Check.Environment(catalog), options);
}
