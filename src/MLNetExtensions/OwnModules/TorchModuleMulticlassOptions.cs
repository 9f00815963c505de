using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

public sealed partial class TorchModuleMulticlassTrainer
{
    /// <summary>The options of <see cref="TorchModuleMulticlassTrainer"/>.</summary>
    public sealed class Options : TorchModuleOptions
    {
        /// <summary>
        /// A loss of your own instead of the cross-entropy: from logits [batch, classes] and classes [batch] (Int64, counted from 0) to the mean loss, a single number. Used in
        /// training only and not saved. Null (default): none.
        /// </summary>
        public Func<Tensor, Tensor, Tensor>? CustomLoss { get; set; }
    }
}
