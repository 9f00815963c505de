using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>The error that the training of a regression minimises.</summary>
public enum RegressionLoss
{
    /// <summary>The squared error.</summary>
    SquaredError,

    /// <summary>The absolute error: outliers count less.</summary>
    AbsoluteError,

    /// <summary>The squared error (halved) where it is small, the absolute one where it is large.</summary>
    Huber,
}

public sealed partial class TorchModuleRegressionTrainer
{
    /// <summary>The options of <see cref="TorchModuleRegressionTrainer"/>.</summary>
    public sealed class Options : TorchModuleOptions
    {
        /// <summary>Whether to bring each value of the label to mean 0 and variance 1 over the training rows; scores are restored. The default is true.</summary>
        public bool StandardizeLabels { get; set; } = true;

        /// <summary>
        /// The error that training minimises, in the units of the standardised label if <see cref="StandardizeLabels"/> is set. The default is
        /// <see cref="RegressionLoss.SquaredError"/>.
        /// </summary>
        public RegressionLoss Loss { get; set; }

        /// <summary>The error at which <see cref="RegressionLoss.Huber"/> goes over from squared to absolute. Must be positive. The default is 1.</summary>
        public double HuberDelta { get; set; } = 1;

        /// <summary>
        /// A loss of your own instead of <see cref="Loss"/>: from outputs and labels, both [batch, values of the label], to the mean loss, a single number. Used in training only
        /// and not saved. Null (default): none.
        /// </summary>
        public Func<Tensor, Tensor, Tensor>? CustomLoss { get; set; }
    }
}
