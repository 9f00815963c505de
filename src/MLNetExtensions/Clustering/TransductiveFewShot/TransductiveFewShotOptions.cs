namespace MLNetExtensions;

public sealed partial class TransductiveFewShotTrainer
{
    /// <summary>
    /// The options of <see cref="TransductiveFewShotTrainer"/>. Those that are null follow from <see cref="Preset"/> and from whether there are labels: with labels few-shot learning is meant, without any
    /// clustering.
    /// </summary>
    public sealed class Options
    {
        /// <summary>The name of the feature column: Single or Double, a vector of known size or a scalar. The default is <c>Features</c>.</summary>
        public string FeatureColumnName { get; set; } = Defaults.FeatureColumnName;

        /// <summary>The name of the label column, a key that is missing in the rows without a label. Only <c>Fit</c> reads it. Null: there is none. The default is <c>Label</c>.</summary>
        public string? LabelColumnName { get; set; } = Defaults.LabelColumnName;

        /// <summary>
        /// The name of a column of the scored data, key, text, Int32 or Int64: rows with the same value are one episode, a problem of its own. Rows where it is missing are one too. <c>Fit</c> does not
        /// read it. Null (default): all rows of a view are one problem.
        /// </summary>
        public string? EpisodeColumnName { get; set; }

        /// <summary>
        /// The name of a column of the scored data, a key that is missing in the rows to be told: the labelled rows of an episode are its own. The labelled rows of <c>Fit</c> only choose λ then, and the
        /// classes are those of this column. <c>Fit</c> does not read it. Null (default): the labelled rows of <c>Fit</c> belong to every episode.
        /// </summary>
        public string? SupportLabelColumnName { get; set; }

        /// <summary>
        /// The number of classes and clusters together. Must be set where no row has a label, and be at least the number of classes with labelled rows. Null (default): the classes with labelled
        /// rows.
        /// </summary>
        public int? NumberOfClusters { get; set; }

        /// <summary>What a row is scored by. The default is <see cref="FewShotInference.Transductive"/>.</summary>
        public FewShotInference Inference { get; set; }

        /// <summary>Which algorithm the options that are null follow. The default is <see cref="FewShotPreset.General"/>.</summary>
        public FewShotPreset Preset { get; set; }

        /// <summary>How features are transformed. Null (default): <see cref="FewShotTransform.CenteredL2"/>, in clustering <see cref="FewShotTransform.L2"/>.</summary>
        public FewShotTransform? Transform { get; set; }

        /// <summary>
        /// The mean of the features of the classes that the features were learned on, which is subtracted by <see cref="FewShotTransform.CenteredL2"/>; as many finite numbers as there are features. Null
        /// (default): the mean of all rows of <c>Fit</c>.
        /// </summary>
        public IReadOnlyList<float>? BaseMean { get; set; }

        /// <summary>
        /// Whether the rows without a label are moved so that their mean is that of the labelled rows. It supposes that the classes are about equally frequent among them: set it to false where they
        /// are not. Null (default): true with labels, but where there are clusters besides the labelled classes.
        /// </summary>
        public bool? ShiftQueries { get; set; }

        /// <summary>Whether and how the first prototypes are moved towards the rows without a label. Null (default): as the preset has it.</summary>
        public FewShotRectification? Rectify { get; set; }

        /// <summary>What a prototype is. Null (default): <see cref="FewShotPrototype.Mean"/>, in clustering <see cref="FewShotPrototype.Mode"/>, fixed for <see cref="FewShotPreset.LaplacianShot"/>; means for <see cref="FewShotPreset.SlkPublished"/>.</summary>
        public FewShotPrototype? Prototype { get; set; }

        /// <summary>
        /// Whether a row counts for the prototype of its best class only, or for each as far as it belongs to it. Null (default): <see cref="FewShotMembership.Hard"/>. Soft means need a large
        /// <see cref="Lambda"/> or a small <see cref="Temperature"/>; else they collapse.
        /// </summary>
        public FewShotMembership? Membership { get; set; }

        /// <summary>Whether labelled rows keep their class at every step. Null (default): true; false for <see cref="FewShotPreset.SlkPublished"/>, where they keep it at the start only.</summary>
        public bool? EnforceLabels { get; set; }

        /// <summary>
        /// The number of nearest neighbours that a row is tied to, itself not counted. Must not be negative; of fewer rows it is all the others. Null (default): 2, in clustering 4.
        /// </summary>
        public int? NumberOfNeighbors { get; set; }

        /// <summary>What a tie between neighbours weighs. Null (default): <see cref="AffinityKernel.Binary"/>.</summary>
        public AffinityKernel? Kernel { get; set; }

        /// <summary>The width of <see cref="AffinityKernel.Gaussian"/>, a distance between transformed features. Must be positive. Null (default): it follows from the distances of neighbours.</summary>
        public double? KernelWidth { get; set; }

        /// <summary>How ties become mutual. Null (default): <see cref="GraphSymmetrization.Mean"/>; none in the published presets.</summary>
        public GraphSymmetrization? Symmetrize { get; set; }

        /// <summary>
        /// The weight λ of the neighbours. Must be finite and not negative; 0: they do not count. Null (default): what <see cref="SelectLambda"/> chooses, else 0.5, in clustering 1.3, or as the preset
        /// has it.
        /// </summary>
        public double? Lambda { get; set; }

        /// <summary>How λ is chosen on the labelled rows of <c>Fit</c>. Null (default): it is not.</summary>
        public FewShotLambdaSelection? SelectLambda { get; set; }

        /// <summary>The temperature T: the larger, the less certain the assignments. Must be positive and finite. Null (default): 1.</summary>
        public double? Temperature { get; set; }

        /// <summary>What keeps the iteration from oscillating where λ is large. Null (default): <see cref="FewShotStabilization.Damping"/>; none in the published presets.</summary>
        public FewShotStabilization? Stabilize { get; set; }

        /// <summary>The width of the modes, a distance between transformed features. Must be positive. Null (default): it follows from the distances of neighbours.</summary>
        public double? Sigma { get; set; }

        /// <summary>The most steps between two moves of the prototypes. Must be positive. Null (default): 20, or as the preset has it.</summary>
        public int? MaximumNumberOfInnerIterations { get; set; }

        /// <summary>The change below which these steps end. Must not be negative. Null (default): 1e-4, or as the preset has it.</summary>
        public double? InnerTolerance { get; set; }

        /// <summary>The most moves of the prototypes. Must be positive. Null (default): 100.</summary>
        public int? MaximumNumberOfOuterIterations { get; set; }

        /// <summary>The relative change of the objective below which all ends. Must not be negative. Null (default): 1e-6, or as the preset has it.</summary>
        public double? OuterTolerance { get; set; }

        /// <summary>
        /// The number of starts of <c>Fit</c> from other seeds where there are clusters, of which the one with the lowest objective counts. Must be positive. Null (default): 1; in clustering 30, fewer for more
        /// than 10,000 rows, down to 1 from 300,000 on.
        /// </summary>
        public int? NumberOfRestarts { get; set; }

        /// <summary>The seed of the first clusters and of the episodes that choose λ. Null (default): drawn from the <see cref="Microsoft.ML.MLContext"/> when the trainer is made.</summary>
        public int? Seed { get; set; }

        /// <summary>The number of CPU threads of <c>Fit</c>. Must be positive. Null (default): as TorchSharp has it, which is the number of cores.</summary>
        public int? NumberOfThreads { get; set; }

        /// <summary>Cancels <c>Fit</c> within a step.</summary>
        public CancellationToken CancellationToken { get; set; }

        /// <summary>Is told, a line at a time, what <c>Fit</c> has come to.</summary>
        public IProgress<string>? Progress { get; set; }

        /// <summary>A copy, so that later changes of the caller's object have no effect.</summary>
        internal Options Copy()
        {
            var copy = (Options)MemberwiseClone();
            copy.BaseMean = BaseMean is null ? null : [.. BaseMean];
            copy.SelectLambda = SelectLambda?.Copy();
            return copy;
        }
    }

    /// <summary>The values that the simple overload shares.</summary>
    internal static class Defaults
    {
        internal const string FeatureColumnName = "Features";
        internal const string LabelColumnName = "Label";
    }
}
