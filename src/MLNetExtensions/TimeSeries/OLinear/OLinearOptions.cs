namespace MLNetExtensions.TimeSeries;

public sealed partial class OLinearEstimator
{
    /// <summary>
    /// The options of <see cref="OLinearEstimator"/>. The defaults are those of the paper's hourly data. For a few hundred rows take a window of 12 to 36 rows,
    /// <see cref="Width"/> 128 to 256, a batch of 4, a learning rate of 1e-4 and no dropout; for speed, a width of 64 and one layer.
    /// </summary>
    public sealed class Options : ForecastingOptions
    {
        /// <summary>Creates the options with their defaults.</summary>
        public Options()
        {
            MaximumNumberOfEpochs = OLinearEstimator.Defaults.MaximumNumberOfEpochs;
            BatchSize = OLinearEstimator.Defaults.BatchSize;
            LearningRate = OLinearEstimator.Defaults.LearningRate;
        }

        /// <summary>The number of copies that the dimension extension makes of each value (the paper's d). Must be positive; 1 = no extension. The default is 16.</summary>
        public int EmbeddingSize { get; set; } = 16;

        /// <summary>The width of the model (D). Must be positive. The default is 512.</summary>
        public int Width { get; set; } = 512;

        /// <summary>The hidden width of the two multi-layer perceptrons (F). Must be positive. Null (default): as <see cref="Width"/>.</summary>
        public int? HiddenWidth { get; set; }

        /// <summary>The number of encoder layers (L). Must be positive. The default is 2.</summary>
        public int NumberOfLayers { get; set; } = 2;

        /// <summary>The dropout rate (p). Should be within [0, 1). The default is 0.1.</summary>
        public double DropoutRate { get; set; } = 0.1;

        /// <summary>The activation of the encoder. The default is <see cref="OLinearActivation.Gelu"/>.</summary>
        public OLinearActivation Activation { get; set; }

        /// <summary>How channels are mixed: learned, or fixed to their correlation (OLinear-C). The default is <see cref="ChannelMixing.Learned"/>.</summary>
        public ChannelMixing ChannelMixing { get; set; }

        /// <summary>The correlation whose eigenvectors rotate the time axis. The default is <see cref="LagCorrelation.ColumnNormalizedCovariance"/>.</summary>
        public LagCorrelation LagCorrelation { get; set; }

        /// <summary>
        /// The number of rows, from the first, that <see cref="LagCorrelation"/> and the fixed <see cref="ChannelMixing"/> are computed of. Null (default): the
        /// training rows. More reaches into the validation rows, as the published code does on some data.
        /// </summary>
        public int? NumberOfCorrelationRows { get; set; }

        /// <summary>The error that training minimises. The default is <see cref="ForecastLoss.AbsoluteError"/>.</summary>
        public ForecastLoss Loss { get; set; }

        /// <summary>The exponent alpha of the weight t^(-alpha) of step t in the loss. Must not be negative; 0 = all steps weigh the same. The default is 0.5.</summary>
        public double LossDecay { get; set; } = 0.5;

        /// <summary>How the learning rate falls from epoch to epoch. The default is <see cref="LearningRateSchedule.Cosine"/>.</summary>
        public LearningRateSchedule LearningRateSchedule { get; set; } = LearningRateSchedule.Cosine;

        /// <summary>The decay of Adam's first moment. Should be within [0, 1). The default is 0.9.</summary>
        public double Beta1 { get; set; } = 0.9;

        /// <summary>The decay of Adam's second moment. Should be within [0, 1). The default is 0.999.</summary>
        public double Beta2 { get; set; } = 0.999;

        /// <summary>Adam's epsilon. Must be positive. The default is 1e-8.</summary>
        public double Epsilon { get; set; } = 1e-8;

        /// <summary>The decoupled weight decay (AdamW). Must not be negative; 0 = Adam. The default is 0.</summary>
        public double WeightDecay { get; set; }

        /// <summary>The largest L2 norm of the gradient, above which it is scaled down. Must not be negative; 0 = no limit. The default is 0.</summary>
        public double GradientClipNorm { get; set; }
    }

    /// <summary>The numbers that the simple overload shares.</summary>
    internal static class Defaults
    {
        internal const int MaximumNumberOfEpochs = 30;
        internal const int BatchSize = 32;
        internal const double LearningRate = 5e-4;
    }
}
