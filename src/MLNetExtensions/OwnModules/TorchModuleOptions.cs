namespace MLNetExtensions.Torch;

/// <summary>What the <c>TorchModule</c> trainers let their user set.</summary>
public abstract class TorchModuleOptions : TrainingOptions
{
    private protected TorchModuleOptions()
    {
        MaximumNumberOfEpochs = Defaults.MaximumNumberOfEpochs;
        BatchSize = Defaults.BatchSize;
        LearningRate = Defaults.LearningRate;
    }

    /// <summary>Makes the network. Must be set, to a class marked with <see cref="TorchModuleFactoryAttribute"/>.</summary>
    public TorchModuleFactory? ModuleFactory { get; set; }

    /// <summary>The name of the label column. The default is <c>Label</c>.</summary>
    public string LabelColumnName { get; set; } = Defaults.LabelColumnName;

    /// <summary>The name of the feature column: Single or Double, a vector of known size or a scalar. The default is <c>Features</c>.</summary>
    public string FeatureColumnName { get; set; } = Defaults.FeatureColumnName;

    /// <summary>Whether to bring each feature to mean 0 and variance 1 over the training rows before the network sees it. The default is true.</summary>
    public bool StandardizeFeatures { get; set; } = true;

    /// <summary>The rule by which the weights are updated. The default is <see cref="OptimizerKind.Adam"/>.</summary>
    public OptimizerKind Optimizer { get; set; }

    /// <summary>How the learning rate changes from epoch to epoch. The default is <see cref="LearningRateSchedule.Constant"/>.</summary>
    public LearningRateSchedule LearningRateSchedule { get; set; }

    /// <summary>The weight decay, as <see cref="Optimizer"/> takes it. Must not be negative. The default is 0.</summary>
    public double WeightDecay { get; set; }

    /// <summary>The largest L2 norm of the gradient, above which it is scaled down. Must not be negative; 0 (default) = no limit.</summary>
    public double GradientClipNorm { get; set; }

    /// <summary>
    /// The part of the rows, drawn at random by the seed, that choose the best epoch and are not trained on; at least one row.
    /// Should be within [0, 1); 0 = none, all epochs are trained. The default is 0.1.
    /// </summary>
    public double ValidationFraction { get; set; } = 0.1;

    /// <summary>The number of epochs without a better validation loss after which training ends. Must be positive. The default is 10.</summary>
    public int Patience { get; set; } = 10;

    /// <summary>The numbers that the simple overloads share.</summary>
    internal static class Defaults
    {
        internal const string LabelColumnName = "Label";
        internal const string FeatureColumnName = "Features";
        internal const int MaximumNumberOfEpochs = 100;
        internal const int BatchSize = 32;
        internal const double LearningRate = 1e-3;
    }
}
