using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>What a <see cref="TorchModuleFactory"/> is told: the sizes of its network, and random numbers that follow from the seed of the training.</summary>
/// <remarks>
/// TorchSharp's layers draw their first weights, and its Dropout its masks, from the generator of the whole process, which the seed of a training does not reach. (Its state is
/// put back when the network has been made.) A training repeats bit for bit, and resumes as if it had never stopped, as far as the network draws from here instead:
/// <see cref="Initialize{TModule}(TModule)"/>, <see cref="Dropout(double)"/>, <see cref="Generator"/>.
/// </remarks>
public sealed class TorchModuleContext
{
    internal TorchModuleContext(int inputSize, int outputSize)
    {
        InputSize = inputSize;
        OutputSize = outputSize;
    }

    /// <summary>The number of features in a row.</summary>
    public int InputSize { get; }

    /// <summary>The number of values to compute for a row: those of the label, or the classes (as logits).</summary>
    public int OutputSize { get; }

    /// <summary>The random numbers of the moment; null while nothing may be random.</summary>
    internal StepRandom? Random { get; set; }

    /// <summary>
    /// A generator of random numbers on the CPU. While the network is made it is for the first weights; while it trains, each step has one of its own, so ask for it anew in
    /// each forward pass.
    /// </summary>
    /// <exception cref="InvalidOperationException">The network is being evaluated: scores are not random.</exception>
    public Generator Generator => Required.Generator;

    /// <summary>Makes a dropout layer that draws from the generator of the training step.</summary>
    /// <param name="rate">The probability with which an element becomes 0. Within [0, 1).</param>
    /// <returns>The layer; it does nothing in evaluation.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rate"/> is out of its range.</exception>
    public nn.Module<Tensor, Tensor> Dropout(double rate)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rate);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rate, 1);
        return new DropoutLayer(this, rate);
    }

    /// <summary>
    /// Draws the weights of the layers in <paramref name="module"/> anew, from the seed of the training and by the rule of the layers' own constructors: linear layers and
    /// convolutions evenly within ±1/√(inputs of an output), recurrent layers within ±1/√(hidden size), embeddings from the normal distribution. Other layers, and parameters
    /// that you made yourself, keep their values. Call it before you set weights by a rule of your own.
    /// </summary>
    /// <typeparam name="TModule">The type of the module.</typeparam>
    /// <param name="module">The module, with the layers within.</param>
    /// <returns>The same module.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="module"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The network is being evaluated.</exception>
    public TModule Initialize<TModule>(TModule module)
        where TModule : nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        foreach (var layer in new nn.Module[] { module }.Concat(module.modules()).Distinct())
        {
            var parameters = layer.named_parameters(false).ToList();
            switch (layer)
            {
                case Linear or Bilinear or Convolution or ConvolutionTranspose:
                    var weight = parameters.First(parameter => parameter.name == "weight").parameter;
                    // All but the first dimension: of a linear layer its inputs, of a convolution the inputs of its kernel.
                    Draw(parameters, layer is Bilinear ? weight.size(1) : weight.NumberOfElements / weight.size(0));
                    break;
                case LSTM or GRU or RNN or LSTMCell or GRUCell or RNNCell:
                    var hidden = parameters.First(parameter => parameter.name.StartsWith("weight_hh", StringComparison.Ordinal)).parameter;
                    Draw(parameters, hidden.size(1));
                    break;
                case Embedding or EmbeddingBag:
                    foreach (var (_, parameter) in parameters)
                    {
                        Initialization.Normal(parameter, 1, Required.Generator);
                    }
                    break;
            }
        }
        return module;
    }

    private StepRandom Required => Random ?? throw new InvalidOperationException("There are random numbers only while a network is made or trained: its scores must not depend on any.");

    private void Draw(List<(string Name, Parameter Parameter)> parameters, long inputs)
    {
        foreach (var (_, parameter) in parameters)
        {
            Initialization.Uniform(parameter, 1 / Math.Sqrt(inputs), Required.Generator);
        }
    }

    private sealed class DropoutLayer(TorchModuleContext context, double rate) : nn.Module<Tensor, Tensor>(nameof(Dropout))
    {
        // Never the input itself: a container may dispose it.
        public override Tensor forward(Tensor input) => training && rate > 0 ? context.Required.Dropout(input, rate) : input.alias();
    }
}
