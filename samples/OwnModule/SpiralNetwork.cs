using MLNetExtensions.Torch;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OwnModule;

/// <summary>Makes the network. A saved model finds this class by the name below; its settings travel with the model.</summary>
[TorchModuleFactory("spiral network")]
public sealed class SpiralNetworkFactory : TorchModuleFactory
{
    public int Width { get; set; } = 48;

    public double DropoutRate { get; set; } = 0.05;

    public override nn.Module<Tensor, Tensor> Create(TorchModuleContext context) => context.Initialize(new SpiralNetwork(context, Width, DropoutRate));
}

/// <summary>An ordinary TorchSharp module: two layers, the second one around a shortcut, then the classes.</summary>
internal sealed class SpiralNetwork : nn.Module<Tensor, Tensor>
{
    private static readonly Scalar s_one = 1.ToScalar();

    private readonly Linear _first;
    private readonly Linear _second;
    private readonly nn.Module<Tensor, Tensor> _dropout;
    private readonly Linear _last;

    internal SpiralNetwork(TorchModuleContext context, int width, double dropoutRate)
        : base(nameof(SpiralNetwork))
    {
        _first = nn.Linear(context.InputSize, width);
        _second = nn.Linear(width, width);
        // Unlike nn.Dropout it follows the seed of the trainer.
        _dropout = context.Dropout(dropoutRate);
        _last = nn.Linear(width, context.OutputSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var hidden = nn.functional.relu(_first.call(input));
        // With its weight spelled out: "a + b" makes a hidden scalar each time, see docs/own-modules.md.
        var mixed = hidden.add(nn.functional.relu(_second.call(hidden)), s_one);
        return _last.call(_dropout.call(mixed));
    }
}
