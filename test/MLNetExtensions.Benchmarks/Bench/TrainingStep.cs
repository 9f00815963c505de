using System.Diagnostics;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>One step of training, with the time of its parts.</summary>
internal abstract class TrainingStep(OLinearModule module, StepWeightedLoss loss, Tensor x, Tensor y) : IDisposable
{
    private readonly List<(double Forward, double Backward, double Optimizer)> _parts = [];

    protected OLinearModule Module { get; } = module;

    public void Run()
    {
        using var scope = NewDisposeScope();
        using var random = new StepRandom(seed: 1, epoch: 1, _parts.Count);
        ClearGradients();
        var clock = Stopwatch.StartNew();
        var value = loss.Compute(Forward(x, random), y);
        var forward = clock.Elapsed.TotalSeconds;
        value.backward();
        var backward = clock.Elapsed.TotalSeconds;
        Optimize();
        _parts.Add((forward, backward - forward, clock.Elapsed.TotalSeconds - backward));
    }

    /// <summary>The medians of all steps run.</summary>
    public string Split()
        => $"forward {1000 * Timing.Median(_parts.Select(part => part.Forward)):F1} ms, backward {1000 * Timing.Median(_parts.Select(part => part.Backward)):F1} ms, optimiser {1000 * Timing.Median(_parts.Select(part => part.Optimizer)):F1} ms";

    public abstract void Dispose();

    protected abstract Tensor Forward(Tensor x, StepRandom random);

    protected abstract void ClearGradients();

    protected abstract void Optimize();
}

/// <summary>The network as the paper writes it, with TorchSharp's own Adam.</summary>
internal sealed class PlainStep : TrainingStep
{
    private readonly Tensor[] _weights;
    private readonly Parameter[] _aliases;
    private readonly optim.Optimizer _optimizer;

    public PlainStep(OLinearModule module, StepWeightedLoss loss, Tensor x, Tensor y, double learningRate)
        : base(module, loss, x, y)
    {
        // TorchSharp's optimisers take parameters, the module has tensors: the parameters share their memory.
        _weights = [.. module.Parameters.Items.Select(item => item.Value)];
        _aliases = [.. _weights.Select(weight => new Parameter(weight.detach()))];
        foreach (var alias in _aliases)
        {
            alias.DetachFromDisposeScope();
        }
        _optimizer = optim.Adam(_aliases, learningRate);
    }

    public override void Dispose()
    {
        _optimizer.Dispose();
        foreach (var alias in _aliases)
        {
            alias.Dispose();
        }
    }

    protected override Tensor Forward(Tensor x, StepRandom random) => Module.ForwardPlain(x, random);

    protected override void ClearGradients()
    {
        foreach (var tensor in _weights.Concat(_aliases))
        {
            tensor.grad = null;
        }
    }

    protected override void Optimize()
    {
        for (var i = 0; i < _weights.Length; i++)
        {
            _aliases[i].grad = _weights[i].grad;
        }
        _optimizer.step();
    }
}

/// <summary>The product: fewer operations for the same numbers, and its own optimiser.</summary>
internal sealed class ProductStep(OLinearModule module, StepWeightedLoss loss, Tensor x, Tensor y, double learningRate, int threads) : TrainingStep(module, loss, x, y)
{
    private readonly Optimizer _optimizer = new([.. module.Parameters.Items.Select(item => item.Value)], OptimizerKind.Adam, numberOfThreads: threads);

    public override void Dispose() => _optimizer.Dispose();

    protected override Tensor Forward(Tensor x, StepRandom random) => Module.Forward(x, random);

    protected override void ClearGradients() => _optimizer.ClearGradients();

    protected override void Optimize() => _optimizer.Step(learningRate);
}
