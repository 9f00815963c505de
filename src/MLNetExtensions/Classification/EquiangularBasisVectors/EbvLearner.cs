using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>An <see cref="EbvModule"/> in training.</summary>
/// <param name="module">The network.</param>
/// <param name="loss">The loss.</param>
/// <param name="isWeighted">Whether batches hold the weights of their examples.</param>
/// <param name="augmentation">Changes the images of a step; null = nothing does.</param>
internal sealed class EbvLearner(EbvModule module, EbvLoss loss, bool isWeighted = false, ImageAugmentation? augmentation = null) : ILearner
{
    /// <summary>The names of a batch's tensors: inputs [B, …], classes Int64 [B] or rows [B, C], weights [B].</summary>
    internal const string Input = "input", Target = "target", Weight = "weight";

    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => module.Parameters;

    public IReadOnlyList<KeyValuePair<string, Tensor>> Buffers => module.Buffers;

    /// <summary>
    /// The mean length of the raw embeddings of the last training batch. Steps only lengthen them, and shrink with their square: above about 20 the training
    /// crawls.
    /// </summary>
    internal double MeanRawNorm { get; private set; }

    public Tensor Loss(Batch batch, StepRandom random)
    {
        var x = batch[Input];
        var raw = module.Raw(module.Trunk.Forward(augmentation?.Apply(x, random) ?? x, training: true, random));
        using (no_grad())
        {
            MeanRawNorm = raw.norm(1).mean().to(ScalarType.Float64).cpu().item<double>();
        }
        return Loss(raw, batch);
    }

    public Func<Batch, Tensor> BeginEvaluation() => batch => Loss(module.Raw(module.Trunk.Forward(batch[Input], training: false)), batch);

    private Tensor Loss(Tensor raw, Batch batch) => loss.Compute(raw, batch[Target], isWeighted ? batch[Weight] : null);
}
