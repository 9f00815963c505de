namespace MLNetExtensions.Tensors;

public sealed partial class FunctionalBayesianTuckerTrainer
{
    /// <summary>
    /// The options of <see cref="FunctionalBayesianTuckerTrainer"/>. Length scales are in units of the training range of their mode, which is scaled to [0, 1], and variances in those of a label
    /// brought to variance 1: the same settings suit data of any units.
    /// </summary>
    public sealed class Options
    {
        /// <summary>The name of the label column: Single. The default is <c>Label</c>.</summary>
        public string LabelColumnName { get; set; } = Defaults.LabelColumnName;

        /// <summary>
        /// The name of the feature column: Single or Double, a vector of known size with one slot for each mode, at least 2. Numbers of seven digits and more, such as times, need Double. The default is
        /// <c>Features</c>.
        /// </summary>
        public string FeatureColumnName { get; set; } = Defaults.FeatureColumnName;

        /// <summary>How the functions of the modes make up the value. The default is <see cref="TuckerForm.Cp"/>.</summary>
        public TuckerForm Form { get; set; }

        /// <summary>The number of functions of every mode, where <see cref="Ranks"/> does not tell. Must be positive, and not above the number of distinct coordinates of a mode. The default is 3.</summary>
        public int Rank { get; set; } = Defaults.Rank;

        /// <summary>
        /// The number of functions of each mode. Must be positive; all the same for <see cref="TuckerForm.Cp"/>; the product at most 2,000 for <see cref="TuckerForm.Tucker"/>. Null (default): all
        /// <see cref="Rank"/>.
        /// </summary>
        public IReadOnlyList<int>? Ranks { get; set; }

        /// <summary>
        /// How smooth the functions are: <see cref="MaternSmoothness.Matern12"/> for rough ones, as daily values that jump, the others for smooth ones. The default is
        /// <see cref="MaternSmoothness.Matern32"/>.
        /// </summary>
        public MaternSmoothness Smoothness { get; set; } = MaternSmoothness.Matern32;

        /// <summary>
        /// The distance over which functions change, one for each mode or one for all, as a part of the mode's training range. Within [1e-6, 1e6]. Of all settings this one counts most:
        /// see <see cref="SelectLengthScales"/>. Null (default): 0.1.
        /// </summary>
        public IReadOnlyList<double>? LengthScales { get; set; }

        /// <summary>The prior variance of the functions, one for each mode or one for all. Within [1e-6, 1e6]. Null (default): 1.</summary>
        public IReadOnlyList<double>? Variances { get; set; }

        /// <summary>Whether the prior variances are chosen by the evidence bound, from <see cref="Variances"/> on, in every iteration. The default is false.</summary>
        public bool SelectVariances { get; set; }

        /// <summary>
        /// Whether the length scales are chosen: mode after mode, those of <see cref="LengthScaleGrid"/> are tried and the one of the best evidence bound is kept. It takes as long as several
        /// trainings. The default is false.
        /// </summary>
        public bool SelectLengthScales { get; set; }

        /// <summary>What <see cref="SelectLengthScales"/> tries, each within [1e-6, 1e6]. The default is 0.001, 0.0025, 0.01, 0.03, 0.1, 0.3, 1.</summary>
        public IReadOnlyList<double> LengthScaleGrid { get; set; } = [0.001, 0.0025, 0.01, 0.03, 0.1, 0.3, 1];

        /// <summary>The iterations after which <see cref="SelectLengthScales"/> compares the bounds. Must be positive. The default is 30.</summary>
        public int NumberOfSelectionIterations { get; set; } = 30;

        /// <summary>The shape of the Gamma prior of the precision of the noise. Must be positive and finite. The default is 1.</summary>
        public double NoisePriorShape { get; set; } = 1;

        /// <summary>The rate of the Gamma prior of the precision of the noise, for a label brought to variance 1. Must be positive and finite. The default is 1.</summary>
        public double NoisePriorRate { get; set; } = 1;

        /// <summary>The weight of the old message in the updates of the functions. Within [0, 1). The default is 0, with which the bound never falls.</summary>
        public double FunctionDamping { get; set; }

        /// <summary>The weight of the old message in the updates of the core. Within [0, 1). The default is 0.</summary>
        public double CoreDamping { get; set; }

        /// <summary>The weight of the old message in the updates of the noise. Within [0, 1). The default is 0.</summary>
        public double NoiseDamping { get; set; }

        /// <summary>The number of starts from random functions, of which the one of the best bound after <see cref="NumberOfRestartIterations"/> is gone on with. Must be positive. The default is 3.</summary>
        public int NumberOfRestarts { get; set; } = 3;

        /// <summary>The iterations after which the starts are compared. Must be positive. The default is 10.</summary>
        public int NumberOfRestartIterations { get; set; } = 10;

        /// <summary>The most iterations; each updates all functions, the core and the noise once. Must be positive. The default is 300.</summary>
        public int MaximumNumberOfIterations { get; set; } = Defaults.MaximumNumberOfIterations;

        /// <summary>
        /// The relative change of the bound below which the iterations end (with damping, ten times this for the noise and the training error, three times in a row). Must not be negative; 0 = all
        /// iterations are done. The default is 1e-5.
        /// </summary>
        public double Tolerance { get; set; } = 1e-5;

        /// <summary>The name of a column with the lower bounds of the label. Named together with <see cref="ConfidenceUpperBoundColumnName"/>. Null (default): none.</summary>
        public string? ConfidenceLowerBoundColumnName { get; set; }

        /// <summary>The name of a column with the upper bounds of the label. Null (default): none.</summary>
        public string? ConfidenceUpperBoundColumnName { get; set; }

        /// <summary>The probability with which a label should lie between its bounds. Should be within (0, 1). The default is 0.95.</summary>
        public double ConfidenceLevel { get; set; } = Defaults.ConfidenceLevel;

        /// <summary>
        /// The seed of the random starts. Null (default): drawn from the <see cref="Microsoft.ML.MLContext"/> when the trainer is made. The same seed gives the same model, bit for bit.
        /// </summary>
        public int? Seed { get; set; }

        /// <summary>The number of threads. Must be positive. Null (default): 1, which is fast for most data.</summary>
        public int? NumberOfThreads { get; set; }

        /// <summary>Cancels the training within an iteration.</summary>
        public CancellationToken CancellationToken { get; set; }

        /// <summary>Is told where the training stands after every iteration, on the training thread or as the implementation chooses.</summary>
        public IProgress<TuckerTrainingProgress>? Progress { get; set; }

        /// <summary>A copy, so that later changes of the caller's object have no effect.</summary>
        internal Options Copy()
        {
            var copy = (Options)MemberwiseClone();
            copy.Ranks = Ranks is null ? null : [.. Ranks];
            copy.LengthScales = LengthScales is null ? null : [.. LengthScales];
            copy.Variances = Variances is null ? null : [.. Variances];
            copy.LengthScaleGrid = LengthScaleGrid is null ? [] : [.. LengthScaleGrid];
            return copy;
        }
    }

    /// <summary>The numbers that the simple overload shares.</summary>
    internal static class Defaults
    {
        internal const string LabelColumnName = "Label";
        internal const string FeatureColumnName = "Features";
        internal const int Rank = 3;
        internal const double LengthScale = 0.1;
        internal const double Variance = 1;
        internal const int MaximumNumberOfIterations = 300;
        internal const double ConfidenceLevel = 0.95;
        internal const int MostCoreElements = 2000;
        internal const double LeastScale = 1e-6;
        internal const double MostScale = 1e6;
    }
}
