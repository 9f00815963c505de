using MLNetExtensions.Torch;

namespace MLNetExtensions;

public sealed partial class EquiangularBasisVectorsTrainer
{
    /// <summary>
    /// The options of <see cref="EquiangularBasisVectorsTrainer"/>. <see cref="TrainingOptions.MaximumNumberOfEpochs"/> may be 0 (default): 20 for <see cref="EquiangularBasisTrunk.ConvNet"/>, else
    /// 40. <see cref="TrainingOptions.BatchSize"/> may be 0 (default): 64 for fewer than 2,000 training rows, else 128; never 1. <see cref="TrainingOptions.LearningRate"/> is 0.3, the highest
    /// of a schedule that changes with every step.
    /// </summary>
    public sealed class Options : TrainingOptions
    {
        /// <summary>Creates the options with their defaults.</summary>
        public Options() => LearningRate = Defaults.LearningRate;

        /// <summary>The name of the label column, a key. The default is <c>Label</c>.</summary>
        public string LabelColumnName { get; set; } = Defaults.LabelColumnName;

        /// <summary>
        /// The name of the feature column: Single or Double, a vector of known size or a scalar; for images a vector of known size of Single, Double or Byte. The default is <c>Features</c>.
        /// </summary>
        public string FeatureColumnName { get; set; } = Defaults.FeatureColumnName;

        /// <summary>The name of a column of weights of the training rows, Single or Double, finite and not negative. Null (default): all weigh 1.</summary>
        public string? ExampleWeightColumnName { get; set; }

        /// <summary>The network. The default is <see cref="EquiangularBasisTrunk.Mlp"/>.</summary>
        public EquiangularBasisTrunk Trunk { get; set; }

        /// <summary>The widths of the hidden layers of <see cref="EquiangularBasisTrunk.Mlp"/>, each positive; the last is the number of features. The default is 256, 256.</summary>
        public IReadOnlyList<int> HiddenWidths { get; set; } = [256, 256];

        /// <summary>The height of images, at least 8. Must be set for <see cref="EquiangularBasisTrunk.ConvNet"/>.</summary>
        public int ImageHeight { get; set; }

        /// <summary>The width of images, at least 8. Must be set for <see cref="EquiangularBasisTrunk.ConvNet"/>.</summary>
        public int ImageWidth { get; set; }

        /// <summary>The number of channels of images. Must be positive. The default is 1.</summary>
        public int ImageChannels { get; set; } = 1;

        /// <summary>
        /// The order of pixels. False (default): all of the first channel row by row, then those of the second …, as <c>ExtractPixels</c> gives them unless told otherwise. True: the channels of
        /// the first pixel, then those of the second …, as <c>ExtractPixels</c> gives them with <c>interleavePixelColors</c>. What the values of a pixel are, 0 to 255 or 0 to 1, does not matter.
        /// </summary>
        public bool InterleavedPixels { get; set; }

        /// <summary>The channels of the first convolution of <see cref="EquiangularBasisTrunk.ConvNet"/>; there are four times as many features. Must be positive. The default is 16.</summary>
        public int ConvNetWidth { get; set; } = 16;

        /// <summary>Whether <see cref="EquiangularBasisTrunk.ConvNet"/> halves images after the first convolution: four times as fast. The default is true.</summary>
        public bool MaxPooling { get; set; } = true;

        /// <summary>Training images are shifted by up to so many pixels up, down, left and right, by chance. Must not be negative, and below the size of images. The default is 2.</summary>
        public int ImageShift { get; set; } = 2;

        /// <summary>
        /// Whether training images are mirrored from left to right, every other one by chance: only where mirror images are of the same class, as clothes are and characters are not. The default is
        /// false.
        /// </summary>
        public bool ImageFlip { get; set; }

        /// <summary>
        /// Makes the network of <see cref="EquiangularBasisTrunk.OwnModule"/>, from the features of the data to <see cref="NumberOfFeatures"/> values: the classes come after it. Must be set there.
        /// </summary>
        public TorchModuleFactory? ModuleFactory { get; set; }

        /// <summary>The number of values that the network of <see cref="ModuleFactory"/> gives for a row. Must be positive. The default is 256.</summary>
        public int NumberOfFeatures { get; set; } = 256;

        /// <summary>How features are scaled. Null (default): <see cref="FeatureScaling.Global"/> for images, else <see cref="FeatureScaling.PerColumn"/>.</summary>
        public FeatureScaling? Scaling { get; set; }

        /// <summary>How the vectors of the classes are chosen. The default is <see cref="EquiangularBasisGenerator.Auto"/>.</summary>
        public EquiangularBasisGenerator Basis { get; set; }

        /// <summary>
        /// The dimension d of the vectors. Must be positive, and enough for the generator. Null (default): the number of classes, at least 64 and at most 512 (2,048 beyond 262,144 classes). Small
        /// dimensions train worse.
        /// </summary>
        public int? Dimension { get; set; }

        /// <summary>The number of vectors made beyond those of the classes, for classes that <c>AddClasses</c> trains later. Must not be negative. The default is 0.</summary>
        public int NumberOfSpareVectors { get; set; }

        /// <summary>The steps of the generators that optimise. Must not be negative. Null (default): as many as suit the number of vectors.</summary>
        public int? BasisSteps { get; set; }

        /// <summary>A folder that keeps vectors which took time to make, for the next training with as many classes and the same seed. Null (default): none.</summary>
        public string? BasisCacheFolder { get; set; }

        /// <summary>What cosines are divided by before the softmax. Must be positive. Null (default): 0.07; beyond 30,000 classes 1 / (ln C + 4).</summary>
        public double? Temperature { get; set; }

        /// <summary>The part of each target that is spread over all classes. Should be within [0, 1). Null (default): 0 for images, else 0.1.</summary>
        public double? LabelSmoothing { get; set; }

        /// <summary>What a training row weighs by the size of its class; times its own weight. The default is <see cref="ClassWeighting.None"/>.</summary>
        public ClassWeighting ClassWeights { get; set; }

        /// <summary>
        /// Whether in training the logarithm of the share of each class is added to its logit: of all remedies for classes of very different sizes the one that does most. The default is false.
        /// </summary>
        public bool PriorShift { get; set; }

        /// <summary>The rule by which the weights are updated. The default is <see cref="OptimizerKind.Sgd"/>.</summary>
        public OptimizerKind Optimizer { get; set; } = OptimizerKind.Sgd;

        /// <summary>The momentum of <see cref="OptimizerKind.Sgd"/>, the decay of the first moment of others. Should be within [0, 1). The default is 0.9.</summary>
        public double Momentum { get; set; } = 0.9;

        /// <summary>Whether the momentum of <see cref="OptimizerKind.Sgd"/> is Nesterov's. The default is false.</summary>
        public bool Nesterov { get; set; }

        /// <summary>The weight decay, as <see cref="Optimizer"/> takes it. Must not be negative. The default is 5e-4.</summary>
        public double WeightDecay { get; set; } = 5e-4;

        /// <summary>The largest L2 norm of the gradient, above which it is scaled down. Must not be negative; 0 = no limit, with which the training easily stalls. The default is 1.</summary>
        public double GradientClipNorm { get; set; } = 1;

        /// <summary>How the learning rate changes. The default is <see cref="LearningRateSchedule.WarmupCosine"/>.</summary>
        public LearningRateSchedule LearningRateSchedule { get; set; } = LearningRateSchedule.WarmupCosine;

        /// <summary>The epochs in which the learning rate rises, of <see cref="LearningRateSchedule.WarmupCosine"/>. Must not be negative. The default is 2.</summary>
        public int NumberOfWarmupEpochs { get; set; } = 2;

        /// <summary>
        /// The part of the rows that may be kept from training, drawn at random by the seed from each class in proportion; every class keeps a row to train on. It is kept only where something
        /// needs it: <see cref="UnknownQuantile"/>, <see cref="Patience"/>, <see cref="Calibrate"/>. Should be within [0, 1). The default is 0.1.
        /// </summary>
        public double HeldOutFraction { get; set; } = 0.1;

        /// <summary>
        /// The number of epochs without a better loss on the rows held out, after which training ends; the best epoch counts then. Must be positive. Null (default): all epochs are trained and the
        /// last one counts.
        /// </summary>
        public int? Patience { get; set; }

        /// <summary>
        /// Whether the temperature is fitted to the rows held out, so that probabilities are as confident as they are right; the predicted classes stay the same. Null (default): with label
        /// smoothing, which leaves a network under-confident, if at least 200 rows are held out by <see cref="HeldOutFraction"/> and not all of them are right.
        /// </summary>
        public bool? Calibrate { get; set; }

        /// <summary>
        /// The part of the rows of known classes that may be taken for unknown. The cosine to the own class's vector that this part of the rows held out stays below becomes a threshold: of a row
        /// whose largest cosine is below it, the predicted label is missing. Within (0, 1); 0.05 is usual. Null (default): every row is of a known class.
        /// </summary>
        public double? UnknownQuantile { get; set; }

        /// <summary>Whether the model has the column <c>Score</c>, a number for each class: evaluators need it, very many classes make it long. The default is true.</summary>
        public bool OutputScores { get; set; } = true;

        /// <summary>
        /// The number k of best classes to tell: in the columns <c>TopLabels</c>, a vector of k keys, the best first, and <c>TopScores</c>, their probabilities. Must not be negative, nor above
        /// the number of classes; 0 (default): none.
        /// </summary>
        public int NumberOfTopClasses { get; set; }

        /// <summary>The name of a column for the embedding, a vector of d with length 1. Null (default): none.</summary>
        public string? EmbeddingColumnName { get; set; }

        /// <summary>The name of a column for the features that the trunk makes, normalised to length 1, which serve better than embeddings for classes not trained on. Null (default): none.</summary>
        public string? TrunkFeaturesColumnName { get; set; }

        /// <summary>The name of a column for the angle to the vector of each class, in radians. Null (default): none.</summary>
        public string? AngleColumnName { get; set; }

        internal static Options Copy(Options options)
        {
            var copy = (Options)options.Copy();
            copy.HiddenWidths = options.HiddenWidths is null ? [] : [.. options.HiddenWidths];
            return copy;
        }
    }

    /// <summary>The numbers that the simple overload shares.</summary>
    internal static class Defaults
    {
        internal const string LabelColumnName = "Label";
        internal const string FeatureColumnName = "Features";
        internal const double LearningRate = 0.3;
        internal const double Temperature = 0.07;
        internal const double LabelSmoothing = 0.1;
        internal const int Epochs = 40;
        internal const int EpochsOfImages = 20;
        internal const int BatchSize = 128;
        internal const int SmallBatchSize = 64;
        internal const int FewRows = 2000;
        internal const int ManyClasses = 30_000;
    }
}
