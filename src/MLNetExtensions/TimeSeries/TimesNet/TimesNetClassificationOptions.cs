using MLNetExtensions.Torch;

namespace MLNetExtensions.TimeSeries;

public sealed partial class TimesNetClassificationTrainer
{
    /// <summary>The options of <see cref="TimesNetClassificationTrainer"/>.</summary>
    public sealed class Options : TrainingOptions
    {
        /// <summary>Creates the options with their defaults.</summary>
        public Options()
        {
            MaximumNumberOfEpochs = Defaults.MaximumNumberOfEpochs;
            BatchSize = 16;
            LearningRate = Defaults.LearningRate;
        }

        /// <summary>The name of the label column, a key. The default is <c>Label</c>.</summary>
        public string LabelColumnName { get; set; } = Defaults.LabelColumnName;

        /// <summary>
        /// The name of the column that holds a series in each row: a vector of Single or Double, time-major, all channels of the first step, then those of the second …; of known
        /// size where all series are equally long, else of variable length. The default is <c>Features</c>.
        /// </summary>
        public string FeatureColumnName { get; set; } = Defaults.FeatureColumnName;

        /// <summary>The number of channels; the length of every vector is a multiple of it. Must be positive. The default is 1.</summary>
        public int NumberOfChannels { get; set; } = Defaults.NumberOfChannels;

        /// <summary>
        /// The part of the rows, drawn at random by the seed from each class in proportion, that chooses the best epoch and is not trained on. At least one row; every class keeps a
        /// row to train on. Should be within [0, 1); 0 = none, all epochs are trained. The default is 0.2.
        /// </summary>
        public double ValidationFraction { get; set; } = 0.2;

        /// <summary>
        /// Whether, when the best epoch is known, a network is trained anew on all rows for as many epochs, with the same starting weights: series are often few, and those for validation are
        /// missed (on Japanese vowels five seeds reach 95.1 to 97.0 %, without it 94.1 to 97.3 %). It takes as long again; <see cref="TrainingOptions.Progress"/> then counts from epoch 1
        /// again, and <see cref="TrainingOptions.CheckpointPath"/> has a second file beside it, with the ending <c>.refit</c>. Without validation it has no meaning. The default is true.
        /// </summary>
        public bool RefitOnAllRows { get; set; } = true;

        /// <summary>The number of epochs without a better validation loss after which training ends. Must be positive. The default is 10.</summary>
        public int Patience { get; set; } = 10;

        /// <summary>Whether to bring each channel to mean 0 and variance 1 over all steps of the training series. The default is true.</summary>
        public bool Standardize { get; set; } = true;

        /// <summary>The rule by which the weights are updated. The default is <see cref="OptimizerKind.RAdam"/>.</summary>
        public OptimizerKind Optimizer { get; set; } = OptimizerKind.RAdam;

        /// <summary>The largest L2 norm of the gradient, above which it is scaled down. Must not be negative; 0 = no limit. The default is 4.</summary>
        public double GradientClipNorm { get; set; } = 4;

        /// <summary>The network. Its defaults: 3 periods, a width of 32 to 64 by the number of channels.</summary>
        public TimesNetOptions Network { get; private set; } = new(topPeriods: 3, smallestWidth: 32, largestWidth: 64);

        internal static Options Copy(Options options)
        {
            var copy = (Options)options.Copy();
            copy.Network = options.Network.Copy();
            return copy;
        }
    }

    /// <summary>The numbers that the simple overload shares.</summary>
    internal static class Defaults
    {
        internal const string LabelColumnName = "Label";
        internal const string FeatureColumnName = "Features";
        internal const int NumberOfChannels = 1;
        internal const int MaximumNumberOfEpochs = 30;
        internal const double LearningRate = 1e-3;
    }
}
