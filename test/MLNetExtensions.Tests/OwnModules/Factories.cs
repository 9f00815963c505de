using MLNetExtensions.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.OwnModules;

[TorchModuleFactory("test perceptron")]
public class Perceptron : TorchModuleFactory
{
    public int Width { get; set; } = 32;

    public double DropoutRate { get; set; }

    public override nn.Module<Tensor, Tensor> Create(TorchModuleContext context)
        => context.Initialize(nn.Sequential(nn.Linear(context.InputSize, Width), nn.ReLU(), context.Dropout(DropoutRate), nn.Linear(Width, context.OutputSize)));
}

/// <summary>An own module with a parameter and a buffer made by hand, a frozen layer, and normalisation over the batch.</summary>
[TorchModuleFactory("test normalised")]
public sealed class Normalised : TorchModuleFactory
{
    public override nn.Module<Tensor, Tensor> Create(TorchModuleContext context) => new Network(context);

    private sealed class Network : nn.Module<Tensor, Tensor>
    {
        private readonly Linear _first;
        private readonly BatchNorm1d _norm;
        private readonly Linear _frozen;
        private readonly Parameter _slope;
        private readonly Linear _last;

        internal Network(TorchModuleContext context)
            : base(nameof(Normalised))
        {
            _first = nn.Linear(context.InputSize, 16);
            _norm = nn.BatchNorm1d(16);
            _frozen = nn.Linear(16, 16);
            _slope = nn.Parameter(ones(16));
            _last = nn.Linear(16, context.OutputSize);
            register_buffer("offset", zeros(16));
            RegisterComponents();
            context.Initialize(this);
            foreach (var parameter in _frozen.parameters())
            {
                parameter.requires_grad = false;
            }
        }

        public override Tensor forward(Tensor input)
            => _last.call(nn.functional.relu(_frozen.call(_norm.call(_first.call(input)).mul(_slope).sub(get_buffer("offset")!))));
    }
}

/// <summary>Convolutions over an image of Size x Size pixels.</summary>
[TorchModuleFactory("test convolutions")]
public sealed class Convolutions : TorchModuleFactory
{
    public int Size { get; set; }

    public override nn.Module<Tensor, Tensor> Create(TorchModuleContext context)
        => context.Initialize(nn.Sequential(
            nn.Unflatten(1, [1, Size, Size]), nn.Conv2d(1, 16, 3, padding: 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding: 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(32 * (Size / 2) * (Size / 2), context.OutputSize)));
}

/// <summary>Misbehaves as it is told.</summary>
[TorchModuleFactory("test misfit")]
public sealed class Misfit : TorchModuleFactory
{
    public string How { get; set; } = "";

    public override nn.Module<Tensor, Tensor> Create(TorchModuleContext context) => How switch
    {
        "null" => null!,
        "throws" => throw new NotSupportedException("no such network"),
        "no parameters" => nn.Identity(),
        "wrong width" => nn.Linear(context.InputSize, context.OutputSize + 1),
        "wrong input" => nn.Linear(context.InputSize + 1, context.OutputSize),
        "one dimension" => nn.Sequential(nn.Linear(context.InputSize, context.OutputSize), nn.Flatten(0)),
        "double" => nn.Linear(context.InputSize, context.OutputSize, dtype: ScalarType.Float64),
        "random scores" => new RandomScores(context),
        _ => nn.Linear(context.InputSize, context.OutputSize),
    };

    private sealed class RandomScores : nn.Module<Tensor, Tensor>
    {
        private readonly TorchModuleContext _context;
        private readonly Linear _layer;

        internal RandomScores(TorchModuleContext context)
            : base(nameof(RandomScores))
        {
            _context = context;
            _layer = nn.Linear(context.InputSize, context.OutputSize);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _layer.call(input).add(rand(input.size(0), _context.OutputSize, generator: _context.Generator));
    }
}

public sealed class Unmarked : TorchModuleFactory
{
    public override nn.Module<Tensor, Tensor> Create(TorchModuleContext context) => nn.Linear(context.InputSize, context.OutputSize);
}

[TorchModuleFactory("test with arguments")]
public sealed class WithArguments(int width) : TorchModuleFactory
{
    public override nn.Module<Tensor, Tensor> Create(TorchModuleContext context) => nn.Linear(context.InputSize, width);
}

[TorchModuleFactory("test with a delegate")]
public sealed class WithDelegate : TorchModuleFactory
{
    public Func<int>? Width { get; set; } = () => 3;

    public override nn.Module<Tensor, Tensor> Create(TorchModuleContext context) => nn.Linear(context.InputSize, context.OutputSize);
}
