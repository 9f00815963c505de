namespace MLNetExtensions.Torch;

public sealed partial class TorchScriptEstimator
{
    /// <summary>The options of <see cref="TorchScriptEstimator"/>.</summary>
    public sealed class Options
    {
        /// <summary>The path of the TorchScript file, as <c>torch.jit.save</c> writes it. Must be set.</summary>
        public string ModelFile { get; set; } = "";

        /// <summary>The names of the columns to add, one for each tensor that the model returns. Must not be empty.</summary>
        public IReadOnlyList<string> OutputColumnNames { get; set; } = [];

        /// <summary>The names of the columns that are the arguments of the model, in their order. Must not be empty.</summary>
        public IReadOnlyList<string> InputColumnNames { get; set; } = [];

        /// <summary>
        /// For each input the dimensions that the model expects after that of the batch, for instance [3, 224, 224]; their product must be the number of values in the column. An
        /// empty shape hands a scalar over as [batch]. Null (default, as a whole or for one input): the dimensions of the column, [1] for a scalar.
        /// </summary>
        public IReadOnlyList<IReadOnlyList<int>?>? InputShapes { get; set; }

        /// <summary>
        /// For each output the dimensions that the model returns after that of the batch; an empty shape makes the column a scalar, of [batch] or [batch, 1]. Null (default, as a
        /// whole or for one output): a vector, whose dimensions are found by running the model once on zeros.
        /// </summary>
        public IReadOnlyList<IReadOnlyList<int>?>? OutputShapes { get; set; }
    }
}
