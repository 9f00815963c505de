namespace MLNetExtensions.Tensors;

public sealed partial class NeuralTensorCompletionTrainer
{
    /// <summary>
    /// The options of <see cref="NeuralTensorCompletionTrainer"/>. <see cref="TrainingOptions.MaximumNumberOfEpochs"/> may be 0 (default): 100, or 60 sweeps of
    /// <see cref="TensorCompletionModel.Cp"/>. <see cref="TrainingOptions.BatchSize"/> may be 0 (default): a 64th of the training cells, at least 32 and at most 1,024.
    /// <see cref="TrainingOptions.LearningRate"/> is 0.001. Epochs, batch size and learning rate are those of each of the two trainings; progress tells the epochs of the second one from 1 again.
    /// </summary>
    /// <remarks>
    /// <see cref="TensorCompletionModel.Cp"/> is not trained by gradient: it has no batches, no learning rate and no checkpoint, and progress tells the sweeps of each fit that is tried.
    /// </remarks>
    public sealed class Options : TrainingOptions
    {
        /// <summary>Creates the options with their defaults.</summary>
        public Options() => LearningRate = Defaults.LearningRate;

        /// <summary>The name of the label column, Single: the value of a cell. NaN where it is not known. The default is <c>Label</c>.</summary>
        public string LabelColumnName { get; set; } = Defaults.LabelColumnName;

        /// <summary>The names of the mode columns, two at least: keys, integers or text, which tell what a cell is of, a user, an item and an hour for instance. Must be set.</summary>
        public IReadOnlyList<string> ModeColumnNames { get; set; } = [];

        /// <summary>The name of a column of weights of the rows, Single or Double, finite and not negative. Null (default): all weigh 1.</summary>
        public string? ExampleWeightColumnName { get; set; }

        /// <summary>How the value of a cell is computed out of its entities. The default is <see cref="TensorCompletionModel.Mlp"/>.</summary>
        public TensorCompletionModel BaseModel { get; set; }

        /// <summary>
        /// The numbers that stand for an entity of a mode: the size of its embedding, or the rank. Must be positive, or null (default): 20 for <see cref="TensorCompletionModel.Mlp"/> and
        /// <see cref="TensorCompletionModel.CoSTCo"/>, one of <see cref="CpRanks"/> for <see cref="TensorCompletionModel.Cp"/>, 8 for <see cref="TensorCompletionModel.Tucker"/>, where no mode gets a higher rank than
        /// it has entities.
        /// </summary>
        public int? EmbeddingSize { get; set; }

        /// <summary>The widths of the layers of <see cref="TensorCompletionModel.Mlp"/>, each positive. The default is 256, 256, 64.</summary>
        public IReadOnlyList<int> HiddenLayers { get; set; } = [256, 256, 64];

        /// <summary>The ranks of <see cref="TensorCompletionModel.Tucker"/>, one for each mode, positive, of a product of at most 1,000,000. Null (default): <see cref="EmbeddingSize"/> for all.</summary>
        public IReadOnlyList<int>? TuckerRanks { get; set; }

        /// <summary>
        /// Ranks of <see cref="TensorCompletionModel.Cp"/> to try, of which the validation error chooses, each positive; without validation the first is taken. Null (default):
        /// <see cref="EmbeddingSize"/> if it is set, else 5, 10, 20 and so on until one is no better, and 10 without validation.
        /// </summary>
        public IReadOnlyList<int>? CpRanks { get; set; }

        /// <summary>
        /// Ridges λ of <see cref="TensorCompletionModel.Cp"/> to try with each of the ranks, of which the validation error chooses, each positive; without validation the first is taken. The default
        /// is 0.1 and 1.
        /// </summary>
        public IReadOnlyList<double> CpRidges { get; set; } = [0.1, 1];

        /// <summary>The channels of <see cref="TensorCompletionModel.CoSTCo"/>. Must be positive. The default is 64.</summary>
        public int CoSTCoChannels { get; set; } = 64;

        /// <summary>Whether a constant and a number for each entity are added to the prediction; not with <see cref="TensorCompletionModel.Cp"/>. The default is true.</summary>
        public bool UseBias { get; set; } = true;

        /// <summary>
        /// Whether scores below 0 are 0: not with <see cref="TensorCompletionModel.Cp"/>, nor with <see cref="TensorScaling.ZScore"/>. The default is false.
        /// </summary>
        public bool NonNegativeOutput { get; set; }

        /// <summary>
        /// The standard deviation of embeddings at the start; not of <see cref="TensorCompletionModel.Cp"/>. Must not be negative, or null (default): 0.03 for
        /// <see cref="TensorCompletionModel.Mlp"/>, else 0.1. A large one, such as the 1 of the paper's program, makes networks learn the cells by heart.
        /// </summary>
        public double? EmbeddingInitStd { get; set; }

        /// <summary>
        /// What is done to the label before the training. Null (default): <see cref="TensorScaling.ZScore"/>, but <see cref="TensorScaling.Deviation"/> for <see cref="TensorCompletionModel.Cp"/> and
        /// with <see cref="NonNegativeOutput"/>.
        /// </summary>
        public TensorScaling? Scaling { get; set; }

        /// <summary>
        /// Whether hidden layers are trained with products in bfloat16, of a relative error of about 1/256: about twice as fast where the processor has instructions for it, slower where not. Scores
        /// do not use it. The default is false.
        /// </summary>
        public bool TrainInBFloat16 { get; set; }

        /// <summary>The weight decay of Adam, added to the gradient. Must not be negative. The default is 0.</summary>
        public double WeightDecay { get; set; }

        /// <summary>
        /// The part of the rows, drawn at random by the seed, that choose the best epoch and define the influence of the others, which are trained on; at least one row. Should be within [0, 1);
        /// 0 = none: all epochs are trained, and the number of cells stands for their influence. The default is 0.2. Without effect where data for validation is given to <c>Fit</c>.
        /// </summary>
        public double ValidationFraction { get; set; } = 0.2;

        /// <summary>
        /// The number of epochs without a smaller validation error after which a training ends. Must be positive, or null (default): 10, or 5 sweeps of <see cref="TensorCompletionModel.Cp"/>.
        /// </summary>
        public int? Patience { get; set; }

        /// <summary>How the cells are drawn that augment the tensor for a second training. The default is <see cref="TensorSampling.Influence"/>, which is DAIN; with <see cref="TensorSampling.None"/> there is one training only.</summary>
        public TensorSampling Sampling { get; set; }

        /// <summary>The number of new cells for each training cell. Should be within [0, 1000]; 0 = no second training. The default is 0.5.</summary>
        public double AugmentationRatio { get; set; } = Defaults.AugmentationRatio;

        /// <summary>Whose gradients tell the influence of a cell. The default is <see cref="InfluenceLayers.Output"/>.</summary>
        public InfluenceLayers InfluenceLayers { get; set; }

        /// <summary>How the sign of an influence counts for the importance of entities. The default is <see cref="ImportanceSign.Absolute"/>.</summary>
        public ImportanceSign ImportanceSign { get; set; }

        /// <summary>Whether new cells that are training cells are drawn again, at most ten times. The default is false.</summary>
        public bool SkipObservedCells { get; set; }

        /// <summary>The part of the entities that is drawn evenly, whatever the sampling. Should be within [0, 1]. The default is 0.</summary>
        public double UniformMix { get; set; }

        /// <summary>Whether the values of new cells keep within the range of the training values. The default is false.</summary>
        public bool ClampValues { get; set; }

        /// <summary>What a new cell counts, where a training cell counts 1. Must be positive. The default is 1.</summary>
        public double AugmentedWeight { get; set; } = 1;

        /// <summary>Where the values of new cells come from. The default is <see cref="ValuePredictor.Self"/>.</summary>
        public ValuePredictor ValuePredictor { get; set; }

        /// <summary>Whether the first model is kept where the second one has no smaller validation error. The default is true.</summary>
        public bool KeepBetter { get; set; } = true;

        /// <summary>What a row scores whose key is missing or unknown. The default is <see cref="UnseenKeys.Mean"/>.</summary>
        public UnseenKeys UnseenKeys { get; set; }

        /// <summary>
        /// Whether the model keeps the influence of every training cell, for <c>GetCellInfluences</c>: 16 bytes for each and 4 more for each mode, in memory and in the model file. The default is true.
        /// </summary>
        public bool KeepCellInfluences { get; set; } = true;

        internal static Options Copy(Options options)
        {
            var copy = (Options)options.Copy();
            copy.ModeColumnNames = options.ModeColumnNames is null ? [] : [.. options.ModeColumnNames];
            copy.HiddenLayers = options.HiddenLayers is null ? [] : [.. options.HiddenLayers];
            copy.TuckerRanks = options.TuckerRanks is null ? null : [.. options.TuckerRanks];
            copy.CpRanks = options.CpRanks is null ? null : [.. options.CpRanks];
            copy.CpRidges = options.CpRidges is null ? [] : [.. options.CpRidges];
            return copy;
        }
    }

    /// <summary>The numbers that the simple overload shares.</summary>
    internal static class Defaults
    {
        internal const string LabelColumnName = "Label";
        internal const double LearningRate = 1e-3;
        internal const double AugmentationRatio = 0.5;
        internal const int LargestRatio = 1000;
        internal const int Epochs = 100;
        internal const int Patience = 10;
        internal const int SmallestBatch = 32;
        internal const int LargestBatch = 1024;
        internal const int BatchesPerEpoch = 64;
        internal const int EvaluationBatch = 4096;
        internal const int TuckerRank = 8;
        internal const int EmbeddingSize = 20;
        internal const int CpRank = 10;
    }
}
